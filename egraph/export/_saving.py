"""Writes a ranker as ONNX, and makes sure that the file says what the ranker says."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from egraph import spaces
from egraph.architecture import Architecture
from egraph.errors import FailedError, MissingExtraError, OutOfDistributionWarning, UsageError
from egraph.export._runtime import OnnxRanker
from egraph.files import atomic_path
from egraph.ranker import Ranker

__all__ = ["PRECISIONS", "Exported", "save_onnx"]

Floats = NDArray[np.float64]

PRECISIONS = ("float32", "float16", "int8")
"""Of the networks' weights."""

_TOLERANCE = 1e-4
_TIE = 1e-6
_ROUNDINGS = 4
"""A score of the ranker itself depends on its batch by rounding: so many of these are a tie too."""

_BATCHES = (1, 2, 61, 200)
_MOST_VERTICES = 64


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of an export.

    Attributes:
        path: of the file.
        size: of the file, in bytes.
        difference: largest between a score of the file and one of the ranker, in units of the spread of the
            training scores.
        tau: Kendall's between the scores of the file and of the ranker, ties as ties.
        compared: number of architectures that both scored.
    """

    path: Path
    size: int
    difference: float
    tau: float
    compared: int


def save_onnx(ranker: Any, path: str | os.PathLike[str], *, precision: str = "float32") -> Exported:
    """Writes a fitted ranker as an ONNX file, whole or not at all; see docs/how-to/onnx.md.

    The file is read again and scores networks of the ranker's space and random graphs of 2 to 64 vertices, in
    batches of several sizes. In single precision it is refused where a score, a deviation, an end of an
    interval or a probability of a pair differs by more than 1e-4 (relative, where it is above 1), or two
    architectures change their order that are no tie: closer than 1e-6, or than rounding. Scores count in
    units of the standard deviation of the training scores. The smaller precisions are not refused:
    `Exported.tau` tells what they cost.

    Args:
        ranker: an `egraph.Ranker`.
        path: where to.
        precision: of the networks' weights, one of ``"float32"``, ``"float16"`` and ``"int8"``.

    Raises:
        UsageError: it is no fitted `egraph.Ranker`, or one that reads columns of its caller; or the precision
            is unknown.
        MissingExtraError: a package that writes ONNX is not installed.
        FailedError: the file cannot be written, or does not say what the ranker says.
    """
    if not isinstance(ranker, Ranker):
        raise UsageError(f"only an egraph.Ranker can be written as ONNX, got {type(ranker).__name__}")
    if not ranker.__sklearn_is_fitted__():
        raise UsageError("this Ranker is not fitted yet; call fit(architectures, scores) first")
    if precision not in PRECISIONS:
        raise UsageError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    try:
        import onnx

        from egraph.export._precision import reduce
        from egraph.export._ranker_file import to_model
    except ImportError as error:
        raise MissingExtraError(str(error.name), "onnx") from None
    model = to_model(ranker)
    if precision != "float32":
        model = reduce(model, precision)
    with atomic_path(path) as temporary:
        onnx.save(model, temporary)
        found = _compare(ranker, OnnxRanker(temporary), exact=precision == "float32")
        size = temporary.stat().st_size
    return Exported(Path(path), size, *found)


def _compare(ranker: Ranker, file: OnnxRanker, exact: bool) -> tuple[float, float, int]:
    """Largest difference, tau, and number of architectures.

    Raises:
        FailedError: if ``exact``, where they differ.
    """
    rng = np.random.default_rng(0)
    spread = float(ranker.scale_.scores.std())
    everything: list[tuple[Floats, Floats]] = []
    largest = rounding = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfDistributionWarning)
        for batch in _BATCHES:
            graphs = _random_graphs(ranker, batch, rng)
            here, there = (_ask(each, graphs, spread) for each in (ranker, file))
            for name, a in here.items():
                difference = float((np.abs(a - there[name]) / np.maximum(np.abs(a), 1.0)).max())
                if exact and not difference <= _TOLERANCE:
                    raise FailedError(
                        f"the ONNX file does not say what the ranker says: {name} differ by "
                        f"{difference:.2g}, where {_TOLERANCE} is the most; nothing was written"
                    )
                largest = max(largest, difference) if name == "scores" else largest
            everything.append((here["scores"], there["scores"]))
            alone = ranker(graphs[-1:]) / spread
            rounding = max(rounding, float(np.abs(alone - here["scores"][-1:]).max()))
    a, b = (np.concatenate(side) for side in zip(*everything, strict=True))
    tie = max(_TIE, _ROUNDINGS * rounding)
    if exact and (swapped := _swapped(a, b, tie)):
        raise FailedError(
            f"the ONNX file does not say what the ranker says: {swapped} pairs of architectures change their "
            "order; nothing was written"
        )
    tau = float(kendalltau(np.round(a / tie), np.round(b / tie)).statistic)
    return largest, tau, len(a)


def _ask(ranker: Ranker | OnnxRanker, graphs: list[Architecture], unit: float) -> dict[str, Floats]:
    """Everything that it says of some architectures, scores in some unit."""
    scores, deviations = ranker.predict(graphs, return_std=True)
    lower, upper = ranker.intervals(graphs)
    return {
        "scores": np.asarray(scores) / unit,
        "deviations": deviations / unit,
        "lower ends": lower / unit,
        "upper ends": upper / unit,
        "probabilities": ranker.compare(graphs, graphs[::-1]),
    }


def _swapped(a: Floats, b: Floats, tie: float) -> int:
    """Pairs in another order that are no tie for either."""
    first, second = (x[:, None] - x for x in (a, b))
    return int(((first > tie) & (second < -tie)).sum())


def _random_graphs(ranker: Ranker, count: int, rng: np.random.Generator) -> list[Architecture]:
    """Networks of the ranker's space where it is known, and graphs of its operations of 2 to 64 vertices."""
    space = ranker.card.get("space")
    known = [spaces.get(space).sample(rng) for _ in range(count)] if space in spaces.names() else []
    names = [op.name for op in ranker.vocabulary_.operations if op.kind not in ("input", "output")]
    graphs = []
    for _ in range(count - len(known) // 2):
        size = int(rng.integers(2, _MOST_VERTICES + 1)) if names else 2
        edges = {(int(rng.integers(max(v - 6, 0), v)), v) for v in range(1, size) for _ in range(2)}
        ops = rng.choice(names, size - 2).tolist() if size > 2 else []
        graphs.append(Architecture(["input", *ops, "output"], edges))
    return known[: count - len(graphs)] + graphs
