"""What is done on other machines in the tests of Ray."""

import os
import time
import warnings
from pathlib import Path

from played import MODES, SPACE, Played, study

from egraph.errors import EvaluationError, WorkerWarning

HANGS = 40
"""Seconds in which a straggler does nothing."""


class Noted(Played):
    """Takes a while, and notes the process that evaluates."""

    def __init__(self, folder, seconds=0.2, share=1.0):
        super().__init__(seconds=seconds, share=share)
        self.folder = folder

    def evaluate(self, architecture, *, seed=0):
        (self.folder / f"{time.time_ns()}-{os.getpid()}").touch()
        return super().evaluate(architecture, seed=seed)


class Faulty(Played):
    """Notes that it begins, and fails in the way that the first number of the architecture says."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def evaluate(self, architecture, *, seed=0):
        first = SPACE.numbers(architecture)[0]
        (self.folder / f"{first}-{time.time_ns()}").touch()
        self.how = {0: "kill", 1: "hang"}.get(first, "")
        self.fail()
        if first == 2:
            bytearray(2**60)
        if first == 3:
            import torch

            torch.empty(2**50)
        return super().evaluate(architecture, seed=seed)


class Straggling(Played):
    """Hangs where the first number is 0, the first time where it is 1. Waits until all workers are there."""

    def __init__(self, folder, workers):
        super().__init__(seconds=0.05)
        self.folder, self.workers = folder, workers

    def evaluate(self, architecture, *, seed=0):
        first = SPACE.numbers(architecture)[0]
        begun = self.folder / "begun"
        (self.folder / f"worker-{os.getpid()}").touch()
        wait_until(lambda: len(list(self.folder.glob("worker-*"))) >= self.workers)
        if first == 0 or (first == 1 and not begun.exists()):
            begun.touch()
            time.sleep(HANGS)
        return super().evaluate(architecture, seed=seed)


class Picky(Played):
    """Works on machines without a certain variable only, and there when all others have failed."""

    def __init__(self, refused, *others):
        super().__init__(seconds=0.1)
        self.refused, self.others = refused, others

    def arrive(self):
        if "EGRAPH_TEST_BAD" in os.environ:
            self.refused.touch()
            raise EvaluationError("no good here")
        wait_until(lambda: all(one.exists() for one in (self.refused, *self.others)))


def wait_until(condition):
    """Waits for it, a minute at most."""
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)


def search(path, address, notes, trials):
    """A study that a test starts in a process of its own, and kills."""
    warnings.simplefilter("ignore", WorkerWarning)
    options = {"evaluate": Noted(Path(notes)), "workers": 2, "executor": f"ray:address={address}"}
    with study(path, **options, **MODES["ranker"]) as one:
        one.run(trials=trials, baseline=True)
