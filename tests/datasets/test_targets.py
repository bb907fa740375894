"""Labels of any usual kind as classes, and numbers to predict."""

import numpy as np
import pytest

from egraph.datasets._targets import read_targets
from egraph.errors import UsageError


def read(y, wanted=None):
    return read_targets({"train": np.asarray(y)}, wanted)


@pytest.mark.parametrize(
    ("y", "classes", "labels", "notes"),
    [
        ([0, 1, 2, 1], [0, 1, 2, 1], ("0", "1", "2"), ()),
        ([1, 2, 3, 2], [0, 1, 2, 1], ("1", "2", "3"), ("labels 1 to 3 are the classes 0 to 2",)),
        ([-1, 1, -1], [0, 1, 0], ("-1", "1"), ("labels -1 to 1 are the classes 0 to 1",)),
        ([[2], [1], [0]], [2, 1, 0], ("0", "1", "2"), ()),
        ([1.0, 0.0, 1.0], [1, 0, 1], ("0", "1"), ()),
        ([True, False], [1, 0], ("0", "1"), ()),
        (["cat", "ant", "cat"], [1, 0, 1], ("ant", "cat"), ("labels ant, cat",)),
        ([b"b", b"a"], [1, 0], ("a", "b"), ("labels a, b",)),
        (list("abcdefg"), range(7), tuple("abcdefg"), ("labels a, b, c, d, e and 2 more",)),
        ([[0, 0, 1], [1, 0, 0], [0, 1, 0]], [2, 0, 1], ("0", "1", "2"), ("one-hot labels",)),
        (np.array(["y", "x"], object), [1, 0], ("x", "y"), ("labels x, y",)),
        (np.array([1, 0], np.uint64), [1, 0], ("0", "1"), ()),
    ],
)
def test_labels_become_classes_from_0(y, classes, labels, notes):
    found = read(y)
    assert found.kind == "classes"
    assert found.values["train"].dtype == np.int64
    assert found.values["train"].tolist() == list(classes)
    assert (found.labels, found.notes) == (labels, notes)


def test_a_fraction_makes_a_regression():
    found = read([1.5, 2.0])
    assert (found.kind, found.values["train"].tolist(), found.labels) == ("regression", [1.5, 2.0], ())


def test_the_kind_can_be_given():
    assert read([3, 5, 9], "regression").values["train"].tolist() == [3.0, 5.0, 9.0]
    found = read([0, 500, 1000, 500], "classes")
    assert (found.values["train"].tolist(), found.labels) == ([0, 1, 2, 1], ("0", "500", "1000"))
    assert read([0.5, 1.5], "classes").labels == ("0.5", "1.5")


def test_classes_are_those_of_the_first_part():
    found = read_targets({"train": np.array(["b", "a"]), "test": np.array(["b", "b"])})
    assert found.values["test"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("parts", "wanted", "message"),
    [
        ({"train": [0, 500, 1000]}, None, r"labels \[0, 500, 1000\] skip 1: with the option target=classes"),
        ({"train": range(11)}, None, "11 examples have 11 different labels, 0 to 10: with the option"),
        ({"train": [0, 1, 3]}, None, r"skip 2: .*target=regression"),
        (
            {"train": [0, 1], "test": [0, 2]},
            None,
            "the test part has the label 2, which the train part lacks",
        ),
        ({"train": ["a", "b"], "test": ["c"]}, None, "the test part has the label 'c'"),
        ({"train": ["a", "b"], "test": [1]}, None, "texts in one part and numbers in another"),
        ({"train": [0.5, np.nan]}, None, "train targets must be finite; that of example 2 is nan"),
        ({"train": [[0.5, 0.5]]}, None, r"the train targets \(1, 2\) are not one-hot"),
        ({"train": [[0, 1]], "test": [1]}, None, r"the test targets \(1,\) are not one-hot"),
        ({"train": [1j]}, None, r"must be labels or numbers, .* got complex128 \(1,\)"),
        ({"train": ["a"]}, "regression", "a regression needs numbers as targets, but these are texts"),
        ({"train": [[0, 1]]}, "regression", "but these are one-hot labels"),
        ({"train": [0, 1]}, "ranking", "target must be one of classes, regression; got 'ranking'"),
    ],
)
def test_targets_that_fit_no_rule(parts, wanted, message):
    with pytest.raises(UsageError, match=message):
        read_targets({part: np.asarray(y) for part, y in parts.items()}, wanted)
