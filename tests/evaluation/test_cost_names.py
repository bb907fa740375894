import math

import numpy as np
import pytest

from egraph import spaces
from egraph.datasets import Metric, Table
from egraph.errors import EvaluationError, UnknownNameError, UsageError
from egraph.evaluation import ColumnCost, CostMeter, CostNames, Costs
from egraph.searchers.testing import ToySpace
from egraph.spaces import Limited

CELLS = spaces.get("nasbench201")
TOY = ToySpace(3, 3)


@pytest.fixture
def table():
    """Three cells; the first occurs twice, with two latencies."""
    cells = [CELLS.sample(np.random.default_rng(seed)) for seed in (0, 0, 1, 2)]
    columns = {
        "accuracy": [90.0, 90.0, 91.0, 92.0],
        "latency": [4.0, 6.0, math.nan, 7.0],
        "speed": [1.0, 2.0, 3.0, 4.0],
        "index": [0, 1, 2, 3],
        "empty": [math.nan] * 4,
        "cell": ["a", "b", "c", "d"],
    }
    metrics = {
        "accuracy": Metric(split="test"),
        "latency": Metric("ms", higher_is_better=False),
        "speed": Metric("images/s"),
    }
    return Table(CELLS, cells, columns, metrics, name="mine")


def named(table=None, space=CELLS):
    return CostNames(space, lambda: Costs(space), table, "accuracy")


def test_a_column_of_the_table_is_a_cost_under_its_own_or_another_name(table):
    costs = named(table).read(["time=latency", "latency", "index", "flops"])
    first, unknown, last = table.architectures[0], *table.architectures[2:]
    assert [costs[name](first) for name in ("time", "latency", "index")] == [5.0, 5.0, 0.5]
    assert math.isnan(costs["time"](unknown))
    assert costs["time"](last) == 7.0
    assert costs["flops"](first) == Costs(CELLS).flops(first)
    assert named(table).choices == ["latency", "index", "empty", "params", "flops", "latency"][:-1]
    with pytest.raises(EvaluationError, match="the table 'mine' has no architecture"):
        costs["time"](CELLS.sample(np.random.default_rng(5)))


def test_without_a_table_costs_are_computed_from_the_network(table):
    cell = table.architectures[0]
    assert named().read(["params"])["params"](cell) == Costs(CELLS).params(cell)
    assert named().choices == ["params", "flops", "latency"]


@pytest.mark.parametrize(
    ("texts", "error", "text"),
    [
        (
            ["latenzy"],
            UnknownNameError,
            "unknown cost 'latenzy'; known: empty, flops, index, latency",
        ),
        (["time=latenzy"], UnknownNameError, "unknown column 'latenzy' in table 'mine'; known: empty, index"),
        (["latency", "latency=index"], UsageError, "the cost 'latency' is given twice; NAME=COLUMN gives"),
        (["=index"], UsageError, "a cost is NAME or NAME=COLUMN, got '=index'"),
        (["time="], UsageError, "a cost is NAME or NAME=COLUMN, got 'time='"),
        (["accuracy"], UsageError, "'accuracy' is the metric that is maximised; a cost must be another"),
        (["speed"], UsageError, "higher is better for 'speed' of table 'mine', and a cost is minimised"),
        (["cell"], UsageError, "column 'cell' of table 'mine' must hold numbers"),
        (["empty"], UsageError, "'empty' of table 'mine' has no finite number"),
    ],
)
def test_a_text_that_names_no_cost_is_refused(table, texts, error, text):
    with pytest.raises(error, match=text):
        named(table).read(texts)


def test_what_the_space_or_the_lack_of_a_table_rules_out_is_told():
    with pytest.raises(UsageError, match=r"there is no table with a column 'ms'; costs: params, flops, lat"):
        named().read(["latency=ms"])
    with pytest.raises(
        UsageError, match="'params' is that of a network, and the space 'toy' builds none; costs"
    ):
        named(space=TOY).read(["params"])


def test_a_meter_measures_each_network_once_and_takes_what_is_known():
    calls = []

    def total(architecture):
        calls.append(architecture)
        if TOY.numbers(architecture)[0] == 2:
            raise EvaluationError("too large")
        return math.inf if TOY.numbers(architecture)[0] == 1 else sum(TOY.numbers(architecture))

    meter = CostMeter(TOY, {"total": total, "one": lambda a: 1})
    some = [TOY.make([0, 1]), TOY.make([1, 1]), TOY.make([2, 1])]
    np.testing.assert_equal(meter.measure_all(some), [[1, 1], [math.nan, 1], [math.nan, 1]])
    assert meter.functions["total"](some[0]) == 1
    assert len(calls) == 3
    meter.note(TOY.key(TOY.make([0, 2])), {"total": 7.0, "one": 2.0, "more": 3.0})
    meter.note(TOY.key(TOY.make([0, 0])), {"total": 7.0})  # one is missing
    assert meter.measure(TOY.make([0, 2])) == {"total": 7.0, "one": 2.0}
    assert meter.measure(TOY.make([0, 0])) == {"total": 0.0, "one": 1.0}
    assert meter.measure_all([]).shape == (0, 2)


def test_a_meter_describes_its_costs(table):
    meter = CostMeter(CELLS, {"ms": ColumnCost(table, "latency"), "size": Costs(CELLS).params})
    assert meter.names == ["ms", "size"]
    assert meter.description == {"ms": "<cost latency of table mine>", "size": "Costs.params"}


def test_a_column_can_be_limited(table):
    limited = Limited(table.search_space(), {"ms": ColumnCost(table, "latency")}, {"ms": 6})
    assert list(limited) == table.architectures[:1]  # one has 7 ms, one is unknown
