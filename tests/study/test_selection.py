"""What is chosen out of the candidates, on numbers small enough to check by eye."""

import warnings
from itertools import islice

import numpy as np
import pytest
from played import SPACE, Linear

from egraph.errors import OutOfDistributionWarning
from egraph.searchers import RandomSearch, RegularizedEvolution
from egraph.searchers.testing import CHECKS, ToySpace
from egraph.study._mutants import Mutants
from egraph.study._selection import Candidates, choose, gather, predict, score_untried
from egraph.study._shares import Mixture, divide, turns


class OnALine:
    """Chains lie at the number of their last place; nothing is learned."""

    def features(self, architectures):
        return np.array([[SPACE.numbers(a)[-1]] for a in architectures], dtype=float)

    def predict(self, architectures):
        return SPACE.value(architectures)


def _candidates(numbers, predicted, finders=None):
    architectures = [SPACE.make(n) for n in numbers]
    keys = [SPACE.key(a) for a in architectures]
    finders = np.zeros(len(numbers), dtype=int) if finders is None else np.array(finders)
    names = ["first", "second"][: 1 + finders.max(initial=0)]
    return Candidates(architectures, keys, np.array(predicted), finders, names, len(numbers))


def _choose(candidates, tried, size, far, weights=(1.0,), model=None):
    return choose(candidates, model or OnALine(), tried, size, far, turns(weights, 0))


def _told(searcher, tried):
    """The searcher, told the values of what was tried, the best last."""
    known = sorted(tried.values(), key=lambda one: SPACE.value([one])[0] if len(one.ops) == 6 else 0)
    searcher.tell(known, [float(len(known) - n) * -1 for n in range(len(known))])
    return searcher


def test_best_predicted_come_first():
    candidates = _candidates([[0, 0, 0, k] for k in range(5)], [3.0, 5.0, 1.0, 4.0, 2.0])
    assert _choose(candidates, [], size=3, far=0) == [(1, "top"), (3, "top"), (0, "top")]


def test_mutants_are_at_most_two_mutations_from_a_parent():
    parents = [SPACE.make([0, 0, 0, 0]), SPACE.make([4, 4, 4, 4])]
    mutants = Mutants(SPACE, parents, seed=0)
    found = mutants.ask(60)
    mutants.tell(found, SPACE.value(found))
    numbers = np.array([SPACE.numbers(a) for a in found + mutants.ask(20)])
    away = [(numbers != SPACE.numbers(parent)).sum(axis=1) for parent in parents]
    assert np.min(away, axis=0).max() <= 2
    assert all((each <= 2).any() for each in away), "each parent has children"


@pytest.mark.parametrize("check", CHECKS)
def test_mutants_conform(check):
    check(lambda space, seed: Mutants(space, [space.make([0] * len(space.choices))], seed=seed))


def test_of_a_small_space_all_that_is_left_is_scored():
    class Shy(OnALine):
        def predict(self, architectures):
            scores = super().predict(architectures)
            return np.where(scores == scores.max(), np.nan, scores)

    everything = {SPACE.key(a): a for a in (SPACE.make([0, 0, 0, k]) for k in range(5))}
    tried = {key: everything[key] for key in list(everything)[:2]}
    left = score_untried(everything, Shy(), tried, "all")
    assert left.keys == list(everything)[2:4], "neither what was tried nor what has no score"
    assert left.scored == 3
    assert score_untried(everything, Shy(), everything, "all").architectures == []


def test_searchers_take_turns():
    """The multiples of the golden ratio, plus 1/2, modulo 1: above or below 1/2."""
    candidates = _candidates([[0, 0, 0, k] for k in range(5)], [9.0, 8.0, 7.0, 2.0, 3.0], [0, 0, 0, 1, 1])
    points = [(n * 0.6180339887 + 0.5) % 1 for n in range(4)]
    assert [int(point >= 0.5) for point in points] == [1, 0, 1, 0]
    chosen = [row for row, _ in _choose(candidates, [], size=5, far=0, weights=(1, 1))]
    assert chosen == [4, 0, 3, 1, 2], "the best of each in its turn; then what is left"


