"""Odds, probabilities and sizes that are learned, against numbers worked out by hand."""

import collections
import json

import numpy as np
import pytest

from egraph import spaces
from egraph.searchers._variation import Birth, Variation
from egraph.searchers.testing import ToySpace

CELLS = spaces.get("concat-cell")


def test_every_operation_begins_with_one_of_two():
    variation = Variation(CELLS)
    # 0.5 * 1 / 2 for what paid, nothing for being rare, 0.2 for all.
    assert variation.odds("conv_1x1") == pytest.approx(0.45)


def test_odds_follow_survival_and_favour_what_is_rare():
    variation = Variation(CELLS)
    variation.credit([(Birth(("conv_1x1",), None), True), (Birth(("conv_1x1", "gate_3x3"), None), False)])
    # Used 4 times with 2 survivals, 3 with 1, and 2 with 1.
    assert variation.odds("conv_1x1") == pytest.approx(0.5 * 2 / 4 + 0.5 * 0 + 0.2)
    assert variation.odds("gate_3x3") == pytest.approx(0.5 * 1 / 3 + 0.5 * (1 - 3 / 4) + 0.2)
    assert variation.odds("max_pool_3x3") == pytest.approx(0.5 * 1 / 2 + 0.5 * (1 - 2 / 4) + 0.2)


def test_exploration_fades_and_size_follows_what_is_mutated():
    variation = Variation(CELLS)
    rng = np.random.default_rng(0)
    variation.mutate(CELLS.parse("4|0|0|0|0|0|0|16"), rng)
    assert (variation.exploration, variation.size) == (pytest.approx(0.5 * 0.996), 20)
    variation.mutate(CELLS.parse("8|0|0|0|0|0|0|2"), rng)
    assert variation.exploration == pytest.approx(0.5 * 0.996**2)
    assert variation.size == pytest.approx(0.9 * 20 + 0.1 * 10)


def test_probabilities_of_crossovers_drift_towards_survival():
    variation = Variation(CELLS)
    assert variation.rates == {"crossover": 0.3, "minimum": 0.2}
    variation.credit([(Birth((), "crossover"), True), (Birth((), "minimum"), False), (Birth((), None), True)])
    assert variation.rates == {
        "crossover": pytest.approx(0.98 * 0.3 + 0.02),
        "minimum": pytest.approx(0.98 * 0.2),
    }


def test_crossovers_come_as_often_as_they_should():
    """With 0.7 * 0.8 none, and else by 3 to 2."""
    variation = Variation(CELLS)
    rng = np.random.default_rng(0)
    a, b = CELLS.parse("4|0|0|0|0|0|0|16"), CELLS.parse("8|0|0|0|0|0|0|2")
    found = collections.Counter()
    for _ in range(2000):
        child, name = variation.cross(a, b, rng)
        found[name] += 1
        assert name is not None or child == a
        assert name != "minimum" or CELLS.format(child) == "4|0|0|0|0|0|0|2"
    shares = [found[name] / 2000 for name in (None, "crossover", "minimum")]
    assert shares == pytest.approx([0.56, 0.264, 0.176], abs=0.03)


def test_cells_grow_what_paid_and_say_so():
    variation = Variation(CELLS)
    births = [
        (Birth((name,), None), name == "gate_7x7") for name in CELLS.channels(CELLS.parse("4" + 7 * "|0"))
    ]
    variation.credit(births * 200)
    variation.exploration = 0.0
    rng = np.random.default_rng(0)
    grown = collections.Counter()
    for _ in range(300):
        child, operations = variation.mutate(CELLS.parse("4" + 7 * "|0"), rng)
        for name in operations:
            assert CELLS.channels(child)[name] > (4 if name == "sep_conv_3x3" else 0)
        grown.update(operations)
    assert grown["gate_7x7"] > 3 * grown["gate_3x3"]


def test_elsewhere_the_mutant_with_what_paid_is_taken_more_often():
    """Of three mutants k have the good one: sum of P(k) * 0.7 k / (0.7 k + 0.2 (3 - k)) is 0.407."""
    space = ToySpace(5)
    variation = Variation(space)
    births = [(Birth((f"op{number}",), None), number == 4) for number in range(1, 5)]
    variation.credit(births * 2000)
    rng = np.random.default_rng(0)
    good = 0
    for _ in range(2000):
        variation.exploration = 0.5
        child, grown = variation.mutate(space.make([0]), rng)
        assert grown == (child.ops[1],)
        good += grown == ("op4",)
    assert variation.rates == {"crossover": 0.3}
    assert variation.size is None
    assert good / 2000 == pytest.approx(0.407, abs=0.03)


def test_state_goes_on_where_it_was():
    variation = Variation(CELLS)
    rng = np.random.default_rng(0)
    parent = CELLS.parse("4|0|0|0|0|0|0|16")
    _, grown = variation.mutate(parent, rng)
    variation.credit([(Birth(grown, "minimum"), True)])
    again = Variation(CELLS)
    again.load_state_dict(json.loads(json.dumps(variation.state_dict())))
    assert again.state_dict() == variation.state_dict()
    first, second = (v.mutate(parent, np.random.default_rng(1)) for v in (variation, again))
    assert first == second
