import numpy as np
import pytest

from egraph import spaces
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, UsageError

SPACE = spaces.get("nash")
SMALLEST = "CONV_3.W1,POOL_2,CONV_3.W1,POOL_2,CONV_3.W1"
FULL_STAGE = "CONV_3.W8,CONV_3.W8,CONV_3.W8,CONV_3.W8"
LARGEST = (
    f"{FULL_STAGE},POOL_2,{FULL_STAGE},POOL_2,{FULL_STAGE};"
    "0>2,0>3,1>3,0>4,1>4,2>4,5>7,5>8,6>8,5>9,6>9,7>9,10>12,10>13,11>13,10>14,11>14,12>14,10>15,11>15,12>15,13>15"
)


def formats(architectures):
    return [SPACE.format(architecture) for architecture in architectures]


def test_neighbors_are_deeper_wider_or_have_a_skip_more():
    """Behind each of five layers two kernels; three layers of twice or four times the width; one skip."""
    text = "CONV_3.W1,POOL_2,CONV_5.W4,POOL_2,CONV_3.W1"
    assert formats(SPACE.neighbors(SPACE.parse(text))) == [
        "CONV_3.W1,CONV_3.W1,POOL_2,CONV_5.W4,POOL_2,CONV_3.W1",
        "CONV_3.W1,CONV_5.W1,POOL_2,CONV_5.W4,POOL_2,CONV_3.W1",
        "CONV_3.W1,POOL_2,CONV_3.W1,CONV_5.W4,POOL_2,CONV_3.W1",
        "CONV_3.W1,POOL_2,CONV_5.W1,CONV_5.W4,POOL_2,CONV_3.W1",
        "CONV_3.W1,POOL_2,CONV_5.W4,CONV_3.W4,POOL_2,CONV_3.W1",
        "CONV_3.W1,POOL_2,CONV_5.W4,CONV_5.W4,POOL_2,CONV_3.W1",
        "CONV_3.W1,POOL_2,CONV_5.W4,POOL_2,CONV_3.W4,CONV_3.W1",
        "CONV_3.W1,POOL_2,CONV_5.W4,POOL_2,CONV_5.W4,CONV_3.W1",
        "CONV_3.W1,POOL_2,CONV_5.W4,POOL_2,CONV_3.W1,CONV_3.W1",
        "CONV_3.W1,POOL_2,CONV_5.W4,POOL_2,CONV_3.W1,CONV_5.W1",
        "CONV_3.W2,POOL_2,CONV_5.W4,POOL_2,CONV_3.W1",
        "CONV_3.W4,POOL_2,CONV_5.W4,POOL_2,CONV_3.W1",
        "CONV_3.W1,POOL_2,CONV_5.W8,POOL_2,CONV_3.W1",
        "CONV_3.W1,POOL_2,CONV_5.W4,POOL_2,CONV_3.W2",
        "CONV_3.W1,POOL_2,CONV_5.W4,POOL_2,CONV_3.W4",
        "CONV_3.W1,POOL_2,CONV_5.W4,POOL_2,CONV_3.W1;4>6",
    ]


def test_an_inserted_layer_leaves_skips_with_the_layers_that_they_join():
    start = SPACE.parse("CONV_3.W1,CONV_3.W2,CONV_3.W4,POOL_2,CONV_3.W1,POOL_2,CONV_3.W1;0>2,1>3,6>8")
    behind_the_first = "CONV_3.W1,CONV_5.W1,CONV_3.W2,CONV_3.W4,POOL_2,CONV_3.W1,POOL_2,CONV_3.W1;0>3,1>4,7>9"
    assert behind_the_first in formats(SPACE.neighbors(start))


def test_mutants_are_neighbors_and_every_kind_is_as_likely():
    rng = np.random.default_rng(0)
    start = SPACE.parse(SMALLEST)
    mutants = [SPACE.mutate(start, rng) for _ in range(900)]
    assert set(mutants) == set(SPACE.neighbors(start))
    deeper = sum(mutant.num_vertices == 8 for mutant in mutants)
    skips = sum(len(mutant.edges) == 7 for mutant in mutants) - deeper
    assert 250 < skips < 350
    assert 250 < deeper < 350


def test_the_largest_network_stays_as_it_is():
    largest = SPACE.parse(LARGEST)
    assert SPACE.neighbors(largest) == []
    assert SPACE.mutate(largest, np.random.default_rng(0)) == largest


def test_growing_ends_at_the_largest():
    rng = np.random.default_rng(1)
    architecture = SPACE.parse(SMALLEST)
    for _ in range(120):
        architecture = SPACE.mutate(architecture, rng)
    assert SPACE.neighbors(architecture) == []
    assert architecture.num_vertices == 16
    assert len(architecture.edges) == 15 + 6 + 6 + 10


