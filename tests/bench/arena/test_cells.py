import json
from functools import partial

import numpy as np
import pytest

from egraph.bench.arena import FITNESS, Cell, Query, measure
from egraph.errors import FailedError
from egraph.searchers import RandomSearch, RegularizedEvolution


def cell(**values):
    return Cell(**{"searcher": "s", "fitness": "table", "benchmark": "b", "metric": "seen", "test": "told",
                   "queries": 20, "seed": 3} | values)  # fmt: skip


def replay(ground, asked):
    """The steps of a search by hand."""
    steps, best = [], -np.inf
    for number, architecture in enumerate(asked, 1):
        first, second = ground.space.numbers(architecture)
        score = first + second + 0.1 * first
        if score > best:
            best = score
            steps.append([number, 2.0 * number, pytest.approx(score), float(first)])
    return steps


def test_what_is_best_by_the_score_is_reported_by_the_test_score(toy_ground):
    row = measure(cell(), RandomSearch, toy_ground)
    asked = RandomSearch(toy_ground.space, seed=3).ask(20)
    assert row["steps"] == replay(toy_ground, asked)
    assert (row["asked"], row["final"], row["seconds"]) == (20, 3.0, 40.0)
    assert (row["optimum"], row["chosen"]) == (3.0, 3.0)
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_a_search_ends_with_the_space(toy_ground):
    row = measure(cell(queries=100), RandomSearch, toy_ground)
    assert (row["asked"], row["seconds"]) == (20, 40.0)


def test_the_table_tells_a_searcher_what_it_needs(toy_ground):
    told = []

    class Listening(RandomSearch):
        def _learn(self, architectures, scores):
            told.extend(scores.tolist())

    measure(cell(), Listening, toy_ground)
    assert sorted(told) == pytest.approx(sorted(toy_ground.space.value(list(toy_ground.space))))


def test_under_a_constant_fitness_evolution_asks_without_knowing_but_is_judged_by_the_table(toy_ground):
    told = set()

    class Listening(RandomSearch):
        def _learn(self, architectures, scores):
            told.update(scores.tolist())

    row = measure(cell(fitness="constant"), Listening, toy_ground)
    assert told == {0.0}
    assert row["steps"] == measure(cell(), RandomSearch, toy_ground)["steps"]


def test_options_of_the_fitness_are_passed_on(toy_ground, monkeypatch):
    asked = {}

    def search(ground, make, queries, seed, *, members=5):
        asked.update(members=members, queries=queries, seed=seed)
        return [Query(next(iter(ground.space)), 1.0)]

    monkeypatch.setitem(FITNESS._things, "own", search)
    row = measure(cell(fitness="own:members=2"), RandomSearch, toy_ground)
    assert asked == {"members": 2, "queries": 20, "seed": 3}
    assert row["steps"] == [[1, None, 1.0, 0.0]]
    assert row["seconds"] is None


def test_failed_queries_are_paid_for_and_a_search_without_any_result_fails(toy_ground, monkeypatch):
    first, second, *_ = toy_ground.space
    results = [Query(first, np.nan, 1.0), Query(second, 0.5, 3.0)]
    monkeypatch.setitem(FITNESS._things, "own", lambda *_: results)
    row = measure(cell(fitness="own"), RandomSearch, toy_ground)
    assert row["steps"] == [[2, 4.0, 0.5, 0.0]]
    results.pop()
    with pytest.raises(FailedError, match="'s' got no score for any of its 1 queries"):
        measure(cell(fitness="own"), RandomSearch, toy_ground)


def test_with_the_ranker_a_study_runs_over_the_table(toy_ground, monkeypatch):
    made = []

    class Truth:
        """A ranker that is never wrong."""

        def __init__(self, **settings):
            made.append(settings)

        def fit(self, architectures, scores):
            fits.append(len(architectures))
            return self

        def predict(self, architectures):
            return toy_ground.space.value(architectures)

    fits = []
    monkeypatch.setattr("egraph.bench.arena._guided.Ranker", Truth)
    make = partial(RegularizedEvolution, population=5, sample=2)
    fitness = "ranker:members=1,initial=4,batch=2,far=0,candidates=40"
    row = measure(cell(fitness=fitness, queries=6), make, toy_ground)
    assert made == [{"seed": 3, "members": 1, "folds": 0}]
    assert row["asked"] == 6
    assert row["steps"][-1] == [pytest.approx(5, abs=1), pytest.approx(10, abs=2), pytest.approx(7.3), 3.0]
    longer = measure(cell(fitness=fitness, queries=20), make, toy_ground)
    assert longer["steps"] == row["steps"]
    assert (longer["asked"], longer["seconds"]) == (20, 40.0)
    assert fits == [4, 4], "nothing can be learned for once the best is found"
