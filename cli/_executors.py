"""The options for what runs trainings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from egraph.cli._options import count_workers, stack
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.executors import Engine

__all__ = ["executor_options", "read_executor"]

ALL = 1000
"""Number of trainings at a time on a cluster where none is given: all that it has room for."""

executor_options = stack(
    [
        click.option(
            "--executor",
            metavar="NAME",
            help="What runs the trainings: inline, processes, ray, or PACKAGE.MODULE:FUNCTION. Ray with the "
            "resources of a training: ray:cores=2,gpus=0.25,memory=8, in gigabytes. See "
            "docs/how-to/workers.md. Default: processes, and inline with one worker.",
        ),
        click.option(
            "--address",
            metavar="HOST:PORT",
            help="The head of the Ray cluster that this machine is in. Default: $RAY_ADDRESS, else Ray is "
            "started on this machine alone.",
        ),
    ]
)
"""The options ``--executor`` and ``--address``."""


def read_executor(
    executor: str | None, address: str | None, workers: int | None
) -> tuple[Engine | None, int]:
    """The engine, and the number of trainings at a time: by default all that a Ray cluster has room for.

    Raises:
        UsageError: There is no such engine, an address for one that needs none, or several trainings at a
            time for one that does one after another.
    """
    from egraph.executors import Ray, find_engine
    from egraph.specs import current_folder_first

    with current_folder_first():
        engine = find_engine(executor, address)
    if engine == "inline":
        if workers not in (None, 1):
            raise UsageError("--executor inline does one training at a time; leave --workers out")
        return engine, 1
    return engine, (workers or ALL) if isinstance(engine, Ray) else count_workers(workers)
