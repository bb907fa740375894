"""How long the journal of a large study takes to open, to extend and to report.

    python benchmarks/journal.py                       # 100,000 trials
    python benchmarks/journal.py --trials 10000

Makes a journal of random networks of nasbench201, in rounds of eight, as a study with workers leaves it.
Then it is opened to read and to write, one round is proposed, started and finished, and the page is written.
The times are those of the clock and of the processor, which are equal on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import egraph
from egraph import report
from egraph.evaluation import Evaluation
from egraph.study import Journal, Trial, open_journal
from egraph.study._columns import TRIAL

ROUND, POOL = 8, 5000
INSERT_TRIAL = (
    f"INSERT INTO trial ({', '.join(column.name for column in TRIAL)}) VALUES ({', '.join('?' * len(TRIAL))})"
)


@contextmanager
def timed(what: str, of: int = 1, unit: str = "s") -> Iterator[None]:
    """Prints the duration of the block, or of one of several in it: on the clock, and of the processor."""
    began, busy = time.perf_counter(), time.process_time()
    yield
    seconds, busy = (time.perf_counter() - began) / of, (time.process_time() - busy) / of
    scale = 1000 if unit == "ms" else 1
    print(f"{what}: {scale * seconds:.2f} {unit}, processor {scale * busy:.2f} {unit}", flush=True)


def make_round(
    first: int, number: int, space: egraph.spaces.SearchSpace, rng: np.random.Generator
) -> list[Trial]:
    drawn = [space.sample(rng) for _ in range(ROUND)]
    return [
        Trial(
            first + n, number, "top", "queued", space.key(one), one, first + n, predicted=float(rng.random())
        )
        for n, one in enumerate(drawn)
    ]


def summarise(number: int, learned_from: int) -> dict[str, object]:
    row = {"round": number, "trials": ROUND, "baseline_trials": 0, "learned_from": learned_from}
    return row | {"fit_seconds": 1.0, "candidates": 2000, "search_seconds": 1.0}


def fill(path: Path, trials: int) -> None:
    """Writes a journal as a study leaves it, at once; networks come again, under keys of their own."""
    space, rng = egraph.spaces.get("nasbench201"), np.random.default_rng(0)
    drawn = [(space.key(one), one.to_json()) for one in (space.sample(rng) for _ in range(POOL))]
    with Journal(path) as journal:
        about = {"space": space.name, "seed": 0, "evaluator": {"kind": "training", "data": "digits"}}
        journal.describe(about | {"settings": {"workers": 8}, "versions": {}, "command": "", "created": 0.0})
        journal._db.execute("BEGIN")
        journal._db.executemany(INSERT_TRIAL, (make_row(n, *drawn[n % POOL], rng) for n in range(trials)))
        journal._db.executemany(
            "INSERT INTO round (round, trials, baseline_trials, learned_from, fit_seconds, candidates, "
            "search_seconds, tau, finished) VALUES (?, 8, 0, ?, 1, 2000, 1, ?, 1)",
            ((n, n * ROUND, 0.3 + 0.4 * rng.random()) for n in range(trials // ROUND)),
        )
        journal._db.execute("COMMIT")


def make_row(number: int, key: str, text: str, rng: np.random.Generator) -> tuple[object, ...]:
    """A trial as SQLite has it; its score comes near to the predicted one."""
    predicted, now = 0.6 + 0.3 * rng.random(), 1.7e9 + 8.0 * number
    ends = json.dumps([round(predicted + 0.01 * n, 6) for n in (-1, 1, -2, 2, -3, 3)])
    score, params = predicted + 0.02 * rng.normal(), int(rng.integers(10_000, 1_000_000))
    return (
        number, number // ROUND, "top", "complete", f"{key} {number}", text, number, predicted, ends,
        score, score - 0.01, 60 * rng.random(), params, 50 * params, "trained on digits (cpu)",
        "", now, now + 60, "regularized-evolution", "{}", 1.0, number // ROUND + 1,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.db"
        fill(path, given.trials)
        print(f"{given.trials:,} trials, {path.stat().st_size / 2**20:.0f} MiB")
        measure(path, given.trials)


def measure(path: Path, trials: int) -> None:
    space, rng = egraph.spaces.get("nasbench201"), np.random.default_rng(1)
    with timed("opened to read"):
        open_journal(path).close()
    with timed("opened to write"):
        journal = Journal(path)
    with timed("all trials read for the first time"):
        journal.read_trials()
    with timed("all trials read again"):
        journal.read_trials()
    number = trials // ROUND
    fresh = make_round(trials, number, space, rng)
    with timed("a round of eight proposed", unit="ms"):
        journal.propose(fresh, summarise(number, trials), {"searchers": {}, "told": trials})
    with timed("a trial started", ROUND, "ms"):
        for trial in fresh:
            journal.start(trial.number)
    with timed("a trial finished", ROUND, "ms"):
        for trial in fresh:
            journal.finish(trial.number, "complete", Evaluation(0.5, seconds=1.0))
    journal.close()
    with timed("the page written"):
        report.write(path, path.with_suffix(".html"))
    with open_journal(path) as opened, timed("egraph watch looks once"):
        report.look(opened)
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
