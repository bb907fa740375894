"""Network morphisms: a larger network begins with the function, and the weights, of a smaller one."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from egraph import operations
from egraph.networks._nash import NashNetwork

__all__ = ["inherit"]


@torch.no_grad()
def inherit(network: NashNetwork, trained: NashNetwork) -> bool:
    """Gives a network the function of a trained one, if deeper, wider and skip lead from there to here.

    In evaluation mode both then give the same outputs. Any number of morphisms, in any order, is one step:

    - **deeper**: a convolution that ``trained`` lacks becomes the identity. Its batch normalisation holds the
      mean and variance of what it reads, and gives them back; they are those of a rectified normal
      distribution, from the normalisation before. So in training mode, too, little changes. ReLU changes
      nothing that another has rectified, which is why none is inserted before the first one.
    - **wider**: more channels draw their own weights; what reads them begins with zeros there, and so learns
      to use them from the first step on.
    - **skip**: a layer reads one more result beside the others, and begins with zeros there.

    Args:
        network: a fresh one; changed in place.
        trained: left as it is.

    Returns:
        False where no such morphisms lead from ``trained`` to ``network``; then nothing is changed.

    References:
        Wei, Wang, Rui and Chen, "Network Morphism", ICML 2016, https://arxiv.org/abs/1603.01670
        Chen, Goodfellow and Shlens, "Net2Net: Accelerating Learning via Knowledge Transfer", ICLR 2016,
        https://arxiv.org/abs/1511.05641
        Elsken, Metzen and Hutter, "Simple and Efficient Architecture Search for Convolutional Neural
        Networks", 2017, https://arxiv.org/abs/1711.04528
    """
    inner = range(1, len(network.ops) - 1)
    for chosen in itertools.combinations(inner, len(trained.ops) - 2):
        origins = {0: 0, len(network.ops) - 1: len(trained.ops) - 1}
        origins.update({vertex: number for number, vertex in enumerate(chosen, start=1)})
        if (carried := _carry(network, trained, origins)) is not None:
            _transfer(network, trained, origins, carried)
            return True
    return False


def _carry(network: NashNetwork, trained: NashNetwork, origins: dict[int, int]) -> list[int] | None:
    """Of each vertex of ``network`` that of ``trained`` whose result its first channels shall be.

    None where they cannot be, if the vertices in ``origins`` come from ``trained`` and all others are new.
    """
    carried: list[int] = []
    for vertex, layer in enumerate(network.layers):
        origin = origins.get(vertex)
        if origin is None:
            if not isinstance(layer, nn.Sequential) or not _rectifier(trained, carried[-1]):
                return None
            carried.append(carried[-1])
        else:
            read = {carried[source] for source in network.sources[vertex]}
            alike = _describe(network.ops[vertex]) == _describe(trained.ops[origin])
            if not alike or not read.issuperset(trained.sources[origin]):
                return None
            carried.append(origin)
        if network.widths[vertex] < trained.widths[carried[-1]]:
            return None
    ends = [(each.widths[0], each.widths[-1]) for each in (network, trained)]
    return carried if ends[0] == ends[1] else None


def _transfer(
    network: NashNetwork, trained: NashNetwork, origins: dict[int, int], carried: list[int]
) -> None:
    for vertex, layer in enumerate(network.layers):
        if not isinstance(layer, nn.Sequential):
            continue
        # where each result of `trained` begins among the channels that the layer reads; the nearest of twins
        offsets = {carried[source]: offset for source, offset in _offsets(network, vertex)}
        origin = origins.get(vertex)
        if origin is None:
            _become_identity(layer, offsets[carried[vertex]], *_moments(trained, carried[vertex]))
            continue
        (new, *vectors), (old, *old_vectors) = _tensors(layer), _tensors(trained.layers[origin])
        new[: len(old)] = 0
        for source, offset in _offsets(trained, origin):
            width, target = trained.widths[source], offsets[source]
            new[: len(old), target : target + width] = old[:, offset : offset + width]
        for vector, old_vector in zip(vectors, old_vectors, strict=True):
            vector[: len(old_vector)] = old_vector


def _become_identity(block: nn.Sequential, offset: int, mean: Tensor, variance: Tensor) -> None:
    """The first channels that a block gives shall be those that it reads from ``offset`` on."""
    norm = block[1]
    assert isinstance(norm, nn.BatchNorm2d)
    weight, scale, shift, running_mean, running_variance = _tensors(block)
    count, middle = len(mean), weight.shape[-1] // 2
    weight[:count] = 0
    weight[:count, offset : offset + count, middle, middle] = torch.eye(count).to(weight)
    running_mean[:count], running_variance[:count] = mean, variance
    scale[:count], shift[:count] = (variance + norm.eps).sqrt(), mean


def _moments(network: NashNetwork, vertex: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel that a vertex gives, as if they were normal before ReLU.

    What the pools in between change is left out.
    """
    _, scale, shift, *_ = _tensors(network.layers[_rectifier(network, vertex)])
    spread = scale.abs().clamp_min(1e-12)
    normal = torch.distributions.Normal(0.0, 1.0)
    below, density = normal.cdf(shift / spread), normal.log_prob(shift / spread).exp()
    mean = shift * below + spread * density
    square = (shift**2 + spread**2) * below + shift * spread * density
    return mean, (square - mean**2).clamp_min(0)


def _rectifier(network: NashNetwork, vertex: int) -> int:
    """The last convolution up to a vertex; 0 if there is none."""
    return next((v for v in range(vertex, 0, -1) if isinstance(network.layers[v], nn.Sequential)), 0)


def _offsets(network: NashNetwork, vertex: int) -> list[tuple[int, int]]:
    """Each source of a vertex, and at which channel its result begins among all that the vertex reads."""
    sources = network.sources[vertex]
    starts = itertools.accumulate((network.widths[source] for source in sources), initial=0)
    return list(zip(sources, starts, strict=False))


def _tensors(layer: nn.Module) -> list[Tensor]:
    """Of a block the weights, then scale, shift, mean and variance of its norm; of the end weights, bias."""
    return [tensor for tensor in (*layer.parameters(), *layer.buffers()) if tensor.dim()]


def _describe(name: str) -> tuple[str, int]:
    operation = operations.get(name)
    return operation.kind, operation.kernel
