import numpy as np
import pytest

from egraph import spaces
from egraph.errors import UsageError
from egraph.searchers import Drawn, SearcherSpec, run
from egraph.searchers.testing import ToySpace

SMALL = ToySpace(2, 4)
NB201 = spaces.get("nasbench201")


def now(searcher):
    return {name: np.array(each) for name, each in searcher.state_dict()["now"].items()}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sharpen": 1.5}, "sharpen must be a probability, got 1.5"),
        ({"elite": 0}, "elite must be a number above 0 and below 1, got 0"),
        ({"generation": 0}, "generation must be a whole number of at least 1, got 0"),
        ({"empties": 1}, "empties must be"),
        ({"probabilities": "gdas"}, "probabilities must map positions to those of their options, got 'gdas'"),
        ({"probabilities": {"0": [0.5, 0.5], "1": [0.5, 0.5]}}, "the position '1' needs one probability for"),
        ({"probabilities": {"0": [0.5, 0.5], "8": [1.0]}}, "has no position '8'; known: 0, 1"),
    ],
)
def test_wrong_options_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        Drawn(SMALL, **options)


def test_a_space_without_relaxation_is_refused():
    with pytest.raises(UsageError, match="the space 'convnet' has no relaxation"):
        SearcherSpec.parse("drawn")(spaces.get("convnet"))


def test_draws_follow_the_probabilities():
    searcher = Drawn(SMALL, probabilities={"0": [0.9, 0.1], "1": [0, 0, 0.25, 0.75]}, distinct=False, seed=1)
    drawn = np.array([SMALL.numbers(one) for one in searcher.ask(2000)])
    assert np.bincount(drawn[:, 0]) / 2000 == pytest.approx([0.9, 0.1], abs=0.03)
    assert np.bincount(drawn[:, 1], minlength=4) / 2000 == pytest.approx([0, 0, 0.25, 0.75], abs=0.03)


def test_the_better_part_of_a_generation_gains_probability():
    """Of 4 told ones the better 2 have 1 and 0 at the first position, and 3 twice at the second."""
    searcher = Drawn(SMALL, sharpen=0.5, elite=0.5, generation=4)
    told = [SMALL.make(each) for each in ([0, 0], [1, 3], [0, 3])]
    searcher.tell(told, [0.0, 3.0, 2.0])
    assert now(searcher)["1"] == pytest.approx([0.25] * 4)
    searcher.tell([SMALL.make([1, 0])], [np.nan])
    assert now(searcher)["0"] == pytest.approx([0.5, 0.5])
    # Aims at 98 % of (0, 0, 0, 1) with 2 % of the uniform distribution, and goes half of the way.
    assert now(searcher)["1"] == pytest.approx([0.1275, 0.1275, 0.1275, 0.6175])


def test_failures_alone_and_a_rate_of_0_change_nothing():
    told = [SMALL.make([1, each]) for each in range(4)]
    failed = Drawn(SMALL, generation=4)
    failed.tell(told, [np.nan] * 4)
    still = Drawn(SMALL, generation=4, sharpen=0)
    still.tell(told, range(4))
    for searcher in (failed, still):
        assert now(searcher)["0"] == pytest.approx([0.5, 0.5])


def test_scores_that_wait_are_replaced():
    searcher = Drawn(SMALL, sharpen=1, elite=0.25, generation=4)
    searcher.tell([SMALL.make([0, each]) for each in range(3)], [0.0, 1.0, 2.0])
    searcher.rescore(lambda architectures: -SMALL.value(architectures))
    searcher.tell([SMALL.make([0, 3])], [-9.0])
    assert now(searcher)["1"] == pytest.approx([0.985, 0.005, 0.005, 0.005])


def test_it_finds_the_optimum_with_fewer_draws_than_chance():
    space = ToySpace(6, 6, 6, 6, 6)
    result = run(Drawn(space, seed=0, sharpen=0.3), space.value, 600, batch=10)
    late = [space.value([step.architecture])[0] for step in result.history[-50:]]
    assert np.mean(late) > 18  # the mean of the space is 12.75, its optimum 25.5


def test_operations_that_give_nothing_are_left_out_where_wanted():
    for empties in (False, True):
        drawn = Drawn(NB201, empties=empties, seed=0).ask(40)
        assert any("none" in one.ops for one in drawn) is empties


def test_draws_keep_the_limits_of_a_space():
    few = spaces.Limited(NB201, {"skips": lambda one: one.ops.count("skip_connect")}, {"skips": 1})
    assert all(one.ops.count("skip_connect") <= 1 for one in Drawn(few, seed=0).ask(30))
