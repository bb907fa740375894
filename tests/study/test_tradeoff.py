import itertools
import json
import math

import numpy as np
import pytest
from played import SPACE, Linear, study

from egraph.architecture import Architecture
from egraph.errors import JournalError, UsageError
from egraph.searchers import NSGA2, ParetoEvolution
from egraph.study import Trial
from egraph.study._tradeoff import find_front, order_by_tradeoff, sort_by_front


def cost(architecture):
    """The larger the numbers, the better the score and the higher the cost."""
    return float(sum(SPACE.numbers(architecture)))


def second(architecture):
    return float(SPACE.numbers(architecture)[0])


def dominated(one, points):
    return any((other <= one).all() and (other < one).any() for other in points)


def test_the_front_is_that_of_the_definition():
    rng = np.random.default_rng(0)
    for objectives, size in itertools.product((1, 2, 3), (0, 1, 40)):
        points = rng.integers(0, 6, (size, objectives)).astype(float)
        expected = [row for row in range(size) if not dominated(points[row], points)]
        first = {tuple(points[row]): row for row in reversed(expected)}
        assert find_front(points).tolist() == sorted(first.values())


def test_candidates_are_ordered_by_fronts_and_the_farthest_come_first():
    """Known: the ends of the front. Of the candidates on it, the one in the middle is farthest from both."""
    scores = np.array([5.0, 9.0, 7.0, 4.0, 8.0])
    costs = np.array([[5.0], [9.0], [7.5], [6.0], [math.nan]])
    known_scores, known_costs = np.array([0.0, 10.0]), np.array([[1.0], [10.0]])
    # The fourth has a lower score than the first at a higher cost; the cost of the fifth is unknown.
    order = order_by_tradeoff(scores, costs, known_scores, known_costs, most=5)
    assert order.tolist() == [2, 0, 1, 3, 4]
    assert order_by_tradeoff(scores, costs, known_scores[:0], known_costs[:0], most=1).tolist()[:1] == [1]
    rest = order_by_tradeoff(scores, costs, known_scores[:0], known_costs[:0], most=1).tolist()
    assert rest[1:] == [2, 0, 3, 4]  # by score; the unknown cost is last


def test_neither_units_nor_outliers_decide():
    rng = np.random.default_rng(1)
    scores, costs = rng.normal(size=60), rng.normal(size=(60, 2))
    known = rng.normal(size=5), rng.normal(size=(5, 2))
    order = order_by_tradeoff(scores, costs, *known, most=60)
    assert sorted(order.tolist()) == list(range(60))
    scaled = order_by_tradeoff(np.exp(scores), costs**3, np.exp(known[0]), known[1] ** 3, most=60)
    assert scaled.tolist() == order.tolist()


def test_trials_are_sorted_by_fronts():
    from egraph.evaluation import Evaluation

    def trial(number, score, cost):
        one = SPACE.make([0, 0, 0, 0])
        return Trial(
            number, 0, "top", "complete", "k", one, 0, evaluation=Evaluation(score), costs={"c": cost}
        )

    trials = [trial(0, 9, 5), trial(1, 8, 6), trial(2, 7, math.nan), trial(3, 6, 1), trial(4, 5, 2)]
    assert [one.number for one in sort_by_front(trials, 5)] == [0, 3, 1, 4, 2]
    assert [one.number for one in sort_by_front(trials, 1)] == [0, 3, 1, 2, 4]
    assert sort_by_front([], 5) == []


@pytest.mark.parametrize("searcher", ["nsga2:population=6", NSGA2, ParetoEvolution])
@pytest.mark.parametrize("ranker", [Linear(), False])
def test_a_study_searches_for_the_front_of_score_and_costs(tmp_path, searcher, ranker):
    options = {"ranker": ranker, "searcher": searcher, "costs": {"sum": cost, "first": second}, "batch": 4}
    with study(tmp_path / "x.db", **options) as one:
        one.run(trials=16)
        trials = one.journal.read_trials()
        whole = one.trials
    assert all(t.costs == {"sum": cost(t.architecture), "first": second(t.architecture)} for t in trials)
    assert [json.loads(text) for text in whole["costs"]] == [t.costs for t in trials]
    with study(tmp_path / "y.db", **options) as other:
        other.run(trials=8)
    with study(tmp_path / "y.db", **options) as other:
        other.run(trials=16)
        assert [(t.key, t.costs) for t in other.journal.read_trials()] == [(t.key, t.costs) for t in trials]


def test_with_a_ranker_the_trials_spread_over_the_costs(tmp_path):
    """Without costs the search stays among the large sums; with them it also measures cheap ones."""
    spread = []
    for costs in (None, {"sum": cost}):
        with study(None, ranker=Linear(), costs=costs, batch=8, far=0) as one:
            one.run(trials=40)
            spread.append([cost(t.architecture) for t in one.journal.read_trials() if t.origin == "top"])
    assert np.std(spread[1]) > 1.5 * np.std(spread[0])


def test_other_costs_are_refused_and_so_is_what_is_no_cost(tmp_path):
    with study(tmp_path / "x.db", ranker=False, costs={"sum": cost}) as one:
        one.run(trials=2)
    with pytest.raises(
        JournalError, match=r"with costs {'sum': 'cost'}, not {'sum': 'second'}; use the same"
    ):
        study(tmp_path / "x.db", ranker=False, costs={"sum": second})
    with pytest.raises(JournalError, match="with costs sum, not none; use the same arguments to resume it"):
        study(tmp_path / "x.db", ranker=False)
    for bad in ({"sum": 3}, [cost]):
        with pytest.raises(UsageError, match="costs must map names to functions of an architecture, got"):
            study(None, costs=bad)


def test_costs_that_cannot_be_measured_are_kept_as_unknown(tmp_path):
    with study(tmp_path / "x.db", ranker=False, searcher="nsga2", costs={"c": lambda a: math.nan}) as one:
        one.run(trials=3)
        assert all(math.isnan(t.costs["c"]) for t in one.journal.read_trials())


@pytest.mark.parametrize("ranker", [Linear(), False])
def test_after_a_resume_costs_come_from_the_journal_and_are_not_measured_again(tmp_path, ranker):
    """A latency is another number each time that it is measured, here a much larger one."""
    measured = []

    def clock(architecture):
        measured.append(SPACE.key(architecture))
        return cost(architecture) + 1000 * factor + len(measured)

    options = {"ranker": ranker, "searcher": "nsga2:population=6", "costs": {"latency": clock}, "batch": 4}
    factor = 0
    with study(tmp_path / "x.db", **options) as one:
        one.run(trials=12)
        before = {t.number: (t.key, t.costs) for t in one.journal.read_trials()}
    factor, measured[:] = 1, []
    with study(tmp_path / "x.db", **options) as one:
        one.run(trials=24)
        after = {t.number: (t.key, t.costs) for t in one.journal.read_trials()}
        front = one.journal.settings["searcher state"]["searchers"]["nsga2:population=6"]["front"]
    assert {number: after[number] for number in before} == before
    assert len(after) == 24
    assert measured, "new architectures were measured"
    assert not {key for key, _ in before.values()} & set(measured)
    known = {key: costs["latency"] for key, costs in after.values()}
    told = {SPACE.key(Architecture.from_dict(graph)): values[1] for graph, values in front}
    assert {key: told[key] for key in told.keys() & known.keys()} == {
        key: known[key] for key in told.keys() & known.keys()
    }
