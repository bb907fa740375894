"""A supernet: a network with a mixed layer at each position, and the logits of its operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from egraph.errors import UsageError
from egraph.networks import Make
from egraph.spaces.relaxation import Position, Relaxation, nodes_of
from egraph.supernets.mixing import Mixed, Mixture, Sample

__all__ = ["Supernet"]

SPREAD = 1e-3
"""Standard deviation of the first logits (DARTS)."""


class Supernet(nn.Module):
    """The network of a relaxation with all its operations.

    Its parameters are the weights of the network. The logits of the operations are apart, in `logits`, since
    another optimizer trains them, on other examples. Batch normalisation uses the statistics of the batch,
    as those of a mixture say nothing about one path.

    Args:
        relaxation: The choices.
        input_shape: Shape of one input.
        num_classes: Number of outputs.
        parts: Number of parts of the channels, one of which is mixed (PC-DARTS); 1 mixes all.
        lenient: Whether positions whose channels cannot be split so are mixed whole.
        kept: The numbers of the options that the network has, by position; all where a position is absent.
        seed: Seed of the initial weights and logits.
        options: Options of the network, such as ``channels`` and ``cells``.

    Raises:
        UsageError: The space has no choices, or the channels cannot be split in ``parts``.

    Attributes:
        positions: The positions by name, with the options that are kept.
        kept: The numbers of these options among all of the space, by position.
        logits: For each position by name, the logits of its options, ``(options,)``.
        edge_logits: The logits of positions among those that lead into the same node, scalars.

    Shapes:
        - input: ``(batch, *input_shape)``
        - output: ``(batch, num_classes)``
    """

    def __init__(
        self,
        relaxation: Relaxation,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        parts: int = 1,
        lenient: bool = False,
        kept: Mapping[str, Sequence[int]] | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__()
        self._sizes = {name: len(each.options) for name, each in relaxation.positions.items()}
        self.kept = {name: tuple((kept or {}).get(name, range(size))) for name, size in self._sizes.items()}
        self.positions = {name: keep(each, self.kept[name]) for name, each in relaxation.positions.items()}
        if not any(len(position.options) > 1 for position in self.positions.values()):
            raise UsageError("the space has no choices between operations, so a supernet has nothing to mix")
        self.mixture = Mixture()

        def mix(name: str, make: Make, channels: int) -> Mixed:
            split = parts
            if parts > 1 and (not channels or channels % parts):
                split = 1
                if not lenient:
                    raise UsageError(
                        f"partial channels: {parts} parts need operations whose channels are a multiple of "
                        f"{parts}, but those of {name!r} have {channels or 'a fixed number'}; take other "
                        "channels, or mix all"
                    )
            return Mixed(self.positions[name], make, channels, self.mixture, split)

        self.network = relaxation.network(mix, input_shape, num_classes, seed=seed, **options)
        for module in self.network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.track_running_stats = False
                module.running_mean = module.running_var = module.num_batches_tracked = None
        generator = torch.Generator().manual_seed(seed)
        self.logits = {
            name: (SPREAD * torch.randn(len(position.options), generator=generator)).requires_grad_()
            for name, position in self.positions.items()
        }
        self.edge_logits = {
            name: (SPREAD * torch.randn((), generator=generator)).requires_grad_() for name in self.positions
        }

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs, with the weights of the last `use`."""
        outputs: Tensor = self.network(inputs)
        return outputs

    def use(self, sample: Sample) -> None:
        """Sets the weights of the operations for the next forward passes."""
        self.mixture.sample = sample

    def use_one(self, chosen: Mapping[str, int]) -> None:
        """Computes one option at each position, with weight 1; the first where none is given.

        Args:
            chosen: The numbers of options among all of the space, which must be kept ones.
        """
        device = next(self.parameters()).device
        numbers = {
            name: self.kept[name].index(chosen[name]) if name in chosen else 0 for name in self.positions
        }
        weights = {
            name: torch.ones(len(position.options), device=device)
            for name, position in self.positions.items()
        }
        self.use(Sample(weights, {name: (number,) for name, number in numbers.items()}))

    def probabilities(self) -> dict[str, NDArray[np.float64]]:
        """The softmax of the logits, for all options of the space; those that are not kept have 0."""
        return self.expand(
            {name: torch.softmax(each.detach().double(), 0) for name, each in self.logits.items()}
        )

    def expand(self, values: Mapping[str, Tensor]) -> dict[str, NDArray[np.float64]]:
        """Values of the kept options as values of all options of the space, with 0 for the others."""
        expanded = {}
        for name, each in values.items():
            expanded[name] = np.zeros(self._sizes[name])
            expanded[name][list(self.kept[name])] = each.detach().double().cpu().numpy()
        return expanded

    def nodes(self) -> list[list[str]]:
        """The names of the positions that lead into each node; one of no node is alone."""
        return nodes_of(self.positions)

    def place(self, device: torch.device) -> Supernet:
        """Moves weights and logits to a device."""
        self.to(device)
        for group in (self.logits, self.edge_logits):
            for name, each in group.items():
                group[name] = each.detach().to(device).requires_grad_()
        return self


def keep(position: Position, numbers: Sequence[int]) -> Position:
    """The position with some of its options."""

    def pick(flags: tuple[bool, ...]) -> tuple[bool, ...]:
        return tuple(flags[number] for number in numbers) if flags else ()

    return replace(
        position,
        options=tuple(position.options[number] for number in numbers),
        empties=pick(position.empties),
        skips=pick(position.skips),
    )