def test_far_ones_are_taken_in_turns_too():
    candidates = _candidates([[0, 0, 0, k % 5] for k in range(40)], -np.arange(40.0), [0] * 20 + [1] * 20)
    chosen = _choose(candidates, [], size=4, far=2, weights=(1, 1))
    assert [row // 20 for row, _ in chosen] == [1, 0, 1, 0]
    assert [origin for _, origin in chosen] == ["top", "top", "far", "far"]


@pytest.mark.parametrize("weights", [(60, 30, 10), (1, 1), (5, 0, 95), (100, 0, 0)])
@pytest.mark.parametrize("start", [0, 16, 1000])
def test_each_has_its_share_of_any_stretch_of_turns(weights, start):
    taken = list(islice(turns(weights, start), 100))
    for length in (6, 20, 100):
        counts = np.bincount(taken[:length], minlength=len(weights))
        assert np.abs(counts - length * np.array(weights) / sum(weights)).max() < 2.2


def test_a_budget_is_divided_without_a_remainder():
    assert divide(10, [1, 1, 1]) == [4, 3, 3]
    assert divide(2000, [60, 30, 10]) == [1200, 600, 200]
    assert divide(1, [10, 60, 30]) == [0, 1, 0]


def test_more_exploration_keeps_the_proportion_of_the_rest():
    explored = Mixture((60, 30, 10), far=2).explore(samples=40, far=4)
    assert (explored.shares, explored.far) == ((40.0, 20.0, 40), 4)
    assert Mixture((50, 0, 50), far=3).explore(samples=40, far=1) == Mixture((50, 0, 50), far=3)
    assert Mixture((0, 0, 100)).explore(samples=40, far=1).shares == (0, 0, 100)


def test_far_ones_are_farthest_from_tried_and_chosen_and_each_other():
    """Of 30 candidates the best three are looked at; the second lies at 1, the third at 4, tried at 0."""
    places = [0, 1, 4] + [3] * 27
    candidates = _candidates([[0, 0, k % 5, place] for k, place in enumerate(places)], -np.arange(30.0))
    tried = [SPACE.make([4, 4, 4, 0])]
    assert _choose(candidates, tried, size=2, far=1) == [(0, "top"), (2, "far")]
    assert _choose(candidates, tried, size=3, far=2) == [(0, "top"), (2, "far"), (1, "far")]


def test_at_least_one_is_the_best_predicted():
    candidates = _candidates([[0, 0, 0, k] for k in range(5)], [1.0, 2.0, 3.0, 4.0, 5.0])
    chosen = _choose(candidates, [], size=2, far=9)
    assert [origin for _, origin in chosen] == ["top", "far"]


def test_fewer_candidates_than_wanted_are_all_chosen():
    candidates = _candidates([[0, 0, 0, 0], [0, 0, 0, 4]], [1.0, 2.0])
    assert sorted(row for row, _ in _choose(candidates, [], size=8, far=2)) == [0, 1]
    assert _choose(_candidates([], []), [], size=8, far=2) == []


def test_no_row_is_chosen_twice():
    rng = np.random.default_rng(0)
    for size in (1, 4, 9, 40):
        candidates = _candidates(rng.integers(5, size=(40, 4)).tolist(), rng.normal(size=40))
        rows = [row for row, _ in _choose(candidates, [], size=size, far=3)]
        assert len(rows) == len(set(rows)) == size


def test_ranker_without_features_is_helped_by_the_counts_of_operations():
    class Plain:
        predict = OnALine.predict

    candidates = _candidates([[0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1]], [3.0, 2.0, 1.0])
    chosen = _choose(candidates, [SPACE.make([0, 0, 0, 0])], size=2, far=1, model=Plain())
    assert [origin for _, origin in chosen] == ["top", "far"]


def test_candidates_are_new_distinct_and_scored():
    tried = {SPACE.key(a): a for a in list(SPACE)[::50]}
    model = Linear().fit(list(tried.values()), SPACE.value(list(tried.values())))
    found = gather({"one": (_told(RegularizedEvolution(SPACE, seed=0), tried), 200)}, model, SPACE, tried)
    assert found.scored == len(found.keys) == len(set(found.keys)) == 200
    assert not set(found.keys) & set(tried)
    assert found.predicted == pytest.approx(model.predict(found.architectures))


def test_no_candidate_counts_twice():
    finders = {
        "evolution": (RegularizedEvolution(SPACE, seed=0), 100),
        "random": (RandomSearch(SPACE, seed=1), 60),
    }
    found = gather(finders, OnALine(), SPACE, {})
    assert found.scored == 160
    assert len(found.keys) == len(set(found.keys)) == len(found.finders)
    assert found.supplied == {"evolution": 100, "random": len(found.keys) - 100}
    assert 30 < found.supplied["random"] < 60


def test_searchers_are_told_on_the_scale_of_the_scores():
    told = []

    class Listening(RandomSearch):
        def _learn(self, architectures, scores):
            told.extend(scores)

    found = gather({"one": (Listening(SPACE), 20)}, OnALine(), SPACE, {}, lambda values: values + 100)
    assert told == pytest.approx(found.predicted + 100)


def test_search_begins_at_the_best_of_what_was_tried():
    tried = {SPACE.key(a): a for a in (SPACE.make([k % 5, k // 5 % 5, 0, 0]) for k in range(25))}
    tried |= {SPACE.key(a): a for a in (SPACE.make([k % 5, k // 5 % 5, 4, 4]) for k in range(25))}
    searcher = _told(RegularizedEvolution(SPACE, seed=0, population=10, sample=5), tried)
    found = gather({"one": (searcher, 20)}, OnALine(), SPACE, tried)
    # The ten best of what was tried sum up to 12 and more, all of it to 8, the whole space to 8.
    assert np.mean([sum(SPACE.numbers(a)) for a in found.architectures]) > 11


def test_candidates_of_an_exhausted_space_are_none():
    space = ToySpace(2, 2)
    tried = {space.key(a): a for a in space}
    found = gather({"one": (_told(RandomSearch(space), tried), 10)}, OnALine(), space, tried)
    assert (found.architectures, found.scored) == ([], 0)


def test_searcher_that_repeats_itself_is_put_right():
    space = ToySpace(2, 2)
    tried = {space.key(a): a for a in list(space)[:1]}
    found = gather({"one": (RandomSearch(space, distinct=False), 40)}, OnALine(), space, tried)
    assert sorted(found.keys) == ["0.1", "1.0", "1.1"]
    assert found.scored == 40


def test_a_study_does_not_hear_that_candidates_are_unlike_the_known():
    class Wary:
        def predict(self, architectures):
            warnings.warn("unlike all", OutOfDistributionWarning, stacklevel=1)
            return [1.0 for _ in architectures]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert predict(Wary(), [None, None]).tolist() == [1.0, 1.0]
