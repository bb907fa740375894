"""Tests for rankers of networks that a builder makes: they read the answers."""

from __future__ import annotations

import json

import numpy as np
import pytest

import egraph
from egraph import Architecture, Ranker
from egraph.baselines import BASELINES
from egraph.export import OnnxRanker
from egraph.ranker.model_file import read_model


def network(depth: int, **answers) -> Architecture:
    ops = ["input", *["nor_conv_3x3"] * depth, "output"]
    return Architecture(ops, [(i, i + 1) for i in range(depth + 1)], answers=answers)


@pytest.fixture(scope="module")
def measured():
    """Networks whose score is their depth and, where they were asked, their rate and activation."""
    rng = np.random.default_rng(0)
    found = [
        network(int(depth), rate=float(rate), act=str(act))
        for depth, rate, act in zip(
            rng.integers(1, 4, 60),
            rng.choice([1e-4, 1e-3, 1e-2], 60),
            rng.choice(["relu", "gelu"], 60),
            strict=True,
        )
    ]
    scores = [
        a.num_vertices
        + {1e-4: 0, 1e-3: 2, 1e-2: 1}[dict(a.answers)["rate"]]
        + (dict(a.answers)["act"] == "gelu") / 2
        for a in found
    ]
    return found, np.array(scores) + rng.normal(0, 0.05, 60)


@pytest.fixture(scope="module")
def ranker(measured):
    return Ranker(members=2, layers=["mean"], width=8, epochs=20, folds=0).fit(*measured)


def test_settings_that_the_graph_does_not_show_are_learned(ranker):
    for depth in (1, 3):
        low, high, middle = ranker.predict([network(depth, rate=r, act="relu") for r in (1e-4, 1e-2, 1e-3)])
        assert low < high < middle
    relu, gelu = ranker.predict([network(2, rate=1e-3, act=act) for act in ("relu", "gelu")])
    assert relu < gelu


def test_networks_that_differ_in_settings_alone_are_distinct():
    networks = [network(1, rate=rate) for rate in (1e-4, 1e-3, 3e-3, 1e-2, 1e-1)]
    ranker = Ranker(members=1, layers=["mean"], width=4, epochs=1, folds=0).fit(networks, [0, 1, 2, 3, 4])
    assert np.all(np.diff(ranker.predict(networks)) > 0)


def test_files_keep_what_was_asked(ranker, measured, tmp_path):
    ranker.save(tmp_path / "a.egraph")
    again = egraph.load(tmp_path / "a.egraph")
    assert again.predict(measured[0]).tolist() == ranker.predict(measured[0]).tolist()
    assert json.loads(read_model(tmp_path / "a.egraph")[0]["egraph ranker"])["schema"] == 8
    ranker.to_onnx(tmp_path / "a.onnx")
    assert OnnxRanker(tmp_path / "a.onnx").predict(measured[0]) == pytest.approx(ranker.predict(measured[0]))


def test_baselines_on_features_read_them_too(measured, tmp_path):
    forest = BASELINES["Forest"](seed=0).fit(*measured)
    slow, best = forest.predict([network(2, rate=rate, act="gelu") for rate in (1e-4, 1e-3)])
    assert slow < best
    forest.save(tmp_path / "a.egraph")
    assert (
        egraph.load(tmp_path / "a.egraph").predict(measured[0]).tolist()
        == forest.predict(measured[0]).tolist()
    )
