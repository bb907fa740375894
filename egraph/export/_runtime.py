"""`OnnxRanker`: a ranker from an ONNX file, with NumPy and onnxruntime alone."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

# A file names operations; the spaces describe theirs when they are imported.
import egraph.spaces  # noqa: F401
from egraph.architecture import Architecture
from egraph.encoding import Encoding, Vocabulary, as_architectures, encode, in_parts, warn_of_unlike
from egraph.errors import ModelError, UsageError
from egraph.export._padding import CELLS_AT_ONCE, pad, padded_widths, split_runs
from egraph.export._session import open_session, read_description

__all__ = ["Assessment", "OnnxRanker"]

Floats = NDArray[np.float64]
Rows = TypeVar("Rows", NDArray[np.int64], slice)
Outputs = dict[str, Floats]

_GRAPHS_AT_ONCE = {"pairwise": 64}
"""Graphs a run, where a head compares each with many references."""

_LEAST_RUN = 4
"""Products of fewer rows are rounded otherwise, and a score shall not depend on its company."""

_LEAST_SHARE = 64
"""Fewer architectures are not worth a thread."""

_SOME_LEVEL = 0.5
"""Deviations come with intervals of any level."""


class Assessment(NamedTuple):
    """What a ranker says of architectures, ``(architectures,)`` each, in units of the training scores.

    Attributes:
        score: predicted; higher is better.
        deviation: standard deviation of measured scores around the predicted.
        lower: end of the interval that a measured score lies in with the given probability.
        upper: its other end.
    """

    score: Floats
    deviation: Floats
    lower: Floats
    upper: Floats


class OnnxRanker:
    """A ranker that `egraph.Ranker.to_onnx` wrote; called with architectures it is a fitness.

    It scores as the ranker does that it was made from, up to rounding, and needs neither PyTorch nor
    torch-geometric. Several threads may call one at the same time.

    Args:
        path: of the file.
        threads: how many it may use; None takes a thread a core, four at most.

    Attributes:
        card: where the ranker comes from, as JSON-ready values.
        space: name of the space that it was trained on, where the card says so.
        vocabulary: the operations of its training data.
        trials: number of architectures that it was trained on.
        largest: number of vertices of the largest of these.
        coverage: share of held-out scores in the intervals of each level; NaN where nothing was held out.

    Raises:
        ModelError: the file is absent, damaged, no ranker of egraph, or from a newer version.
        MissingExtraError: onnxruntime is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], *, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise UsageError(f"threads must be at least 1, got {threads}")
        self.path = Path(path)
        self._threads = min(os.cpu_count() or 1, 4) if threads is None else threads
        # Threads that stay: new ones for each call score a quarter fewer a second.
        self._pool = ThreadPoolExecutor(self._threads, "ranker")
        self._session = open_session(self.path)
        self._outputs = [output.name for output in self._session.get_outputs()]
        content = read_description(self.path, self._session)
        try:
            self.vocabulary = Vocabulary.from_json(content["vocabulary"])
            self.card: Mapping[str, Any] = content["card"]
            self.space: str | None = content["space"]
            self.trials, self.largest = int(content["trials"]), int(content["largest"])
            shares = content["coverage"].items()
            self.coverage = {
                float(level): np.nan if share is None else float(share) for level, share in shares
            }
            self._most = _GRAPHS_AT_ONCE.get(content["head"], CELLS_AT_ONCE)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"{path} is damaged: its description is incomplete ({error})") from None

    def __call__(self, architectures: Iterable[Architecture]) -> Floats:
        """`predict` without its warning: a ranker is a fitness, and searches go where nobody was."""
        return _join(part for _, part in self._judge(architectures, 0.0)).score

    def predict(
        self, architectures: Iterable[Architecture] | Encoding, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Predicted scores in units of the training scores, ``(architectures,)``; higher is better.

        Args:
            architectures: what to score; any number of them, memory stays bounded.
            return_std: also give the standard deviation of measured scores around the prediction.

        Raises:
            ArchitectureError: an operation is unknown.

        Warns:
            OutOfDistributionWarning: an architecture has operations, or a size, that the training data lacks.
        """
        parts = self._judge(architectures, _SOME_LEVEL if return_std else 0.0)
        found = _join(warn_of_unlike(parts, self.largest, stacklevel=2))
        return (found.score, found.deviation) if return_std else found.score

    def intervals(
        self, architectures: Iterable[Architecture] | Encoding, level: float = 0.8
    ) -> tuple[Floats, Floats]:
        """Between which scores a measured one will lie with probability ``level``; see `Ranker.intervals`.

        Raises:
            UsageError: the level is not between 0 and 1.
            ArchitectureError: an operation is unknown.

        Warns:
            OutOfDistributionWarning: as `predict`.
        """
        parts = self._judge(architectures, _check_level(level))
        found = _join(warn_of_unlike(parts, self.largest, stacklevel=2))
        return found.lower, found.upper

    def assess(self, architectures: Iterable[Architecture] | Encoding, level: float = 0.8) -> Assessment:
        """Scores, deviations and intervals in one pass, without a warning.

        Raises:
            UsageError: the level is not between 0 and 1.
            ArchitectureError: an operation is unknown.
        """
        return _join(part for _, part in self._judge(architectures, _check_level(level)))

    def compare(self, a: Iterable[Architecture], b: Iterable[Architecture]) -> Floats:
        """Probabilities that each of ``a`` is worse than, about equal to, better than its partner in ``b``.

        Returns:
            ``(pairs, 3)``, rows sum to 1.

        Raises:
            UsageError: the two are not of one length.
            ArchitectureError: an operation is unknown.

        Warns:
            OutOfDistributionWarning: as `predict`.
        """
        first, second = as_architectures(a), as_architectures(b)
        if len(first) != len(second):
            raise UsageError(f"compare takes pairs, got {len(first)} and {len(second)} architectures")
        both = [each for pair in zip(first, second, strict=True) for each in pair]

        def cut(encoding: Encoding) -> Iterator[slice]:
            step = 2 * max(min(self._most, CELLS_AT_ONCE // encoding.vertices.shape[1] ** 2) // 2, 1)
            return (slice(start, start + step) for start in range(0, len(encoding), step))

        rows = [np.zeros((0, 3))]
        answers = self._ask(both, cut, 0.0, pairs=True)
        for runs in warn_of_unlike(answers, self.largest, stacklevel=2):
            rows += [outputs["probabilities"] for _, outputs in runs]
        return np.concatenate(rows)

    def describe(self) -> dict[str, Any]:
        """Which file it is, as JSON-ready values."""
        return {"file": self.path.name, "sha256": hashlib.sha256(self.path.read_bytes()).hexdigest()}

    def encode(self, architectures: Iterable[Architecture]) -> Encoding:
        """What the file reads; `predict` also takes this, to score the same architectures several times.

        Raises:
            ArchitectureError: an operation is unknown.
        """
        return encode(as_architectures(architectures), self.vocabulary)

    def _judge(
        self, architectures: Iterable[Architecture] | Encoding, level: float
    ) -> Iterator[tuple[Encoding, Assessment]]:
        """Parts of the architectures, encoded and assessed, in their order."""

        def cut(encoding: Encoding) -> Iterator[NDArray[np.int64]]:
            share = -(-len(encoding) // self._threads)  # few of them still occupy all threads
            return split_runs(encoding.sizes, min(self._most, max(share, _LEAST_SHARE)))

        for encoding, runs in self._ask(architectures, cut, level):
            found = np.empty((len(Assessment._fields), len(encoding)))
            for rows, outputs in runs:
                found[:, rows] = [outputs[name] for name in Assessment._fields]
            yield encoding, Assessment(*found)

    def _ask(
        self,
        architectures: Iterable[Architecture] | Encoding,
        cut: Callable[[Encoding], Iterable[Rows]],
        level: float,
        pairs: bool = False,
    ) -> Iterator[tuple[Encoding, list[tuple[Rows, Outputs]]]]:
        """Parts of the architectures, encoded, and what the file says of the rows that each is cut into.

        The calling thread encodes the next part while others run the file: several that encode would mostly
        wait for each other.
        """
        waiting: deque[tuple[Encoding, list[tuple[Rows, Future[Outputs]]]]] = deque()
        for part in in_parts(architectures):
            encoding = part if isinstance(part, Encoding) else self.encode(part)
            waiting.append(
                (encoding, [(rows, self._start(encoding.take(rows), level, pairs)) for rows in cut(encoding)])
            )
            if len(waiting) > 1:
                yield _finish(*waiting.popleft())
        while waiting:
            yield _finish(*waiting.popleft())

    def _start(self, encoding: Encoding, level: float, pairs: bool) -> Future[Outputs]:
        if self._threads > 1:
            return self._pool.submit(self._run, encoding, level, pairs)
        done: Future[Outputs] = Future()
        done.set_result(self._run(encoding, level, pairs))
        return done

    def _run(self, encoding: Encoding, level: float, pairs: bool) -> Outputs:
        """The outputs of the file for a few graphs; with ``pairs`` each of even place meets the next."""
        graphs, width = len(encoding), int(padded_widths(encoding.sizes).max())
        if graphs < _LEAST_RUN:
            encoding = encoding.take(np.resize(np.arange(graphs), _LEAST_RUN))
        rows = np.arange(graphs if pairs else 0, dtype=np.int64).reshape(-1, 2)
        inputs = {
            "vertices": pad(encoding.vertices, (1,), width),
            "counts": pad(encoding.counts, (1, 2), width),
            "sizes": encoding.sizes,
            "features": encoding.features,
            "level": np.array(level),
            "pairs": rows,
        }
        found = zip(self._outputs, self._session.run(self._outputs, inputs), strict=True)
        return {name: values[: graphs if name != "probabilities" else len(rows)] for name, values in found}


def _finish(
    encoding: Encoding, runs: list[tuple[Rows, Future[Outputs]]]
) -> tuple[Encoding, list[tuple[Rows, Outputs]]]:
    return encoding, [(rows, outputs.result()) for rows, outputs in runs]


def _join(parts: Iterable[Assessment]) -> Assessment:
    empty = Assessment(*np.zeros((len(Assessment._fields), 0)))
    return Assessment(*(np.concatenate(column) for column in zip(empty, *parts, strict=True)))


def _check_level(level: float) -> float:
    if not 0 < level < 1:
        raise UsageError(f"level must be between 0 and 1, got {level}")
    return float(level)
