"""What a supernet's operations cost, as a penalty with a gradient in the logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from egraph.networks._counts import count_flops, count_params
from egraph.supernets.mixing import Mixed, Sample
from egraph.supernets.supernet import Supernet

__all__ = ["RESOURCES", "Resources"]

Count = Callable[[nn.Module, tuple[int, ...]], int]
"""Counts what a layer costs for an input of a shape."""

RESOURCES: Mapping[str, Count] = {
    "parameters": lambda layer, _: count_params(layer),
    "multiply-adds": lambda layer, shape: count_flops(layer, shape),
}
"""What can be counted, by name."""


class Resources:
    """The costs of the options of a supernet, as shares of the most that an architecture can cost.

    Args:
        supernet: The supernet.
        kind: One of `RESOURCES`.
        input_shape: Shape of one input.

    Attributes:
        costs: For each position by name, the costs of its options, ``(options,)``. All layers of a position
            count.
    """

    def __init__(self, supernet: Supernet, kind: str, input_shape: tuple[int, ...]) -> None:
        device = next(supernet.parameters()).device
        totals = {
            name: torch.zeros(len(each.options), dtype=torch.float64)
            for name, each in supernet.positions.items()
        }
        counted: dict[tuple[str, tuple[int, ...]], int] = {}
        for layer, shape in _shapes(supernet, input_shape).items():
            for number, (option, module) in enumerate(
                zip(layer.position.options, layer.operations, strict=True)
            ):
                if (option, shape) not in counted:
                    counted[option, shape] = RESOURCES[kind](module, shape)
                totals[layer.position.name][number] += counted[option, shape]
        most = sum(each.max() for each in totals.values())
        self.costs = {
            name: (each / torch.clamp(torch.as_tensor(most), min=1)).float().to(device)
            for name, each in totals.items()
        }

    def expect(self, sample: Sample) -> Tensor:
        """The expected cost under the weights of a sample, a scalar in [0, 1] with their gradient."""
        return torch.stack([sample.weights[name] @ each for name, each in self.costs.items()]).sum()


def _shapes(supernet: Supernet, input_shape: tuple[int, ...]) -> dict[Mixed, tuple[int, ...]]:
    """The shape of one input of the operations of each mixed layer, in the order of the network."""
    shapes: dict[Mixed, tuple[int, ...]] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, Mixed)
        channels, *sides = inputs[0].shape[1:]
        shapes[layer] = (channels // layer.parts, *sides)

    handles = [each.register_forward_pre_hook(note) for each in supernet.modules() if isinstance(each, Mixed)]
    kept = supernet.mixture.sample
    # All options, since an option may contain further positions.
    supernet.use(Sample({name: torch.ones_like(each) for name, each in supernet.logits.items()}))
    try:
        with torch.no_grad():
            # Two examples: batch normalisation refuses one value a channel.
            supernet(torch.zeros(2, *input_shape, device=next(supernet.parameters()).device))
    finally:
        supernet.use(kept)
        for handle in handles:
            handle.remove()
    return shapes
