"""The fitness of a genome: how its ranker orders networks that it has not seen."""

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
"""By unit of the scores: differences that the source takes for none."""

_EPOCHS, _PAIRS = 2, 256


def reduced_training(split: Split) -> dict[str, Any]:
    """Parameters of `egraph.Ranker` that make the short training of the source's table 7.2.

    There a batch has 256 pairs, and an epoch is each pair once; two epochs are made. Here a batch has as many
    architectures as have about 256 ordered pairs (16), and there are so many passes over the architectures
    that each pair is met about twice. One network, no tabular models, no calibration, AdamW with weight decay
    0.01. A hundredth in accuracy counts as equal, where the scores are known to be accuracies.

    Args:
        split: whose training part is learnt from.
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
    """Parameters of `egraph.Ranker` that train one of its networks as long as in a ranker, and no more."""
    return {"members": 1, "tabular": None, "folds": 0}


class RankerEvaluator(Evaluator):
    """Trains the ranker of a genome on one part of a split; the score is Kendall's tau on the second.

    It holds no network of the third part. A ranker that gives all networks one and the same score has tau 0.
    A seed gives the same score again on the same machine. Given several splits, of different tables, it
    trains a ranker on each; the score is the mean of their taus.

    Args:
        splits: what to learn from and to choose by, at least one.
        filters: width of a layer of standard width.
        training: parameters of `egraph.Ranker`, over those of the genome; None takes `reduced_training`.

    Raises:
        UsageError: there is no split.
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
            ArchitectureError: the architecture is no genome of a ranker.
            UsageError: the training makes no ranker.
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
        """Tables, splits and training; the parts to report on are not among it."""
        parts = [{**part.said, "training": to_recorded(part.training)} for part in self._parts]
        return {"kind": "ranker", "filters": self.filters, "splits": parts}

    def __repr__(self) -> str:
        return f"<training of rankers on {', '.join(str(part.said['table']) for part in self._parts)}>"


@dataclass(frozen=True, slots=True)
class _Part:
    """One split without its test part, and how to train on it."""

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
    """Kendall's tau of a fitted ranker; 0 where it gives all networks one and the same score."""
    tau = ranker.score(architectures, scores)
    return 0.0 if math.isnan(tau) else tau
