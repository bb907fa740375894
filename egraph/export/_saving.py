"""Writes a ranker as an ONNX file, and verifies that the file scores as the ranker does."""

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
"""Precisions of the networks' weights."""

_TOLERANCE = 1e-4
_TIE = 1e-6
_ROUNDINGS = 4
"""Scores of the ranker depend on the batch by rounding; this multiple of it also counts as a tie."""

_BATCHES = (1, 2, 61, 200)
_MOST_VERTICES = 64


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported file and its agreement with the ranker.

    Attributes:
        path: File.
        size: Size of the file in bytes.
        difference: Largest difference between scores of the file and of the ranker, in units of the standard
            deviation of the training scores.
        tau: Kendall's tau between the scores of the file and of the ranker; ties count as ties.
        compared: Number of architectures that both scored.
    """

    path: Path
    size: int
    difference: float
    tau: float
    compared: int


def save_onnx(ranker: Any, path: str | os.PathLike[str], *, precision: str = "float32") -> Exported:
    """Writes a fitted ranker as an ONNX file, atomically; see docs/how-to/onnx.md.

    The file is read back and scores networks of the ranker's space and random graphs of 2 to 64 vertices, in
    batches of several sizes. In single precision, it is refused if a score, a deviation, an end of an
    interval or a probability of a pair differs by more than 1e-4 (relative for values above 1), or if two
    architectures that are no tie change their order. A tie is a difference of less than 1e-6, or of the order
    of rounding. Scores are measured in units of the standard deviation of the training scores. Files in
    smaller precisions are not refused; `Exported.tau` measures their loss.

    Args:
        ranker: Fitted `egraph.Ranker`.
        path: File to write.
        precision: Precision of the networks' weights: ``"float32"``, ``"float16"`` or ``"int8"``.

    Raises:
        UsageError: ``ranker`` is no fitted `egraph.Ranker`, has a prior, or reads columns of its caller; one
            of its parts has no ONNX writer; or the precision is unknown.
        MissingExtraError: A package that writes ONNX is not installed.
        FailedError: The file cannot be written, or scores differently from the ranker.
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
    """Largest difference, Kendall's tau, and number of architectures.

    Raises:
        FailedError: ``exact`` is true, and the two differ.
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
                        f"the ONNX file and the ranker disagree: {name} differ by {difference:.2g}, more "
                        f"than {_TOLERANCE}; nothing was written"
                    )
                largest = max(largest, difference) if name == "scores" else largest
            everything.append((here["scores"], there["scores"]))
            alone = ranker(graphs[-1:]) / spread
            rounding = max(rounding, float(np.abs(alone - here["scores"][-1:]).max()))
    a, b = (np.concatenate(side) for side in zip(*everything, strict=True))
    tie = max(_TIE, _ROUNDINGS * rounding)
    if exact and (swapped := _swapped(a, b, tie)):
        raise FailedError(
            f"the ONNX file and the ranker disagree: {swapped} pairs of architectures change their order; "
            "nothing was written"
        )
    tau = float(kendalltau(np.round(a / tie), np.round(b / tie)).statistic)
    return largest, tau, len(a)


def _ask(ranker: Ranker | OnnxRanker, graphs: list[Architecture], unit: float) -> dict[str, Floats]:
    """All predictions for some architectures; scores are divided by ``unit``."""
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
    """Number of pairs that are a tie for neither and change their order."""
    first, second = (x[:, None] - x for x in (a, b))
    return int(((first > tie) & (second < -tie)).sum())


def _random_graphs(ranker: Ranker, count: int, rng: np.random.Generator) -> list[Architecture]:
    """Networks of the ranker's space, if it is known, and graphs of 2 to 64 vertices with its operations."""
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
