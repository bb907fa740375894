"""The base class of searchers: ask and tell."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.architecture import Architecture
from egraph.checks import check_flag, make_generator
from egraph.errors import ArchitectureError, SpaceExhaustedError, UsageError, shorten
from egraph.searchers._novelty import Novelty
from egraph.searchers._options import describe_value, option_defaults
from egraph.spaces import SearchSpace

__all__ = ["MakeSearcher", "Score", "Searcher"]

Score = Callable[[Sequence[Architecture]], list[float]]
"""Maps architectures to scores."""

_WALK = 16  # mutations of one child before giving up


class Searcher(ABC):
    """Proposes architectures and learns from their scores, wherever these come from.

    A subclass sets `name` and defines `_propose` and `_learn`. Its options are keyword-only arguments, stored
    in attributes of the same names; `options` lists them. A subclass with a memory of its own extends
    `_state` and `_load`; one that remembers scores also defines `_rescore`. All randomness comes from
    ``self._rng``.

    Args:
        space: Space to search.
        seed: Seed of the searcher's own generator; no global generator is read or set.
        distinct: never ask twice for one key, and never for a key that was told; else repeats are possible.

    Raises:
        UsageError: An option is of the wrong kind or out of range.

    Attributes:
        name: Name in the registry.
    """

    name: ClassVar[str]

    def __init__(self, space: SearchSpace, *, seed: int = 0, distinct: bool = True) -> None:
        check_flag(distinct=distinct)
        self.space = space
        self.distinct = distinct
        self._rng = make_generator(seed)
        self._novelty = Novelty(space) if distinct else None
        self._proposed = 0  # number of architectures in all

    @property
    def options(self) -> dict[str, Any]:
        """All options, defaults included, as JSON-ready values."""
        names = option_defaults(type(self))
        return self.describe_options({name: getattr(self, name) for name in names if hasattr(self, name)})

    @classmethod
    def describe_options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options as JSON-ready values; functions and classes become their names."""
        return {name: describe_value(value) for name, value in options.items()}

    def ask(self, n: int = 1) -> list[Architecture]:
        """Proposes ``n`` architectures; fewer, but at least one, if the space runs out.

        Raises:
            UsageError: ``n`` is not a positive whole number.
            SpaceExhaustedError: Every key of the space has been asked or told.
        """
        if (count := _positive(n)) is None:
            raise UsageError(f"n must be a positive whole number of architectures, got {n!r}")
        proposals: list[Architecture] = []
        try:
            for _ in range(count):
                proposals.append(self._propose())
                self._proposed += 1
        except SpaceExhaustedError:
            if not proposals:
                raise
        return proposals

    def tell(self, architectures: Sequence[Architecture], scores: ArrayLike) -> None:
        """Reports results. Architectures that were not requested are accepted as prior knowledge.

        Args:
            architectures: Architectures of this space.
            scores: Scores, ``(architectures,)``; higher is better, NaN for a failed evaluation.

        Raises:
            UsageError: The numbers of architectures and scores differ, or a score is infinite.
            ArchitectureError: An architecture does not belong to the space.
        """
        values = np.asarray(scores, dtype=np.float64)
        if values.shape != (len(architectures),):
            raise UsageError(
                f"{len(architectures)} architectures need as many scores, got shape {values.shape}"
            )
        if np.isinf(values).any():
            raise UsageError("scores must be finite, or NaN for a failed evaluation; got an infinite one")
        if self._novelty is not None:
            self._novelty.note(architectures)
        self._learn(architectures, values)

    def rescore(
        self,
        fitness: Callable[[Sequence[Architecture]], ArrayLike],
        known: Sequence[Architecture] = (),
    ) -> None:
        """Goes on with another fitness: remembered scores are replaced, and proposals are open again.

        What was learned without keeping scores, such as the weights of a controller, stays.

        Args:
            fitness: Maps architectures to scores ``(architectures,)``; NaN for a failure.
            known: Architectures that are still not proposed, if ``distinct``.
        """

        def score(architectures: Sequence[Architecture]) -> list[float]:
            scores: ArrayLike = fitness(architectures) if architectures else []
            return np.asarray(scores, dtype=np.float64).tolist()

        if self._novelty is not None:
            self._novelty = Novelty(self.space)
            self._novelty.note(known)
        self._rescore(score)

    def state_dict(self) -> dict[str, Any]:
        """The state of the search, as JSON-ready values."""
        state = {
            "searcher": self.name,
            "space": self.space.name,
            "options": self.options,
            "rng": self._rng.bit_generator.state,
            "proposed": self._proposed,
            **self._state(),
        }
        if self._novelty is not None:
            state["novelty"] = self._novelty.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned.

        Raises:
            UsageError: The state is damaged, or of another searcher, space or options.
        """
        own = {"searcher": self.name, "space": self.space.name, "options": self.options}
        for field, value in own.items():
            if state.get(field) != value:
                raise UsageError(
                    f"the state is of {field} {state.get(field)!r}, this searcher has {value!r}; "
                    "use the same to continue, or start a new search"
                )
        try:
            self._rng.bit_generator.state = state["rng"]
            self._proposed = operator.index(state["proposed"])
            if self._novelty is not None:
                self._novelty.load_state_dict(state["novelty"])
            self._load(state)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise UsageError(
                f"the state of {self.name} is damaged: {type(error).__name__}: {shorten(str(error))}; "
                "start a new search"
            ) from error

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"{type(self).__name__}({self.space!r}{options})"

    @abstractmethod
    def _propose(self) -> Architecture:
        """Proposes one architecture.

        Raises:
            SpaceExhaustedError: None is left.
        """

    @abstractmethod
    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        """Learns from checked results; failed ones have the score NaN."""

    def _rescore(self, score: Score) -> None:  # noqa: B027, nothing may be remembered
        """Replaces the scores that the subclass remembers; NaN is the score of a failed result."""

    def _state(self) -> dict[str, Any]:
        """The state of the subclass, as JSON-ready values."""
        return {}

    def _load(self, state: dict[str, Any]) -> None:  # noqa: B027, nothing to load is a fine default
        """Restores what `_state` returned."""

    def _is_new(self, architecture: Architecture) -> bool:
        """Whether it may be proposed; if so, it is marked as proposed."""
        return self._novelty is None or self._novelty.admit(architecture)

    def _decode_new(self, options: Sequence[int]) -> Architecture | None:
        """The architecture with this encoding, if it exists and may be proposed."""
        try:
            architecture = self.space.decode(options)
        except ArchitectureError:
            return None
        return architecture if self._is_new(architecture) else None

    def _mutate_to_new(self, architecture: Architecture) -> Architecture | None:
        """A mutant of one or more mutations that may be proposed; None if too many are known."""
        for _ in range(_WALK):
            architecture = self.space.mutate(architecture, self._rng)
            if self._is_new(architecture):
                return architecture
        return None

    def _sample_new(self) -> Architecture:
        """A random architecture that may be proposed."""
        if self._novelty is None:
            return self.space.sample(self._rng)
        return self._novelty.sample(self._rng)


def _positive(n: object) -> int | None:
    try:
        count = operator.index(n)  # type: ignore[arg-type]
    except TypeError:
        return None
    return count if count > 0 else None


MakeSearcher = Callable[..., Searcher]
"""Makes a searcher from a space and ``seed=``: a class, a `SearcherSpec`, or another callable."""
