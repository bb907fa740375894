"""Measures cells in parallel processes, and keeps each finished one as a line of a file."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, fields
from multiprocessing import connection
from typing import Any

from egraph._version import __version__
from egraph.bench._log import open_log, read_log
from egraph.errors import EgraphError, FailedError, UsageError

__all__ = ["Failure", "Measure", "Progress", "identify", "measure_all"]

Measure = Callable[[Any], dict[str, Any]]
"""Measures a cell: gives the row of its result, which begins with the fields of the cell."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that could not be measured; it is not written down, so that the next run tries again."""

    cell: Any
    reason: str


Row = dict[str, Any]
Outcome = Row | Failure
Progress = Callable[[int, int, Outcome | None], None]
"""Told how many cells are done, of how many, and the row or failure that came last."""


def identify(row: Any, kind: type) -> str:
    """A text that a cell of this kind shares with the row of its result, and with no other."""
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
    """Measures the cells that a file does not have yet.

    Args:
        kind: the dataclass of the cells; its first field names the contestant, such as ``predictor``.
        cells: what to measure, JSON-ready; equal ones are measured once.
        measure: goes to each process once, where it may keep what several cells need.
        out: a file of results to go on with.
        processes: how many cells at a time; they share the cores evenly.
        progress: is told of each cell.

    Returns:
        The rows in the order of the cells, the failures, and how many rows were in the file already. Beside
        what ``measure`` gives, a row has ``threads``, ``finished`` (seconds since 1970) and ``egraph``, the
        version.

    Raises:
        UsageError: ``processes`` is below 1, or ``measure`` cannot be sent to other processes.
        DataError: ``out`` is no file of such results.
        FailedError: a process died, or ``out`` cannot be written. What is in ``out`` stays.
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
        with _open_pool(measure, processes, len(missing), contestant) as measured:
            for outcome in measured(missing):
                if isinstance(outcome, Failure):
                    failures.append(outcome)
                else:
                    if log is not None:
                        log.append(outcome)
                    rows[identify(outcome, kind)] = outcome
                if progress is not None:
                    progress(len(rows) + len(failures), len(planned), outcome)
    return [rows[name] for name in planned if name in rows], failures, resumed


@contextmanager
def _open_pool(
    measure: Measure, processes: int, cells: int, contestant: str
) -> Iterator[Callable[[Sequence[Any]], Iterator[Outcome]]]:
    """What measures cells and gives each when it is done."""
    if processes == 1 or cells <= 1:
        yield lambda cells: (_try(measure, cell) for cell in cells)
        return
    try:
        pickle.dumps(measure)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"the {contestant}s cannot be sent to other processes ({error}); "
            "define them at the top of a module, or use one process"
        ) from None
    threads = max(1, (os.cpu_count() or 1) // processes)
    pool = ProcessPoolExecutor(
        min(processes, cells), multiprocessing.get_context("spawn"), _begin_process, (measure, threads)
    )
    try:
        yield lambda cells: _collect(pool, cells)
    except BaseException:
        started = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in started:
            process.terminate()
        raise
    pool.shutdown()


def _collect(pool: ProcessPoolExecutor, cells: Sequence[Any]) -> Iterator[Outcome]:
    running: set[Future[Outcome]] = {pool.submit(_measure_here, cell) for cell in cells}
    try:
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool:
        raise FailedError(
            "a process died, perhaps out of memory: start again with fewer processes, what was measured is "
            "kept; if none could start, run a script under `if __name__ == '__main__':`"
        ) from None


def _try(measure: Measure, cell: Any) -> Outcome:
    try:
        row = measure(cell)
    except EgraphError as error:
        return Failure(cell, str(error))
    except Exception as error:  # noqa: BLE001, a contestant may fail in any way; the others go on
        return Failure(cell, " ".join(f"{type(error).__name__}: {error}".split()))
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch is not None else None
    return {**row, "threads": threads, "finished": time.time(), "egraph": __version__}


_measure: Measure


def _begin_process(measure: Measure, threads: int) -> None:
    """Prepares a worker process, which ends with its parent, however that ends."""
    global _measure
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _measure = measure
    from threadpoolctl import threadpool_limits

    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)  # for libraries that are loaded later
    threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def _measure_here(cell: Any) -> Outcome:
    return _try(_measure, cell)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
