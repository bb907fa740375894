"""Self-made tables: random architectures of a space are evaluated, some of them several times.

The architectures are the first of one random sequence without two of the same key. The seeds of the runs
are the same ones for each architecture. So a larger ``count``, ``repeats`` or ``share`` continues a table,
and the parts of all shards are that of a single run. The call after which the journals of all shards are
complete in one folder writes the table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from egraph import spaces
from egraph.checks import check_probability, check_whole
from egraph.datasets import Table
from egraph.errors import JournalError, UsageError
from egraph.evaluation.base import Evaluator
from egraph.evaluation.wrapping import as_evaluator
from egraph.executors import Engine, find_engine
from egraph.spaces import SearchSpace
from egraph.study._events import Event, RetrainFinished
from egraph.study._generated import Plan, collect, read_runs, to_table
from egraph.study._identity import register
from egraph.study._journal import Journal, open_journal
from egraph.study._retrain import check_repeats, retrain
from egraph.study._stragglers import read_limit

__all__ = ["Generated", "generate"]

Progress = Callable[[int, int], object]
"""Called with the number of evaluations that are done, those of earlier runs included, and that of all."""


@dataclass(frozen=True, slots=True, eq=False)
class Generated:
    """What `generate` has made.

    Attributes:
        path: File of the table.
        table: The table, which is also in the file; None as long as a shard is missing.
        missing: Journals of other shards that are absent or have evaluations left, with their number.
    """

    path: Path
    table: Table | None
    missing: Mapping[Path, int]


def generate(
    space: SearchSpace | str,
    evaluate: Evaluator | Callable[..., Any],
    out: str | os.PathLike[str],
    *,
    count: int,
    repeats: int = 1,
    share: float = 1.0,
    shard: tuple[int, int] = (0, 1),
    seed: int = 0,
    workers: int = 1,
    command: str = "",
    trial_seconds: float | None = None,
    executor: Engine | None = None,
    progress: Progress | None = None,
) -> Generated:
    """Evaluates random architectures of a space and writes a table of them; docs/how-to/generate.md.

    The first ``share`` of the architectures is evaluated ``repeats`` times, the others once. Each evaluation
    is written at once to a journal beside the table, so that the same call resumes an interrupted one. The
    table depends on neither workers nor shards nor interruptions.

    Args:
        space: Search space, or the name of one.
        evaluate: An `Evaluator`, or a fitness: a callable from architectures to scores.
        out: File of the table; ``.parquet`` is added if it is missing.
        count: Number of architectures; fewer if the space has no more.
        repeats: Number of evaluations of an architecture.
        share: Share of the architectures that are evaluated more than once.
        shard: Number of the shard, from 0, and the number of shards. Each has a journal of its own.
        seed: Seed of the architectures and of the evaluations.
        workers: Number of evaluations at a time.
        command: Command line that repeats the call, for the provenance.
        trial_seconds: Time after which an evaluation has failed, as of `Study`; None is no limit.
        executor: What runs the evaluations, as of `Study`.
        progress: Callback of the evaluations done and in all, of this shard.

    Raises:
        UsageError: An argument is out of range, ``out`` has no journal, or repeats have no seed.
        JournalError: The journal is of other arguments, of other shards, damaged, or held by another process.
        FailedError: Each evaluation failed.
    """
    check_whole(1, count=count, repeats=repeats, workers=workers)
    check_whole(0, seed=seed)
    check_probability(share=share)
    where, evaluator, files = spaces.find(space), as_evaluator(evaluate), Files(out, *shard)
    limit, engine = read_limit(trial_seconds), find_engine(executor)
    check_repeats(evaluator, repeats)
    plan = Plan.draw(where, count, repeats, share, seed)
    with Journal(files.own) as journal:
        register(journal, where, seed, evaluator, {"shards": files.shards}, costs={})
        journal.requeue(lost=True)
        run = partial(retrain, journal, evaluator, seed=seed, workers=workers, seconds=limit, engine=engine)
        _evaluate(journal, plan.shard(*shard), run, progress)
        left = {path: _count_left(path, journal, plan.shard(*part)) for path, part in files.others.items()}
        settings = journal.settings
    if missing := {path: number for path, number in left.items() if number}:
        return Generated(files.table, None, missing)
    table = to_table(where, evaluator, plan, collect(files.journals), name=files.table.stem)
    return _write(table, files.table, command, seed, settings["versions"])


def _write(table: Table, path: Path, command: str, seed: int, versions: Mapping[str, str]) -> Generated:
    """Saves the table with its provenance."""
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    table.provenance |= {"command": command, "seed": str(seed), "versions": shown}
    table.save(path)
    return Generated(path, table, {})


def _evaluate(journal: Journal, plan: Plan, run: Callable[..., object], progress: Progress | None) -> None:
    """First one run of each network, then the further ones."""
    needed, known = plan.needed, read_runs(journal)
    done = sum(run in known for run in needed)

    def emit(event: Event) -> None:
        nonlocal done
        if isinstance(event, RetrainFinished):
            done += 1
            if progress is not None:
                progress(done, len(needed))

    if progress is not None:
        progress(done, len(needed))
    for repeats in sorted({1, *plan.runs.values()}):
        part = {key: network for key, network in plan.networks.items() if plan.runs[key] >= repeats}
        run(part, repeats=repeats, emit=emit)


def _count_left(path: Path, own: Journal, plan: Plan) -> int:
    """The number of evaluations that another shard has not done.

    Raises:
        JournalError: Its journal is of other arguments.
    """
    if not os.path.exists(path):
        return len(plan.needed)
    with open_journal(path) as journal:
        for name in ("space", "seed", "evaluator"):
            if journal.settings.get(name) != own.settings[name]:
                raise JournalError(
                    f"{path} is of another {name} than {own.path}; move it away, or choose another file"
                )
        known = read_runs(journal)
    return sum(run not in known for run in plan.needed)


class Files:
    """The table, and the journals of all shards beside it.

    Args:
        out: File of the table.
        index: Number of the own shard.
        shards: Number of shards.

    Raises:
        UsageError: There is no such shard, or there is a table without a journal.
        JournalError: There are journals of another number of shards.

    Attributes:
        table: File of the table.
        journals: Journals of all shards.
        own: Journal of the own shard.
        others: The other journals, with the number of the shard and of all.
    """

    def __init__(self, out: str | os.PathLike[str], index: int, shards: int) -> None:
        if not 0 <= index < shards:
            raise UsageError(f"a shard is I/N with I from 0 to N - 1, such as 0/4; got {index}/{shards}")
        stem, self.shards = Path(os.fspath(out).removesuffix(".parquet")), shards
        names = [f"-{number}-of-{shards}" for number in range(shards)] if shards > 1 else [""]
        self.table = stem.with_name(f"{stem.name}.parquet")
        self.journals = [stem.with_name(f"{stem.name}{name}.db") for name in names]
        self.own = self.journals[index]
        self.others = {path: (k, shards) for k, path in enumerate(self.journals) if k != index}
        self._check(stem)

    def _check(self, stem: Path) -> None:
        pattern = re.compile(re.escape(stem.name) + r"(-\d+-of-(\d+))?\.db")
        found = sorted(file for file in stem.parent.glob("*.db") if pattern.fullmatch(file.name))
        for file in found:
            match = pattern.fullmatch(file.name)
            if match and (begun := int(match[2] or 1)) != self.shards:
                raise JournalError(
                    f"{self.table} was begun with {begun} shard{'s' * (begun > 1)} ({file.name}), not "
                    f"{self.shards}; go on with as many, or choose another file"
                )
        if os.path.exists(self.table) and not found:
            raise UsageError(
                f"{self.table} is a table without the journal {self.own.name}, which would be "
                "overwritten; choose another file"
            )
