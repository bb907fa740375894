"""Choices as probabilities: what differentiable search needs of a space.

A relaxation names the positions of a space at which a network has one of several operations. Its `network`
is built once, with a layer at each position that mixes all of them, and `Relaxation.derive` makes an
architecture from probabilities of the operations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph import operations
from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.errors import ArchitectureError, SpaceExhaustedError, UsageError, shorten

if TYPE_CHECKING:
    import torch

    from egraph.networks import Make, Mix
    from egraph.spaces.choice_space import ChoiceSpace

__all__ = [
    "ChoiceRelaxation",
    "Derivation",
    "Position",
    "Probabilities",
    "Relaxation",
    "admit",
    "draw_one",
    "limit_skips",
    "nodes_of",
]

Probabilities = Mapping[str, NDArray[np.float64]]
"""For each position by name, the probabilities of its options, ``(options,)``.

They need not sum to 1. A method that also has weights of the positions that lead into a node, as PC-DARTS
does, multiplies the probabilities of a position by its weight: where a node selects its inputs, their
products are compared.
"""

BARRED = -1.0
"""Marks an option that may not be taken."""

_TRIES = 1000
"""Draws in a row that may describe no architecture."""


@dataclass(frozen=True)
class Position:
    """A place of a network that holds one of several operations.

    Attributes:
        name: Its name, unique in the network. All cells of a kind share a position.
        options: Names of the operations.
        node: Name of the node that it leads into. Positions of one node compete, where a method lets them;
            empty if it competes with none.
        empties: Which options give nothing, ``(options,)``: zeros.
        skips: Which options give their input as it is.
    """

    name: str
    options: tuple[str, ...]
    node: str = ""
    empties: tuple[bool, ...] = ()
    skips: tuple[bool, ...] = ()

    @classmethod
    def of(cls, name: str, options: Sequence[str], node: str = "") -> Position:
        """A position whose options are registered operations."""
        kinds = [operations.get(option).kind for option in options]
        return cls(
            name,
            tuple(options),
            node,
            tuple(kind == "zero" for kind in kinds),
            tuple(kind == "identity" for kind in kinds),
        )

    def barred(self, empties: bool) -> tuple[bool, ...]:
        """Which options may not be derived: those that give nothing, unless asked for or all do."""
        able = empties or not self.empties or all(self.empties)
        return (False,) * len(self.options) if able else self.empties


@dataclass(frozen=True)
class Derivation:
    """Rules by which probabilities become one architecture.

    Attributes:
        empties: Whether an option that gives nothing may win a position.
        ranks: Where a node takes its strongest inputs, which of them: 1 is the strongest. Seed of a second
            and a third architecture from one search.
        distinct: Whether the inputs of a node have different predecessors.
        most_skips: Largest number of skip connections in a cell, or in a network without cells; None for any
            number. The weakest ones above it make way for the next operation.

    Raises:
        UsageError: The ranks are not different numbers from 1, or ``most_skips`` is below 0.
    """

    empties: bool = False
    ranks: tuple[int, ...] = (1, 2)
    distinct: bool = True
    most_skips: int | None = None

    def __post_init__(self) -> None:
        whole = [each for each in self.ranks if isinstance(each, int) and each >= 1]
        if not self.ranks or len(set(whole)) != len(self.ranks):
            raise UsageError(
                "ranks must be different whole numbers, 1 for the strongest input, such as (1, 2); got "
                f"{shorten(self.ranks)}"
            )
        if self.most_skips is not None:
            check_whole(0, most_skips=self.most_skips)


class Relaxation(ABC):
    """A space seen as probabilities of operations at positions.

    Attributes:
        positions: The positions by name, in the order of the network.
        options: Options of `network` with their default values, such as ``channels`` and ``cells``.
        selects: Whether a derived architecture takes only some of the positions that lead into a node.
        fewest_cells: Smallest number of cells, where that is an option.
    """

    positions: Mapping[str, Position]
    options: Mapping[str, Any]
    selects: bool = False
    fewest_cells: int = 1

    @abstractmethod
    def network(
        self, mix: Mix, input_shape: tuple[int, ...], num_classes: int, *, seed: int = 0, **options: Any
    ) -> torch.nn.Module:
        """The network with a mixed layer at each position.

        Args:
            mix: Makes the mixed layers.
            input_shape: Shape of one input.
            num_classes: Number of outputs.
            seed: Seed of the initial weights.
            options: Some of `options`.

        Raises:
            UsageError: An argument is out of range.
        """

    @abstractmethod
    def derive(self, probabilities: Probabilities, rules: Derivation | None = None) -> Architecture:
        """The most probable architecture.

        Args:
            probabilities: Probabilities of the options.
            rules: Rules; None for the defaults.
        """

    @abstractmethod
    def draw(
        self, probabilities: Probabilities, rng: np.random.Generator, rules: Derivation | None = None
    ) -> Architecture:
        """A random architecture by the probabilities."""

    @abstractmethod
    def chosen(self, architecture: Architecture) -> dict[str, int]:
        """The number of the option of an architecture at each position; a position that it lacks is absent.

        Raises:
            ArchitectureError: The architecture does not belong to the space.
        """

    def fix(self, answers: Mapping[str, Any]) -> Relaxation:
        """The same without some positions, at which every network has a given answer.

        Args:
            answers: Answers by the name of the choice, which the `fixer` of the space accepts.

        Raises:
            UsageError: This relaxation fixes no choices.
        """
        raise UsageError("the supernet of this space has no fixed choices; search all of them")


class ChoiceRelaxation(Relaxation):
    """The relaxation of a space of independent choices: each position has the option that wins or is drawn.

    ``most_skips`` does not count the fixed options.

    Args:
        space: The space, whose options are operations.
        build: Builds the mixed network, called as `Relaxation.network`.
        options: Options of ``build`` with their default values.
        nodes: The node that each position leads into, by the name of the position.
        fixed: Options of positions that are not mixed, by the name of the position.
    """

    def __init__(
        self,
        space: ChoiceSpace,
        build: Callable[..., torch.nn.Module],
        options: Mapping[str, Any],
        nodes: Mapping[str, str] | None = None,
        fixed: Mapping[str, str] | None = None,
    ) -> None:
        self.space, self.options = space, options
        self._build, self._nodes, self._fixed = build, nodes or {}, dict(fixed or {})
        self.positions = {
            name: Position.of(name, each, self._nodes.get(name, ""))
            for name, each in space.positions.items()
            if name not in self._fixed
        }

    def network(
        self, mix: Mix, input_shape: tuple[int, ...], num_classes: int, *, seed: int = 0, **options: Any
    ) -> torch.nn.Module:
        """The network of the space with a mixed layer at each position."""

        def mix_or_make(name: str, make: Make, channels: int) -> torch.nn.Module:
            return make(self._fixed[name], channels) if name in self._fixed else mix(name, make, channels)

        return self._build(mix_or_make, input_shape, num_classes, seed=seed, **{**self.options, **options})

    def derive(self, probabilities: Probabilities, rules: Derivation | None = None) -> Architecture:
        """Each position has its most probable option."""
        return self._make(lambda weights: int(np.argmax(weights)), probabilities, rules)

    def draw(
        self, probabilities: Probabilities, rng: np.random.Generator, rules: Derivation | None = None
    ) -> Architecture:
        """The options of all positions, drawn independently; all again if they make no architecture.

        Raises:
            SpaceExhaustedError: None of many draws makes an architecture.
        """
        for _ in range(_TRIES):
            try:
                return self._make(lambda weights: draw_one(weights, rng), probabilities, rules)
            except ArchitectureError as error:
                reason = error
        raise SpaceExhaustedError(f"none of {_TRIES:,} draws by the probabilities can be built: {reason}")

    def chosen(self, architecture: Architecture) -> dict[str, int]:
        """The encoding of the architecture."""
        numbers = zip(self.space.positions, self.space.encode(architecture), strict=True)
        return {name: number for name, number in numbers if name in self.positions}

    def fix(self, answers: Mapping[str, Any]) -> ChoiceRelaxation:
        """The same with the fixed layers in place of mixed ones."""
        self.space.fixer(answers)
        fixed = {**self._fixed, **answers}
        return ChoiceRelaxation(self.space, self._build, self.options, self._nodes, fixed)

    def _make(
        self,
        take: Callable[[NDArray[np.float64]], int],
        probabilities: Probabilities,
        rules: Derivation | None,
    ) -> Architecture:
        rules = rules or Derivation()
        chosen = limit_skips(
            self.positions,
            admit(self.positions, probabilities, rules.empties),
            lambda admitted: {name: take(weights) for name, weights in admitted.items()},
            rules.most_skips,
        )
        fixed = {name: self.space.positions[name].index(each) for name, each in self._fixed.items()}
        return self.space.decode([{**chosen, **fixed}[name] for name in self.space.positions])


def nodes_of(positions: Mapping[str, Position]) -> list[list[str]]:
    """The names of the positions that lead into each node; one of no node is alone."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, position in positions.items():
        groups.setdefault((position.node, "" if position.node else name), []).append(name)
    return list(groups.values())


