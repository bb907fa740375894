"""The budget of a search, its journal and its output."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._executors import executor_options, read_executor
from egraph.cli._options import (
    count_option,
    find_journal,
    journal_options,
    json_option,
    positive_option,
    seed_option,
    workers_option,
)
from egraph.cli._search._groups import option

if TYPE_CHECKING:
    from egraph.cli._search.data import Measured

__all__ = ["Running"]


@dataclass(frozen=True)
class Running:
    """Options for the run."""

    trials: int = option(
        count_option(
            "--trials",
            default=60,
            help="Number of trainings; with --fidelities their cost in whole trainings: ten that cost a "
            "tenth count as one.",
        )
    )
    seconds: float | None = option(positive_option("--seconds", help="Time after which no training starts."))
    trial_seconds: float | None = option(
        positive_option(
            "--trial-seconds",
            help="Time after which a training has failed; the --final-recipe has no limit.",
        )
    )
    timeout: str | None = option(
        click.option(
            "--timeout",
            metavar="SECONDS|5x",
            help="The same as --trial-seconds, or a multiple of the usual time of a training.",
        )
    )
    backup: str | None = option(
        click.option(
            "--backup",
            metavar="2x",
            help="Multiple of the usual time after which an idle worker repeats a training; the first result "
            "counts.",
        )
    )
    no_baseline: bool = option(
        click.option("--no-baseline", is_flag=True, help="Do not run random search beside it.")
    )
    storage: str | None = option(journal_options("runs/SPACE-DATA-SEED.db"))
    resume: bool = option()
    force_resume: bool = option()
    workers: int | None = option(workers_option("Trainings"))
    executor: str | None = option(executor_options)
    address: str | None = option()
    synchronous: bool = option(
        click.option(
            "--synchronous",
            is_flag=True,
            help="Begin a round when the last one is done: the same history with any number of workers.",
        )
    )
    seed: int = option(seed_option)
    as_json: bool = option(json_option("the result"))

    def find_journal(self, measured: Measured, data: str) -> Path:
        """Path of the journal.

        Raises:
            JournalError: There is no journal, and ``--resume`` was given.
        """
        # The options of a name, such as mnist1d:noise=0.5, contain characters that files cannot have.
        given = ":" in data and not os.path.exists(data)
        stem = re.sub(r"[:=,.]+", "-", Path(data).name) if given else Path(data).stem
        space = re.sub(r"[:=,.]+", "-", measured.name.split("@")[0])  # nets:build@1x28x28,10
        usual = f"runs/{space}-{stem}-{self.seed}.db"
        return find_journal(self.storage, usual, self.resume)

    def read_executor(self, measured: Measured) -> dict[str, Any]:
        """The engine and the number of evaluations at a time; by default one where nothing is trained.

        Raises:
            UsageError: There is no such engine, or an address for one that needs none.
        """
        workers = self.workers if measured.trains or self.executor else self.workers or 1
        engine, count = read_executor(self.executor, self.address, workers)
        return {"executor": engine, "workers": count}
