import math

import numpy as np
import pytest

from egraph.searchers._members import Member
from egraph.searchers._species import Population, shares, tournament


def population(size, keeps_best=True):
    """Of numbers, alike if they are at most 1 apart."""
    return Population(size, 1.0, lambda a, b: abs(a - b), keeps_best)


def fill(living, genomes, scores):
    return [living.add(genome, score) for genome, score in zip(genomes, scores, strict=True)]


def test_shares_by_hand():
    # Above the worst, 1: a mean of (3 + 1) / 2 = 2, and of 6 / 1 = 6.
    assert shares([[4.0, 2.0], [7.0], [1.0, 1.0]]) == [0.25, 0.75, 0.0]


def test_a_large_species_is_due_no_more_than_a_small_one_as_good():
    assert shares([[3.0] * 9, [3.0], [1.0]]) == [0.5, 0.5, 0.0]


def test_equal_or_failed_species_are_due_the_same():
    assert shares([[2.0], [2.0, 2.0]]) == [0.5, 0.5]
    assert shares([[-math.inf], [-math.inf]]) == [0.5, 0.5]
    assert shares([[-math.inf, 5.0], [3.0, 4.0]]) == pytest.approx([1 / 1.5, 0.5 / 1.5])


def test_a_generation_is_divided_by_distance_from_the_first_of_each_species():
    living = population(5)
    assert fill(living, [0, 5, 1, 6, 2], [1.0, 2.0, 3.0, 4.0, 5.0]) == [False] * 4 + [True]
    found = {species.number: [m.genome for m in species.members] for species in living.species}
    assert found == {0: [1, 0], 1: [6, 5], 2: [2]}


def test_the_best_represents_its_species_and_lives_on():
    living = population(2)
    fill(living, [0, 1], [1.0, 2.0])
    fill(living, [2, 0], [0.0, 1.0])
    assert [(s.number, [m.genome for m in s.members]) for s in living.species] == [(0, [1, 0, 2])]
    assert len(living) == 3


def test_all_of_a_generation_can_leave():
    living = population(2, keeps_best=False)
    fill(living, [0, 1], [1.0, 2.0])
    fill(living, [2, 2], [0.0, 1.0])
    assert [[m.score for m in species.members] for species in living.species] == [[1.0, 0.0]]


def test_a_species_due_less_than_half_a_child_dies_out():
    living = population(4)
    fill(living, [0, 10, 20, 30], [0.0, 100.0, 1.0, 30.0])
    assert [species.number for species in living.species] == [1, 3]  # dues of 0, 3.05, 0.03 and 0.92


def test_the_species_of_the_best_never_dies_out():
    living = population(4)
    fill(living, [0, 0, 10, 10], [5.0, -1e9, 4.0, 4.0])  # dues of 1.33 and 2.67: both live
    assert len(living.species) == 2
    fill(living, [0] * 4, [-1e9] * 4)
    assert living.species[0].members[0].score == 5.0


def test_species_are_drawn_by_share():
    living = population(4)
    fill(living, [0, 0, 10, 10], [0.0, 2.0, 3.0, 3.0])  # 1 against 3
    rng = np.random.default_rng(0)
    assert np.mean([living.draw(rng).number for _ in range(400)]) == pytest.approx(0.75, abs=0.07)


def test_tournament_of_half_the_members_is_mostly_won_by_the_best():
    rng = np.random.default_rng(0)
    won = np.bincount([tournament([Member(k, -k) for k in range(4)], rng).genome for _ in range(4000)])
    # Of six pairs the best is in three and wins 0.8 of them; the last but wins the rest of its three.
    assert won / 4000 == pytest.approx([0.4, 0.3, 0.2, 0.1], abs=0.03)
    assert tournament([Member("one", 1.0)], rng).genome == "one"


def test_state_holds_failed_and_waiting_ones():
    living, again = population(2), population(2)
    fill(living, [0, 9, 3], [1.0, math.nan, math.nan])
    state = living.state_dict(lambda genome: genome)
    assert state["fresh"] == [[3, None]]
    again.load_state_dict(state, lambda genome: genome)
    assert again.species == living.species
    assert again.add(3, 2.0)
    assert living.add(3, 2.0)
    assert again.species == living.species
