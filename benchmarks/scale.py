"""What more workers bring: trials, hours and use of 1 to 512 workers, on a simulated clock.

    python benchmarks/scale.py --workers 1,8 --uneven              # ten seeds, to 200 trials
    python benchmarks/scale.py --workers 64,512 --seeds 1
    python benchmarks/scale.py --draw docs/images/scale.svg        # and the table, out of all rows

A study searches the 20,001 cells of NAS-Bench-101 in the table, whose trainings take as long as the table
says. No training is run: a clock jumps to the end of the next one. The study itself is real: the processor
time that it takes between two results passes on the clock, too, and in it no worker gets a new trial. So
`used` is the share of the workers' time in which they trained. `asynchronous` is the default of a study,
`synchronous` waits for each round. A search reaches its target when it finds a cell at least as good as the
mean best of 200 random ones. It goes on to --trials trainings, or four for each worker; with --to-target it
ends there, and says nothing of the use.

`--uneven` draws the times between 1 and 3 hours instead. `--quick` takes a linear model of numbers of
operations as the ranker and 300 candidates a round: for the use of hundreds of workers, with a study that
costs little. Rows are JSON lines in --out; those that are there
are not measured again.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import heapq
import itertools
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.base import BaseEstimator

import egraph
from egraph import datasets
from egraph.evaluation import TableLookup
from egraph.study import RankerFitted, RoundStarted, TrialFinished

SCORE, SECONDS = "val_acc_108", "train_time_s"
RANDOM = 200
"""Size of the random sample whose best score is the target."""
IDENTITY = ("workers", "synchronous", "seed", "uneven", "batch", "to_target", "quick")
"""What tells rows apart."""


class ReachedError(Exception):
    """The search has found what it looked for."""


class Counts(BaseEstimator):
    """Ridge regression on the numbers of operations and edges."""

    def features(self, architectures: Sequence[egraph.Architecture]) -> np.ndarray:
        names = sorted(load()[1].operations)
        rows = [[1, len(one.edges), *map(one.ops.count, names)] for one in architectures]
        return np.array(rows, dtype=float)

    def fit(self, architectures: Sequence[egraph.Architecture], scores: Any) -> Counts:
        x = self.features(architectures)
        self.weights_ = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ np.asarray(scores))
        return self

    def predict(self, architectures: Sequence[egraph.Architecture]) -> np.ndarray:
        return self.features(architectures) @ self.weights_


class Simulated:
    """An executor on a simulated clock.

    Args:
        function: Does a job.
        workers: Number of workers.
        last: Function from a result to its duration in seconds.

    Attributes:
        now: Seconds on the clock.
        busy: Seconds that workers have worked, those of the jobs that still run included to their end.
        driver: Seconds of the processor that passed outside of the executor.
    """

    def __init__(self, function: Callable[[Any], Any], workers: int, last: Callable[[Any], float]) -> None:
        self.capacity = workers
        self.now = self.busy = self.driver = 0.0
        self._function, self._last = function, last
        self._running: list[tuple[float, int, Future[Any], Any]] = []
        self._count = itertools.count()
        self._left = time.process_time()

    def submit(self, job: Any) -> Future[Any]:
        self._pass()
        future: Future[Any] = Future()
        result = self._function(job)
        seconds = self._last(result)
        self.busy += seconds
        heapq.heappush(self._running, (self.now + seconds, next(self._count), future, result))
        self._left = time.process_time()
        return future

    def wait(self) -> list[Future[Any]]:
        self._pass()
        done = []
        while self._running and (not done or self._running[0][0] <= self.now):
            end, _, future, result = heapq.heappop(self._running)
            self.now = max(self.now, end)
            future.set_result(result)
            done.append(future)
        self._left = time.process_time()
        return done

    def close(self) -> None:
        """Ends the jobs that still run, now."""
        self.busy -= sum(max(0.0, end - self.now) for end, *_ in self._running)
        self._running.clear()

    def _pass(self) -> None:
        """Lets the time that the study took pass on the clock."""
        seconds = time.process_time() - self._left
        self.now += seconds
        self.driver += seconds


class Progress:
    """Listens to a search.

    Args:
        target: Score to reach.
        stop: Whether the search ends when it has reached it.

    Attributes:
        clock: The executor, once the study has made it.
        done: Trials that have ended.
        reached: Number of trials and hours until the target; None before.
        fits: Durations of the fits of the ranker, in seconds.
        searches: Durations of the scoring of candidates, in seconds.
    """

    def __init__(self, target: float, stop: bool) -> None:
        self.target, self.stop = target, stop
        self.clock: Simulated | None = None
        self.done = 0
        self.reached: tuple[int, float] | None = None
        self.fits: list[float] = []
        self.searches: list[float] = []

    def __call__(self, event: object) -> None:
        if isinstance(event, RankerFitted):
            self.fits.append(event.seconds)
        if isinstance(event, RoundStarted):
            self.searches.append(event.seconds)
        if isinstance(event, TrialFinished):
            self.done += 1
            if event.trial.score >= self.target and self.reached is None:
                assert self.clock is not None
                self.reached = (self.done, self.clock.now / 3600)
                if self.stop:
                    raise ReachedError


@functools.cache
def load() -> tuple[datasets.Table, Any, float]:
    """The table, its space and the target: the mean best score of random samples."""
    table = datasets.load("nasbench101").measured(SCORE).distinct()
    rng, scores = np.random.default_rng(0), table[SCORE]
    target = np.mean([rng.choice(scores, RANDOM, replace=False).max() for _ in range(200)])
    return table, table.search_space(), float(target)


def search(
    workers: int,
    synchronous: bool,
    seed: int,
    uneven: bool,
    batch: int | None,
    to_target: bool,
    quick: bool,
    trials: int,
) -> dict[str, Any]:
    """One search; the trials and hours until the target, and what was used until the end."""
    table, space, target = load()
    lookup = TableLookup(table, SCORE, seconds_metric=None if uneven else SECONDS)
    rng, heard = np.random.default_rng(seed), Progress(target, to_target)

    def make(function: Callable[[str], str], count: int) -> Simulated:
        def do(job: str) -> str:
            answer = json.loads(function(job))
            if uneven:
                answer["outcome"]["evaluation"]["seconds"] = float(rng.uniform(3600, 3 * 3600))
            return json.dumps(answer)

        heard.clock = Simulated(do, count, lambda text: json.loads(text)["outcome"]["evaluation"]["seconds"])
        return heard.clock

    ranker = Counts() if quick else egraph.Ranker(members=2, folds=0, seed=seed)  # two networks, to save time
    options = {"workers": workers, "synchronous": synchronous, "executor": make, "ranker": ranker}
    options |= {"candidates": 300 if quick else 2000}
    study = egraph.Study(space, lookup, seed=seed, batch=batch, **options)
    with study, contextlib.suppress(ReachedError):
        study.run(trials=trials, progress=heard)
    clock = heard.clock
    assert clock is not None
    trained, hours = heard.reached or (np.inf, np.inf)
    given = (workers, synchronous, seed, uneven, batch, to_target, quick)
    return dict(zip(IDENTITY, given, strict=True)) | {
        "trials": trained, "hours": hours, "used": clock.busy / (workers * clock.now),
        "lasted": clock.now / 3600, "done": heard.done, "driver": clock.driver,
        "rounds": len(heard.searches), "fits": len(heard.fits), "fit_seconds": sum(heard.fits),
        "search_seconds": sum(heard.searches),
    }  # fmt: skip


def show(rows: list[dict[str, Any]]) -> None:
    """Prints one line for each number of workers and mode."""
    print("| workers | times | mode | ranker | batch | seeds | trials | hours | used | study, s a trial |")
    print("|---:|---|---|---|---:|---:|---:|---:|---:|---:|")
    names = ("workers", "uneven", "synchronous", "batch", "quick")
    kinds = {tuple(row[name] for name in names) for row in rows}
    for kind in sorted(kinds, key=lambda kind: tuple(-1 if part is None else part for part in kind)):
        own = [row for row in rows if tuple(row[name] for name in names) == kind]
        whole = [row for row in own if not row["to_target"]]
        trials, hours = (np.mean([row[name] for row in own]) for name in ("trials", "hours"))
        used = f"{np.mean([row['used'] for row in whole]):.3f}" if whole else ""
        driver = np.sum([row["driver"] for row in own]) / np.sum([row["done"] for row in own])
        workers, uneven, synchronous, batch, quick = kind
        mode = "rounds" if synchronous else "asynchronous"
        cells = (
            workers, "1 to 3 h" if uneven else "table", mode, "linear" if quick else "network",
            batch or "default", len(own), f"{trials:.1f}", f"{hours:.2f}", used, f"{driver:.2f}",
        )  # fmt: skip
        print(f"| {' | '.join(map(str, cells))} |")


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draws the used share of the workers' time against their number."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"svg.hashsalt": "egraph scale", "svg.fonttype": "none", "font.size": 9})
    figure, axes = pyplot.subplots(figsize=(5, 3), layout="constrained")
    whole = [row for row in rows if not row["to_target"] and not row["uneven"] and row["batch"] is None]
    for synchronous, colour, name in ((False, "#0b7285", "asynchronous"), (True, "#e8590c", "in rounds")):
        counts = sorted({row["workers"] for row in whole if row["synchronous"] == synchronous})
        used = [
            np.mean([r["used"] for r in whole if (r["workers"], r["synchronous"]) == (count, synchronous)])
            for count in counts
        ]
        axes.plot(counts, used, "o-", color=colour, label=name)
    axes.set(xscale="log", ylim=(0, 1.02), xlabel="workers", ylabel="share of time in training")
    axes.set_xticks([1, 8, 64, 512], ["1", "8", "64", "512"])
    axes.minorticks_off()
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def list_searches(given: argparse.Namespace) -> list[tuple[Any, ...]]:
    """What tells the rows apart that are asked for, seed by seed."""
    counts = [int(each) for each in given.workers.split(",")]
    modes = {"both": (False, True), "asynchronous": (False,), "synchronous": (True,)}[given.mode]
    return [
        (count, synchronous, seed, given.uneven, given.batch, given.to_target, given.quick)
        for seed in range(given.first, given.first + given.seeds)
        for count in counts
        for synchronous in (modes if count > 1 else (True,))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", default="1,8,64,512", help="joined by commas")
    parser.add_argument("--mode", choices=("both", "asynchronous", "synchronous"), default="both")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=200, help="trainings at most, and to measure the use")
    parser.add_argument("--batch", type=int, help="trials a round, in place of the default")
    parser.add_argument("--uneven", action="store_true")
    parser.add_argument("--to-target", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--draw", type=Path, help="picture to write; nothing is measured")
    parser.add_argument("--out", type=Path, default=Path("docs/results/scale.jsonl"))
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    if given.draw:
        draw(rows, given.draw)
    else:
        known = {tuple(row[name] for name in IDENTITY) for row in rows}
        with given.out.open("a") as file:
            for one in list_searches(given):
                if one not in known:
                    rows.append(search(*one, max(given.trials, 4 * one[0])))
                    print(json.dumps(rows[-1]), file=file, flush=True)
    show(rows)


if __name__ == "__main__":
    main()