def admit(
    positions: Mapping[str, Position], probabilities: Probabilities, empties: bool = False
) -> dict[str, NDArray[np.float64]]:
    """The probabilities of the options that may be taken; `BARRED` for those that may not.

    Args:
        positions: Positions by name.
        probabilities: Probabilities of their options.
        empties: Whether options that give nothing may be taken.

    Raises:
        UsageError: A position has no probabilities, others than its options, or negative ones.
    """
    admitted = {}
    for name, position in positions.items():
        values = np.asarray(probabilities.get(name, ()), dtype=np.float64)
        if values.shape != (len(position.options),) or not (
            np.isfinite(values).all() and (values >= 0).all()
        ):
            raise UsageError(
                f"the position {name!r} needs one probability for each of {', '.join(position.options)}, "
                f"got {values.tolist()}"
            )
        admitted[name] = np.where(position.barred(empties), BARRED, values)
    return admitted


def draw_one(weights: NDArray[np.float64], rng: np.random.Generator) -> int:
    """The number of an option, drawn by weights that `admit` gave; uniformly if all are 0."""
    shares = np.clip(weights, 0, None)
    if not shares.any():
        shares = np.asarray(weights >= 0, dtype=np.float64)
    return int(rng.choice(len(shares), p=shares / shares.sum()))


def limit_skips(
    positions: Mapping[str, Position],
    weights: Mapping[str, NDArray[np.float64]],
    pick: Callable[[Mapping[str, NDArray[np.float64]]], dict[str, int]],
    most: int | None,
) -> dict[str, int]:
    """Options with a limit on skip connections: while there are more, the weakest of them is barred.

    Args:
        positions: Positions by name.
        weights: Weights of their options, from `admit`.
        pick: Picks the number of an option at some positions, by weights.
        most: Largest number of skip connections; None for any number.

    Raises:
        UsageError: Too many positions have no other option.
    """
    left = dict(weights)
    while True:
        chosen = pick(left)
        skips = [name for name, number in chosen.items() if any(positions[name].skips[number : number + 1])]
        if most is None or len(skips) <= most:
            return chosen
        free = [name for name in skips if (left[name] >= 0).sum() > 1]
        if not free:
            raise UsageError(
                f"more positions than most_skips={most} can only be skip connections; raise the limit"
            )
        weakest = min(free, key=lambda name: left[name][chosen[name]])
        barred = np.arange(len(left[weakest])) == chosen[weakest]
        left[weakest] = np.where(barred, BARRED, left[weakest])
