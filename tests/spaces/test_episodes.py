import numpy as np
import pytest

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError
from egraph.searchers.testing import ToySpace
from egraph.spaces._cell_episodes import CellEpisodes
from egraph.spaces.episodes import EncodedEpisodes
from egraph.spaces.nasbench101 import OPERATIONS, NASBench101

CELLS = NASBench101().episodes()
STOP, FIRST, NOTHING = 3, 4, 10  # outputs 4 to 9 are the vertices before the last as inputs


def _set_bits(actions):
    return np.flatnonzero(CELLS.observe(actions)).tolist()


def test_a_cell_has_45_bits_and_11_outputs():
    assert (CELLS.bits, CELLS.outputs) == (45, 11)


def test_bits_are_codes_of_vertices_and_then_pairs():
    assert _set_bits([]) == [3]  # the input's code
    one = [(1, FIRST, NOTHING)]
    assert _set_bits(one) == [3, 4 + 1, 24 + 0]  # vertex 1 with operation 1; pair (0, 1)
    two = [*one, (2, FIRST, FIRST + 1)]
    assert _set_bits(two) == [3, 5, 8 + 2, 24, 24 + 1, 24 + 2]  # pairs (0, 2) and (1, 2)
    # Output is always the last of seven: pairs with it begin behind the 15 of the other six.
    assert _set_bits([*two, (STOP, FIRST + 2, NOTHING)]) == [3, 5, 10, 24, 25, 26, 24 + 15 + 2]


def test_picks_are_a_layer_and_two_inputs_that_exist():
    (layers, one), (inputs, two) = CELLS.picks([])
    assert (list(layers), one, list(inputs), two) == ([0, 1, 2, 3], 1, [FIRST, NOTHING], 2)
    _, (inputs, _) = CELLS.picks([(0, FIRST, NOTHING)] * 2)
    assert list(inputs) == [FIRST, FIRST + 1, FIRST + 2, NOTHING]


def test_a_full_cell_must_end_and_an_ended_one_has_no_picks():
    full = [(0, FIRST, NOTHING)] * 5
    assert list(CELLS.picks(full)[0].outputs) == [STOP]
    assert CELLS.picks([*full, (STOP, FIRST, NOTHING)]) == []


def test_no_connection_adds_no_edge():
    cell = CELLS.build([(0, FIRST, NOTHING), (STOP, FIRST, FIRST + 1)])
    assert cell == Architecture(["input", OPERATIONS[0], "output"], [(0, 1), (0, 2), (1, 2)])


def test_an_episode_without_a_path_has_no_end_to_build():
    space = NASBench101(max_vertices=5, max_edges=3)
    episodes = space.episodes()
    with pytest.raises(ArchitectureError, match="at most 3 edges"):
        episodes.build([(0, 4, 8), (0, 4, 5), (3, 5, 6)])


def test_traced_actions_build_the_cell_again():
    rng = np.random.default_rng(0)
    space = NASBench101()
    for _ in range(50):
        cell = space.sample(rng)
        assert space.key(CELLS.build(CELLS.trace(cell))) == space.key(cell)


def test_a_vertex_of_three_inputs_is_traced_with_three():
    cell = Architecture(
        ["input", OPERATIONS[0], OPERATIONS[1], "output"], [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)]
    )
    actions = [(0, FIRST, NOTHING), (1, FIRST, NOTHING), (STOP, FIRST, FIRST + 1, FIRST + 2)]
    assert CELLS.trace(cell) == actions


def test_positions_of_an_encoding_are_chosen_one_by_one():
    space = ToySpace(2, 3)
    episodes = space.episodes()
    assert isinstance(episodes, EncodedEpisodes)
    assert isinstance(NASBench101().episodes(), CellEpisodes)
    assert [list(pick.outputs) for pick in episodes.picks([])] == [[0, 1]]
    assert [list(pick.outputs) for pick in episodes.picks([(1,)])] == [[2, 3, 4]]
    assert episodes.picks([(1,), (4,)]) == []
    assert episodes.observe([(1,)]).tolist() == [0, 1, 0, 0, 0]
    assert episodes.build([(1,), (4,)]) == space.make([1, 2])
    assert episodes.trace(space.make([1, 2])) == [(1,), (4,)]
