"""Large journals, written at once."""

import numpy as np

from egraph.architecture import Architecture
from egraph.study import Journal
from egraph.study._columns import TRIAL

GRAPH = Architecture(["input", "CONV_3.N", "output"], [(0, 1), (1, 2)]).to_json()
ROUND = 8


def fill(path, trials):
    """Trials in rounds of eight, every other one of random search, each tenth failed."""
    rng = np.random.default_rng(0)
    names = ", ".join(column.name for column in TRIAL)
    with Journal(path) as journal:
        settings = {"settings": {"workers": 8}, "versions": {}, "command": "", "created": 0.0}
        evaluator = {"kind": "training", "data": "digits"}
        journal.describe({"space": "convnet", "seed": 0, "evaluator": evaluator, **settings})
        db = journal._db
        db.execute("BEGIN")
        rows = [make_row(number, rng) for number in range(trials)]
        db.executemany(f"INSERT INTO trial ({names}) VALUES ({', '.join('?' * len(TRIAL))})", rows)
        db.executemany(
            "INSERT INTO round (round, trials, baseline_trials, learned_from, candidates, tau, finished)"
            " VALUES (?, 4, 4, ?, 2000, ?, 1)",
            [(number, number * 4, rng.random()) for number in range(trials // ROUND)],
        )
        db.execute("COMMIT")


def make_row(number, rng):
    predicted, failed = 0.6 + 0.3 * rng.random(), number % 10 == 9
    score = None if failed else predicted + 0.02 * rng.normal()
    return (
        number, number // ROUND, "baseline" if number % 2 else "top", "failed" if failed else "complete",
        f"key {number}", GRAPH, number, predicted, None, score, score, 60.0, int(rng.integers(1000, 9000)),
        1000, "", "the loss became NaN" if failed else "", 1.7e9 + number, 1.7e9 + number + 60, "", "{}", 1.0,
        number // ROUND + 1,
    )  # fmt: skip
