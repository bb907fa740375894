"""Networks: an architecture as a `torch.nn.Module` that can be trained.

A skeleton defines how operations become layers, how results of different sizes are combined, and the head
after the graph. Each skeleton has a file:

- `build_convnet`: free graphs of convolutions and pools, combined by the minimum viable size rule, with a
  dense head.
- `build_blocks`: graphs of blocks of layers, which the space describes by `egraph.networks.parts`; the inputs
  of a block are concatenated.
- `build_concat_cells`: stacks of cells whose nodes concatenate channels; the image is concatenated to each
  result.
- `build_darts`: a normal and a reduction cell, stacked as in the paper; each reads the two cells before it.
- `build_nasbench101`, `build_nasbench201`, `build_nasbench_macro`, `build_mnasnet` (Accel-NASBench): the
  networks of these benchmarks, with the published number of parameters; also of other widths, and for images
  of any size.
- `build_nash`: chains of convolutions and pools with skips. `inherit` gives a larger one the weights and the
  function of a smaller one, by network morphisms.

The layers of operations are in one table, `egraph.networks.operations`. A skeleton reads operations through
`egraph.operations` and builds only the live part of the graph. `_allocation.allocate` refuses a network that
is too large before memory is allocated, and draws the initial weights from a generator of its own, so that
the global one is neither used nor changed. To add a skeleton: a file here with a function
``build_...(architecture, input_shape, num_classes)``, exported below and named by the `builder` of a space.

A function ``mix_...`` builds the network of a supernet: the same skeleton, with a layer that mixes all
operations at each position. A `Mix` makes such a layer, and `_mixed_nodes.MixedNodes` is a cell of them.

Variants of any module, for `egraph.spaces.around`, are made by `_variants`: what may vary in it and its
changes. `_variant_sizes` tells which widths must agree, and `_variant_weights` what is `Inherited`.

`count_params` and `count_flops` measure any module. `count_convnet` tells both of a free graph without
building its module.
"""

from egraph.networks import parts
from egraph.networks._blocks import build_blocks
from egraph.networks._concat_cell import build_concat_cells, mix_concat_cells
from egraph.networks._convnet import ConvNet, build_convnet, count_convnet
from egraph.networks._counts import Size, count_flops, count_params
from egraph.networks._darts import build_darts, mix_darts
from egraph.networks._mixed_nodes import Make, Mix
from egraph.networks._mnasnet import build_mnasnet
from egraph.networks._morphisms import inherit
from egraph.networks._nasbench101 import build_nasbench101
from egraph.networks._nasbench201 import build_nasbench201, mix_nasbench201
from egraph.networks._nasbench_macro import build_nasbench_macro, mix_nasbench_macro
from egraph.networks._nash import NashNetwork, build_nash
from egraph.networks._variant_weights import Inherited

__all__ = [
    "ConvNet",
    "Inherited",
    "Make",
    "Mix",
    "NashNetwork",
    "Size",
    "build_blocks",
    "build_concat_cells",
    "build_convnet",
    "build_darts",
    "build_mnasnet",
    "build_nasbench101",
    "build_nasbench201",
    "build_nasbench_macro",
    "build_nash",
    "count_convnet",
    "count_flops",
    "count_params",
    "inherit",
    "mix_concat_cells",
    "mix_darts",
    "mix_nasbench201",
    "mix_nasbench_macro",
    "parts",
]
