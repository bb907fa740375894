"""The fitness of a genome: how well its ranker orders unseen networks."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.errors import UsageError
from egraph.evaluation.base import Evaluation, Evaluator
from egraph.evolve._split import Split
from egraph.ranker import Ranker, from_genome
from egraph.ranker.genome import FILTERS
from egraph.ranker.recorded import to_recorded
from egraph.threads import threads_limited

__all__ = ["RankerEvaluator", "order_tau", "reduced_training", "single_training"]

MARGINS = {"fraction": 0.01, "percent": 1.0}
"""Differences that the thesis counts as equal, by unit of the scores."""

_EPOCHS, _PAIRS = 2, 256


def reduced_training(split: Split) -> dict[str, Any]:
    """Parameters of `egraph.Ranker` for the short training of table 7.2 of the thesis.

    In the thesis, a batch has 256 pairs, an epoch passes over each pair once, and there are two epochs. Here
    a batch has 16 architectures, which have about 256 ordered pairs, and the number of epochs is such that
    each pair occurs about twice. The ranker has one network, no tabular models and no calibration; the
    optimizer is AdamW with weight decay 0.01. Accuracies closer than 0.01 count as equal, where the unit says
    that scores are accuracies.

    Args:
        split: Split whose training part is learnt from.
    """
    count = len(split.train)
    batch = min(round(_PAIRS**0.5), count)
    return {
        "members": 1,
        "tabular": None,
        "folds": 0,
        "epochs": max(1, round(_EPOCHS * (count - 1) / (batch - 1))),
        "batch_size": batch,
        "weight_decay": 1e-2,
        "dropout": 0.0,
        "eps": MARGINS.get(split.train.metrics[split.metric].unit),
    }


def single_training() -> dict[str, Any]:
    """Parameters of `egraph.Ranker` for one network, trained as long as those of a default ranker."""
    return {"members": 1, "tabular": None, "folds": 0}


class RankerEvaluator(Evaluator):
    """Trains the ranker of a genome on the training part; the score is Kendall's tau on the validation part.

    The evaluator contains no network of the test part. A ranker with the same score for all networks has
    tau 0. The same seed gives the same score on the same machine. With several splits, one ranker is trained
    on each, and the score is the mean of their taus.

    Args:
        splits: At least one split of a table.
        filters: Width of a layer of standard width.
        training: Parameters of `egraph.Ranker` that replace those of the genome; None takes
            `reduced_training`.

    Raises:
        UsageError: There is no split.
    """

    def __init__(
        self, *splits: Split, filters: int = FILTERS, training: Mapping[str, Any] | None = None
    ) -> None:
        if not splits:
            raise UsageError("a fitness of rankers needs at least one split of a table")
        self.filters = filters
        self._parts = [_Part.of(split, training) for split in splits]

    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        """Trains the ranker and measures it.

        Raises:
            ArchitectureError: The architecture is not a genome of a ranker.
            UsageError: The training has invalid parameters.
        """
        started = time.perf_counter()
        taus, params = [], 0
        with threads_limited(1):
            for part in self._parts:
                ranker = from_genome(architecture, filters=self.filters, seed=seed, **part.training)
                taus.append(order_tau(ranker.fit(*part.train), *part.validation))
                params = max(params, sum(p.numel() for p in ranker.scorer_.network.parameters()))
        sources = [f"{len(part.validation[0])} networks of {part.said['table']}" for part in self._parts]
        return Evaluation(
            score=sum(taus) / len(taus),
            seconds=time.perf_counter() - started,
            params=params,
            source=f"tau on {', '.join(sources)}",
        )

    def describe(self) -> dict[str, object]:
        """Tables, splits and training, without the test parts."""
        parts = [{**part.said, "training": to_recorded(part.training)} for part in self._parts]
        return {"kind": "ranker", "filters": self.filters, "splits": parts}

    def __repr__(self) -> str:
        return f"<training of rankers on {', '.join(str(part.said['table']) for part in self._parts)}>"


@dataclass(frozen=True, slots=True)
class _Part:
    """One split without its test part, and the training on it."""

    said: dict[str, object]
    train: tuple[list[Architecture], NDArray[np.float64]]
    validation: tuple[list[Architecture], NDArray[np.float64]]
    training: dict[str, Any]

    @classmethod
    def of(cls, split: Split, training: Mapping[str, Any] | None) -> _Part:
        train, validation = (
            (part.architectures, part.scores(split.metric)) for part in (split.train, split.validation)
        )
        said = {name: value for name, value in split.describe().items() if name != "test"}
        return cls(said, train, validation, dict(reduced_training(split) if training is None else training))


def order_tau(ranker: Ranker, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> float:
    """Kendall's tau of a fitted ranker; 0 where all networks have the same score."""
    tau = ranker.score(architectures, scores)
    return 0.0 if math.isnan(tau) else tau
