"""Executors: jobs done in this process, in worker processes or on other machines.

    with closing(open_executor(function, workers=4)) as executor:
        futures = [executor.submit(job) for job in jobs]
        for future in executor.wait():  # those that are done
            future.result()

`open_executor` gives an `Executor`, whose interface is that of `concurrent.futures`: ``submit`` returns a
`concurrent.futures.Future`. The function is sent once to each process. A job is any value that can be
pickled, best a frozen dataclass. A worker process finds its number, from 0 on and below the number of
workers, in the environment as ``EGRAPH_WORKER``: a training of your own can choose its GPU by it. Worker
processes are started in ``_processes.py`` and nowhere else.

Engines for other machines get a function from a text to a text: `Ray`, and `Pool` over any engine whose
``submit`` gives futures, such as Dask's ``Client`` or ``submitit``.

To add an engine, such as a cluster: a class with the methods of `Executor`, given as ``engine=``.
"""

from __future__ import annotations

from egraph.executors._errors import (
    UnsendableError,
    WorkerDiedError,
    WorkerLoadError,
    WorkerLostError,
    WorkerRefusedError,
    WorkerStartError,
    WorkerTimeoutError,
    check_version,
    describe_error,
    one_line,
)
from egraph.executors._executor import Executor, Stoppable
from egraph.executors._joining import join
from egraph.executors._opening import ENGINES, Engine, find_engine, is_local, open_executor
from egraph.executors._pool import Pool
from egraph.executors._processes import WORKER, end_unguarded
from egraph.executors._ray import Ray

__all__ = [
    "ENGINES",
    "WORKER",
    "Engine",
    "Executor",
    "Pool",
    "Ray",
    "Stoppable",
    "UnsendableError",
    "WorkerDiedError",
    "WorkerLoadError",
    "WorkerLostError",
    "WorkerRefusedError",
    "WorkerStartError",
    "WorkerTimeoutError",
    "check_version",
    "describe_error",
    "end_unguarded",
    "find_engine",
    "is_local",
    "join",
    "one_line",
    "open_executor",
]
