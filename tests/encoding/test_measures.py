"""What the encoding reads of measured operations; expected values by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from egraph import Architecture, Ranker, from_torch, load, operations
from egraph.encoding import Vocabulary, encode
from egraph.encoding.measures import MEASURE_GROUPS, MEASURE_NAMES, VERTEX_MEASURES, measure_graphs
from egraph.operations import Operation


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return x + self.second(self.first(x).relu())


def residual(blocks, width):
    stem = nn.Conv2d(3, width, 3, 2, 1)
    module = nn.Sequential(stem, *(Residual(width) for _ in range(blocks)), nn.Flatten(), nn.LazyLinear(10))
    module(torch.zeros(1, 3, 16, 16))
    return from_torch(module, torch.zeros(1, 3, 16, 16))


@pytest.fixture(scope="module")
def networks():
    return [residual(blocks, width) for width in (8, 24) for blocks in (2, 5, 9)]


def chain(*ops: str) -> Architecture:
    return Architecture(["input", *ops, "output"], [(i, i + 1) for i in range(len(ops) + 1)])


def test_the_sums_and_shares_of_a_chain():
    described = [
        Operation("input", "input"),
        Operation(
            "m-conv", "conv", kernel=3, stride=2, channels=8, pixels=64, parameters=224, flops=13_824,
            activations=1024, repeats=2,
        ),
        Operation("m-linear", "linear", channels=10, pixels=1, parameters=90, flops=80, activations=10),
        Operation("output", "output"),
    ]  # fmt: skip
    counts = np.zeros((1, 4, 4))
    for v in range(3):
        counts[0, v, v + 1] = 1
    [row] = measure_graphs(described, np.arange(4)[None], counts, np.array([4]))
    found = dict(zip(MEASURE_NAMES, row.tolist(), strict=True))
    expected = {
        "log parameters": np.log(314),
        "log multiply-adds": np.log(13_904),
        "log activations": np.log(1034),
        "log multiply-adds a parameter": np.log(13_904 / 314),
        "log depth with repeats": np.log1p(3),
        "log operations with repeats": np.log1p(3),
        "log pixels of the input": np.log(256),
        "log least pixels": np.log(64),
        "log most channels": np.log1p(10),
        "mean kernel": 3 * 13_824 / 13_904,
        "kernel at the input": 3,
        "log stride at the input": 1,
        "log conv with repeats": np.log1p(2),
        "log attention with repeats": 0,
        "linear's share of parameters": 90 / 314,
        "share of multiply-adds at 1/2 of the resolution": 13_824 / 13_904,
        "share of parameters at 1/16 of the resolution": 90 / 314,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert len(MEASURE_GROUPS) == len(MEASURE_NAMES) == len(row)


def test_depth_and_width_tell_residual_networks_apart(networks):
    vocabulary = Vocabulary.of(networks)
    assert vocabulary.measured
    assert vocabulary.vertex_width == Vocabulary(vocabulary.operations).vertex_width + len(VERTEX_MEASURES)
    encoding = encode(networks, vocabulary)
    assert len(np.unique(encoding.features, axis=0)) == len(networks)
    assert encoding.unknown_operations == ()
    without = encode(networks, Vocabulary(vocabulary.operations))
    assert len(np.unique(without.features, axis=0)) == 1  # what rankers read before


def test_a_ranker_learns_from_depth_and_width(networks, tmp_path):
    scores = [np.log(a_parameters(a)) for a in networks]
    ranker = Ranker(members=1, folds=0, epochs=20).fit(networks, scores)
    predicted = ranker.predict(networks)
    assert len(set(predicted.tolist())) == len(networks)
    ranker.save(tmp_path / "r.egraph")
    assert (load(tmp_path / "r.egraph").predict(networks) == predicted).all()


def a_parameters(architecture):
    return sum(operations.get(op).parameters for op in architecture.ops)


def test_an_export_reads_measures(networks, tmp_path):
    onnx = pytest.importorskip("egraph.export")
    ranker = Ranker(members=1, folds=0, epochs=5).fit(networks, range(len(networks)))
    ranker.to_onnx(tmp_path / "r.onnx")
    exported = onnx.OnnxRanker(tmp_path / "r.onnx")
    assert exported.vocabulary.measured
    np.testing.assert_allclose(exported.predict(networks), ranker.predict(networks), atol=1e-4)


def test_search_spaces_have_no_measures(networks):
    assert not Vocabulary.of([chain("t-conv3", "t-pool")]).measured
    mixed = [chain("t-conv3", "t-pool")] * len(networks) + networks
    assert not Vocabulary.of(mixed).measured  # half of them is not most
    assert Vocabulary.of([*mixed, networks[0]]).measured


def test_names_beyond_a_few_have_no_columns():
    graphs = []
    for number in range(40):
        name = f"m-width-{number}"
        operations.register(Operation(name, "conv", kernel=3, width=1 / (1 + number), channels=number + 1))
        graphs.append(chain(name))
    many, few = Vocabulary.of(graphs), Vocabulary.of(graphs[:20])
    assert (len(many.columns), len(few.columns)) == (0, 20)
    operations.register(Operation("m-width-new", "conv", kernel=3, width=0.7, channels=9))
    new = encode([chain("m-width-new")], many)
    assert new.unknown_operations == ()
    assert new.features[0, many.feature_names.index("total conv")] == 1


def test_another_kind_is_unknown():
    vocabulary = Vocabulary.of([chain("v-conv3")])
    operations.register(Operation("m-attention", "attention", channels=9))
    assert encode([chain("m-attention")], vocabulary).unknown_operations == ("m-attention",)


def test_the_features_of_1100_residual_blocks_are_finite():
    ops, edges, end = ["input"], [], 0
    for _ in range(1100):
        ops += ["t-conv3", "t-skip"]
        conv = len(ops) - 2
        edges += [(end, conv), (conv, conv + 1), (end, conv + 1)]
        end = conv + 1
    deep = Architecture([*ops, "output"], [*edges, (end, len(ops))])
    vocabulary = Vocabulary.of([deep])
    encoding = encode([deep], vocabulary)
    assert np.isfinite(encoding.features).all()
    assert np.isfinite(encoding.vertices).all()
    named = dict(zip(vocabulary.feature_names, encoding.features[0].tolist(), strict=True))
    assert named["log paths"] == pytest.approx(1100 * np.log(2))
    assert named["mean trainable of a path"] == pytest.approx(550)
    assert named["spread trainable of a path"] == pytest.approx(np.sqrt(1100 / 4))
