import numpy as np
import pytest

from egraph.errors import UsageError
from egraph.searchers import ParticleSwarm, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6)
SMALL = ToySpace(2, 4)


def swarm_at(positions, velocities, bests, scores):
    """A swarm on `SMALL` in its second turn, with these arrays as its state."""
    searcher = ParticleSwarm(SMALL, seed=0, particles=len(positions), distinct=False)
    arrays = {"positions": positions, "velocities": velocities, "bests": bests, "scores": scores}
    state = searcher.state_dict() | {name: np.array(a).tolist() for name, a in arrays.items()}
    searcher.load_state_dict(state | {"scores": scores, "proposed": len(positions)})
    return searcher


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ({"particles": 0}, "particles must be a whole number of at least 1, got 0"),
        ({"particles": 100_001}, "particles must be at most 100000, got 100001"),
        ({"spread": 0}, "spread must be a number above 0 and below 1, got 0"),
        ({"spread": 1.0}, "spread must be a number above 0 and below 1, got 1.0"),
        ({"spread": np.nan}, "spread must be a number above 0 and below 1, got nan"),
    ],
)
def test_impossible_numbers_are_refused(numbers, text):
    with pytest.raises(UsageError, match=text):
        ParticleSwarm(SPACE, **numbers)


def test_positions_are_distributions_over_the_options_of_each_place():
    positions = np.array(ParticleSwarm(SMALL, particles=5).state_dict()["positions"])
    assert positions.shape == (5, 2, 4)
    assert np.allclose(positions.sum(axis=-1), 1)
    assert (positions[:, 0, 2:] == 0).all()


def test_the_best_of_all_leans_to_what_was_told():
    """The others keep half of their 1/2 and 1/4; the told option gets the rest."""
    searcher = ParticleSwarm(SMALL, spread=0.5)
    searcher.tell([SMALL.make([1, 2])], [3.0])
    state = searcher.state_dict()
    assert np.allclose(state["bests"][-1], [[0.25, 0.75, 0, 0], [0.125, 0.125, 0.625, 0.125]])
    assert state["scores"] == [None] * searcher.particles + [3.0]


def test_only_better_results_of_its_own_draws_change_a_particle():
    searcher = ParticleSwarm(SPACE, particles=3)
    first = searcher.ask(3)
    searcher.tell(first, [1.0, np.nan, 2.0])
    assert searcher.state_dict()["scores"] == [1.0, None, 2.0, 2.0]
    second = searcher.ask(3)
    before = searcher.state_dict()["bests"]
    searcher.tell(second, [0.5, 0.5, 9.0])
    state = searcher.state_dict()
    assert state["scores"] == [1.0, 0.5, 9.0, 9.0]
    assert [new == old for new, old in zip(state["bests"], before, strict=True)] == [
        True,
        False,
        False,
        False,
    ]
    assert state["drawn_by"] == []


def test_particle_at_both_bests_moves_by_its_inertia():
    """0.729 x 0.2 = 0.1458; the second place would sum to 1.2187 and is scaled."""
    x = [[0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]]
    v = [[0.2, -0.2, 0, 0], [0.3, 0, 0, 0]]
    searcher = swarm_at([x], [v], [x, x], [1.0, 1.0])
    searcher.ask()
    state = searcher.state_dict()
    assert np.allclose(state["velocities"][0], [[0.1458, -0.1458, 0, 0], [0.2187, 0, 0, 0]])
    expected = [[0.6458, 0.3542, 0, 0], [0.4687 / 1.2187, *[0.25 / 1.2187] * 3]]
    assert np.allclose(state["positions"][0], expected)


def test_the_bests_pull_by_up_to_one_and_a_half():
    x = [[0.5, 0.5, 0, 0], [0.25] * 4]
    best = [[0.9, 0.1, 0, 0], [0.25] * 4]
    pulls = []
    searcher = swarm_at([x], [np.zeros((2, 4))], [x, best], [1.0, 2.0])
    start = searcher.state_dict()
    for _ in range(200):
        searcher.load_state_dict(start | {"rng": searcher.state_dict()["rng"]})
        searcher.ask()
        pulls.append(searcher.state_dict()["velocities"][0][0][0])
    assert 0 <= min(pulls) < 0.05
    assert 0.55 < max(pulls) <= 1.49618 * 0.4  # four tenths away
    assert abs(np.mean(pulls) - 0.299) < 0.05


def test_place_that_loses_all_probability_begins_anew():
    x = [[0.5, 0.5, 0, 0], [0.25] * 4]
    v = [[-9.0, -9.0, 0, 0], [0.0] * 4]
    searcher = swarm_at([x], [v], [x, x], [1.0, 1.0])
    searcher.ask()
    assert searcher.state_dict()["positions"][0][0] == [0.5, 0.5, 0, 0]


def test_draws_follow_the_position():
    x = [[0.2, 0.8, 0, 0], [0.0, 1.0, 0.0, 0.0]]
    searcher = swarm_at([x], [np.zeros((2, 4))], [x, x], [1.0, 1.0])
    numbers = np.array([SMALL.numbers(drawn) for drawn in searcher.ask(300)])
    assert abs(numbers[:, 0].mean() - 0.8) < 0.1
    assert (numbers[:, 1] == 1).all()


def test_results_may_be_outstanding():
    assert len(ParticleSwarm(SPACE, particles=3).ask(30)) == 30


def test_it_beats_random_search_where_neighbours_are_alike():
    found = [run(ParticleSwarm(SPACE, seed=seed), SPACE.value, 150).best_score for seed in range(6)]
    assert np.mean(np.isclose(found, 20.5)) >= 0.6  # random search: 150 / 1,296, about 0.7 of 6
