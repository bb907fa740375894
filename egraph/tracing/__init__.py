"""Any PyTorch module as an architecture, so that a ranker can read networks of no search space.

The steps of `from_torch` are one module each; `draw` does the same for search spaces, faster:

- `examples`: arguments and results as tensors, whatever objects they lie in; `forms`: exported and scripted
  networks as modules; `parts`: a submodule with what it receives;
- `capture`: `torch.export` records one forward pass. Networks without a single path are refused, with the
  line of their source, which `locations` finds; `selections` gives selections by values a size;
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

`from_onnx` takes the same steps with a module that calls the operators of an ONNX model: `onnx_reading` reads
the model, `onnx_operators` lists the operators, and `onnx_layers` and `onnx_shapes` have the longer ones.

To read one more ATen operation as a vertex: a case in `layers.read_layer`. One more operator of ONNX: an
entry in `onnx_operators.OPERATORS`.
"""

from egraph.tracing.tracing import Drawn, draw, from_onnx, from_torch

__all__ = ["Drawn", "draw", "from_onnx", "from_torch"]
