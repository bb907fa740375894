"""Network morphisms: a larger network starts with the function and the weights of a smaller one."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from egraph import operations
from egraph.networks._nash import NashNetwork

__all__ = ["inherit"]


@torch.no_grad()
def inherit(network: NashNetwork, trained: NashNetwork) -> bool:
    """Gives a network the function of a trained one, if morphisms (deeper, wider, skip) lead to it.

    In evaluation mode both networks then give the same outputs. Any number of morphisms, in any order, is
    applied in one step:

    - **deeper**: a convolution that ``trained`` lacks becomes the identity. Its batch normalisation has the
      mean and variance of its input as statistics and as shift and scale; they are those of a rectified
      normal distribution, derived from the normalisation before. So training mode changes little, too. ReLU
      does not change a rectified input, which is why no convolution is inserted before the first one.
    - **wider**: additional channels keep their own initial weights; the layers that read them start with
      zeros there, and learn to use them from the first step on.
    - **skip**: a layer reads one more result, and starts with zeros there.

    Args:
        network: Network with initial weights; changed in place.
        trained: Trained network; not changed.

    Returns:
        False if no such morphisms lead from ``trained`` to ``network``; then nothing is changed.

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
    """For each vertex of ``network``, the vertex of ``trained`` whose result its first channels reproduce.

    None if that is impossible when the vertices in ``origins`` come from ``trained`` and all others are new.
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
        # First channel of each result of `trained` in the layer's input; the nearest of equal ones.
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
    """Makes the first output channels of a block equal to its input channels from ``offset`` on."""
    norm = block[1]
    assert isinstance(norm, nn.BatchNorm2d)
    weight, scale, shift, running_mean, running_variance = _tensors(block)
    count, middle = len(mean), weight.shape[-1] // 2
    weight[:count] = 0
    weight[:count, offset : offset + count, middle, middle] = torch.eye(count).to(weight)
    running_mean[:count], running_variance[:count] = mean, variance
    scale[:count], shift[:count] = (variance + norm.eps).sqrt(), mean


def _moments(network: NashNetwork, vertex: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of each output channel of a vertex, taken as normal before ReLU.

    The effect of pools in between is neglected.
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
    """Each source of a vertex, with the first channel of its result in the input of the vertex."""
    sources = network.sources[vertex]
    starts = itertools.accumulate((network.widths[source] for source in sources), initial=0)
    return list(zip(sources, starts, strict=False))


def _tensors(layer: nn.Module) -> list[Tensor]:
    """Weights of a block, then scale, shift, mean and variance of its norm; weights and bias of the head."""
    return [tensor for tensor in (*layer.parameters(), *layer.buffers()) if tensor.dim()]


def _describe(name: str) -> tuple[str, int]:
    operation = operations.get(name)
    return operation.kind, operation.kernel
