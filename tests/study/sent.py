"""What is done on other machines in the tests of Ray."""

import os
import time
import warnings
from pathlib import Path

from played import MODES, Played, study

from egraph.errors import EvaluationError, WorkerWarning


def shout(text):
    if text == "raise":
        raise ZeroDivisionError("by\nzero")
    if text == "sleep":
        time.sleep(60)
    return f"{text}! {os.environ.get('CUDA_VISIBLE_DEVICES', '')}"


class Noted(Played):
    """Takes a while, and notes the process that evaluates."""

    def __init__(self, folder, seconds=0.3, share=1.0):
        super().__init__(seconds=seconds, share=share)
        self.folder = folder

    def evaluate(self, architecture, *, seed=0):
        (self.folder / f"{time.time_ns()}-{os.getpid()}").touch()
        return super().evaluate(architecture, seed=seed)


class Picky(Played):
    """Works on machines without a certain variable only, and there when another has refused."""

    def __init__(self, refused):
        super().__init__(seconds=0.5)
        self.refused = refused

    def arrive(self):
        if "EGRAPH_TEST_BAD" in os.environ:
            self.refused.touch()
            raise EvaluationError("no good here")
        until = time.monotonic() + 60
        while not self.refused.exists() and time.monotonic() < until:
            time.sleep(0.01)


def search(path, address, notes, trials):
    """A study that a test starts in a process of its own, and kills."""
    warnings.simplefilter("ignore", WorkerWarning)
    options = {"evaluate": Noted(Path(notes)), "workers": 2, "executor": f"ray:address={address}"}
    with study(path, **options, **MODES["ranker"]) as one:
        one.run(trials=trials, baseline=True)
