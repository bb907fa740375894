import json

import numpy as np
import pytest

from egraph.errors import EvaluationError, UsageError
from egraph.searchers import NSGA2, RandomSearch, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6)


def total(architecture):
    return float(sum(SPACE.numbers(architecture)))


def even(architectures):
    """A score that falls as the numbers differ from one another."""
    return np.array([-float(np.ptp(SPACE.numbers(a))) - 0.1 * SPACE.numbers(a)[0] for a in architectures])


def conflict(architectures):
    """The sum but for the first number: at odds with `total` but there."""
    return np.array([float(sum(SPACE.numbers(a)[1:])) for a in architectures])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"population": 1}, "population must be a whole number of at least 2, got 1"),
        ({"p_crossover": 1.5}, "p_crossover must be a probability, got 1.5"),
        ({"limits": {"params": 3}}, "there is no cost 'params' to limit; costs: none"),
        (
            {"costs": {"sum": total}, "limits": {"sum": 0}},
            "the limit of 'sum' must be a number above 0",
        ),
    ],
)
def test_impossible_options_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        NSGA2(SPACE, **options)


def test_front_is_what_nothing_told_beats():
    searcher = NSGA2(SPACE, costs={"sum": total})
    chains = [SPACE.make(n) for n in ([0, 0, 0, 1], [0, 0, 0, 2], [0, 0, 0, 3], [0, 0, 1, 1], [0, 0, 0, 4])]
    searcher.tell(chains, [1.0, 3.0, 2.0, 3.0, np.nan])
    assert [(SPACE.format(c.architecture), c.score, c.costs) for c in searcher.front()] == [
        ("0.0.0.2", 3.0, {"sum": 2.0}),
        ("0.0.0.1", 1.0, {"sum": 1.0}),
    ]
    # Worst score 0 and worst cost 3: (3 - 1) * (1 - 0) + (3 - 2) * (3 - 1).
    assert searcher.hypervolume(0.0, {"sum": 3.0}) == 4.0


def test_hypervolume_needs_the_worst_of_each_cost():
    with pytest.raises(UsageError, match=r"worst of each of the costs \['sum'\], got \[\]"):
        NSGA2(SPACE, costs={"sum": total}).hypervolume(0.0, {})


def test_without_costs_the_front_is_the_best():
    searcher = NSGA2(SPACE, seed=0)
    result = run(searcher, SPACE.value, 60)
    assert [c.architecture for c in searcher.front()] == [result.best]


def test_what_exceeds_a_limit_is_never_in_the_front_and_leaves_first():
    searcher = NSGA2(SPACE, costs={"sum": total}, limits={"sum": 5}, population=2)
    chains = [SPACE.make(n) for n in ([5, 5, 5, 5], [0, 0, 0, 1], [0, 0, 5, 5], [0, 0, 0, 2])]
    searcher.tell(chains, [9.0, 0.1, 8.0, 0.2])
    assert [c.score for c in searcher.front()] == [0.2, 0.1]
    kept = {tuple(content["ops"]) for content, _ in searcher.state_dict()["members"]}
    assert kept == {chains[1].ops, chains[3].ops}


def test_of_two_that_exceed_the_limits_the_one_that_exceeds_less_stays():
    searcher = NSGA2(SPACE, costs={"sum": total}, limits={"sum": 5}, population=2)
    chains = [SPACE.make([0, 0, k, 5]) for k in (4, 1, 2, 3)]  # sums 9, 6, 7, 8
    searcher.tell(chains, [9.0, 1.0, 2.0, 3.0])
    assert searcher.front() == []
    kept = [content["ops"] for content, _ in searcher.state_dict()["members"]]
    assert kept == [list(chains[1].ops), list(chains[2].ops)]


def test_costs_that_cannot_be_measured_count_as_failed():
    def refuse(architecture):
        raise EvaluationError("too large")

    for cost in (refuse, lambda architecture: np.nan):
        searcher = NSGA2(SPACE, costs={"params": cost}, population=4)
        run(searcher, SPACE.value, 12)
        assert searcher.front() == []
        json.dumps(searcher.state_dict(), allow_nan=False)


def test_state_holds_front_and_costs():
    searcher = NSGA2(SPACE, seed=0, costs={"sum": total}, limits={"sum": 12}, population=6)
    run(searcher, conflict, 40)
    again = NSGA2(SPACE, seed=1, costs={"sum": total}, limits={"sum": 12}, population=6)
    again.load_state_dict(json.loads(json.dumps(searcher.state_dict())))
    assert again.front() == searcher.front()
    assert run(again, conflict, 20).history == run(searcher, conflict, 20).history


def test_state_with_other_costs_is_refused():
    state = NSGA2(SPACE, costs={"sum": total}).state_dict()
    with pytest.raises(UsageError, match="the state is of options"):
        NSGA2(SPACE).load_state_dict(state)


def test_it_beats_random_search_with_one_objective():
    found = [run(NSGA2(SPACE, seed=s, population=10), SPACE.value, 150).best_score for s in range(8)]
    drawn = [run(RandomSearch(SPACE, seed=s), SPACE.value, 150).best_score for s in range(8)]
    assert np.mean(found) > np.mean(drawn) + 1


def test_its_front_dominates_more_than_that_of_random_search():
    """Places that bring little and cost much against places that bring much and cost little."""

    def weigh(architecture, weights):
        return float(np.dot(SPACE.numbers(architecture), weights))

    def fitness(architectures):
        return np.array([weigh(architecture, (1, 2, 4, 8)) for architecture in architectures])

    def volume(history, seed):
        searcher = NSGA2(SPACE, seed=seed, costs={"weight": lambda a: weigh(a, (8, 4, 2, 1))}, population=16)
        if history is None:
            run(searcher, fitness, 160)
        else:
            searcher.tell([step.architecture for step in history], [step.score for step in history])
        return searcher.hypervolume(0.0, {"weight": 75.0})

    searched = [volume(None, seed) for seed in range(5)]
    drawn = [volume(run(RandomSearch(SPACE, seed=seed), fitness, 160).history, seed) for seed in range(5)]
    best = volume(run(RandomSearch(SPACE), fitness, len(SPACE)).history, 0)
    assert np.mean(searched) > 0.97 * best
    assert np.mean(drawn) < 0.93 * best
