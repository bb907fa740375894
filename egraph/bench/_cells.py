"""One predictor, fitted once and measured on unseen networks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph import metrics
from egraph.bench._protocols import PROTOCOLS, Split
from egraph.checks import to_plain
from egraph.datasets import Table
from egraph.errors import FailedError

__all__ = ["Cell", "Factory", "measure", "read_settings"]

Factory = Callable[..., Any]
"""Takes ``seed=`` and returns an unfitted predictor with ``fit(architectures, scores)`` and ``predict``."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Everything that one measurement depends on; equal cells give the same ranking.

    Attributes:
        predictor: Name of the predictor.
        benchmark: Name of the table, or the path of its file.
        metric: Metric to predict; negated where lower is better.
        protocol: Name of the protocol in `PROTOCOLS`.
        samples: Number of training labels.
        seed: Seed of the split and of the predictor.
        k: The k of precision@k and regret@k.
        shuffled: Whether the training labels are shuffled. A predictor that still ranks has seen test labels.
        settings: Parameters of the predictor as JSON-ready values, without its seed.
        content: Digest of a file of the user's own and of how it is read; None for tables.
    """

    predictor: str
    benchmark: str
    metric: str
    protocol: str
    samples: int
    seed: int
    k: int = 10
    shuffled: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    content: str | None = None


def read_settings(predictor: Any) -> dict[str, Any]:
    """The parameters of a predictor with scikit-learn's ``get_params``; empty for others."""
    if not hasattr(predictor, "get_params"):
        return {}
    from egraph.ranker.recorded import to_recorded  # slow to load: PyTorch

    values = to_recorded(predictor.get_params(deep=False))
    values.pop("seed", None)
    for later in ("columns", "prior"):
        if values.get(later, ...) is None:
            del values[later]  # keeps results valid that were written before rankers had it
    settings: dict[str, Any] = json.loads(json.dumps(to_plain(values), default=_describe))
    return settings


def measure(cell: Cell, factory: Factory, table: Table) -> dict[str, Any]:
    """Fits the predictor of a cell and compares its scores of the test networks with the truth.

    Args:
        cell: The cell to measure.
        factory: Function that makes the predictor.
        table: The benchmark, as `Protocol.prepare` returns it.

    Returns:
        The fields of the cell and these measures on the test rows: ``tau``, ``tau_top50`` and ``tau_top20``
        (Kendall's tau-b of all rows, the best half and the best fifth by truth), ``precision`` and
        ``regret`` (at k), ``fit_seconds``, ``architectures_per_second``, and the sizes ``train`` and
        ``test``. Where the protocol has a margin: ``tau_apart`` and ``tau_apart_top50`` (without pairs closer
        than the margin) and ``three_way`` (share of pairs classified correctly as worse, about equal or
        better). An undefined measure is None.

    Raises:
        UsageError: There is no such metric or protocol, or the table has too few rows.
        FailedError: The predictor did not return one finite score for each architecture.
    """
    split = PROTOCOLS[cell.protocol].split(table, cell.metric, cell.samples, cell.seed)
    labels = split.train.scores(cell.metric)
    if cell.shuffled:
        labels = np.random.default_rng([cell.seed, 1]).permutation(labels)
    train, test = split.train.architectures, split.test.architectures
    predictor = factory(seed=cell.seed)
    begun = time.perf_counter()
    predictor.fit(train, labels)
    fitted = time.perf_counter()
    scores = np.asarray(predictor.predict(test), dtype=np.float64)
    done = time.perf_counter()
    if scores.shape != (len(test),) or not np.isfinite(scores).all():
        raise FailedError(
            f"predictor {cell.predictor!r} must return one finite score for each of {len(test)} "
            f"architectures, got shape {scores.shape} with {np.count_nonzero(~np.isfinite(scores))} "
            "not finite"
        )
    return {
        **asdict(cell),
        **_compare(split, cell, labels, scores),
        "fit_seconds": fitted - begun,
        "architectures_per_second": len(test) / (done - fitted),
        "train": len(train),
        "test": len(test),
    }


def _describe(value: Any) -> Any:
    """A dataclass by its fields, a function by its name; others by type, as a repr may contain an address."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"type": type(value).__name__, **{f.name: getattr(value, f.name) for f in fields(value)}}
    return getattr(value, "__qualname__", type(value).__name__)


def _compare(
    split: Split, cell: Cell, labels: NDArray[np.float64], scores: NDArray[np.float64]
) -> dict[str, float | None]:
    truth = split.test.scores(cell.metric)
    k = min(cell.k, len(truth))
    found = {
        "tau": metrics.kendall_tau(truth, scores),
        "tau_top50": metrics.kendall_tau(truth, scores, top=0.5),
        "tau_top20": metrics.kendall_tau(truth, scores, top=0.2),
        "precision": metrics.precision_at_k(truth, scores, k),
        "regret": metrics.regret_at_k(truth, scores, k),
    }
    if split.eps is not None:
        found["tau_apart"] = metrics.kendall_tau(truth, scores, eps=split.eps)
        found["tau_apart_top50"] = metrics.kendall_tau(truth, scores, top=0.5, eps=split.eps)
        margin = _choose_margin(labels, scores, split.eps)
        found["three_way"] = metrics.three_way_accuracy(truth, scores, eps=split.eps, margin=margin)
    return {name: value if np.isfinite(value) else None for name, value in found.items()}


def _choose_margin(labels: NDArray[np.float64], scores: NDArray[np.float64], eps: float) -> float:
    """The margin of scores under which the share of test pairs about equal is that of the training labels.

    Scores are in units of the predictor, and the test labels must not be used.
    """
    from scipy.spatial.distance import pdist

    if len(labels) < 2 or len(scores) < 2:
        return 0.0
    share = float(np.mean(pdist(labels[:, None]) < eps))
    return float(np.quantile(pdist(scores[:, None]), share))
