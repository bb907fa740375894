import json

import numpy as np
import pytest

from egraph import spaces
from egraph.errors import UsageError
from egraph.searchers import DENSER, RandomSearch, run
from egraph.searchers.testing import ToySpace

TOY = ToySpace(6, 6, 6, 6, 6, 6)
GRAMMAR = spaces.get("grammar-convnet")


def wide(architectures):
    """Filters are good in convolutions with rectifiers, and blocks cost a little."""
    return np.array(
        [
            sum("act:relu" in op for op in a.ops)
            + sum(int(word[8:]) for op in a.ops for word in op.split() if word.startswith("filters:")) / 256
            - 0.3 * a.num_vertices
            for a in architectures
        ]
    )


def members(searcher):
    return [(tuple(content["ops"]), score) for content, score in searcher.state_dict()["members"]]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"population": 0}, "population must be a whole number of at least 1, got 0"),
        ({"sample": 0}, "sample must be a whole number of at least 1, got 0"),
        ({"p_crossover": 1.2}, "p_crossover must be a probability, got 1.2"),
        ({"p_mutate": -0.1}, "p_mutate must be a probability, got -0.1"),
    ],
)
def test_impossible_options_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        DENSER(TOY, **options)


def test_the_best_alone_outlives_its_generation():
    searcher = DENSER(TOY, population=2)
    chains = [TOY.make([0, 0, 0, 0, 0, k]) for k in range(6)]
    searcher.tell(chains, [1.0, 9.0, 2.0, np.nan, 8.0, 7.0])
    assert members(searcher) == [(chains[1].ops, 9.0), (chains[4].ops, 8.0), (chains[5].ops, 7.0)]
    searcher.tell(chains[:2], [10.0, 3.0])
    assert members(searcher) == [(chains[0].ops, 10.0), (chains[1].ops, 3.0)]


def test_the_best_of_those_drawn_are_crossed():
    """Of 40 members one is better, and eight of ten parents are that one."""
    searcher = DENSER(TOY, population=40, sample=65, p_crossover=1.0, p_mutate=0.0, distinct=False)
    searcher.tell([TOY.make([0] * 6)] * 39 + [TOY.make([5] * 6)], [0.0] * 39 + [1.0])
    children = [TOY.numbers(child) for child in searcher.ask(300)]
    share = 1 - (39 / 40) ** 65  # of parents that are the better one
    assert np.mean(children) / 5 == pytest.approx(share, abs=0.05)


def test_state_holds_both_generations():
    searcher, again = (DENSER(GRAMMAR, seed=seed, population=8) for seed in (0, 1))
    run(searcher, wide, 21)
    again.load_state_dict(json.loads(json.dumps(searcher.state_dict(), allow_nan=False)))
    assert run(again, wide, 20).history == run(searcher, wide, 20).history
    assert again.state_dict() == searcher.state_dict()


@pytest.mark.parametrize(("space", "fitness"), [(TOY, TOY.value), (GRAMMAR, wide)], ids=["toy", "grammar"])
def test_it_beats_random_search(space, fitness):
    found = [run(DENSER(space, seed=s, population=15), fitness, 150).best_score for s in range(5)]
    drawn = [run(RandomSearch(space, seed=s), fitness, 150).best_score for s in range(5)]
    assert np.mean(found) > np.mean(drawn) + 1
