"""A search whose last training hangs, the first time or always, for the processes that tests start."""

import os
import time

from played import Played, study

from egraph.study import _stragglers

TRIALS = 16


class Hanging(Played):
    """Each training notes that it begins. The last one hangs the first times."""

    def __init__(self, notes, times):
        super().__init__(seconds=0.05)
        self.notes, self.times = notes, times

    def evaluate(self, architecture, *, seed=0):
        for attempt in range(1000):
            try:
                os.close(os.open(self.notes / f"begun-{seed}-{attempt}", os.O_CREAT | os.O_EXCL))
                break
            except FileExistsError:
                continue
        begun = len(list(self.notes.glob("begun-*")))
        if TRIALS <= begun < TRIALS + self.times:
            time.sleep(60)
        return super().evaluate(architecture, seed=seed)


def main(path, mode, forever=False):
    """Runs the search."""
    _stragglers._FIRST_SECONDS = 0.5
    limit = {"timeout": "4x"} if mode == "timeout" else {"backup": "4x"}
    evaluate = Hanging(path.parent, 100 if forever else 1)
    options = {"ranker": False, "batch": 4, "synchronous": "asynchronous" not in mode, "workers": 2}
    with study(path, evaluate=evaluate, **options, **limit) as one:
        one.run(trials=TRIALS)
