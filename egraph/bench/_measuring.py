"""Measures cells in parallel processes, and writes each result as a line of a file."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

from egraph._version import __version__
from egraph.bench._log import open_log, read_log
from egraph.errors import EgraphError, FailedError, UsageError
from egraph.executors import (
    UnsendableError,
    WorkerDiedError,
    WorkerLoadError,
    WorkerStartError,
    open_executor,
)

__all__ = ["Failure", "Measure", "Measured", "Progress", "identify", "measure_all"]

Measure = Callable[[Any], dict[str, Any]]
"""Measures a cell, and returns the row of its result, which begins with the fields of the cell."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that could not be measured; it is not written to the file, so the next run tries it again."""

    cell: Any
    reason: str


Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """The outcome of a run.

    Attributes:
        rows: One row a cell, in the order of the plan, with the fields of ``measure``, ``threads``,
            ``finished`` (seconds since 1970) and ``egraph``, the version that measured it.
        failures: The cells that could not be measured.
        resumed: Number of rows that were in the file already.
    """

    rows: list[Row]
    failures: list[Failure]
    resumed: int


Outcome = Row | Failure
Progress = Callable[[int, int, Outcome | None], None]
"""Called with the cells done, the cells in all, and the last row or failure (None at first)."""


def identify(row: Any, kind: type) -> str:
    """An identifier that a cell of this kind has in common with the row of its result, and with no other."""
    values = row if isinstance(row, Mapping) else asdict(row)
    return json.dumps({each.name: values.get(each.name) for each in fields(kind)}, sort_keys=True)


def measure_all(
    kind: type,
    cells: Iterable[Any],
    measure: Measure,
    *,
    out: str | os.PathLike[str] | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> tuple[list[Row], list[Failure], int]:
    """Measures the cells without a result in a file.

    Args:
        kind: Dataclass of the cells; its first field names the contestant, such as ``predictor``.
        cells: JSON-ready cells to measure; equal ones are measured once.
        measure: Function that measures a cell. It is sent once to each process, and may keep there what
            several cells need.
        out: File of results to resume.
        processes: Number of cells at a time; they share the cores evenly.
        progress: Callback after each cell.

    Returns:
        The fields of `Measured`: rows, failures and resumed.

    Raises:
        UsageError: ``processes`` is below 1, or ``measure`` cannot be sent to other processes.
        DataError: ``out`` is not a file of such results.
        FailedError: A process died, or ``out`` cannot be written. The results in ``out`` are kept.
    """
    if processes < 1:
        raise UsageError(f"processes must be at least 1, got {processes}")
    contestant = fields(kind)[0].name
    planned = {identify(cell, kind): cell for cell in cells}
    failures: list[Failure] = []
    with open_log(out, contestant) if out is not None else nullcontext() as log:
        known = read_log(out, contestant) if out is not None else []
        rows = {identify(row, kind): row for row in known}
        rows = {name: rows[name] for name in planned if name in rows}
        resumed = len(rows)
        missing = [cell for name, cell in planned.items() if name not in rows]
        if progress is not None:
            progress(resumed, len(planned), None)
        with closing(_measure(measure, missing, processes, contestant)) as outcomes:
            for outcome in outcomes:
                if isinstance(outcome, Failure):
                    failures.append(outcome)
                else:
                    if log is not None:
                        log.append(outcome)
                    rows[identify(outcome, kind)] = outcome
                if progress is not None:
                    progress(len(rows) + len(failures), len(planned), outcome)
    return [rows[name] for name in planned if name in rows], failures, resumed


def _measure(
    measure: Measure, cells: Sequence[Any], processes: int, contestant: str
) -> Generator[Outcome, None, None]:
    """Measures the cells, and yields each outcome as soon as it is there."""
    workers = max(1, min(processes, len(cells)))
    threads = max(1, (os.cpu_count() or 1) // processes)
    try:
        executor = open_executor(
            _Measure(measure), workers, threads=threads, initializer=partial(_limit_threads, threads)
        )
    except UnsendableError as error:
        raise UsageError(
            f"the {contestant}s cannot be sent to other processes ({error}); "
            "define them at the top of a module, or use one process"
        ) from None
    with closing(executor):
        for cell in cells:
            executor.submit(cell)
        while done := executor.wait():
            for future in done:
                yield _read(future)


def _read(future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except (WorkerDiedError, WorkerStartError, WorkerLoadError):
        raise FailedError(
            "a process died, perhaps out of memory: start again with fewer processes, what was measured is "
            "kept; if none could start, run a script under `if __name__ == '__main__':`"
        ) from None


@dataclass(frozen=True, slots=True)
class _Measure:
    """The function of the executor. A contestant may fail in any way; the others go on."""

    measure: Measure

    def __call__(self, cell: Any) -> Outcome:
        try:
            row = self.measure(cell)
        except EgraphError as error:
            return Failure(cell, str(error))
        except Exception as error:  # noqa: BLE001, see above
            return Failure(cell, " ".join(f"{type(error).__name__}: {error}".split()))
        torch = sys.modules.get("torch")
        threads = torch.get_num_threads() if torch is not None else None
        return {**row, "threads": threads, "finished": time.time(), "egraph": __version__}


def _limit_threads(threads: int) -> None:
    """Shares the cores evenly among processes, whatever the environment says."""
    from threadpoolctl import threadpool_limits

    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)  # for libraries that are loaded later
    threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
