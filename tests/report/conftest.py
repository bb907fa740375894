"""Journals as a study leaves them: finished, half-way, and before the first result."""

import math

import numpy as np
import pytest

import egraph
from egraph.evaluation import Evaluation
from egraph.study import Journal, Trial


def architecture(rng):
    n = int(rng.integers(4, 8))
    ops = rng.choice(["CONV_3.H", "CONV_5.F", "POOL_2.M"], n - 2).tolist()
    return egraph.Architecture(["input", *ops, "output"], [(i, i + 1) for i in range(n - 1)], [(0, n - 1)])


def write(path, rounds=3, *, broken_off=False, kind="training", fail=(), baseline=True):
    """Trials of three rounds: 6 random ones, then 4 of the search and 4 of the baseline each."""
    rng = np.random.default_rng(0)
    journal = Journal(path)
    journal.describe(
        {
            "space": "convnet",
            "seed": 7,
            "evaluator": {"kind": kind, "data": "digits"},
            "settings": {"searcher": "regularized-evolution", "initial": 6},
            "versions": {"torch": "2.13.0"},
            "command": "egraph search --seed 7 <&>",
            "created": 1.7e9,
        }
    )
    journal.add_session("egraph search --seed 7", {}, {})
    number = 0
    for round_ in range(rounds):
        origins = (
            ["initial"] * 6 if round_ == 0 else ["top"] * 3 + ["far"] + ["baseline"] * (4 if baseline else 0)
        )
        trials = []
        for origin in origins:
            predicted = math.nan if round_ == 0 else float(rng.uniform(0.8, 0.95))
            drawn = architecture(rng)
            trials.append(Trial(number, round_, origin, "queued", f"key {number}", drawn, number, predicted))
            number += 1
        own = sum(trial.origin != "baseline" for trial in trials)
        summary = {
            "round": round_,
            "trials": own,
            "baseline_trials": len(trials) - own,
            "candidates": 2000 * (round_ > 0),
        }
        journal.propose(trials, {**summary, "learned_from": 6 * (round_ > 0), "fit_seconds": math.nan})
        if broken_off and round_ == rounds - 1:
            journal.start(trials[0].number)
            break
        for trial in trials:
            journal.start(trial.number)
            if trial.number in fail:
                journal.finish(
                    trial.number, "failed", Evaluation(math.nan, seconds=1.0), "the loss became NaN <b>&"
                )
            else:
                score = 0.9 + trial.number / 1000
                evaluation = Evaluation(score, score - 0.01, seconds=2.0, params=1000, flops=5000)
                journal.finish(trial.number, "complete", evaluation)
        journal.finish_round(
            round_, tau=math.nan if round_ == 0 else 0.5, tau_baseline=math.nan if round_ == 0 else 0.7
        )
    return journal


@pytest.fixture(scope="session")
def write_journal():
    return write


@pytest.fixture
def journal(tmp_path):
    with write(tmp_path / "s.db", fail=(8,)) as written:
        yield written
