"""Architectures drawn from probabilities of operations, which scores sharpen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_flag, check_fraction, check_probability, check_whole
from egraph.errors import ArchitectureError, SpaceExhaustedError, UsageError, shorten
from egraph.searchers._base import Score, Searcher
from egraph.searchers._members import Member, rank_failed_last, read_members, write_members
from egraph.spaces import SearchSpace
from egraph.spaces.relaxation import Derivation, admit

__all__ = ["Drawn"]

_TRIES = 64  # draws that are known or outside of the space before a random sample is taken
_FLOOR = 0.02  # share of the uniform distribution that each step mixes in, so that no operation is lost


class Drawn(Searcher):
    """Draws operations by their probabilities, which move towards those of the better architectures.

    The positions are those of the space's relaxation (`SearchSpace.relaxation`), and the relaxation draws. Of
    each ``generation`` told architectures, the share ``elite`` with the best scores counts as better. At each
    position the probabilities p then become

        p <- (1 - sharpen) p + sharpen * (frequency of each operation among the better ones)

    with 2 % of the uniform distribution mixed into the frequencies. A position that an architecture lacks,
    such as an edge that a node does not take, counts as one with the operation that gives nothing.

    Differences from the papers: positions have several options instead of bits; the better ones of a
    generation count the same; a draw that is known or outside of the space is drawn again.

    Args:
        space: Space to search; it must have a relaxation.
        seed: Seed of the searcher's own generator.
        probabilities: For each position by name, the first probabilities of its options, ``(options,)``, such
            as a supernet has learnt; None for equal ones.
        sharpen: Share by which the probabilities move, in [0, 1]; 0 leaves them as they are.
        elite: Share of a generation that counts as better, between 0 and 1.
        generation: Number of told architectures after which the probabilities move.
        empties: Whether operations that give nothing are drawn, too.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range, the space has no relaxation, or the
            probabilities are not those of its positions.

    References:
        Baluja, "Population-Based Incremental Learning", Carnegie Mellon University, CMU-CS-94-163, 1994
        Rubinstein, "The Cross-Entropy Method for Combinatorial and Continuous Optimization", Methodology and
        Computing in Applied Probability, 1999, https://doi.org/10.1023/A:1010091220143
    """

    name = "drawn"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        probabilities: Mapping[str, Sequence[float] | NDArray[np.float64]] | None = None,
        sharpen: float = 0.1,
        elite: float = 0.2,
        generation: int = 50,
        empties: bool = True,
        distinct: bool = True,
    ) -> None:
        check_probability(sharpen=sharpen)
        check_fraction(elite=elite)
        check_whole(1, generation=generation)
        check_flag(empties=empties)
        super().__init__(space, seed=seed, distinct=distinct)
        self.sharpen, self.elite, self.generation, self.empties = sharpen, elite, generation, empties
        self._relaxation = space.relaxation()
        self._rules = Derivation(empties=empties)
        self._uniform = {
            name: np.full(len(position.options), 1 / len(position.options))
            for name, position in self._relaxation.positions.items()
        }
        self.probabilities: dict[str, list[float]] | None = None
        self._now = self._uniform
        if probabilities is not None:
            self._now = self._check(probabilities)
            self.probabilities = {name: each.tolist() for name, each in self._now.items()}
        self._waiting: list[Member[Architecture]] = []  # told since the probabilities moved

    def _check(
        self, probabilities: Mapping[str, Sequence[float] | NDArray[np.float64]]
    ) -> dict[str, NDArray[np.float64]]:
        if not isinstance(probabilities, Mapping):
            raise UsageError(
                f"probabilities must map positions to those of their options, got {shorten(probabilities)}"
            )
        positions = self._relaxation.positions
        arrays = {name: np.asarray(each, dtype=np.float64) for name, each in probabilities.items()}
        if unknown := [name for name in arrays if name not in positions]:
            raise UsageError(
                f"the space {self.space.name!r} has no position {unknown[0]!r}; known: {', '.join(positions)}"
            )
        admit(positions, arrays, empties=True)
        return arrays  # as they are: where their sum is no 1, it weighs the position

    def _propose(self) -> Architecture:
        for _ in range(_TRIES):
            try:
                drawn = self._relaxation.draw(self._now, self._rng, self._rules)
                self.space.validate(drawn)
            except ArchitectureError:  # outside of the part that is searched
                continue
            except SpaceExhaustedError:  # almost no draw can be built
                break
            if self._is_new(drawn):
                return drawn
        return self._sample_new()

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            self._relaxation.chosen(architecture)  # refuses one of another space now
            self._waiting.append(Member(architecture, rank_failed_last(score)))
            if len(self._waiting) == self.generation:
                self._move()
                self._waiting = []

    def _move(self) -> None:
        """Moves the probabilities towards the better ones of a generation."""
        succeeded = [member for member in self._waiting if member.score > -np.inf]
        better = sorted(succeeded, key=lambda member: -member.score)
        better = better[: max(1, round(self.elite * self.generation))]
        if not (better and self.sharpen):
            return
        chosen = [self._relaxation.chosen(member.genome) for member in better]
        moved = {}
        for name, position in self._relaxation.positions.items():
            absent = position.empties.index(True) if True in position.empties else None
            numbers = [each.get(name, absent) for each in chosen]
            counts = np.bincount(
                [each for each in numbers if each is not None], minlength=len(position.options)
            )
            moved[name] = self._now[name]
            if counts.any():
                aim = (1 - _FLOOR) * counts / counts.sum() + _FLOOR * self._uniform[name]
                moved[name] = (1 - self.sharpen) * moved[name] + self.sharpen * aim * moved[name].sum()
        self._now = moved

    def _rescore(self, score: Score) -> None:
        architectures = [member.genome for member in self._waiting]
        scores = map(rank_failed_last, score(architectures))
        self._waiting = [*map(Member, architectures, scores)]

    def _state(self) -> dict[str, Any]:
        return {
            "now": {name: each.tolist() for name, each in self._now.items()},
            "waiting": write_members(self._waiting, Architecture.to_dict),
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._now = {name: np.array(state["now"][name]) for name in self._uniform}
        self._waiting = read_members(state["waiting"], Architecture.from_dict)
