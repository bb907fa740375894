"""`OnnxRanker`: a ranker from an ONNX file, which needs only NumPy and onnxruntime."""

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

# A file names operations; importing the spaces registers their descriptions.
import egraph.spaces  # noqa: F401
from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.encoding import Encoding, Vocabulary, as_architectures, encode, in_parts, warn_of_unlike
from egraph.errors import ModelError, UsageError
from egraph.export._padding import CELLS_AT_ONCE, pad, padded_widths, split_runs
from egraph.export._session import open_session, read_description, read_file
from egraph.files import expand

__all__ = ["Assessment", "OnnxRanker"]

Floats = NDArray[np.float64]
Rows = TypeVar("Rows", NDArray[np.int64], slice)
Outputs = dict[str, Floats]

_GRAPHS_AT_ONCE = {"pairwise": 64}
"""Graphs in a run, for heads that compare each graph with many references."""

_LEAST_RUN = 4
"""Products of fewer rows round differently. Smaller runs are filled up, so that a score does not change."""

_LEAST_SHARE = 64
"""Least number of architectures in a run of its own."""

_SOME_LEVEL = 0.5
"""Level passed where only deviations are wanted, which do not depend on it."""


class Assessment(NamedTuple):
    """Predictions for architectures, ``(architectures,)`` each, in units of the training scores.

    Attributes:
        score: Predicted score; higher is better.
        deviation: Standard deviation of measured scores around the predicted score.
        lower: Lower end of the interval that contains a measured score with the given probability.
        upper: Upper end of this interval.
    """

    score: Floats
    deviation: Floats
    lower: Floats
    upper: Floats


