"""Further architectures of a trained supernet, by the rules that people type."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import egraph
from egraph.errors import UsageError
from egraph.evaluation import Training
from egraph.spaces import Derivation, Fixed, from_builder
from egraph.supernets import SupernetSearcher, derive_by_removal, methods
from egraph.supernets.further import FurtherRule
from egraph.supernets.searcher import SupernetStart
from egraph.supernets.workers import ALONE

DARTS = egraph.spaces.get("darts")


def build(choose):
    def layer(name):
        dense = lambda: nn.Sequential(nn.Linear(16, 16), nn.ReLU())  # noqa: E731
        return choose.module(name, dense=dense, skip=nn.Identity, narrow=lambda: nn.Linear(16, 16))

    width = choose("width", 1, 2)
    layers = [layer(f"layer{number}") for number in range(2)]
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 16 * width), nn.Linear(16 * width, 16), *layers, nn.Linear(16, 10)
    )


CHAIN = from_builder(build, (1, 8, 8), 10, name="chain of digits")


def make_start(space, folder=None, **options):
    searcher = SupernetSearcher("p-darts" if space is DARTS else "gdas", **options)
    return SupernetStart(searcher.options, space, Training(space, "digits"), 0, folder)


def test_ranks_take_weaker_inputs_with_the_other_rules_of_the_method():
    start = make_start(DARTS)
    rng = np.random.default_rng(3)
    probabilities = {name: rng.dirichlet(np.ones(8)) for name in start.relaxation.positions}
    skip = DARTS.relaxation().positions["normal/0->2"].options.index("skip_connect")
    for each in probabilities.values():
        each[skip] += 1  # more skip connections than p-darts allows
    epoch = {"probabilities": {name: each.tolist() for name, each in probabilities.items()}}
    result = {"epochs": [epoch], "best": 1}
    derived = {}
    for ranks in ((1, 2), (2, 3), (3, 4)):
        rule = FurtherRule(f"ranks={ranks[0]},{ranks[1]}")
        rule.check(start, ALONE)
        (derived[ranks],) = rule.derive(start, result, 0)
        expected = Derivation(ranks=ranks, most_skips=methods["p-darts"]().most_skips)
        assert derived[ranks] == start.relaxation.derive(probabilities, expected)
    assert len(set(derived.values())) == 3
    drawn = FurtherRule("drawn=3").derive(start, result, 0)
    assert len({DARTS.key(each) for each in drawn}) == 3


def test_removal_measures_the_weights_of_the_last_epoch(tmp_path):
    start = make_start(Fixed(CHAIN, {"width": 1}), tmp_path, epochs=1, batch_size=128)
    result = start.prepare(lambda *_: None)
    (derived,) = FurtherRule("removal").derive(start, result, 0)
    assert derived in start.space
    run = start.restore()
    assert [each.number for each in run.history] == [1]
    assert run.history[0].validation == result["epochs"][0]["validation"]
    assert derive_by_removal(start.restore()) == derived
    kept = torch.load(tmp_path / "supernet.pt", weights_only=True)["network"]
    assert all(torch.equal(value, kept[name]) for name, value in run.supernet.state_dict().items())
    (tmp_path / "supernet.pt").write_bytes(b"")
    with pytest.raises(UsageError, match="is no state of a supernet"):
        start.restore()


def test_what_cannot_be_derived_is_refused_in_one_line():
    for text in ("ranks=3", "ranks=a,b", "drawn=0", "drawn", "argmax", ""):
        with pytest.raises(UsageError, match="derived by ranks=3,4, drawn=8 or removal, got "):
            FurtherRule(text)
    with pytest.raises(UsageError, match="ranks must be different whole numbers"):
        FurtherRule("ranks=0,1")
    start = make_start(CHAIN)
    with pytest.raises(UsageError, match="in the space 'chain of digits' a node does not select"):
        FurtherRule("ranks=1,2").check(start, ALONE)
    with pytest.raises(UsageError, match="removal measures a supernet in one process"):
        FurtherRule("removal").check(start, SimpleNamespace(count=2))
    with pytest.raises(UsageError, match="ranks are two numbers"):
        FurtherRule("ranks=1,2,3").check(make_start(DARTS), ALONE)
