"""Any PyTorch module as an architecture: what a ranker reads of a network that no search space made.

`from_torch` goes these steps, one module each:

- `capture`: `torch.export` follows one forward pass; what has no single path is refused with its line, which
  `locations` finds;
- `reading`: the ATen graph becomes a `sketch`. Convolutions, matrix products, attention and pools are
  vertices, sums and concatenations are joins; norms, activations and reshapes leave their parameters to a
  neighbour and go;
- `layers`: what kind, kernel, stride, ... each of these vertices has;
- `fusing`: several vertices that are one operation: attention written by hand, and, in a folded drawing,
  squeeze-and-excitation, separable convolutions and inverted residuals;
- `folding`: a run of equal blocks becomes one of them;
- `describing`: names, widths, and the `Architecture`.

To read one more ATen operation as a vertex: a case in `layers.read_layer`.
"""

from egraph.tracing.tracing import from_torch

__all__ = ["from_torch"]