def test_children_take_each_stage_from_a_parent():
    a = SPACE.parse("CONV_3.W1,CONV_3.W1,POOL_2,CONV_3.W1,POOL_2,CONV_3.W1;0>2")
    b = SPACE.parse("CONV_5.W8,POOL_2,CONV_5.W8,CONV_5.W8,POOL_2,CONV_5.W8;2>4,5>7")
    rng = np.random.default_rng(0)
    children = set(formats(SPACE.crossover(a, b, rng) for _ in range(100)))
    assert len(children) == 8
    assert "CONV_3.W1,CONV_3.W1,POOL_2,CONV_5.W8,CONV_5.W8,POOL_2,CONV_3.W1;0>2,3>5" in children
    assert "CONV_5.W8,POOL_2,CONV_3.W1,POOL_2,CONV_5.W8;4>6" in children


def test_encoding_has_the_layers_of_a_stage_and_then_its_skips():
    """Skips by target: 0>2; 0>3, 1>3; 0>4, 1>4, 2>4; in the last stage then those to the output."""
    text = "CONV_3.W2,CONV_5.W1,POOL_2,CONV_3.W1,POOL_2,CONV_3.W8,CONV_3.W1;0>2,5>7,6>8"
    options = SPACE.encode(SPACE.parse(text))
    assert options == (
        *(1, 5, 0, 0), *(1, 0, 0, 0, 0, 0),
        *(0, 0, 0, 0), *(0, 0, 0, 0, 0, 0),
        *(3, 1, 0, 0), *(1, 0, 0, 0, 0, 0), *(0, 1, 0, 0),
    )  # fmt: skip
    assert SPACE.format(SPACE.decode(options)) == text


def test_absent_layers_take_their_skips_with_them():
    """Of four places the second is empty: the third is layer 2, and its skip from 1 is the chain."""
    stage = (0, 0, 6, 0, *(1, 1, 1, 1, 1, 1))
    plain = (0, 0, 0, 0, *(0, 0, 0, 0, 0, 0))
    decoded = SPACE.decode((*stage, *plain, *plain, *(0, 0, 0, 0)))
    assert SPACE.format(decoded) == "CONV_3.W1,CONV_5.W2,POOL_2,CONV_3.W1,POOL_2,CONV_3.W1;0>2"


def test_samples_have_up_to_twelve_morphisms():
    rng = np.random.default_rng(0)
    samples = [SPACE.sample(rng) for _ in range(300)]
    sizes = [sample.num_vertices for sample in samples]
    assert min(sizes) == 7
    assert max(sizes) > 11
    assert {sample.ops[1] for sample in samples} >= {"CONV_3.W1", "CONV_5.W1", "CONV_3.W8"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CONV_3.W1,POOL_2,CONV_3.W1", "3 stages of 1 to 4 convolutions"),
        ("POOL_2,CONV_3.W1,POOL_2,CONV_3.W1", "3 stages of 1 to 4 convolutions"),
        (f"CONV_3.W1,{FULL_STAGE},POOL_2,CONV_3.W1,POOL_2,CONV_3.W1", "3 stages of 1 to 4 convolutions"),
        (f"{SMALLEST},POOL_2", "3 stages of 1 to 4 convolutions"),
        (f"{SMALLEST};0>3", r"skips to convolutions or the output .*\(0, 3\)"),
        (f"{SMALLEST};0>2", r"skips to convolutions or the output .*\(0, 2\)"),
        (f"{SMALLEST};!4>6", "has no disabled edges"),
        (f"{SMALLEST};", "expected a connection such as '0>1'"),
        ("CONV_7.W1", "expected LAYER,LAYER,.* with layers such as CONV_3.W1, .*got 'CONV_7.W1'"),
    ],
)
def test_malformed_notation_is_refused(text, expected):
    with pytest.raises(ArchitectureError, match=expected):
        SPACE.parse(text)


def test_a_broken_chain_is_refused():
    good = SPACE.parse(SMALLEST)
    with pytest.raises(ArchitectureError, match=r"the chain 0 -> 1 -> ... -> 6 .*\(2, 3\)"):
        SPACE.validate(Architecture(good.ops, [edge for edge in good.edges if edge != (2, 3)]))


def test_networks_inherit():
    old = SPACE.network(SPACE.parse(SMALLEST), (1, 8, 8), channels=2)
    new = SPACE.network(SPACE.parse(f"{SMALLEST};4>6"), (1, 8, 8), channels=2)
    assert SPACE.inherit(new, old)
    assert not SPACE.inherit(old, new)
    assert not SPACE.inherit(
        new, spaces.get("nasbench_macro").network(spaces.get("nasbench_macro").parse("0" * 8))
    )


def test_other_spaces_know_no_morphisms():
    with pytest.raises(UsageError, match="'convnet' has no network morphisms; use one that has: 'nash'"):
        spaces.get("convnet").inherit(None, None)
