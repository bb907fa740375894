"""The parts of an evolution of rankers: the study, the choice of the best genome, and the comparison."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import FailedError, UsageError
from egraph.evolve._evaluator import RankerEvaluator, order_tau, reduced_training
from egraph.evolve._split import Split
from egraph.executors import Engine
from egraph.ranker import Genome, Ranker, from_genome
from egraph.searchers import RegularizedEvolution
from egraph.spaces import SearchSpace
from egraph.study import Event, RetrainFinished, RetrainStarted, Study

__all__ = ["CYCLES", "POPULATION", "SAMPLE", "Finalist", "Measured", "choose", "compare", "make_study"]

POPULATION = 100
"""Members of a population."""

SAMPLE = 25
"""Members of which the best becomes a parent."""

CYCLES = 400
"""Children that follow the first population."""

# Fixed, so that the history does not depend on the number of workers.
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Finalist:
    """One of the best genomes.

    Attributes:
        genome: Architecture of the space that was searched.
        found: Tau on the validation part, mean over the evaluations of the search.
        evaluations: Number of these evaluations.
        scores: Tau on the validation part after trainings with fresh seeds.
        params: Number of trainable parameters.
    """

    genome: Architecture
    found: float
    evaluations: int
    scores: tuple[float, ...]
    params: int

    @property
    def score(self) -> float:
        """Mean of the evaluations with fresh seeds, which the search has not selected by."""
        return float(np.mean(self.scores)) if self.scores else float("nan")


@dataclass(frozen=True, slots=True)
class Measured:
    """Results of one ranker on the test part of a table.

    Attributes:
        table: Name of the table.
        ranker: ``"evolved"`` or ``"default"``.
        training: ``"search"``, the training of genomes in the search, or ``"full"``.
        labels: Number of measured networks learnt from.
        taus: Kendall's tau on the test part for each seed; 0 where all networks have the same score.
        seconds: Mean duration of a fit.
        params: Number of trainable parameters of all its networks.
    """

    table: str
    ranker: str
    training: str
    labels: int
    taus: tuple[float, ...]
    seconds: float
    params: int

    @property
    def tau(self) -> float:
        """Mean over the seeds."""
        return float(np.mean(self.taus))


def make_study(
    space: SearchSpace | str,
    evaluator: RankerEvaluator,
    *,
    storage: str | os.PathLike[str] | None = None,
    seed: int = 0,
    workers: int = 1,
    population: int = POPULATION,
    sample: int = SAMPLE,
    executor: Engine | None = None,
    force_resume: bool = False,
) -> Study:
    """A study that evolves rankers; run it with ``trials = population + cycles``.

    As in the thesis, a genome can be evaluated repeatedly, each time with another seed.

    Args:
        space: ``graphsage`` or ``graphsage-wide``.
        evaluator: Fitness of the genomes.
        storage: File of the journal; None keeps it in memory.
        seed: Seed of the evolution.
        workers: Number of genomes trained at a time; the history does not depend on it.
        population: Number of genomes in the population.
        sample: Number of genomes that compete to be the parent.
        executor: What trains, as in `egraph.Study`; None for this process or worker processes.
        force_resume: Whether to resume the journal of another evaluator or seed.

    Raises:
        UsageError: A number is out of range.
        JournalError: The journal is that of another study.
    """
    searcher = partial(RegularizedEvolution, population=population, sample=sample, distinct=False)
    return Study(
        space,
        evaluator,
        storage=storage,
        seed=seed,
        ranker=False,
        searcher=searcher,
        workers=workers,
        batch=_BATCH,
        synchronous=True,
        executor=executor,
        force_resume=force_resume,
    )


def choose(
    study: Study,
    *,
    finalists: int = 5,
    repeats: int = 3,
    least: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> list[Finalist]:
    """The best genomes of an evolution, best first.

    The genomes with the best mean tau are trained again with fresh seeds, the same for each, and ordered by
    the result: the best of many noisy measurements is partly luck. The results are written to the journal.

    Args:
        study: A study that was run.
        finalists: Number of genomes to train again.
        repeats: Number of trainings of each.
        least: Fewest evaluations that the search has made of a finalist. The thesis takes five per cent of
            all, 25 of 500: a genome that evolution kept so long is good on average.
        progress: Callback with the trainings done and the trainings in all, first before they begin.

    Raises:
        UsageError: A number is not positive, or no genome was evaluated so often.
        FailedError: No genome was evaluated successfully.
    """
    if min(finalists, repeats, least) < 1:
        raise UsageError(
            f"finalists, repeats and least must be at least 1, got {finalists}, {repeats} and {least}"
        )
    trials = study.trials
    complete = trials[trials["state"] == "complete"]
    if complete.empty:
        raise FailedError("no genome has been evaluated successfully yet")
    means = complete.groupby("key", sort=False)["score"].agg(["mean", "size"])
    if means["size"].max() < least:
        raise UsageError(
            f"no genome was evaluated {least} times, the most often {means['size'].max()} times; "
            "ask for fewer"
        )
    means = means[means["size"] >= least]
    best = means.sort_values("mean", ascending=False, kind="stable").head(finalists)
    first = complete.drop_duplicates("key").set_index("key").loc[best.index]
    genomes = [Architecture.from_json(text) for text in first["architecture"]]

    def listen(event: Event) -> None:
        if progress is not None and isinstance(event, RetrainStarted):
            progress(0, event.total)
        if progress is not None and isinstance(event, RetrainFinished):
            progress(event.done, event.total)

    again = study.retrain_all(genomes, repeats, progress=listen)
    chosen = [
        Finalist(genome, float(mean), int(size), fresh.scores, int(params))
        for genome, mean, size, fresh, params in zip(
            genomes, best["mean"], best["size"], again, first["params"], strict=True
        )
    ]
    return sorted(chosen, key=lambda each: -each.score if each.scores else np.inf)


def compare(
    genome: Genome,
    *splits: Split,
    seeds: Sequence[int] = (0, 1, 2),
    training: Mapping[str, Any] | None = None,
    full: bool = True,
    progress: Callable[[int, int], object] | None = None,
) -> list[Measured]:
    """Measures the ranker of a genome and the default `egraph.Ranker` on the test part of each split.

    Both learn from the same networks. The training of the search uses the training part; the full training,
    that of `egraph.Ranker`, uses the training and validation parts.

    Args:
        genome: The evolved genome.
        splits: Splits whose test parts have not been used yet.
        seeds: Seeds of the rankers.
        training: Training of the search; None is `reduced_training`.
        full: Whether to compare after the full training too.
        progress: Callback with the fits done and the fits in all.
    """
    rankers: dict[str, Callable[..., Ranker]] = {
        "evolved": partial(from_genome, genome),
        "default": Ranker,
    }
    plan = [
        (split, kind, name)
        for split in splits
        for kind in (["search", "full"] if full else ["search"])
        for name in rankers
    ]
    rows: list[Measured] = []
    for split, kind, name in plan:
        parts, parameters = [split.train, split.validation], {}
        if kind == "search":
            parts, parameters = [split.train], dict(reduced_training(split) if training is None else training)
        architectures = [architecture for part in parts for architecture in part.architectures]
        scores = np.concatenate([part.scores(split.metric) for part in parts])
        taus, seconds, params = [], 0.0, 0
        for seed in seeds:
            ranker = rankers[name](seed=seed, **parameters)
            started = time.perf_counter()
            ranker.fit(architectures, scores)
            seconds += time.perf_counter() - started
            taus.append(order_tau(ranker, split.test.architectures, split.test.scores(split.metric)))
            params = sum(p.numel() for p in ranker.scorer_.network.parameters())
            if progress is not None:
                progress(len(rows) * len(seeds) + len(taus), len(seeds) * len(plan))
        table, labels = split.test.name, len(architectures)
        rows.append(Measured(table, name, kind, labels, tuple(taus), seconds / len(seeds), params))
    return rows
