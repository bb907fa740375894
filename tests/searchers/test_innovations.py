import numpy as np
import pytest

from egraph import spaces
from egraph.architecture import Architecture
from egraph.searchers._innovations import Genome, Innovations, cross, distance

CHAIN = Architecture(["input", "a", "b", "output"], [(0, 1), (1, 2), (2, 3)])


def insert(layer, new, architecture=CHAIN):
    """A layer between vertices ``new - 1`` and ``new`` of a chain; the old connection stays, disabled."""
    ops = (*architecture.ops[:new], layer, *architecture.ops[new:])
    chain = [(v, v + 1) for v in range(len(ops) - 1)]
    return Architecture(ops, chain, [(new - 1, new + 1)])


def test_founders_are_numbered_from_the_output():
    assert Innovations().found(CHAIN).marks == (0, -3, -2, -1)


def test_a_new_vertex_gets_the_next_number_and_the_others_keep_theirs():
    innovations = Innovations()
    founder = innovations.found(CHAIN)
    assert innovations.descend(founder, insert("c", 2)).marks == (0, -3, 1, -2, -1)
    assert innovations.descend(founder, insert("c", 3)).marks == (0, -3, -2, 2, -1)


def test_the_new_one_of_two_equal_layers_is_told_by_its_connections():
    innovations = Innovations()
    founder = innovations.found(CHAIN)
    assert innovations.descend(founder, insert("b", 2)).marks == (0, -3, 1, -2, -1)
    assert innovations.descend(founder, insert("b", 3)).marks == (0, -3, -2, 2, -1)


def test_one_innovation_has_one_number_within_a_generation():
    innovations = Innovations()
    founder = innovations.found(CHAIN)
    first = innovations.descend(founder, insert("c", 2))
    assert innovations.descend(founder, insert("d", 2)).marks == first.marks
    innovations.forget()
    assert innovations.descend(founder, insert("c", 2)).marks == (0, -3, 2, -2, -1)


def test_no_number_stands_twice_in_one_genome():
    innovations = Innovations()
    first = innovations.descend(innovations.found(CHAIN), insert("c", 2))
    # Beside the new vertex, between the same neighbours.
    ops = ["input", "a", "c", "d", "b", "output"]
    edges = [(0, 1), (1, 2), (2, 4), (1, 3), (3, 4), (4, 5)]
    assert innovations.descend(first, Architecture(ops, edges, [(1, 4)])).marks == (0, -3, 1, 2, -2, -1)


def test_a_mutation_that_adds_no_vertex_keeps_the_numbers():
    innovations = Innovations()
    founder = innovations.found(CHAIN)
    other = Architecture(["input", "x", "b", "output"], [(0, 1), (0, 2), (1, 2), (2, 3)])
    assert innovations.descend(founder, other).marks == founder.marks


def test_what_is_left_of_a_shrunken_graph_keeps_its_numbers():
    innovations = Innovations()
    shorter = Architecture(["input", "b", "output"], [(0, 1), (1, 2)])
    assert innovations.descend(innovations.found(CHAIN), shorter).marks == (0, -2, -1)


def test_distance_counts_genes_of_one_and_the_share_of_layers_that_differ():
    innovations = Innovations()
    founder = innovations.found(CHAIN)
    longer = innovations.descend(founder, insert("c", 2))
    # One vertex and the two connections to it; the old connection is there, disabled.
    assert distance(founder, longer, 5.0) == distance(longer, founder, 5.0) == 3.0
    other = innovations.found(Architecture(["input", "a", "x", "output"], CHAIN.edges))
    assert distance(founder, other, 5.0) == 2.5
    assert distance(longer, other, 5.0) == 5.5
    assert distance(founder, innovations.found(Architecture(["input", "output"], [(0, 1)])), 5.0) == 2 + 4


def test_crossover_takes_the_structure_of_the_fitter_and_layers_of_either():
    innovations = Innovations()
    founder = innovations.found(Architecture(["input", "x", "y", "output"], CHAIN.edges))
    longer = innovations.descend(innovations.found(CHAIN), insert("c", 2))
    rng = np.random.default_rng(0)
    children = [cross(longer, founder, rng) for _ in range(60)]
    assert {child.marks for child in children} == {longer.marks}
    assert {child.architecture.ops[1:-1] for child in children} == {
        (first, "c", last) for first in "ax" for last in "by"
    }
    others = [cross(founder, longer, rng).architecture for _ in range(9)]
    assert {tuple(sorted(other.edges + other.disabled)) for other in others} == {CHAIN.edges}


def test_a_connection_enabled_in_one_parent_is_disabled_three_times_in_four():
    edges = [(0, 1), (1, 2), (0, 2)]
    on = Genome(Architecture(["input", "a", "output"], edges), (0, -2, -1))
    off = Genome(Architecture(["input", "a", "output"], edges[:2], edges[2:]), (0, -2, -1))
    rng = np.random.default_rng(0)
    for parents in ((on, off), (off, on)):
        disabled = sum(cross(*parents, rng).architecture.disabled == ((0, 2),) for _ in range(400))
        assert disabled / 400 == pytest.approx(0.75, abs=0.07)


def test_numbers_go_on_after_loading():
    innovations, again = Innovations(), Innovations()
    innovations.descend(innovations.found(CHAIN), insert("c", 2))
    again.load_state_dict(innovations.state_dict())
    assert again.descend(again.found(CHAIN), insert("d", 2)).marks == (0, -3, 1, -2, -1)
    assert again.descend(again.found(CHAIN), insert("d", 3)).marks == (0, -3, -2, 2, -1)


@pytest.mark.parametrize("name", spaces.names())
def test_marks_stay_distinct_along_any_line_of_descent(name):
    space, rng, innovations = spaces.get(name), np.random.default_rng(0), Innovations()
    genome = innovations.found(space.sample(rng))
    for _ in range(30):
        genome = innovations.descend(genome, space.mutate(genome.architecture, rng))
        assert len(set(genome.marks)) == genome.architecture.num_vertices
        assert genome.marks[0] == 0
        assert genome.marks[-1] == -1
