"""The layers of a supernet, and the weights by which they mix their operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from egraph.errors import ArchitectureError
from egraph.networks import Make
from egraph.spaces.relaxation import Position

__all__ = ["Mixed", "Mixture", "Sample", "weigh"]


@dataclass(frozen=True)
class Sample:
    """The weights of the operations in one forward pass.

    Attributes:
        weights: For each position by name, the weights of its options, ``(options,)``.
        live: The options that are computed, by position; those of an absent position are all computed. The
            others count as zero, also in the gradient.
        edges: Factors of the whole results of positions, scalars; an absent one is 1.
        dropout: Share of the values of skip connections that are dropped at random.
    """

    weights: Mapping[str, Tensor]
    live: Mapping[str, Sequence[int]] = field(default_factory=dict)
    edges: Mapping[str, Tensor] = field(default_factory=dict)
    dropout: float = 0.0


class Mixture:
    """The sample that all mixed layers of one supernet read."""

    def __init__(self) -> None:
        self.sample = Sample({})


class Mixed(nn.Module):
    """All operations of a position; the result is their sum, each times its weight.

    Batch normalisation of the operations has no factors of its own, as the weights are its factors.

    With ``parts`` above 1, only the first of so many parts of the channels is mixed. The others are passed
    on, or pooled where the operations halve the sides, and the channels are shuffled (PC-DARTS).

    Args:
        position: Position of the layer.
        make: Makes the layer of an option.
        channels: Number of channels; 0 where the layers decide.
        mixture: Has the weights.
        parts: Number of parts of the channels, one of which is mixed.

    Raises:
        ArchitectureError: In a forward pass: results of two options differ in shape.

    Shapes:
        - input and output: those of the operations, which must agree
    """

    def __init__(
        self, position: Position, make: Make, channels: int, mixture: Mixture, parts: int = 1
    ) -> None:
        super().__init__()
        self.position = position
        self.parts = parts if channels else 1
        width = max(1, channels // self.parts)
        self.operations = nn.ModuleList(make(option, width) for option in position.options)
        self._mixture = mixture
        for module in self.operations.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
                module.weight.requires_grad_(False)
                module.bias.requires_grad_(False)

    def forward(self, *inputs: Tensor) -> Tensor:
        """The weighted sum of the options that are computed."""
        sample, name = self._mixture.sample, self.position.name
        weights, edge = sample.weights[name], sample.edges.get(name)
        if edge is not None:
            # Into the weights: a product with the whole result would keep that result for the backward pass.
            weights = weights * edge
        if self.parts == 1:
            return self._mix(weights, *inputs)
        (maps,) = inputs
        width = maps.shape[1] // self.parts
        mixed, rest = self._mix(weights, maps[:, :width]), maps[:, width:]
        return self._shuffle(mixed, rest if edge is None else rest * edge)

    def _mix(self, weights: Tensor, *inputs: Tensor) -> Tensor:
        total: Tensor | None = None
        dropout, skips = self._mixture.sample.dropout, self.position.skips
        for number in self._computed():
            result = self.operations[number](*inputs)
            if dropout and skips and skips[number]:
                result = nn.functional.dropout(result, dropout)
            term = weigh(weights[number], result)
            if total is not None and total.shape != term.shape:
                raise ArchitectureError(
                    f"the options of {self.position.name!r} give results of different shapes, "
                    f"{tuple(total.shape[1:])} and {tuple(term.shape[1:])} (from "
                    f"{self.position.options[number]!r}); a supernet adds them up, so let all give the same "
                    "shape"
                )
            total = term if total is None else total.add_(term)
        assert total is not None
        return total

    def _computed(self) -> Sequence[int]:
        """Numbers of the options that are computed; zeros add nothing to others, nor to gradients."""
        numbers = self._mixture.sample.live.get(self.position.name, range(len(self.operations)))
        empties = self.position.empties
        return [each for each in numbers if not (empties and empties[each])] or numbers[:1]

    def _shuffle(self, mixed: Tensor, rest: Tensor) -> Tensor:
        """Joins the parts, channel by channel: one of each part in turn."""
        if mixed.shape[2:] != rest.shape[2:]:
            rest = nn.functional.max_pool2d(rest, 2, 2, ceil_mode=True)
        count, width, *sides = mixed.shape
        parts = rest.reshape(count, self.parts - 1, width, *sides).transpose(1, 2)
        return torch.cat([mixed.unsqueeze(2), parts], 2).flatten(1, 2)

    def extra_repr(self) -> str:
        """Position and options, in the printed module."""
        return f"{self.position.name}: {', '.join(self.position.options)}"


def weigh(weight: Tensor, maps: Tensor) -> Tensor:
    """The product of a scalar and a tensor; in half precision the scalar's gradient is summed in full.

    A gradient in the logits is a difference of such sums, of which rounding would leave little.
    """
    if not weight.requires_grad:
        return weight * maps
    weighed: Tensor = _Weigh.apply(weight, maps)
    return weighed


class _Weigh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, maps: Tensor) -> Tensor:
        ctx.save_for_backward(weight, maps)
        return weight * maps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        weight, maps = ctx.saved_tensors
        (gradient,) = gradients
        of_weight = of_maps = None
        if ctx.needs_input_grad[0]:
            of_weight = torch.dot(gradient.flatten().to(weight.dtype), maps.flatten().to(weight.dtype))
        if ctx.needs_input_grad[1]:
            of_maps = weight * gradient
        return of_weight, of_maps