class OnnxRanker:
    """A ranker that `egraph.Ranker.to_onnx` wrote; called with architectures, it is a fitness.

    Its scores are those of the exported ranker up to rounding. It needs neither PyTorch nor torch-geometric.
    Threads may share it, forked processes too, and it can be pickled; the pickle contains the file.

    Args:
        path: ONNX file.
        threads: Number of threads; None for one for each core, but at most four.

    Attributes:
        card: Origin of the ranker, as JSON-ready values.
        space: Name of the space of the training data, if the card names it.
        vocabulary: Operations of the training data.
        trials: Number of architectures in the training data.
        largest: Number of vertices of the largest of these.
        coverage: Share of held-out scores in the intervals of each level; NaN if nothing was held out.

    Raises:
        UsageError: ``threads`` is less than 1.
        ModelError: The file does not exist, is damaged, is no ranker, or was written by a newer version.
        MissingExtraError: onnxruntime is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], *, threads: int | None = None) -> None:
        if threads is not None:
            check_whole(1, threads=threads)
        self._open(expand(path), read_file(expand(path)), threads)

    def _open(self, path: Path, content: bytes, threads: int | None) -> None:
        """Makes this the ranker of an ONNX file with the given content."""
        self.path, self._file, self._asked = path, content, threads
        self._threads = min(os.cpu_count() or 1, 4) if threads is None else threads
        self._pools: dict[int, ThreadPoolExecutor] = {}
        self._session = open_session(path, content)
        self._outputs = [output.name for output in self._session.get_outputs()]
        about = read_description(self.path, self._session)
        if lacking := {*Assessment._fields, "probabilities"} - {*self._outputs}:
            raise ModelError(f"{path} is damaged: it has no output {min(lacking)}")
        try:
            self.vocabulary = Vocabulary.from_json(about, about.get("names", True))
            self.card: Mapping[str, Any] = dict(about["card"])
            self.space: str | None = about["space"]
            self.trials, self.largest = int(about["trials"]), int(about["largest"])
            shares = about["coverage"].items()
            self.coverage = {
                float(level): np.nan if share is None else float(share) for level, share in shares
            }
            self._most = _GRAPHS_AT_ONCE.get(about["head"], CELLS_AT_ONCE)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(f"{path} is damaged: its description is incomplete ({error})") from None

    def __call__(self, architectures: Iterable[Architecture]) -> Floats:
        """`predict` without its warning: searches leave the training distribution on purpose."""
        return _join(part for _, part in self._judge(architectures, 0.0)).score

    def predict(
        self, architectures: Iterable[Architecture] | Encoding, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Predicted scores in units of the training scores, ``(architectures,)``; higher is better.

        Args:
            architectures: Architectures, any number of them; memory stays bounded.
            return_std: Whether to return also the standard deviation of measured scores around the
                prediction.

        Raises:
            ArchitectureError: An operation is unknown.

        Warns:
            OutOfDistributionWarning: An architecture has operations, or a size, that the training data lacks.
        """
        parts = self._judge(architectures, _SOME_LEVEL if return_std else 0.0)
        found = _join(warn_of_unlike(parts, self.largest, stacklevel=2))
        return (found.score, found.deviation) if return_std else found.score

    def intervals(
        self, architectures: Iterable[Architecture] | Encoding, level: float = 0.8
    ) -> tuple[Floats, Floats]:
        """Intervals that contain a measured score with probability ``level``; see `Ranker.intervals`.

        Raises:
            UsageError: The level is not between 0 and 1.
            ArchitectureError: An operation is unknown.

        Warns:
            OutOfDistributionWarning: As `predict`.
        """
        parts = self._judge(architectures, _check_level(level))
        found = _join(warn_of_unlike(parts, self.largest, stacklevel=2))
        return found.lower, found.upper

    def assess(self, architectures: Iterable[Architecture] | Encoding, level: float = 0.8) -> Assessment:
        """Scores, deviations and intervals in one pass, without a warning.

        Raises:
            UsageError: The level is not between 0 and 1.
            ArchitectureError: An operation is unknown.
        """
        return _join(part for _, part in self._judge(architectures, _check_level(level)))

    def compare(self, a: Iterable[Architecture], b: Iterable[Architecture]) -> Floats:
        """Probabilities that each of ``a`` is worse than, about equal to, better than its partner in ``b``.

        Returns:
            ``(pairs, 3)``; rows sum to 1.

        Raises:
            UsageError: The two series differ in length.
            ArchitectureError: An operation is unknown.

        Warns:
            OutOfDistributionWarning: As `predict`.
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
        """Name and digest of the file, as JSON-ready values."""
        return {"file": self.path.name, "sha256": hashlib.sha256(self._file).hexdigest()}

    def __getstate__(self) -> tuple[Path, bytes, int | None]:
        return self.path, self._file, self._asked

    def __setstate__(self, state: tuple[Path, bytes, int | None]) -> None:
        self._open(*state)

    def encode(self, architectures: Iterable[Architecture]) -> Encoding:
        """The inputs of the file; `predict` also accepts them, to score the same architectures several times.

        Raises:
            ArchitectureError: An operation is unknown.
        """
        return encode(as_architectures(architectures), self.vocabulary)

    def _judge(
        self, architectures: Iterable[Architecture] | Encoding, level: float
    ) -> Iterator[tuple[Encoding, Assessment]]:
        """Parts of the architectures, encoded and assessed, in their order."""

        def cut(encoding: Encoding) -> Iterator[NDArray[np.int64]]:
            share = -(-len(encoding) // self._threads)  # a small part still uses all threads
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
        """Encoded parts of the architectures, and the outputs of the file for the runs of each part.

        The calling thread encodes the next part while other threads run the file. Encoding in several threads
        would not be faster, as they share the interpreter lock.
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

    @property
    def _pool(self) -> ThreadPoolExecutor:
        """The threads of this process: a forked process has none of those of its parent.

        They serve all calls, because new threads for each call cost a quarter of the throughput.
        """
        process = os.getpid()
        if process not in self._pools:
            self._pools = {process: ThreadPoolExecutor(self._threads, "exported ranker")}
        return self._pools[process]

    def _start(self, encoding: Encoding, level: float, pairs: bool) -> Future[Outputs]:
        if self._threads > 1:
            return self._pool.submit(self._run, encoding, level, pairs)
        done: Future[Outputs] = Future()
        done.set_result(self._run(encoding, level, pairs))
        return done

    def _run(self, encoding: Encoding, level: float, pairs: bool) -> Outputs:
        """The outputs of the file for a run; with ``pairs``, graphs 0 and 1, 2 and 3, ... are compared."""
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
        try:
            outputs = self._session.run(self._outputs, inputs)
        except Exception as error:  # noqa: BLE001 - onnxruntime does not export their classes
            raise ModelError(f"{self.path} is damaged, or does not fit its description: {error}") from None
        found = zip(self._outputs, outputs, strict=True)
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
