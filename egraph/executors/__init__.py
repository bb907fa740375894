"""Executors: jobs done in this process or in worker processes.

    with closing(open_executor(function, workers=4)) as executor:
        futures = [executor.submit(job) for job in jobs]
        for future in executor.wait():  # those that are done
            future.result()

`open_executor` gives an `Executor`, whose interface is that of `concurrent.futures`: ``submit`` returns a
`concurrent.futures.Future`. The function is sent once to each process. A job is any value that can be
pickled, best a frozen dataclass. A worker process finds its number, from 0 on and below the number of
workers, in the environment as ``EGRAPH_WORKER``: a training of your own can choose its GPU by it. Worker
processes are started in ``_processes.py`` and nowhere else.

To add an engine, such as a cluster: a class with the methods of `Executor`, given as ``engine=``.
"""

from __future__ import annotations

from egraph.executors._errors import (
    UnsendableError,
    WorkerDiedError,
    WorkerLoadError,
    WorkerStartError,
    WorkerTimeoutError,
    describe_error,
    one_line,
)
from egraph.executors._executor import Executor
from egraph.executors._opening import ENGINES, Engine, open_executor
from egraph.executors._processes import WORKER, end_unguarded

__all__ = [
    "ENGINES",
    "WORKER",
    "Engine",
    "Executor",
    "UnsendableError",
    "WorkerDiedError",
    "WorkerLoadError",
    "WorkerStartError",
    "WorkerTimeoutError",
    "describe_error",
    "end_unguarded",
    "one_line",
    "open_executor",
]
