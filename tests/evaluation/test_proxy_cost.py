"""Zero-cost scores as costs."""

import numpy as np
import pytest

from egraph import spaces
from egraph.datasets import ImageData
from egraph.errors import EvaluationError, UnknownNameError, UsageError
from egraph.evaluation import CostMeter, CostNames, Costs, ProxyCost, Recipe, Training, ZeroCost
from egraph.evaluation.training import preview
from egraph.searchers.testing import ToySpace

CELLS = spaces.get("concat-cell")
CELL = CELLS.parse("8|0|0|0|0|0|0|0")
NASWOT = ZeroCost(CELLS, "naswot", "digits", batch_size=6, device="cpu", seed=3, channels=4)


def named(space=CELLS, untrained=NASWOT.by):
    return CostNames(space, lambda: Costs(space), untrained=untrained)


def test_a_cost_is_the_negative_score_on_the_same_images():
    cost = named().read(["ntk"])["ntk"]
    alone = ZeroCost(CELLS, "ntk", "digits", batch_size=6, device="cpu", seed=3, channels=4)
    assert cost(CELL) == -alone.evaluate(CELL).score
    assert CostMeter(CELLS, {"ntk": cost}).description == {
        "ntk": "<cost ntk of untrained networks on digits>"
    }


def test_what_has_no_score_has_no_cost():
    """In a study such a network has failed."""
    part = (np.zeros((6, 1, 8, 8), dtype=np.float32), np.arange(6) % 2)
    blank = ProxyCost(ZeroCost(CELLS, "naswot", ImageData(part, part, part), device="cpu", channels=4))
    with pytest.raises(EvaluationError, match="they do not tell the 6 images apart"):
        blank(CELL)
    assert np.isnan(CostMeter(CELLS, {"naswot": blank}).measure(CELL)["naswot"])


def test_costs_that_are_computed_come_first():
    """There are proxies called params and flops too; these costs are not negated."""
    assert named().read(["params"])["params"](CELL) == Costs(CELLS).params(CELL) > 0


def test_several_proxies_are_no_cost():
    with pytest.raises(UsageError, match="a cost is the score by one proxy, got naswot, ntk"):
        ProxyCost(NASWOT.by(["naswot", "ntk"]))


def test_unknown_names_are_told_with_the_known_ones():
    with pytest.raises(
        UnknownNameError, match=r"unknown cost 'ntkk'; known: .*naswot.*ntk.* Did you mean 'ntk'"
    ):
        named().read(["ntkk"])
    with pytest.raises(UnknownNameError, match=r"unknown cost 'ntk'; known: flops, latency, params"):
        named(untrained=None).read(["ntk"])
    with pytest.raises(
        UsageError, match=r"the cost 'ntk' is that of a network, and the space .* builds none"
    ):
        named(ToySpace(2, 2)).read(["ntk"])


def test_proxies_stand_beside_any_evaluator():
    assert preview(CELLS, NASWOT, ["ntk"]).seed == 3
    training = Training(CELLS, "digits", Recipe(channels=8), device="cpu")
    assert preview(CELLS, training, ["ntk"]).channels == 8


def test_the_size_of_scored_networks_is_that_of_their_width():
    network = CELLS.network(CELL, (1, 8, 8), 10, channels=4)
    assert NASWOT.costs.params(CELL) == sum(one.numel() for one in network.parameters())
