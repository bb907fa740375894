"""Kills workers, machines and drivers of studies on a Ray cluster at random moments, and checks the journals.

    python benchmarks/kills.py --kills 50

The cluster has two machines that work, all on this one. Studies look networks up in a table, a third of a
second each. What is killed (-9) is drawn at random: a worker process, a machine, which is replaced, or the
driver of the study, which is started again with the same journal. Whenever the journal is read, it must have
all results that it had before, unchanged. At the end of a study no network may be there twice, and no trial
that is not complete.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import egraph
from egraph.errors import JournalError
from egraph.evaluation import Evaluation, Evaluator, TableLookup
from egraph.study import open_journal

TRIALS = 100
SECONDS = 0.3
STORE = 80_000_000
KINDS = ("worker", "machine", "driver")
BETWEEN = (0.2, 4.0)
"""Seconds between the first result after a kill and the next one."""

PATIENCE = 40.0
"""Seconds after which the next kill comes without a result, such as while a worker starts."""

LONGEST = 600.0
"""Seconds after which a study that nothing disturbs counts as stuck."""


class Slowed(Evaluator):
    """Looks a network up, takes a while, and notes the process that did it."""

    def __init__(self, lookup: TableLookup, notes: Path) -> None:
        self.lookup, self.notes = lookup, notes

    def evaluate(self, architecture: egraph.Architecture, *, seed: int = 0) -> Evaluation:
        (self.notes / f"{time.time_ns()}-{os.getpid()}").touch()
        time.sleep(SECONDS)
        return self.lookup.evaluate(architecture, seed=seed)

    def describe(self) -> dict[str, object]:
        return self.lookup.describe()


def drive(journal: str, address: str, notes: str, seed: int) -> None:
    """Runs a study to its end, or until it is killed."""
    table = egraph.datasets.load("mnist1d_convnet")
    evaluator = Slowed(TableLookup(table, "score"), Path(notes))
    with egraph.Study(
        table.search_space(), evaluator, storage=journal, seed=seed, ranker=False, workers=2,
        executor=f"ray:address={address}",
    ) as study:  # fmt: skip
        study.run(trials=TRIALS)


class Driver:
    """The process of a study."""

    def __init__(self, folder: Path, address: str, seed: int) -> None:
        self.journal, self.notes = folder / f"{seed}.db", folder / f"notes-{seed}"
        self.notes.mkdir(exist_ok=True)
        self._command = [
            sys.executable, "-W", "ignore", "-c",
            f"import kills; kills.drive({str(self.journal)!r}, {address!r}, {str(self.notes)!r}, {seed})",
        ]  # fmt: skip
        self.known: dict[int, tuple[str, float, float]] = {}
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, cwd=Path(__file__).parent)

    def read(self) -> dict[int, tuple[str, float, float]]:
        """Key, score and time of the trials that are done, by number; checks that none has changed."""
        try:
            with open_journal(self.journal) as journal:
                done = journal.read_trials(states=["complete"])
        except JournalError:  # not begun
            return {}
        read = {one.number: (one.key, one.score, one.finished or 0.0) for one in done}
        lost = self.known.items() - read.items()
        assert not lost, f"results were lost or changed: {lost}"
        self.known = read
        return read

    def wait_for_result(self) -> bool:
        """Waits for the next result, but not long; whether the study still runs then."""
        before, until = len(self.known), time.monotonic() + PATIENCE
        while len(self.read()) == before and time.monotonic() < until and self.process.poll() is None:
            time.sleep(0.05)
        return self.process.poll() is None

    def check_end(self) -> Counter[str]:
        """What the journal of a study that has ended has."""
        assert self.process.wait(LONGEST) == 0, "the study failed"
        with open_journal(self.journal) as journal:
            trials = journal.read_trials()
            lost = sum(journal.losses.values())
        keys = [trial.key for trial in trials]
        states = Counter(trial.state for trial in trials)
        return Counter(
            studies=1, complete=states["complete"], other=len(trials) - states["complete"],
            doubled=len(keys) - len(set(keys)), missing=TRIALS - len(trials), losses=lost,
        )  # fmt: skip


def kill_worker(driver: Driver) -> bool:
    """Kills the process of the newest evaluation; whether there was one."""
    for note in sorted(driver.notes.iterdir(), reverse=True)[:4]:
        try:
            os.kill(int(note.name.split("-")[1]), signal.SIGKILL)
            return True
        except ProcessLookupError:
            continue
    return False


def insist(start: Callable[[], Any]) -> Any:
    """Starts a machine; Ray gives it 30 s for that, which a busy one exceeds."""
    for _ in range(5):
        try:
            return start()
        except Exception as error:  # noqa: BLE001, Ray raises it as such
            print(error, file=sys.stderr)
    return start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=60, help="time after which nothing is killed")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    rng, kills, ends = np.random.default_rng(arguments.seed), Counter(), Counter()
    begun = time.monotonic()
    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    cluster = insist(lambda: Cluster(initialize_head=True, head_node_args=head))
    add = partial(cluster.add_node, num_cpus=1, object_store_memory=STORE)
    machines = [insist(add) for _ in range(2)]
    with tempfile.TemporaryDirectory() as folder:
        driver = Driver(Path(folder), cluster.address, ends["studies"])
        while kills.total() < arguments.kills and time.monotonic() - begun < 60 * arguments.minutes:
            if not driver.wait_for_result():
                ends += driver.check_end()
                driver = Driver(Path(folder), cluster.address, ends["studies"])
                continue
            time.sleep(rng.uniform(*BETWEEN))
            kind = str(rng.choice(KINDS))
            if kind == "worker" and not kill_worker(driver):
                continue
            if kind == "machine":
                cluster.remove_node(machines.pop(int(rng.integers(2))), allow_graceful=False)
                machines.append(insist(add))
            if kind == "driver":
                driver.process.kill()
                driver.process.wait()
                driver.read()
                driver.start()
            kills[kind] += 1
            print(f"{kills.total():3} {kind:8} {len(driver.known)} done", file=sys.stderr, flush=True)
        ends += driver.check_end()
    cluster.shutdown()
    print("killed    " + ", ".join(f"{kills[kind]} {kind}s" for kind in KINDS))
    print(f"studies   {ends['studies']}, of {TRIALS} trials each; {time.monotonic() - begun:.0f} s")
    for name in ("complete", "other", "doubled", "missing"):
        print(f"{name:9} {ends[name]} trials")


if __name__ == "__main__":
    main()
