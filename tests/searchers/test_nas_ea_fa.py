import numpy as np
import pytest

from egraph import searchers
from egraph.errors import UsageError
from egraph.searchers import FitnessApproximation, RandomSearch, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6)


class Oracle:
    """Predicts the value."""

    examples = ()

    def fit(self, architectures, scores):
        Oracle.examples = (*Oracle.examples, len(scores))

    def predict(self, architectures):
        return SPACE.value(architectures)


def test_the_first_population_is_that_of_random_search():
    assert FitnessApproximation(SPACE, seed=3).ask(20) == RandomSearch(SPACE, seed=3).ask(20)


def test_distance_is_the_mean_share_of_places_that_differ():
    space = ToySpace(3, 3)
    searcher = FitnessApproximation(space)
    searcher.tell([space.make([0, 0]), space.make([0, 1])], [1.0, np.nan])
    found = searcher.distances([space.make([0, 0]), space.make([0, 2]), space.make([2, 2])])
    assert found == pytest.approx([(0 + 1 / 2) / 2, 1 / 2, 1.0])


def test_best_predicted_come_first_and_then_the_most_distant():
    """Of all that the genetic algorithm met; here the predictor is right."""
    searcher = FitnessApproximation(SPACE, predictor=Oracle, population=10, top=4, far=2, seed=1)
    first = searcher.ask(10)
    searcher.tell(first, SPACE.value(first))
    asked = searcher.ask(6)
    values, distances = SPACE.value(asked), searcher.distances(asked)
    assert (np.diff(values[:4]) <= 0).all()
    assert values[:4].min() > max(values[4:])
    assert values[0] > SPACE.value(first).max()  # 100 predicted against 10 told
    assert distances[4] >= distances[5]


def test_it_learns_anew_only_after_results():
    Oracle.examples = ()
    searcher = FitnessApproximation(SPACE, predictor=Oracle, population=5, points=6)
    first = searcher.ask(5)
    searcher.tell(first, SPACE.value(first))
    rest = searcher.ask(30)
    searcher.tell(rest, SPACE.value(rest))
    searcher.ask(10)
    assert Oracle.examples == (5, 6)


def test_copies_in_other_numberings_are_learnt_with_the_same_score(monkeypatch):
    seen = []

    class Recorder(Oracle):
        def fit(self, architectures, scores):
            seen.append(list(zip(map(SPACE.format, architectures), scores, strict=True)))

    monkeypatch.setattr(
        "egraph.searchers._nas_ea_fa.renumbered_copies",
        lambda space, architecture, count, rng: [space.make(space.numbers(architecture)[::-1])] * count,
    )
    searcher = FitnessApproximation(SPACE, predictor=Recorder, population=1, copies=2)
    searcher.tell([SPACE.make([0, 1, 2, 3])], [7.0])
    searcher.ask()
    assert seen == [[("0.1.2.3", 7.0), ("3.2.1.0", 7.0), ("3.2.1.0", 7.0)]]


def test_it_beats_random_search():
    """50 of 1,296 chains, over seeds."""
    found, random = (
        [run(searchers.get(name)(SPACE, seed=seed), SPACE.value, 50, batch=5).best_score for seed in range(5)]
        for name in ("nas-ea-fa", "random")
    )
    assert np.mean(found) > np.mean(random) + 1


@pytest.mark.parametrize(
    ("name", "least"),
    [("population", 1), ("generations", 1), ("top", 1), ("far", 0), ("copies", 0), ("points", 2)],
)
def test_numbers_out_of_range_are_refused(name, least):
    text = f"{name} must be a whole number of at least {least}, got {least - 1}"
    with pytest.raises(UsageError, match=text):
        FitnessApproximation(SPACE, **{name: least - 1})


def test_a_space_without_encoding_is_refused():
    class Plain(ToySpace):
        @property
        def choices(self):
            if hasattr(self, "operations"):
                raise UsageError("the space 'plain' gives no encoding")
            return super().choices

    with pytest.raises(UsageError, match="gives no encoding"):
        FitnessApproximation(Plain(4, 5))
