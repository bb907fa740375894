"""A small search in which nothing is trained: for tests, and for the processes that they start and kill."""

import multiprocessing
import os
import signal
import time
import traceback
import warnings

import copied
import numpy as np

from egraph.errors import DataError, EvaluationError
from egraph.evaluation import Evaluation, Evaluator, Fidelity
from egraph.searchers.testing import ToySpace
from egraph.study import Study, generate

SPACE = ToySpace(5, 5, 5, 5)


class Played(Evaluator):
    """The toy's value and a little noise that depends on the seed; fails in some of the ways there are."""

    def __init__(self, seconds=0.0, fails_where_first_is=None, how="raise", share=1.0):
        self.seconds, self.fails_where_first_is, self.how = seconds, fails_where_first_is, how
        self.share = share

    def at(self, fidelity):
        """Less time, and a score on another scale that leaves out the last numbers."""
        share = float(fidelity)
        return Fidelity(
            fidelity, share, Played(share * self.seconds, self.fails_where_first_is, self.how, share)
        )

    def evaluate(self, architecture, *, seed=0):
        time.sleep(self.seconds)
        if SPACE.numbers(architecture)[0] == self.fails_where_first_is:
            self.fail()
        if self.share < 1:
            return self.evaluate_cheaply(architecture, seed)
        score = float(SPACE.value([architecture])[0] + 0.01 * np.random.default_rng(seed).normal())
        return Evaluation(score, test_score=score - 1, seconds=1.0, params=7, flops=9, source="played")

    def evaluate_cheaply(self, architecture, seed):
        numbers = SPACE.numbers(architecture)
        seen = max(1, round(self.share * len(numbers)))
        noise = 0.01 * np.random.default_rng(seed).normal()
        return Evaluation(10 + float(sum(numbers[:seen])) + noise, seconds=self.share, source="played")

    def fail(self):
        if self.how == "raise":
            raise EvaluationError("no path to\nthe output")
        if self.how == "bug":
            raise ZeroDivisionError("by zero")
        if self.how == "fatal":
            raise DataError("the images are gone")
        if self.how == "hang":
            time.sleep(600)
        if self.how == "exit":
            os._exit(3)
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

    def describe(self):
        return {"kind": "played"}


class Slow(Played):
    """Takes long to begin, and needs nothing of what it fails to load then."""

    def prepare(self):
        time.sleep(2)
        raise RuntimeError("not needed")


class Deadly(Played):
    """Kills the study's process during evaluations of some networks, each network as often as it says.

    It writes each beginning into a file. ``parent``: it is evaluated in a worker process, whose parent is the
    one to kill. ``all_networks``: not only those whose first number is 1.
    """

    def __init__(self, counts, times, parent=False, share=1.0, all_networks=False):
        super().__init__(share=share)
        self.counts, self.times, self.parent = counts, times, parent
        self.all_networks = all_networks

    def at(self, fidelity):
        share = float(fidelity)
        cheaper = Deadly(self.counts, self.times, self.parent, share, self.all_networks)
        return Fidelity(fidelity, share, cheaper)

    def evaluate(self, architecture, *, seed=0):
        if self.all_networks or SPACE.numbers(architecture)[0] == 1:
            line = f"{self.share} {SPACE.key(architecture)} {seed}\n"
            with open(self.counts, "a+", encoding="utf-8") as file:
                file.write(line)
                file.seek(0)
                begun = file.readlines().count(line)
            if begun <= self.times:
                os.kill(os.getppid() if self.parent else os.getpid(), signal.SIGKILL)
                time.sleep(60)
        return super().evaluate(architecture, seed=seed)


class Reading(Played):
    """Reads a file for each evaluation, and cannot work at all without it."""

    def __init__(self, path, share=1.0):
        super().__init__(share=share)
        self.path = path

    def at(self, fidelity):
        return Fidelity(fidelity, float(fidelity), Reading(self.path, float(fidelity)))

    def evaluate(self, architecture, *, seed=0):
        if not self.path.exists():
            raise DataError(f"{self.path.name} does not exist")
        return super().evaluate(architecture, seed=seed)


class Glimpse(Evaluator):
    """The toy's value without noise, as a score that needs no training; NaN where the last number is 3."""

    def __init__(self, seconds=0.0, fails_where_first_is=None):
        self.seconds, self.fails_where_first_is = seconds, fails_where_first_is

    def evaluate(self, architecture, *, seed=0):
        time.sleep(self.seconds)
        numbers = SPACE.numbers(architecture)
        if numbers[0] == self.fails_where_first_is:
            raise DataError("the photographs are gone")
        if numbers[-1] == 3:
            raise EvaluationError("it has no score")
        return Evaluation(float(SPACE.value([architecture])[0]))

    def describe(self):
        return {"kind": "glimpse"}


