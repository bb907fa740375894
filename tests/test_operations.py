import math

import numpy as np
import pytest

from egraph import operations, spaces
from egraph.errors import UsageError
from egraph.operations import ATTRIBUTES, KINDS, Operation


def test_unknown_kind_is_refused():
    with pytest.raises(UsageError, match="operation 'x' has unknown kind 'magic'; known: input, output"):
        Operation("x", "magic")


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"name": 3}, "the name of an operation must be a text, got 3"),
        ({"kind": ["conv"]}, r"operation 'x' has unknown kind \['conv'\]"),
        ({"kernel": "3"}, "kernel must be a whole number of at least 0, got '3'"),
        ({"groups": 10**19}, "groups must be at most 1000000000000000000"),
        ({"width": -1}, "width must be a number above 0, got -1"),
        ({"expansion": math.inf}, "operation 'x' has a width or an expansion above"),
        ({"padded": None}, "padded must be true or false, got None"),
    ],
)
def test_a_description_of_other_values_is_refused(description, message):
    with pytest.raises(UsageError, match=message):
        Operation(**{"name": "x", "kind": "conv", **description})


def test_same_description_may_be_registered_twice():
    known = operations.get("conv3x3-bn-relu")
    assert operations.register(Operation("conv3x3-bn-relu", "conv", kernel=3)) is known


def test_another_description_is_refused_and_says_what_differs():
    with pytest.raises(
        UsageError, match=r"'conv3x3-bn-relu' is registered already with another kernel, stride; choose"
    ):
        operations.register(Operation("conv3x3-bn-relu", "conv", kernel=5, stride=2))


def test_unregistered_operation_is_of_kind_other():
    assert operations.get("nobody registers this") == Operation("nobody registers this", "other")
    assert "nobody registers this" not in operations.registry


def test_a_declared_operation_is_known_and_can_still_be_registered():
    assert not operations.is_known("declared by a space")
    operations.declare(["declared by a space"])
    assert operations.is_known("declared by a space")
    assert operations.get("declared by a space") == Operation("declared by a space", "other")
    described = operations.register(Operation("declared by a space", "conv", kernel=7))
    assert operations.get("declared by a space") is described


def test_description_as_json_values():
    assert Operation("x", "conv", kernel=3).to_dict() == {
        "name": "x", "kind": "conv", "kernel": 3, "stride": 1, "groups": 1, "expansion": 1.0, "width": 1.0,
        "padded": True, "shareable": False,
    }  # fmt: skip


def test_attributes_by_hand():
    row = operations.attributes(
        Operation("x", "inverted-residual", kernel=5, stride=2, groups=0, expansion=6, width=0.5)
    )
    expected = dict.fromkeys(ATTRIBUTES, 0.0)
    expected |= {"kind=inverted-residual": 1, "kernel": 1.25, "log2 stride": 1, "depthwise": 1}
    expected |= {"log2 expansion": math.log2(6), "log2 width": -1}
    assert row.shape == (len(ATTRIBUTES),)
    assert row.dtype == np.float32
    np.testing.assert_allclose(row, list(expected.values()), rtol=1e-6)


def test_attributes_of_every_registered_operation_are_finite():
    assert spaces.names()
    for operation in operations.registry.values():
        row = operations.attributes(operation)
        assert np.isfinite(row).all()
        assert row[: len(KINDS)].sum() == 1


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "nasbench_macro"])
def test_operations_of_image_spaces_are_told_apart_by_their_attributes(name):
    rows = {tuple(operations.attributes(operations.get(op)).tolist()) for op in spaces.get(name).operations}
    assert len(rows) == len(spaces.get(name).operations)


TRACED = operations.name_by_description(
    Operation("conv3x3-16", "conv", kernel=3, channels=16, parameters=160)
)


def test_a_name_by_description_identifies_it():
    again = operations.name_by_description(TRACED)
    assert again == TRACED
    assert TRACED.name.startswith("conv3x3-16#")
    other = operations.name_by_description(
        Operation("conv3x3-16", "conv", kernel=3, channels=16, parameters=161)
    )
    assert other.name != TRACED.name
    assert operations.described(["input", TRACED.name, "block#1", TRACED.name, "output"]) == [
        operations.get(TRACED.name)
    ]


def test_a_description_from_outside_is_remembered_under_the_name_that_it_makes():
    wide = operations.name_by_description(Operation("conv3x3-99", "conv", kernel=3, channels=99))
    assert operations.get(wide.name).kind == "other"
    assert not operations.is_known(wide.name)
    operations.learn(wide.to_dict())
    assert operations.get(wide.name) == wide
    assert operations.is_known(wide.name)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"parameters": 161}, r"the description of 'conv3x3-16#\w+' is that of 'conv3x3-16#\w+'; keep names"),
        ({"name": "conv3x3"}, "the description of 'conv3x3' is that of 'conv3x3#"),
        ({"kernel": "3"}, "expected the description of an operation, got"),
        ({"width": 0}, "expected the description of an operation, got"),
        ({"flops": 1e30}, "expected the description of an operation, got"),
        ({"colour": 1}, "expected the description of an operation, got"),
        ({"name": 3}, "expected the description of an operation, got"),
        ({"kind": "teleport"}, "unknown kind 'teleport'"),
    ],
)
def test_a_wrong_description_is_refused(change, reason):
    with pytest.raises(UsageError, match=reason):
        operations.learn(TRACED.to_dict() | change)


def test_people_see_names_without_digests():
    assert operations.label(TRACED.name) == "conv3x3-16"
    assert operations.label("block#1") == "block#1"


def test_lent_operations_are_known_until_the_last_block_ends():
    lent = operations.name_by_description(Operation("lent conv", "conv", kernel=9))
    with operations.lent([lent]):
        with operations.lent([lent, lent]):
            assert operations.get(lent.name) == lent
        assert operations.is_known(lent.name)
        assert operations.described([lent.name, "input"]) == [lent]
    assert not operations.is_known(lent.name)
    assert operations.get(lent.name) == Operation(lent.name, "other")
    assert not operations._lent
