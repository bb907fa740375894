"""The layers of a supernet, and the weights by which they mix their operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from egraph.errors import ArchitectureError
from egraph.spaces.relaxation import Make, Position

__all__ = ["Mixed", "Mixture", "Sample"]


@dataclass(frozen=True)
class Sample:
    """The weights of the operations in one forward pass.

    Attributes:
        weights: For each position by name, the weights of its options, ``(options,)``.
        live: The options that are computed, by position; those of an absent position are all computed. The
            others count as zero, also in the gradient.
        edges: Factors of the whole results of positions, scalars; an absent one is 1.
    """

    weights: Mapping[str, Tensor]
    live: Mapping[str, Sequence[int]] = field(default_factory=dict)
    edges: Mapping[str, Tensor] = field(default_factory=dict)


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
        result = self._mix(sample, *inputs) if self.parts == 1 else self._mix_part(sample, *inputs)
        return result * sample.edges[name] if name in sample.edges else result

    def _mix(self, sample: Sample, *inputs: Tensor) -> Tensor:
        name = self.position.name
        weights = sample.weights[name]
        total: Tensor | None = None
        for number in sample.live.get(name, range(len(self.operations))):
            term = weights[number] * self.operations[number](*inputs)
            if total is not None and total.shape != term.shape:
                raise ArchitectureError(
                    f"the options of {name!r} give results of different shapes, {tuple(total.shape[1:])} and "
                    f"{tuple(term.shape[1:])} (from {self.position.options[number]!r}); a supernet adds them "
                    "up, so let all give the same shape"
                )
            total = term if total is None else total + term
        assert total is not None
        return total

    def _mix_part(self, sample: Sample, maps: Tensor) -> Tensor:
        width = maps.shape[1] // self.parts
        mixed, rest = self._mix(sample, maps[:, :width]), maps[:, width:]
        if mixed.shape[2:] != rest.shape[2:]:
            rest = nn.functional.max_pool2d(rest, 2, 2, ceil_mode=True)
        joined = torch.cat([mixed, rest], 1)
        count, channels, *sides = joined.shape
        if channels % self.parts:
            return joined
        return joined.view(count, self.parts, channels // self.parts, *sides).transpose(1, 2).flatten(1, 2)

    def extra_repr(self) -> str:
        """Position and options, in the printed module."""
        return f"{self.position.name}: {', '.join(self.position.options)}"
