"""Opens the executor that a number of workers asks for."""

from __future__ import annotations

from collections.abc import Callable

from egraph.executors._executor import Executor, Job, Result
from egraph.executors._processes import Processes
from egraph.executors._serial import Serial

__all__ = ["open_executor"]


def open_executor(
    function: Callable[[Job], Result],
    workers: int,
    *,
    threads: int = 1,
    initializer: Callable[[], object] | None = None,
    seconds: float | None = None,
) -> Executor[Job, Result]:
    """An executor with this number of worker processes; with one worker, jobs are done in this process.

    Args:
        function: Does a job. Worker processes need it to be picklable.
        workers: Number of jobs at a time.
        threads: CPU threads of each worker process. This process keeps its own setting.
        initializer: Called once in each worker process, after the function was loaded.
        seconds: Time after which a worker process is ended that is not done with its job. Jobs in this
            process cannot be ended.

    Raises:
        UnsendableError: The function or the initializer cannot be pickled.
    """
    return Serial(function) if workers == 1 else Processes(function, workers, threads, initializer, seconds)
