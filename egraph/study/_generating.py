"""Self-made tables: random architectures of a space are evaluated, some of them several times."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from egraph import spaces
from egraph.architecture import Architecture
from egraph.checks import check_probability, check_whole
from egraph.datasets import Table
from egraph.errors import FailedError, JournalError, UsageError
from egraph.evaluation.base import Evaluator
from egraph.evaluation.wrapping import as_evaluator
from egraph.searchers import RandomSearch
from egraph.spaces import SearchSpace
from egraph.study._generated import collect, read_runs, to_table
from egraph.study._identity import register
from egraph.study._journal import Journal, open_journal
from egraph.study._retrain import retrain
from egraph.study._seeds import derive

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
    progress: Progress | None = None,
) -> Generated:
    """Evaluates random architectures of a space and writes a table of them.

    The architectures are the first ``count`` of one random sequence without two of the same key. The first
    ``share`` of them are evaluated ``repeats`` times, the others once. The seeds of the runs follow from
    ``seed``, the same ones for each architecture. So the table depends on neither workers nor shards nor
    interruptions, and a larger ``count``, ``repeats`` or ``share`` continues it.

    Each evaluation is written at once to a journal beside the table. An interrupted call resumes when it is
    repeated: nothing is evaluated twice, failed evaluations included.

    **Shards** divide the work among processes or machines. Each has a journal of its own,
    ``NAME-0-of-4.db``. The call after which all journals are complete in one folder writes the table.

    The metrics of the table are ``score`` and ``test_score``, means over the runs, the single runs
    ``score_0``, ``score_1`` and so on where there are repeats, ``seconds`` of one run, and for trainings
    ``params`` and ``flops``. The column ``number`` is the place in the sequence, ``runs`` the number of
    successful runs, and ``failure`` the reason of the last failed one; a network without a successful run
    has NaN as its scores.

    Args:
        space: Search space, or the name of one.
        evaluate: An `Evaluator`, or a fitness: a callable from architectures to scores.
        out: File of the table; ``.parquet`` is added if it is missing.
        count: Number of architectures; fewer if the space has no more.
        repeats: Number of evaluations of an architecture.
        share: Share of the architectures that are evaluated more than once.
        shard: Number of the shard, from 0, and the number of shards.
        seed: Seed of the architectures and of the evaluations.
        workers: Number of evaluations at a time.
        command: Command line that repeats the call, for the provenance.
        progress: Callback of the evaluations done and in all, of this shard.

    Raises:
        UsageError: An argument is out of range, or ``out`` is a table without a journal.
        JournalError: The journal is of other arguments, of other shards, damaged, or held by another process.
        FailedError: Each evaluation failed.
    """
    check_whole(1, count=count, repeats=repeats, workers=workers)
    check_whole(0, seed=seed)
    check_probability(share=share)
    index, shards = shard
    if not 0 <= index < shards:
        raise UsageError(f"a shard is I/N with I from 0 to N - 1, such as 0/4; got {index}/{shards}")
    where = spaces.get(space) if isinstance(space, str) else space
    evaluator, files = as_evaluator(evaluate), _Files(out, shards)
    files.check(index)
    sequence = RandomSearch(where, seed=derive(seed, "generate")).ask(count)
    networks = {where.key(architecture): architecture for architecture in sequence}
    repeated = round(share * len(networks))
    plan = {key: repeats if number < repeated else 1 for number, key in enumerate(networks)}
    with Journal(files.journals[index]) as journal:
        register(journal, where, seed, evaluator, {"shards": shards}, costs={})
        own = dict(islice(networks.items(), index, None, shards))
        _evaluate(journal, evaluator, own, plan, seed=seed, workers=workers, progress=progress)
        missing = {
            path: left
            for number, path in enumerate(files.journals)
            if number != index and (left := _count_left(path, journal, plan, number, shards))
        }
        if missing:
            return Generated(files.table, None, missing)
        versions = journal.settings["versions"]
    runs = collect(files.journals)
    if not any(run.state == "complete" for run in runs.values()):
        last = list(runs.values())[-1]
        raise FailedError(
            f"each of {len(runs)} evaluations failed, the last because: {last.reason}; repair the evaluation "
            "and choose another file"
        )
    table = to_table(where, evaluator, networks, plan, runs, name=files.table.stem)
    table.provenance |= {
        "made by": "egraph data generate",
        **({"command": command} if command else {}),
        "seed": str(seed),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    table.save(files.table)
    return Generated(files.table, table, {})


def _evaluate(
    journal: Journal,
    evaluator: Evaluator,
    networks: Mapping[str, Architecture],
    plan: Mapping[str, int],
    *,
    seed: int,
    workers: int,
    progress: Progress | None,
) -> None:
    """First one run of each network, then the further ones."""
    known = read_runs(journal)
    total = sum(plan[key] for key in networks)
    done = sum((key, repeat) in known for key in networks for repeat in range(plan[key]))

    def emit(_: object) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    if progress is not None:
        progress(done, total)
    for repeats in sorted({1, *(plan[key] for key in networks)}):
        part = {key: network for key, network in networks.items() if plan[key] >= repeats}
        retrain(journal, evaluator, part, repeats=repeats, seed=seed, workers=workers, emit=emit)


def _count_left(path: Path, own: Journal, plan: Mapping[str, int], number: int, shards: int) -> int:
    """The number of evaluations that another shard has not done.

    Raises:
        JournalError: Its journal is of other arguments.
    """
    needed = [(key, run) for key in islice(plan, number, None, shards) for run in range(plan[key])]
    if not path.exists():
        return len(needed)
    with open_journal(path) as journal:
        for name in ("space", "seed", "evaluator"):
            if journal.settings.get(name) != own.settings[name]:
                raise JournalError(
                    f"{path} is of another {name} than {own.path}; move it away, or choose another file"
                )
        known = read_runs(journal)
    return sum(run not in known for run in needed)


class _Files:
    """The table and the journals of all shards beside it."""

    def __init__(self, out: str | os.PathLike[str], shards: int) -> None:
        self._stem, self._shards = Path(os.fspath(out).removesuffix(".parquet")), shards
        names = [f"-{number}-of-{shards}" for number in range(shards)] if shards > 1 else [""]
        self.table = self._beside(".parquet")
        self.journals = [self._beside(f"{name}.db") for name in names]

    def check(self, index: int) -> None:
        """Refuses a table of another origin, and journals of another number of shards.

        Raises:
            UsageError: There is a table without a journal.
            JournalError: There are journals of another number of shards.
        """
        pattern = re.compile(re.escape(self._stem.name) + r"(-\d+-of-(\d+))?\.db")
        found = {
            file: match for file in self._stem.parent.glob("*.db") if (match := pattern.fullmatch(file.name))
        }
        for file, match in sorted(found.items()):
            if (begun := int(match[2] or 1)) != self._shards:
                raise JournalError(
                    f"{self.table} was begun with {begun} shard{'s' * (begun > 1)} ({file.name}), not "
                    f"{self._shards}; go on with as many, or choose another file"
                )
        if self.table.exists() and not found:
            raise UsageError(
                f"{self.table} is a table without the journal {self.journals[index].name}, which would be "
                "overwritten; choose another file"
            )

    def _beside(self, ending: str) -> Path:
        return self._stem.with_name(self._stem.name + ending)
