"""An evolution of rankers from its first genome to the comparison with the default ranker."""

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
from egraph.ranker import Genome, Ranker, from_genome
from egraph.searchers import RegularizedEvolution
from egraph.spaces import SearchSpace
from egraph.study import Event, RetrainFinished, Study

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
    """A genome that came out well.

    Attributes:
        genome: of the space that was searched.
        found: tau on the validation part, mean of the evaluations of the search.
        evaluations: how many these were.
        scores: tau there again, trained with fresh seeds.
        params: trainable parameters.
    """

    genome: Architecture
    found: float
    evaluations: int
    scores: tuple[float, ...]
    params: int

    @property
    def score(self) -> float:
        """Mean of the evaluations with fresh seeds, on which the selection had no influence."""
        return float(np.mean(self.scores)) if self.scores else float("nan")


@dataclass(frozen=True, slots=True)
class Measured:
    """How one ranker did on the part of the table that nothing was chosen by.

    Attributes:
        table: whose networks they are.
        ranker: ``"evolved"`` or ``"default"``.
        training: ``"search"``, as genomes are trained in the search, or ``"full"``.
        labels: how many measured networks it learnt from.
        taus: Kendall's tau on the test part, one a seed; 0 where all networks got one and the same score.
        seconds: of a fit, mean.
        params: trainable parameters of all its networks.
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
) -> Study:
    """A study that evolves rankers; run it with ``trials = population + cycles``.

    Genomes may come again, as in the source: their fitness is then measured with another seed.

    Args:
        space: ``graphsage`` or ``graphsage-wide``.
        evaluator: says what is fit.
        storage: file of the journal; None keeps it in memory.
        seed: of the evolution.
        workers: how many genomes are trained at a time; the history does not depend on it.
        population: how many genomes live.
        sample: how many of them compete to be the parent.

    Raises:
        UsageError: a number is out of range.
        JournalError: the journal is of something else.
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
    )


def choose(
    study: Study,
    *,
    finalists: int = 5,
    repeats: int = 3,
    progress: Callable[[int, int], object] | None = None,
) -> list[Finalist]:
    """The best genomes of an evolution, best first.

    Those with the best mean tau are trained again with fresh seeds, the same for each, and ordered by that:
    the best of many noisy measurements is mostly luck. The journal keeps the results.

    Args:
        study: that was run.
        finalists: how many.
        repeats: trainings of each.
        progress: called with trainings done and trainings in all.

    Raises:
        UsageError: a number is not positive.
        FailedError: no genome was evaluated.
    """
    if finalists < 1 or repeats < 1:
        raise UsageError(f"finalists and repeats must be at least 1, got {finalists} and {repeats}")
    trials = study.trials
    complete = trials[trials["state"] == "complete"]
    if complete.empty:
        raise FailedError("no genome has been evaluated with success yet")
    means = complete.groupby("key", sort=False)["score"].agg(["mean", "size"])
    best = means.sort_values("mean", ascending=False, kind="stable").head(finalists)
    first = complete.drop_duplicates("key").set_index("key").loc[best.index]
    genomes = [Architecture.from_json(text) for text in first["architecture"]]

    def listen(event: Event) -> None:
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

    Both learn from the same networks: in the training of the search from the training part, in the full one,
    that of `egraph.Ranker`, from training and validation part together.

    Args:
        genome: the evolved one.
        splits: of which the test part has not been looked at.
        seeds: of the rankers.
        training: of the search; None is `reduced_training`.
        full: whether to make the full training too.
        progress: called with fits done and fits in all.
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
