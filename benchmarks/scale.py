"""What more workers bring: trials, hours and use of 1 to 512 workers, on a simulated clock.

    python benchmarks/scale.py                                # all numbers of workers, ten seeds
    python benchmarks/scale.py --workers 1,8 --seeds 3        # a first look

A study searches the 20,001 cells of NAS-Bench-101 in the table, whose trainings take as long as the table
says. No training is run: a clock jumps to the end of the next one. The study itself is real: the time that
it takes between two results passes on the clock, too, and in it no worker gets a new trial. So `used` is
the share of the workers' time in which they trained. `asynchronous` is the default of a study, `synchronous`
waits for each round. A search reaches its target when it finds a cell at least as good as the mean best of
200 random ones. It goes on to --trials trainings, or four for each worker.

`--uneven` draws the times between 1 and 3 hours instead.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import egraph
from egraph import datasets
from egraph.evaluation import TableLookup
from egraph.study import TrialFinished

SCORE, SECONDS = "val_acc_108", "train_time_s"
RANDOM = 200
"""Size of the random sample whose best score is the target."""


class Simulated:
    """An executor on a simulated clock.

    Args:
        function: Does a job.
        workers: Number of workers.
        last: Function from a result to its duration in seconds.

    Attributes:
        now: Seconds on the clock.
        busy: Seconds that workers have worked, those of the jobs that still run included to their end.
        driver: Seconds that passed outside of the executor.
    """

    def __init__(self, function: Callable[[Any], Any], workers: int, last: Callable[[Any], float]) -> None:
        self.capacity = workers
        self.now = self.busy = self.driver = 0.0
        self._function, self._last = function, last
        self._running: list[tuple[float, int, Future[Any], Any]] = []
        self._count = itertools.count()
        self._left = time.perf_counter()

    def submit(self, job: Any) -> Future[Any]:
        self._pass()
        future: Future[Any] = Future()
        result = self._function(job)
        seconds = self._last(result)
        self.busy += seconds
        heapq.heappush(self._running, (self.now + seconds, next(self._count), future, result))
        self._left = time.perf_counter()
        return future

    def wait(self) -> list[Future[Any]]:
        self._pass()
        done = []
        while self._running and (not done or self._running[0][0] <= self.now):
            end, _, future, result = heapq.heappop(self._running)
            self.now = max(self.now, end)
            future.set_result(result)
            done.append(future)
        self._left = time.perf_counter()
        return done

    def close(self) -> None:
        """Ends the jobs that still run, now."""
        self.busy -= sum(max(0.0, end - self.now) for end, *_ in self._running)
        self._running.clear()

    def _pass(self) -> None:
        """Lets the time that the study took pass on the clock."""
        seconds = time.perf_counter() - self._left
        self.now += seconds
        self.driver += seconds


def find_target(scores: np.ndarray) -> float:
    """The mean best score of random samples."""
    rng = np.random.default_rng(0)
    return float(np.mean([rng.choice(scores, RANDOM, replace=False).max() for _ in range(200)]))


def search(workers: int, synchronous: bool, seed: int, trials: int, uneven: bool) -> dict[str, Any]:
    """One search; the trials and hours until the target, and what was used until the end."""
    table = datasets.load("nasbench101").measured(SCORE).distinct()
    lookup = TableLookup(table, SCORE, seconds_metric=None if uneven else SECONDS)
    rng = np.random.default_rng(seed)
    target = find_target(table[SCORE])
    made: list[Simulated] = []

    def last(outcome: Any) -> float:
        return float(rng.uniform(3600, 3 * 3600)) if uneven else float(outcome.evaluation.seconds)

    def make(function: Callable[[Any], Any], count: int) -> Simulated:
        made.append(Simulated(function, count, last))
        return made[-1]

    reached: list[tuple[int, float]] = []
    done = 0

    def listen(event: object) -> None:
        nonlocal done
        if isinstance(event, TrialFinished):
            done += 1
            if event.trial.score >= target and not reached:
                reached.append((done, made[-1].now / 3600))

    space = table.search_space()
    ranker = egraph.Ranker(members=2, folds=0, seed=seed)  # two networks, to save time
    options = {"workers": workers, "synchronous": synchronous, "executor": make, "ranker": ranker}
    with egraph.Study(space, lookup, seed=seed, **options) as study:
        study.run(trials=trials, progress=listen)
    clock = made[-1]
    trained, hours = reached[0] if reached else (np.inf, np.inf)
    return {
        "workers": workers,
        "synchronous": synchronous,
        "uneven": uneven,
        "seed": seed,
        "trials": trained,
        "hours": hours,
        "used": clock.busy / (workers * clock.now),
        "driver": clock.driver,
        "done": done,
    }


def show(rows: list[dict[str, Any]]) -> None:
    """Prints one line for each number of workers and mode."""
    print("| workers | mode | seeds | trials to the target | hours | used | study's own, s a trial |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    for workers, synchronous in sorted({(row["workers"], row["synchronous"]) for row in rows}):
        own = [row for row in rows if (row["workers"], row["synchronous"]) == (workers, synchronous)]
        trials, hours, used = (np.mean([row[name] for row in own]) for name in ("trials", "hours", "used"))
        driver = np.mean([row["driver"] / row["done"] for row in own])
        mode = "synchronous" if synchronous else "asynchronous"
        print(f"| {workers} | {mode} | {len(own)} | {trials:.1f} | {hours:.2f} | {used:.3f} | {driver:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", default="1,8,64,512", help="joined by commas")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=200, help="trainings at most, and to measure the use")
    parser.add_argument("--uneven", action="store_true")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/scale.jsonl"))
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    names = ("workers", "synchronous", "seed", "uneven")
    known = {tuple(row[name] for name in names) for row in rows}
    counts = [int(each) for each in given.workers.split(",")]
    wanted = [
        (count, synchronous, seed, given.uneven)
        for seed in range(given.seeds)
        for count in counts
        for synchronous in ((False, True) if count > 1 else (True,))
    ]
    with ProcessPoolExecutor(given.processes) as pool, given.out.open("a") as file:
        jobs = [
            pool.submit(search, count, synchronous, seed, max(given.trials, 4 * count), uneven)
            for count, synchronous, seed, uneven in wanted
            if (count, synchronous, seed, uneven) not in known
        ]
        for job in as_completed(jobs):
            rows.append(job.result())
            print(json.dumps(rows[-1]), file=file, flush=True)
    show([row for row in rows if tuple(row[name] for name in names) in wanted])


if __name__ == "__main__":
    main()
