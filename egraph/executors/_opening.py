"""Opens the executor that a number of workers asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from egraph.errors import UnknownNameError
from egraph.executors._executor import Executor, Job, Result
from egraph.executors._processes import Processes
from egraph.executors._serial import Serial

__all__ = ["ENGINES", "Engine", "open_executor"]

Engine = str | Callable[[Callable[[Any], Any], int], Executor[Any, Any]]
"""Name of an engine, or a function that makes an executor from what does a job and a number of workers."""

ENGINES = ("inline", "processes")
"""The engines that have names."""


def open_executor(
    function: Callable[[Job], Result],
    workers: int,
    *,
    threads: int = 1,
    initializer: Callable[[], object] | None = None,
    seconds: float | None = None,
    engine: Engine | None = None,
) -> Executor[Job, Result]:
    """An executor with this number of worker processes; with one worker, jobs are done in this process.

    Args:
        function: Does a job. Worker processes need it to be picklable.
        workers: Number of jobs at a time.
        threads: CPU threads of each worker process. This process keeps its own setting.
        initializer: Called once in each worker process, after the function was loaded.
        seconds: Time after which a worker process is ended that is not done with its job. Jobs in this
            process cannot be ended.
        engine: What does the jobs. ``inline`` does them one after another in this process, ``processes`` in
            worker processes, also with one worker. Others are given ``function`` and ``workers`` alone.

    Raises:
        UnknownNameError: There is no such engine.
        UnsendableError: The function or the initializer cannot be pickled.
    """
    if callable(engine):
        return engine(function, workers)
    name = engine or ("inline" if workers == 1 else "processes")
    if name == "inline":
        return Serial(function)
    if name == "processes":
        return Processes(function, workers, threads, initializer, seconds)
    raise UnknownNameError("executor", name, ENGINES)
