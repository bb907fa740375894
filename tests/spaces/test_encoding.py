"""Every registered space encodes its architectures as options at positions, and decodes them again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import spaces
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, UsageError
from egraph.spaces.nasbench101 import NASBench101

SPACES = [*map(spaces.get, spaces.names()), NASBench101(5, 6)]
every_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)


def walk(space, seed, steps):
    rng = np.random.default_rng(seed)
    architecture = space.sample(rng)
    for _ in range(steps):
        architecture = space.mutate(architecture, rng)
    return architecture


@every_space
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(0, 30))
def test_decoded_again_it_is_the_same_network(space, seed, steps):
    architecture = walk(space, seed, steps)
    options = space.encode(architecture)
    assert len(options) == len(space.choices)
    assert all(type(o) is int and 0 <= o < size for o, size in zip(options, space.choices, strict=True))
    decoded = space.decode(options)
    space.validate(decoded)
    assert space.key(decoded) == space.key(architecture)
    assert space.encode(decoded) == options


@every_space
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_random_options_are_an_architecture_or_refused(space, data):
    options = data.draw(st.tuples(*(st.integers(0, size - 1) for size in space.choices)))
    try:
        architecture = space.decode(options)
    except ArchitectureError:
        return
    space.validate(architecture)
    assert space.key(space.decode(space.encode(architecture))) == space.key(architecture)


@every_space
def test_arrays_are_welcome(space):
    architecture = walk(space, 0, 3)
    options = space.encode(architecture)
    assert space.decode(np.array(options)) == space.decode(options)


@every_space
def test_wrong_number_of_options_is_refused(space):
    options = space.encode(walk(space, 0, 0))
    for wrong in ((), options[:-1], (*options, 0)):
        match = rf"{space.name} is encoded in {len(options)} positions, got {len(wrong)} options"
        with pytest.raises(UsageError, match=match):
            space.decode(wrong)


@every_space
@pytest.mark.parametrize("option", [-1, 99])
def test_option_out_of_range_is_refused(space, option):
    _, *rest = space.encode(walk(space, 0, 0))
    with pytest.raises(ArchitectureError, match=rf"position 0 of .* has the options 0 to .*, got {option}"):
        space.decode((option, *rest))


@every_space
def test_broken_numbers_are_refused(space):
    _, *rest = space.encode(walk(space, 0, 0))
    with pytest.raises(ArchitectureError, match=r"options must be whole numbers, got \[0\.5"):
        space.decode([0.5, *rest])


@every_space
def test_foreign_graph_is_not_encoded(space):
    with pytest.raises(ArchitectureError, match="teleport"):
        space.encode(Architecture(["input", "teleport", "output"], [(0, 1), (1, 2)]))


def test_space_without_an_encoding_says_so():
    class Plain(NASBench101):
        choices, encode, decode = (getattr(spaces.SearchSpace, n) for n in ("choices", "encode", "decode"))

    space = Plain()
    with pytest.raises(UsageError, match="gives no encoding, which this searcher needs; define choices"):
        _ = space.choices
    with pytest.raises(UsageError, match="'nasbench101' gives no encoding"):
        space.encode(space.sample(np.random.default_rng(0)))
    with pytest.raises(UsageError, match="'nasbench101' gives no encoding"):
        space.decode([0])


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        (
            "nasbench201",
            "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|",
            (3, 0, 1, 4, 2, 0),
        ),
        ("nasbench_macro", "01201221", (0, 1, 2, 0, 1, 2, 2, 1)),
        ("nasbench_graph", "0012 gcn,gat,skip,fc", (3, 1, 0, 8, 7)),
    ],
)
def test_encoding_follows_the_notation(name, text, options):
    space = spaces.get(name)
    assert space.encode(space.parse(text)) == options
    assert space.decode(options) == space.parse(text)


def test_four_skips_are_refused():
    with pytest.raises(ArchitectureError, match="has no architecture of four skips"):
        spaces.get("nasbench_graph").decode((0, 8, 8, 8, 8))


def test_small_cell_takes_the_first_vertices_and_the_last():
    """Bits by target: 0>1; 0>2, 1>2; 0>3, 1>3, 2>3; ... The chain is 0>1, 1>2, 2>6, its shortcut 0>6."""
    space = spaces.get("nasbench101")
    cell = space.parse("0101/0010/0001/0000 maxpool3x3,conv1x1-bn-relu")
    edges = [1, 0, 1] + [0] * 3 + [0] * 4 + [0] * 5 + [1, 0, 1, 0, 0, 0]
    assert space.encode(cell) == (*edges, 2, 1, 0, 0, 0)
    assert space.decode((*edges, 2, 1, 2, 2, 2)) == cell  # what is dead may have any operation


def test_cell_numbered_against_its_edges_is_encoded_in_order():
    space = spaces.get("nasbench101")
    backward = Architecture(
        ["input", "conv1x1-bn-relu", "maxpool3x3", "output"], [(0, 2), (2, 1), (1, 3), (0, 3)]
    )
    assert space.encode(backward)[-5:] == (2, 1, 0, 0, 0)


def test_every_small_cell_comes_back():
    space = NASBench101(5, 6)
    for cell in space:
        assert space.key(space.decode(space.encode(cell))) == space.key(cell)


@pytest.mark.parametrize("name", ["nasbench101", "convnet"])
def test_edges_that_join_nothing_are_refused(name):
    space = spaces.get(name)
    with pytest.raises(ArchitectureError, match="the options leave no path from input to output"):
        space.decode([0] * len(space.choices))
    with pytest.raises(ArchitectureError, match=r"at most \d+ edges"):
        space.decode([1] * len(space.choices))


def test_disabled_genes_and_dead_layers_are_dropped():
    space = spaces.get("convnet")
    genome = space.parse("CONV_3.N,POOL_2.M;0>2,2>3,0>1,!1>3,!0>3")
    assert space.format(space.decode(space.encode(genome))) == "POOL_2.M;0>1,1>2"


def test_hyperparameters_follow_the_layers():
    space = spaces.get("graphsage")
    options = space.encode(space.parse("SAGE_POOL.N;0>1,1>2;READOUT_SORT1"))
    assert len(options) == 45 + 8 + 1
    assert (options[45], options[-1]) == (space.layers.index("SAGE_POOL.N"), 2)
