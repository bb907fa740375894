"""The loop of a run: evaluates what is queued, closes rounds, proposes the next one."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from egraph.evaluation import CostMeter
from egraph.spaces import SearchSpace
from egraph.study._driver import Driver
from egraph.study._events import DriftAlarm, Event, RoundFinished, RoundStarted
from egraph.study._journal import Journal
from egraph.study._promises import ask_intervals, judge, weigh_drift
from egraph.study._proposals import Plan, Proposal
from egraph.study._recalibration import DRIFT_LEVEL, DRIFT_ROUNDS
from egraph.study._rounds import Proposer, Round
from egraph.study._screen import Screener
from egraph.study._seeds import derive
from egraph.study._trial import BASELINE, DONE, OWN, PROMOTED, UNPROPOSED, WHOLE_COST, Trial

__all__ = ["Loop", "add_pause"]


class Loop:
    """Runs rounds until there is a reason to stop.

    Args:
        space: Where to search.
        seed: Seed of the study.
        journal: Keeps trials and rounds.
        proposer: Proposes rounds.
        driver: Evaluates trials.
        screener: Scores architectures without training.
        limit: Number of whole evaluations that there may be in all, those of the baseline not counted.
        baseline: Whether random search runs beside the search.
        emit: Called with an event whenever something happens.
        meter: Costs of each trial; None without costs.
        entry: Lowest fidelity at which networks are tried first.
        asynchronous: Whether a round is proposed when no trial waits, though others still run.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        journal: Journal,
        proposer: Proposer,
        driver: Driver,
        screener: Screener,
        limit: float,
        baseline: bool,
        emit: Callable[[Event], object],
        meter: CostMeter | None = None,
        entry: float = WHOLE_COST,
        asynchronous: bool = False,
    ) -> None:
        self._space, self._seed = space, seed
        self._journal, self._proposer, self._driver = journal, proposer, driver
        self._screener, self._meter = screener, meter
        self._limit, self._baseline, self._emit = limit, baseline, emit
        self._entry, self._asynchronous = entry, asynchronous
        rows = journal.read_rounds()
        self._open = {row["round"]: row["learned_from"] for row in rows if row["finished"] is None}
        self._learned_from = rows[0]["learned_from"] if rows else 0
        self._pause = add_pause(rows[0]["fit_seconds"], rows[0]["search_seconds"]) if rows else 0.0
        # The last round that is finished tells of drift.
        judged = ((row["round"], bool(row["alarm"])) for row in rows if row["finished"] is not None)
        self._judged: tuple[int, bool] = next(judged, (-1, False))

    def run(self) -> str:
        """Evaluates what is queued and proposes more.

        Returns:
            The reason to stop.
        """
        while True:
            meanwhile = self._asynchronous and self._has_proposed()
            self._driver.work_off(self._propose if meanwhile else None)
            self._finish_rounds()
            if self._driver.stop_reason:
                return self._driver.stop_reason
            if asked := len(self._journal.read_trials(states=["asked"])):
                return f"waiting for the scores of {asked} trials"
            queued = self._journal.read_trials(states=["queued"])
            if any(trial.origin != BASELINE for trial in queued):
                return f"{self._count} trials are done"  # left over from a run with a larger budget
            if not self._propose():
                if self._limit - self._driver.finished >= 1:
                    return f"the space {self._space.name!r} is exhausted after {self._count} trials"
                return f"{self._count} trials are done"

    def _has_proposed(self) -> bool:
        """Whether there was a first round; the screening before it needs workers that do nothing else."""
        return any(trial.origin not in UNPROPOSED for trial in self._journal.read_trials())

    def _propose(self) -> bool:
        """Queues the next round; whether there is one."""
        self._finish_rounds()
        trials = self._journal.read_trials()
        proposed = self._proposer.propose(
            trials,
            self._limit,
            self._baseline,
            self._journal.settings.get("searcher state"),
            self._emit,
            self._screener,
            learned_from=self._learned_from,
            alarm=self._judged[1],
            pause=self._pause,
        )
        if proposed.plan.proposals:
            self._queue(proposed, trials)
        return bool(proposed.plan.proposals)

    @property
    def _count(self) -> str:
        """What is done, in words."""
        done = self._driver.finished
        return f"{done}" if self._entry == WHOLE_COST else f"as much as {done:.4g} whole"

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
                intervals=ends,
                costs={} if self._meter is None else self._meter.measure(proposal.architecture),
                fidelity=proposal.fidelity,
            )
            for number, (proposal, seed, ends) in enumerate(
                zip(plan.proposals, seeds, self._ask_intervals(plan), strict=True), len(before)
            )
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
            "held_out_tau": getattr(plan.model, "held_out_tau_", math.nan),
            "exploring": plan.exploring,
        }
        self._journal.propose(trials, row, plan.searcher_state)
        self._learned_from = self._open[proposed.number] = plan.learned_from
        self._pause = add_pause(plan.fit_seconds, seconds)
        self._emit(RoundStarted(proposed.number, own, beside, plan.candidates, seconds))

    def _derive_seeds(self, proposals: list[Proposal], before: list[Trial]) -> list[int]:
        """Seeds of the trials. Search and baseline count apart: a baseline does not change the search."""
        counts = Counter(trial.origin == BASELINE for trial in before)
        seeds = []
        for proposal in proposals:
            random = proposal.origin == BASELINE
            own = derive(self._seed, "baseline trial" if random else "trial", counts[random])
            seeds.append(own if proposal.seed is None else proposal.seed)
            counts[random] += 1
        return seeds

    def _ask_intervals(self, plan: Plan) -> list[tuple[float, ...]]:
        """The ranker's intervals for each proposal, from which the round is judged later."""
        graphs = [one.architecture for one in plan.proposals]
        if any(math.isnan(one.predicted) for one in plan.proposals):
            return [()] * len(graphs)
        # The ranker promises nothing of networks that it knows from a lower fidelity, or in another unit.
        return [
            ends if one.fidelity == self._entry else ()
            for one, ends in zip(plan.proposals, ask_intervals(plan.model, graphs), strict=True)
        ]

    def _finish_rounds(self) -> None:
        """Compares predictions and scores of each round whose trials are all done, and tests for drift."""
        for number in sorted(self._open):
            trials = self._journal.read_trials(round=number)
            if any(trial.state not in DONE for trial in trials):
                continue
            learned = self._open.pop(number) > 0
            seed = derive(self._seed, "promise", number)
            # Scores at other fidelities are on other scales.
            new = [t for t in trials if t.origin not in (BASELINE, PROMOTED) and t.fidelity == self._entry]
            own = judge(new, learned=learned, seed=seed)
            random = judge([t for t in trials if t.origin == BASELINE], learned=learned, seed=seed)
            drift = self._weigh_drift(number)
            alarm = drift < DRIFT_LEVEL
            beside = {f"{name}_baseline": value for name, value in asdict(random).items()}
            self._journal.finish_round(number, **asdict(own), **beside, drift=drift, alarm=alarm)
            self._judged = max(self._judged, (number, alarm))
            self._emit(RoundFinished(number, own.tau, random.tau, own, random))
            if alarm:
                self._emit(DriftAlarm(number, own, drift))

    def _weigh_drift(self, number: int) -> float:
        """The p-value of the last rounds together; the same evidence does not cause two alarms."""
        judged: list[dict[str, Any]] = []
        for row in self._journal.read_rounds(DRIFT_ROUNDS, until=number):
            if row["round"] < number and row["alarm"]:
                break
            judged.append(row)
        parts = [
            (self._journal.read_trials(round=row["round"], origins=OWN), row["learned_from"])
            for row in judged
        ]
        return weigh_drift(parts, derive(self._seed, "drift", number))


def add_pause(fit_seconds: float | None, search_seconds: float | None) -> float:
    """Seconds that it took to propose a round; unknown parts count as none."""
    return math.fsum(one for one in (fit_seconds, search_seconds) if one is not None and math.isfinite(one))
