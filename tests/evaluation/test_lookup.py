import math
import pickle

import numpy as np
import pytest

from egraph import spaces
from egraph.architecture import Architecture
from egraph.datasets import Metric, Table
from egraph.errors import ArchitectureError, EvaluationError, UnknownNameError
from egraph.evaluation import TableLookup


def chain(*ops):
    return Architecture(["input", *ops, "output"], [(i, i + 1) for i in range(len(ops) + 1)])


A, B, C, MISSING = chain("CONV_2.H"), chain("CONV_3.N"), chain("POOL_2.A"), chain("POOL_2.M")
A_TWIN = Architecture(A.ops, A.edges, disabled=[(0, 2)])


@pytest.fixture
def table():
    return Table(
        spaces.get("convnet"),
        [A, B, A_TWIN, C],
        {
            "val": np.array([90.0, 80.0, 92.0, np.nan]),
            "test": np.array([89.0, 79.0, 91.0, 70.0]),
            "hours": np.array([1.0, 2.0, 3.0, 4.0]),
        },
        {
            "val": Metric(unit="percent", split="validation"),
            "test": Metric(unit="percent", split="test"),
            "hours": Metric(unit="seconds", higher_is_better=False),
        },
        name="small",
    )


def test_scores_keep_their_unit_and_twins_are_averaged(table):
    result = TableLookup(table, "val", "test", "hours").evaluate(A)
    assert (result.score, result.test_score, result.seconds) == (91, 90, 2)
    assert result.source == "table small"


def test_rows_are_found_by_key_whatever_the_seed(table):
    lookup = TableLookup(table, "val")
    assert lookup.evaluate(A_TWIN, seed=1) == lookup.evaluate(A, seed=2) or math.isnan(
        lookup.evaluate(A).test_score
    )
    assert lookup([A_TWIN, B]).tolist() == [91, 80]


def test_what_is_not_asked_for_is_unknown(table):
    result = TableLookup(table, "val").evaluate(B)
    assert math.isnan(result.test_score)
    assert math.isnan(result.seconds)


def test_an_architecture_that_the_table_lacks(table):
    with pytest.raises(EvaluationError, match=r"the table 'small' has no architecture POOL_2\.M;0>1,1>2"):
        TableLookup(table, "val").evaluate(MISSING)


def test_a_missing_measurement(table):
    with pytest.raises(EvaluationError, match="'val' of table 'small' is nan there"):
        TableLookup(table, "val").evaluate(C)


def test_an_architecture_of_another_space(table):
    with pytest.raises(ArchitectureError, match="gcn"):
        TableLookup(table, "val").evaluate(chain("gcn"))


def test_where_lower_is_better_scores_are_the_negative(table):
    lookup = TableLookup(table, "hours", "val")
    found = lookup.evaluate(A)
    assert found.score == -2  # the mean of 1 and 3 hours
    assert found.test_score == TableLookup(table, "val").evaluate(A).score
    assert lookup.describe()["negated"] == ["hours"]
    assert TableLookup(table, "val", "hours").evaluate(A).test_score == found.score
    assert "negated" not in TableLookup(table, "val").describe()


@pytest.mark.parametrize("names", [("vall",), ("val", "vall"), ("val", None, "vall")])
def test_an_unknown_column_is_named(table, names):
    with pytest.raises(UnknownNameError, match=r"'vall' in table 'small'; known: .*val"):
        TableLookup(table, *names)


def test_it_pickles_and_describes_itself(table):
    lookup = TableLookup(table, "val", "test")
    again = pickle.loads(pickle.dumps(lookup))
    assert again.evaluate(B) == lookup.evaluate(B) or math.isnan(lookup.evaluate(B).seconds)
    assert again.describe() == lookup.describe()
    assert lookup.describe() != TableLookup(table, "test").describe()
    assert repr(lookup) == "<look-up of val in table small>"
    assert len(lookup) == 3
