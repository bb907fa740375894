"""The best trials of a journal, and the winner among those that were evaluated again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from egraph.errors import FailedError
from egraph.study._journal import Journal
from egraph.study._retrain import Confirmed, Retrained
from egraph.study._trial import BASELINE, INITIAL, OWN, WHOLE_COST, Trial

__all__ = ["best_baseline_trials", "best_mean", "best_trials", "confirm"]


def best_trials(journal: Journal, most: int) -> list[Trial]:
    """The best whole trials of the search, each network once, the first of equals first.

    Raises:
        FailedError: No whole trial has succeeded yet.
    """
    return _best_first(journal.read_trials(states=["complete"], origins=OWN), most)


def best_baseline_trials(journal: Journal, most: int) -> list[Trial]:
    """The same of random search alone: of random initial trials and the baseline's.

    Raises:
        FailedError: None of them has succeeded yet.
    """
    return _best_first(journal.read_trials(states=["complete"], origins=[INITIAL, BASELINE]), most)


def confirm(
    journal: Journal, most: int, again: Callable[[Iterable[Trial]], Sequence[Retrained]]
) -> Confirmed:
    """The winners among the best trials after fresh evaluations, which ``again`` makes.

    Raises:
        FailedError: No trial has succeeded yet, or each of the fresh evaluations failed.
    """
    finalists = [best_trials(journal, most)]
    if journal.read_trials(states=["complete"], origins=[BASELINE]):
        finalists.append(best_baseline_trials(journal, most))
    fresh = again(chain(*finalists))
    first = len(finalists[0])
    winners = [best_mean(side) for side in (fresh[:first], fresh[first:]) if side]
    return Confirmed(winners[0], winners[1] if len(winners) > 1 else None)


def best_mean(finalists: Sequence[Retrained]) -> Retrained:
    """The one with the best mean of fresh scores.

    Raises:
        FailedError: None has a fresh score.
    """
    scored = [one for one in finalists if one.scores]
    if not scored:
        raise FailedError(
            "each fresh evaluation of the best networks failed; `retrains` of the journal say why"
        )
    return max(scored, key=lambda one: one.score)


def _best_first(trials: list[Trial], most: int) -> list[Trial]:
    whole = [trial for trial in trials if trial.fidelity == WHOLE_COST]
    if not whole:
        more = f" as a whole, only {len(trials)} at lower fidelities; run on" if trials else ""
        raise FailedError(f"no trial has succeeded yet{more}")
    networks: dict[str, Trial] = {}
    for trial in sorted(whole, key=lambda trial: -trial.score):  # stable: the first of equals stays first
        networks.setdefault(trial.key, trial)
    return list(networks.values())[:most]
