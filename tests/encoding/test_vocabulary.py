"""Operations that a ranker knows by another name."""

import numpy as np
import pytest

from egraph import Architecture, operations, spaces
from egraph.encoding import Vocabulary, encode
from egraph.operations import Operation

for _operation in (
    Operation("v-conv3", "conv", kernel=3, channels=64, parameters=36_864, flops=7, repeats=3),
    Operation("v-conv3-narrow", "conv", kernel=3, width=0.5, channels=32),
    Operation("v-pool", "avg-pool", kernel=3, channels=64),
    Operation("v-twin", "conv", kernel=3),
    Operation("v-shortcut", "identity"),
    Operation("v-other", "other", channels=64),
):
    operations.register(_operation)


def chain(*ops: str) -> Architecture:
    return Architecture(["input", *ops, "output"], [(i, i + 1) for i in range(len(ops) + 1)])


VOCABULARY = Vocabulary.of([chain("t-conv3", "t-conv1", "t-pool", "t-skip")])


def same(one: Architecture, other: Architecture) -> bool:
    a, b = encode([one], VOCABULARY), encode([other], VOCABULARY)
    arrays = (("vertices", "counts", "sizes", "features"), (a, b))
    return all(np.array_equal(getattr(arrays[1][0], n), getattr(arrays[1][1], n)) for n in arrays[0])


def test_an_operation_of_the_same_description_is_the_one_that_is_known():
    """Measured parameters and channels, which spaces leave open, do not tell them apart."""
    assert VOCABULARY.describe("v-conv3") is VOCABULARY.describe("t-conv3")
    assert VOCABULARY.describe("v-pool").name == "t-pool"
    assert encode([chain("v-conv3", "v-pool")], VOCABULARY).unknown_operations == ()
    assert same(chain("v-conv3", "t-conv1", "v-pool"), chain("t-conv3", "t-conv1", "t-pool"))


def test_two_names_of_one_operation_are_one_in_a_graph(renumber):
    """Equal vertices are merged, and ordered, by the name that is known."""
    rng = np.random.default_rng(0)
    edges = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 5), (4, 5), (5, 6)]
    names = ["input", "t-pool", "v-pool", "v-conv3", "t-conv1", "v-conv3", "output"]
    known = ["input", "t-pool", "t-pool", "t-conv3", "t-conv1", "t-conv3", "output"]
    mixed = Architecture(names, edges)
    assert same(mixed, Architecture(known, edges))
    assert same(renumber(mixed, rng), mixed)
    assert encode([mixed], VOCABULARY).sizes.tolist() == [6]  # the two pools are shareable


def test_another_width_is_another_operation():
    assert encode([chain("v-conv3-narrow")], VOCABULARY).unknown_operations == ("v-conv3-narrow",)


def test_operations_of_another_space_keep_their_name():
    """Spaces tell layers apart by what is not described, such as the activation."""
    assert encode([chain("v-twin")], VOCABULARY).unknown_operations == ("v-twin",)


def test_a_description_that_two_known_operations_share_is_neither():
    assert "nor_conv_3x3" in spaces.get("nasbench201").operations
    both = Vocabulary.of([chain("t-conv3", "nor_conv_3x3")])
    assert both.describe("v-conv3").name == "v-conv3"
    assert encode([chain("v-conv3")], both).unknown_operations == ("v-conv3",)


@pytest.mark.parametrize(("known", "asked"), [("hand-made", "v-other"), ("t-conv3", "v-shortcut")])
def test_kinds_that_say_nothing_but_a_name_are_not_recognised(known, asked):
    assert Vocabulary.of([chain(known)]).describe(asked).name == asked


def test_measured_fields_survive_json_and_are_left_out_where_unknown():
    vocabulary = Vocabulary.of([chain("v-conv3", "t-conv1")])
    content = vocabulary.to_json()
    assert Vocabulary.from_json(content).operations == vocabulary.operations
    assert [sorted(fields) for fields in content["vocabulary"] if fields["name"] == "t-conv1"] == [
        sorted(["name", "kind", "kernel", "stride", "groups", "expansion", "width", "padded", "shareable"])
    ]


def test_a_vocabulary_of_traced_networks_holds_each_description_once():
    for channels in (32, 64):
        operations.register(Operation(f"v-half-{channels}", "conv", kernel=3, width=0.5, channels=channels))
        operations.register(Operation(f"v-lstm-{channels}", "other", channels=channels))
    vocabulary = Vocabulary.of([chain("v-half-32", "v-pool"), chain("v-conv3", "v-lstm-32")])
    names = [op.name for op in vocabulary.interior]
    assert names == ["avg-pool kernel:3", "conv kernel:3", "conv kernel:3 width:0.5", "v-lstm-32"]
    met = encode([chain("v-half-64", "v-pool", "v-lstm-64")], vocabulary)
    assert met.unknown_operations == ()  # another size, and sizes are read
    assert Vocabulary.from_json(vocabulary.to_json()).operations == vocabulary.operations


def test_traced_layers_are_those_of_a_space_in_the_same_data():
    vocabulary = Vocabulary.of([chain("t-conv3", "v-conv3", "t-conv1")])
    assert [op.name for op in vocabulary.interior] == ["t-conv1", "t-conv3"]


def test_traced_layers_stand_for_themselves_where_a_space_has_two_of_them():
    vocabulary = Vocabulary.of([chain("t-conv3", "v-conv3", "v-twin")])
    assert [op.name for op in vocabulary.interior] == ["conv kernel:3", "t-conv3", "v-twin"]
    assert vocabulary.describe("v-conv3").name == "conv kernel:3"
    assert encode([chain("v-conv3")], vocabulary).unknown_operations == ()
