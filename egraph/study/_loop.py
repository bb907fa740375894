"""The loop of a run: evaluates what is queued, closes rounds, proposes the next one."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable

from egraph import metrics
from egraph.spaces import SearchSpace
from egraph.study._driver import Driver
from egraph.study._events import Event, RoundFinished, RoundStarted
from egraph.study._journal import Journal
from egraph.study._proposals import Proposal
from egraph.study._rounds import Proposer, Round
from egraph.study._seeds import derive
from egraph.study._trial import BASELINE, DONE, Trial

__all__ = ["Loop"]


class Loop:
    """Runs rounds until there is a reason to stop.

    Args:
        space: Where to search.
        seed: Seed of the study.
        journal: Keeps trials and rounds.
        proposer: Proposes rounds.
        driver: Evaluates trials.
        limit: Number of trials that there may be in all, those of the baseline not counted.
        baseline: Whether random search runs beside the search.
        emit: Called with an event whenever something happens.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        journal: Journal,
        proposer: Proposer,
        driver: Driver,
        limit: float,
        baseline: bool,
        emit: Callable[[Event], object],
    ) -> None:
        self._space, self._seed = space, seed
        self._journal, self._proposer, self._driver = journal, proposer, driver
        self._limit, self._baseline, self._emit = limit, baseline, emit

    def run(self) -> str:
        """Evaluates what is queued and proposes more.

        Returns:
            The reason to stop.
        """
        while True:
            self._driver.work_off()
            self._finish_rounds()
            if self._driver.out_of_time:
                return "the time is over"
            trials = self._journal.read_trials()
            if any(trial.state == "queued" and trial.origin != BASELINE for trial in trials):
                return f"{self._driver.finished} trials are done"  # left over from a run with a larger budget
            state = self._journal.settings.get("searcher state")
            proposed = self._proposer.propose(trials, self._limit, self._baseline, state, self._emit)
            if not proposed.plan.proposals:
                if self._driver.finished < self._limit:
                    return f"the space {self._space.name!r} is exhausted after {self._driver.finished} trials"
                return f"{self._driver.finished} trials are done"
            self._queue(proposed, trials)

    def _queue(self, proposed: Round, before: list[Trial]) -> None:
        """Writes a round and its trials into the journal."""
        plan = proposed.plan
        seeds = self._derive_seeds(plan.proposals, before)
        trials = [
            Trial(
                number=number,
                round=proposed.number,
                origin=proposal.origin,
                state="queued",
                key=self._space.key(proposal.architecture),
                architecture=proposal.architecture,
                seed=seed,
                predicted=proposal.predicted,
                finder=proposal.finder,
            )
            for number, (proposal, seed) in enumerate(zip(plan.proposals, seeds, strict=True), len(before))
        ]
        beside = sum(trial.origin == BASELINE for trial in trials)
        own, seconds = len(trials) - beside, proposed.search_seconds
        row = {
            "round": proposed.number,
            "trials": own,
            "baseline_trials": beside,
            "learned_from": plan.learned_from,
            "fit_seconds": plan.fit_seconds,
            "candidates": plan.candidates,
            "search_seconds": seconds,
            "supplied": json.dumps(dict(plan.supplied)) if plan.supplied else "",
        }
        self._journal.propose(trials, row, plan.searcher_state)
        self._emit(RoundStarted(proposed.number, own, beside, plan.candidates, seconds))

    def _derive_seeds(self, proposals: list[Proposal], before: list[Trial]) -> list[int]:
        """Seeds of the trials. Search and baseline count apart: a baseline does not change the search."""
        counts = Counter(trial.origin == BASELINE for trial in before)
        seeds = []
        for proposal in proposals:
            random = proposal.origin == BASELINE
            seeds.append(derive(self._seed, "baseline trial" if random else "trial", counts[random]))
            counts[random] += 1
        return seeds

    def _finish_rounds(self) -> None:
        """Writes the ranker's tau on each round whose trials are all done."""
        rounds = self._journal.rounds
        for number in rounds.loc[rounds["finished"].isna(), "round"].astype(int).tolist():
            trials = self._journal.read_trials(round=number)
            if any(trial.state not in DONE for trial in trials):
                continue
            own = _tau(trial for trial in trials if trial.origin != BASELINE)
            random = _tau(trial for trial in trials if trial.origin == BASELINE)
            self._journal.finish_round(number, tau=own, tau_baseline=random)
            self._emit(RoundFinished(number, own, random))


def _tau(trials: Iterable[Trial]) -> float:
    """Kendall's tau-b between prediction and score; NaN where it is not defined."""
    pairs = [(t.score, t.predicted) for t in trials if t.state == "complete" and t.predicted == t.predicted]
    return metrics.kendall_tau(*zip(*pairs, strict=True)) if len(pairs) > 1 else math.nan
