"""Networks: an architecture as a `torch.nn.Module` that can be trained.

A skeleton says how operations become layers, how results of different sizes meet, and what stands after the
graph. One file a skeleton:

- `build_convnet`: free graphs of convolutions and pools, joined by the minimum viable size rule, with a
  dense head.
- `build_blocks`: graphs of blocks of layers, which the space says by `egraph.networks.parts`; inputs of a
  block are concatenated.
- `build_concat_cells`: stacks of cells whose nodes join channels side by side, with the image beside each.
- `build_darts`: a normal and a reduction cell, stacked as in that paper; each reads the two cells before it.
- `build_nasbench101`, `build_nasbench201`, `build_nasbench_macro`: the networks that these benchmarks
  trained, with as many parameters; of any width, and for images of any size.
- `build_nash`: chains of convolutions and pools with skips. `inherit` gives a larger one the weights and the
  function of a smaller one, by network morphisms.

A skeleton reads operations through `egraph.operations`, builds the live part of the graph only, draws its
first weights from a generator of its own (the global one is neither read nor moved), and refuses a network
that is too large before it takes memory; `_allocation.allocate` does the last two. To add one: a file here
with a function ``build_...(architecture, input_shape, num_classes)``, exported below, and called from the
space's `network`.

`count_params` and `count_flops` measure any module.
"""

from egraph.networks import parts
from egraph.networks._blocks import build_blocks
from egraph.networks._concat_cell import build_concat_cells
from egraph.networks._convnet import ConvNet, build_convnet
from egraph.networks._counts import count_flops, count_params
from egraph.networks._darts import build_darts
from egraph.networks._morphisms import inherit
from egraph.networks._nasbench101 import build_nasbench101
from egraph.networks._nasbench201 import build_nasbench201
from egraph.networks._nasbench_macro import build_nasbench_macro
from egraph.networks._nash import NashNetwork, build_nash

__all__ = [
    "ConvNet",
    "NashNetwork",
    "build_blocks",
    "build_concat_cells",
    "build_convnet",
    "build_darts",
    "build_nasbench101",
    "build_nasbench201",
    "build_nasbench_macro",
    "build_nash",
    "count_flops",
    "count_params",
    "inherit",
    "parts",
]