class Elsewhere(Played):
    """Describes itself in another way where it arrives, like a function that has changed."""

    def arrive(self):
        self.share = 0.5

    def describe(self):
        return {"kind": "played", "share": self.share}


class Broken(Played):
    """Cannot work where it arrives."""

    def arrive(self):
        raise RuntimeError("no\ndevice")


class Unloadable(Played):
    """Can be sent to a worker process, and not be unpacked there."""

    def __reduce__(self):
        return _refuse, ()


def _refuse():
    raise RuntimeError("not here")


class Linear:
    """Ridge regression on which operation is where. No class of scikit-learn, which workers need not load."""

    def __init__(self, penalty=0.1):
        self.penalty = penalty

    def get_params(self, deep=True):
        return {"penalty": self.penalty}

    def features(self, architectures):
        return np.array([np.eye(5)[SPACE.numbers(a)].ravel() for a in architectures])

    def fit(self, architectures, scores):
        x, y = self.features(architectures), np.asarray(scores)
        self.mean_ = y.mean()
        self.weights_ = np.linalg.solve(x.T @ x + self.penalty * np.eye(20), x.T @ (y - self.mean_))
        return self

    def predict(self, architectures):
        return self.features(architectures) @ self.weights_ + self.mean_


def total(architecture):
    """A cost: the larger the numbers, the better the score and the higher the cost."""
    return float(sum(SPACE.numbers(architecture)))


def first(architecture):
    """Another cost."""
    return float(SPACE.numbers(architecture)[0])


def study(storage=None, **options):
    options = {"ranker": Linear(), "candidates": 100, "initial": 8, "batch": 4, "far": 1, **options}
    return Study(SPACE, options.pop("evaluate", None) or Played(), storage=storage, **options)


def history(one, without=()):
    """All of the journal that must not depend on the clock, or on how often the study was broken off."""
    times = ["seconds", "started", "finished", "fit_seconds", "search_seconds", *without]
    trials, rounds = one.trials, one.rounds
    return trials.drop(columns=times, errors="ignore").to_json(), rounds.drop(
        columns=times, errors="ignore"
    ).to_json()


def run_in_a_process(work):
    """Does the work in a copy of this process; returns whether that was killed."""
    with warnings.catch_warnings():
        # Since Python 3.12, because of the threads that PyTorch has started; the work uses none of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        multiprocessing.get_context = copied.get_forked  # worker processes of the copy are copies too
        try:
            work()
            code = 0
        except Exception:  # noqa: BLE001, the test of the other process fails then
            traceback.print_exc()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code == -signal.SIGKILL


SEVERAL = ["genetic", "regularized-evolution:population=20,sample=5", "nsga2:population=6"]
COSTS = {"total": total, "first": first}
MODES = {
    "ranker": {},
    "direct": {"ranker": False, "batch": 3},
    "several": {"searcher": SEVERAL, "shares": (50, 30, 20)},
    "several direct": {"searcher": SEVERAL, "ranker": False, "batch": 5},
    "costs": {"costs": COSTS, "searcher": ["nsga2:population=6", "pareto-evolution:population=20"]},
    "costs direct": {"costs": COSTS, "searcher": "nsga2:population=6", "ranker": False, "batch": 3},
    "fidelities": {"fidelities": (0.1, 0.3, 1)},
    "fidelities direct": {"fidelities": (0.25, 1), "ranker": False, "batch": 3},
    "brackets": {"fidelities": (0.1, 0.3, 1), "brackets": 3},
    "screened": {"screen": Glimpse(seconds=0.15), "screen_count": 30, "screen_seconds": 600},
}


SMALLER = {"screened": 10, "fidelities": 8, "fidelities direct": 9, "brackets": 8}
"""Whole trials of a mode, where they are not as many as usual."""


def main(path, workers, mode, asynchronous=False):
    """Runs a study of that mode to its end, with a retraining where nothing keeps it from being the same."""
    options = {"evaluate": Played(seconds=0.04), "synchronous": not asynchronous, **MODES[mode]}
    with study(path, workers=workers, **options) as one:
        one.run(trials=SMALLER.get(mode, 30 if asynchronous else 36), baseline=True)
        if mode != "screened" and not asynchronous:
            one.retrain(one.best, repeats=2)


def search_long(path):
    """A study of two workers that lasts for a minute."""
    with study(path, workers=2, evaluate=Played(seconds=0.3)) as one:
        one.run(trials=400, baseline=True)


def fill(out, workers):
    """Makes a table, a part of it with three runs a network."""
    generate(SPACE, Played(seconds=0.03), out, count=24, repeats=3, share=0.25, workers=workers)
