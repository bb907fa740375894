"""Scores of untrained networks, each computed once and kept in memory or on disk."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from egraph._version import __version__
from egraph.architecture import Architecture
from egraph.bench.arena._ground import Ground
from egraph.errors import FailedError
from egraph.evaluation import ZeroCost, rank_average
from egraph.spaces import SearchSpace

__all__ = ["Scores", "score_untrained"]

REFERENCES = 100
"""Number of fixed random architectures among which several proxies are ranked."""


class Scores:
    """Cached scores of one proxy.

    A cached score belongs to the evaluator's description and the version of egraph. Processes may share the
    file. Failures are cached in memory only: another process or machine may have enough memory.

    Args:
        evaluator: Evaluator of one proxy.
        path: SQLite file, created if absent; None keeps everything in memory.
    """

    def __init__(self, evaluator: ZeroCost, path: str | os.PathLike[str] | None = None) -> None:
        self._evaluator, self._path = evaluator, path
        self._about = json.dumps({**evaluator.describe(), "egraph": __version__}, sort_keys=True)
        self._known: dict[str, float] = {}

    def __call__(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """The scores, ``(architectures,)``; NaN for failures.

        Raises:
            FailedError: The file cannot be read or written.
        """
        return np.array([self._find(architecture) for architecture in architectures], dtype=np.float64)

    def _find(self, architecture: Architecture) -> float:
        key = self._evaluator.space.key(architecture)
        if key not in self._known:
            score = self._read(key)
            if score is None:
                score = float(self._evaluator([architecture])[0])
                if np.isfinite(score):
                    self._write(key, score)
            self._known[key] = score
        return self._known[key]

    def _read(self, key: str) -> float | None:
        if self._path is None:
            return None
        with self._open() as file:
            query = "SELECT score FROM scores WHERE about = ? AND key = ?"
            row = file.execute(query, (self._about, key)).fetchone()
        return None if row is None else float(row[0])

    def _write(self, key: str, score: float) -> None:
        if self._path is not None:
            with self._open() as file:
                file.execute("INSERT OR IGNORE INTO scores VALUES (?, ?, ?)", (self._about, key, score))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The file, in a transaction."""
        assert self._path is not None
        try:
            with closing(sqlite3.connect(self._path, timeout=60)) as file, file:
                file.execute(
                    "CREATE TABLE IF NOT EXISTS scores "
                    "(about TEXT, key TEXT, score REAL NOT NULL, PRIMARY KEY (about, key)) WITHOUT ROWID"
                )
                yield file
        except sqlite3.Error as error:
            raise FailedError(
                f"cannot use {self._path}, which keeps scores of untrained networks: {error}; "
                "remove it, or choose another place for the results"
            ) from error


def score_untrained(
    ground: Ground, proxies: str, data: str, batch_size: int, channels: int | None
) -> Callable[[Sequence[Architecture]], NDArray[np.float64]]:
    """A fitness by one proxy, or by several joined by ``+``; it does not use the table.

    Several proxies have no common scale. Each counts by the rank of an architecture among `REFERENCES` random
    ones, so that the score of an architecture does not depend on the course of the search. Architectures
    above the best reference are not distinguished.

    Args:
        ground: The benchmark.
        proxies: Names in `egraph.evaluation.zero_cost.proxies`.
        data: Images, as for `egraph.datasets.images`.
        batch_size: Number of images that a score is computed on.
        channels: Width of the networks; None takes the default of the space.

    Raises:
        UnknownNameError: There is no such proxy.
        UsageError: Another argument is refused by `egraph.evaluation.ZeroCost`.
        DataError: The images cannot be loaded.
    """
    space = ground.lookup.space  # the whole space, which takes a width
    columns = [
        _open_scores(space, proxy, data, batch_size, channels, ground.root, ground.scores)
        for proxy in proxies.split("+")
    ]

    def measure(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        chosen = [ground.represent(architecture) for architecture in architectures]
        return np.column_stack([column(chosen) for column in columns])  # (architectures, proxies)

    if len(columns) == 1:
        return lambda architectures: measure(architectures)[:, 0]
    rng = np.random.default_rng(0)
    references = measure([ground.space.sample(rng) for _ in range(REFERENCES)])
    return lambda architectures: np.array(
        [rank_average(np.vstack([references, row]))[-1] for row in measure(architectures)]
    )


@lru_cache(maxsize=32)
def _open_scores(
    space: SearchSpace,
    proxy: str,
    data: str,
    batch_size: int,
    channels: int | None,
    root: str | None,
    path: str | None,
) -> Scores:
    """The scores of a proxy, shared by all searches of a process."""
    return Scores(ZeroCost(space, proxy, data, batch_size=batch_size, channels=channels, root=root), path)
