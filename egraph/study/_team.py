"""The searchers of a study, which live as long as it does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from egraph.architecture import Architecture
from egraph.errors import JournalError
from egraph.searchers import MakeSearcher, Searcher
from egraph.spaces import SearchSpace
from egraph.study._journal import Journal
from egraph.study._seeds import derive
from egraph.study._trial import DONE, OWN, Trial, known_first

__all__ = ["Team"]

_STATES, _TOLD = "searchers", "told"


@dataclass(frozen=True, slots=True)
class Team:
    """Makes the searchers of a study, and keeps them from one round to the next.

    Attributes:
        space: Where to search.
        seed: Seed of the study.
        makers: Functions that make the searchers, called with ``space, seed=``, by the names of these.
    """

    space: SearchSpace
    seed: int
    makers: Mapping[str, MakeSearcher]

    def restore(
        self,
        state: Mapping[str, Any] | None,
        done: Sequence[Trial],
        fitness: Callable[[Sequence[Architecture]], ArrayLike] | None = None,
        tried: Sequence[Architecture] = (),
    ) -> dict[str, Searcher]:
        """The searchers as they were after the last round, told of the results since then.

        Args:
            state: State that `save` gave at the last round; None before the first one.
            done: All trials of the search that have a result, in the order of `Situation.done`.
            fitness: Current fitness, where predictions of a ranker were told too: remembered scores are then
                replaced by it.
            tried: With a fitness, the architectures of all trials, which are not proposed again.

        Raises:
            UsageError: The state is of a searcher with other options, or damaged.
            JournalError: There is no such state.
        """
        states, told = _read(state, done, self.makers)
        searchers = {}
        for number, (name, make) in enumerate(self.makers.items()):
            searchers[name] = searcher = make(self.space, seed=derive(self.seed, "searcher", number))
            if name in states:
                searcher.load_state_dict(states[name])
            if fitness is not None:
                searcher.rescore(fitness, tried)
            fresh = done[told if name in states else 0 :]
            if fitness is not None:  # the best last, for searchers that forget the oldest
                fresh = sorted(fresh, key=_failed_first)
            if fresh:
                searcher.tell([trial.architecture for trial in fresh], [trial.score for trial in fresh])
        return searchers

    def find_survivors(self, journal: Journal) -> list[Architecture]:
        """The populations of the searchers that have ``members``, after all trials that are done."""
        done = known_first(journal.read_trials(states=DONE, origins=OWN))
        searchers = self.restore(journal.settings.get("searcher state"), done)
        return [one for searcher in searchers.values() for one in getattr(searcher, "members", ())]

    def save(self, searchers: Mapping[str, Searcher], done: Sequence[Trial]) -> dict[str, Any]:
        """The state of all searchers, as JSON-ready values; they were told of the trials ``done``."""
        return {
            _STATES: {name: searcher.state_dict() for name, searcher in searchers.items()},
            _TOLD: len(done),
        }


def _failed_first(trial: Trial) -> float:
    return -math.inf if math.isnan(trial.score) else trial.score


def _is_state(value: object) -> bool:
    return isinstance(value, dict)


def _read(
    state: Mapping[str, Any] | None, done: Sequence[Trial], names: Mapping[str, object]
) -> tuple[dict[str, Any], int]:
    """States by the names of the searchers, and the number of trials that they were told of."""
    if state is None:
        return {}, 0
    if _STATES in state:
        states, told = state[_STATES], state.get(_TOLD)
        if not (isinstance(told, int) and isinstance(states, dict) and all(map(_is_state, states.values()))):
            raise JournalError("the state of the searchers in the journal is damaged; choose another storage")
        return states, told
    # Version 0.1.0 wrote the state of the one searcher that proposed the last round itself.
    return {next(iter(names)): dict(state)}, sum(trial.round < done[-1].round for trial in done)
