"""Opens the executor that a number of workers asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from egraph.errors import EgraphError, FailedError, UnknownNameError, UsageError, shorten
from egraph.executors._errors import describe_error
from egraph.executors._executor import Executor, Job, Result
from egraph.executors._processes import Processes
from egraph.executors._ray import Ray
from egraph.executors._serial import Serial
from egraph.specs import find_named, parse

__all__ = ["ENGINES", "LOCAL", "Engine", "find_engine", "is_local", "open_executor"]

Engine = str | Callable[[Callable[[Any], Any], int], Executor[Any, Any]]
"""Name of an engine, or a function that makes an executor from what does a job and a number of workers."""

LOCAL = ("inline", "processes")
"""The engines of this machine, whose jobs and results are any values."""

ENGINES = (*LOCAL, "ray")
"""The engines that have names."""


def find_engine(engine: Engine | None, address: str | None = None) -> Engine | None:
    """The engine of this name.

    Args:
        engine: ``inline``, ``processes``; ``ray`` with options if wanted, such as ``ray:cores=2,gpus=0.5``,
            the arguments of `Ray`; ``package.module:make``, a function that makes an executor; or such a
            function itself.
        address: Address of Ray's head, where the name does not tell.

    Raises:
        UnknownNameError: There is no such engine.
        UsageError: It has no such option, or needs no address.
        FailedError: The module cannot be imported.
        MissingExtraError: Ray is not installed.
    """
    found = _read(engine, address)
    if address is not None and not isinstance(found, Ray):
        raise UsageError("--address is that of Ray's head; use it with --executor ray")
    return found


def _read(engine: Engine | None, address: str | None) -> Engine | None:
    if engine is None or callable(engine) or engine in LOCAL:
        return engine
    if not isinstance(engine, str):
        raise UsageError(f"executor must be a name or a function that makes one, got {shorten(engine)}")
    name, colon, own = engine.partition(":")
    if name == "ray":
        options = parse(engine)[1]
        return Ray.with_options(options if address is None else {"address": address, **options})
    if name in LOCAL or not (colon and own.isidentifier()):
        raise UnknownNameError("executor", engine, [*ENGINES, "package.module:make"])
    made = find_named(engine, "--executor")
    if not callable(made):
        raise UsageError(f"{engine} is no function that makes an executor; got {shorten(made)}")
    found: Engine = made
    return found


def is_local(engine: Engine | None) -> bool:
    """Whether the jobs of an engine stay on this machine and may be any values; those of others are texts."""
    return engine is None or engine in LOCAL


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
        function: Does a job. Worker processes need it to be picklable. Engines for other machines need one
            from a text to a text.
        workers: Number of jobs at a time.
        threads: CPU threads of each worker process. This process keeps its own setting.
        initializer: Called once in each worker process, after the function was loaded; not by engines for
            other machines.
        seconds: Time after which a worker process is ended that is not done with its job. Jobs in this
            process cannot be ended.
        engine: What does the jobs, as `find_engine` reads it. ``inline`` does them one after another in this
            process, ``processes`` in worker processes, also with one worker. Engines of your own are given
            ``function`` and ``workers`` alone.

    Raises:
        UnknownNameError: There is no such engine.
        UnsendableError: The function or the initializer cannot be pickled.
        FailedError: An engine of your own failed.
        UsageError: It returned no executor.
    """
    engine = find_engine(engine) or ("inline" if workers == 1 else "processes")
    if engine == "inline":
        return Serial(function)
    if engine == "processes":
        return Processes(function, workers, threads, initializer, seconds)
    if isinstance(engine, Ray):
        opened: Executor[Any, Any] = engine.open(cast(Any, function), workers, seconds)
        return opened
    assert callable(engine)
    return _make(engine, function, workers)


def _make(engine: Callable[[Any, int], Any], function: Any, workers: int) -> Executor[Any, Any]:
    """What an engine of your own makes."""
    name = getattr(engine, "__qualname__", type(engine).__name__)
    try:
        made = engine(function, workers)
    except EgraphError:
        raise
    except Exception as error:
        raise FailedError(f"the function {name} made no executor: {describe_error(error)}") from error
    if not isinstance(made, Executor):
        raise UsageError(
            f"the function {name} must return an executor, with submit, wait, close and capacity, such as an "
            f"egraph.executors.Pool; got {shorten(made)}"
        )
    return made
