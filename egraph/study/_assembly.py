"""Makes the parts of a study out of its arguments."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from egraph import spaces
from egraph.evaluation.base import Evaluator, Fitness
from egraph.evaluation.outside import Outside
from egraph.evaluation.wrapping import as_evaluator
from egraph.executors import Engine, find_engine
from egraph.spaces import SearchSpace
from egraph.spaces.limited import Cost
from egraph.study._arguments import (
    Searchers,
    describe_searchers,
    read_batch,
    read_candidates,
    read_costs,
    read_counts,
    read_pace,
    read_ranker,
    read_screen,
    read_searchers,
)
from egraph.study._brackets import read_brackets
from egraph.study._fidelities import climb, read_fidelities, size_first
from egraph.study._guide import Guide, Predictor
from egraph.study._identity import claim
from egraph.study._journal import Journal
from egraph.study._preparing import bind
from egraph.study._rounds import Proposer, choose_strategy
from egraph.study._running import Runner
from egraph.study._screen import recall
from egraph.study._shares import Mixture, read_shares
from egraph.study._stragglers import read_patience
from egraph.study._team import Team

__all__ = ["Arguments", "Parts", "assemble"]


@dataclass(frozen=True)
class Parts:
    """The parts of a study.

    Attributes:
        space: Where to search.
        seed: Seed of the study.
        workers: Number of evaluations at a time.
        guide: Fits the ranker; None without one.
        team: The searchers.
        journal: The journal, held to write.
        runner: Runs the study.
    """

    space: SearchSpace
    seed: int
    workers: int
    guide: Guide | None
    team: Team
    journal: Journal
    runner: Runner


@dataclass(frozen=True)
class Arguments:
    """The arguments of `egraph.Study`, which explains them."""

    space: SearchSpace | str
    evaluate: Evaluator | Callable[..., Any] | None
    storage: str | os.PathLike[str] | None
    seed: int
    ranker: Predictor | Literal[False] | None
    searcher: Searchers | None
    shares: Sequence[float] | None
    workers: int
    initial: int
    screen: Fitness | str | Literal[False] | None
    screen_count: int | None
    screen_seconds: float
    costs: Mapping[str, Cost] | None
    batch: int | None
    far: int
    candidates: int | None
    recalibrate: str
    max_failures: int
    fidelities: Sequence[float | str] | None
    brackets: int
    trial_seconds: float | None
    timeout: float | str | None
    backup: str | None
    synchronous: bool
    executor: Engine | None
    force_resume: bool


def assemble(given: Arguments) -> Parts:
    """The parts of a study.

    Raises:
        UsageError: An argument is of the wrong type or out of range.
        JournalError: The journal is damaged, of another study, or held by another process.
    """
    seed, far, max_failures = read_counts(0, seed=given.seed, far=given.far, max_failures=given.max_failures)
    workers, initial = read_counts(1, workers=given.workers, initial=given.initial)
    batch = read_batch(given.batch, given.ranker, workers, given.synchronous)
    space = spaces.find(given.space)
    batch, candidates = read_counts(1, batch=batch, candidates=read_candidates(given.candidates, space))
    limit, patience = read_patience(given.timeout, given.backup, given.trial_seconds)
    engine = find_engine(given.executor)
    evaluator = Outside() if given.evaluate is None else as_evaluator(given.evaluate)
    levels = read_fidelities(given.fidelities, evaluator)
    brackets = read_brackets(given.brackets, levels)
    meter, mixture = read_costs(given.costs, space), Mixture(read_shares(given.shares), far)
    makers = read_searchers(given.searcher, space, meter, evaluator)
    team = Team(space, seed, bind(makers, space, evaluator, seed, given.storage))
    guide = read_ranker(given.ranker, given.shares, seed, initial, given.recalibrate)
    chosen = read_screen(
        given.screen, evaluator, space, guide, given.screen_count, given.screen_seconds, 16 * initial
    )
    sizes = {"initial": initial, "batch": batch, "candidates": candidates}
    needed = 0 if guide is None or guide.prior is not None else initial
    pace = read_pace(given.batch, workers, given.synchronous, batch, needed)
    strategy = choose_strategy(
        space, seed, guide, team=team, screen=chosen, mixture=mixture,
        whole=given.searcher is None and given.shares is None, meter=meter, pace=pace,
        first=size_first(levels, initial), **sizes,
    )  # fmt: skip
    settings = {
        "ranker": None if guide is None else guide.describe(), "recalibrate": given.recalibrate,
        "searcher": describe_searchers(team.makers, space), "workers": workers, "far": far, **sizes,
        "screen": None if chosen is None else chosen.describe(), "synchronous": given.synchronous,
        "shares": mixture.shares, "trial_seconds": limit,
        **patience.describe()}  # fmt: skip
    journal, requeued = claim(
        given.storage, space, seed, evaluator, settings, meter, levels, brackets, given.force_resume
    )
    if guide is not None and chosen is not None:
        guide.remember(partial(recall, journal, chosen, space, seed))
    climbing = climb(levels, brackets, strategy, guide, max(initial, batch))
    runner = Runner(
        space, seed, journal, Proposer(space, seed, climbing), evaluator, levels, meter,
        chosen, workers, limit, max_failures, requeued, team.makers, not given.synchronous, engine,
        patience,
    )  # fmt: skip
    return Parts(space, seed, workers, guide, team, journal, runner)
