"""Any PyTorch module as an architecture, so that a ranker can read networks of no search space.

The steps of `from_torch` are one module each; `draw` does the same for search spaces, faster:

- `capture`: `torch.export` records one forward pass. Networks without a single path are refused, with the
  line of their source, which `locations` finds;
- `recording`: the same pass recorded without `torch.export`, for networks of search spaces; `identity` tells
  whether two of them compute the same;
- `reading`: the ATen graph becomes a `sketch`. Convolutions, matrix products, attention and pools are
  vertices, sums and concatenations are joins. Norms, activations and reshapes are removed, and their
  parameters are added to a neighbour;
- `layers`: kind, kernel, stride and so on of each vertex;
- `fusing`: several vertices become one operation: attention written by hand, and, in a folded drawing,
  squeeze-and-excitation, separable convolutions and inverted residuals;
- `folding`: a run of equal blocks becomes one block;
- `describing`: names, widths, and the `Architecture`.

To read one more ATen operation as a vertex: a case in `layers.read_layer`.
"""

from egraph.tracing.tracing import Drawn, draw, from_torch

__all__ = ["Drawn", "draw", "from_torch"]
