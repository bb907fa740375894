import json
import sys

import numpy as np
import onnx
import pytest
from scipy.stats import kendalltau

import egraph
from egraph.errors import FailedError, MissingExtraError, UsageError
from egraph.export import ONNX_AGGREGATORS, ONNX_READOUTS, OnnxRanker, _saving, save_onnx
from egraph.ranker import AGGREGATORS, HEADS, READOUTS, Layer, predictors
from egraph.ranker.sage import LINEAR

BATCHES = _saving._BATCHES

FORMS = [
    *({"head": head} for head in HEADS),
    {"head": "pairwise", "tabular": None},
    {"layers": ("lstm", "pool")},
    {"layers": ("sum", "lstm"), "bidirectional": False, "head": "pairwise"},
    {"layers": ("mean", Layer("pool", 20, (0, 1))), "reads": (0, 2)},
    {"layers": (), "reads": (0,)},
    {"readout": tuple(READOUTS)},
    {"tabular": "gaussian-process"},
    {"tabular": None, "analytic": False},
    {"folds": 0},
    {"members": 1, "norm": False, "residual": False, "layers": ("sum", "sum")},
]


def test_a_file_is_compared_on_many_architectures(ranker, tmp_path, monkeypatch):
    monkeypatch.setattr("egraph.export._saving._BATCHES", BATCHES)
    assert ranker.to_onnx(tmp_path / "r.onnx").compared == 264


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_file_says_what_its_ranker_says(form, sampled, tmp_path):
    """`save_onnx` checks deviations, intervals and pairs too, and refuses a file that differs."""
    ranker = egraph.Ranker(**{"members": 2, "width": 8, "epochs": 2, **form}).fit(*sampled)
    done = ranker.to_onnx(tmp_path / "r.onnx")
    assert done.difference < 1e-4
    assert done.tau > 0.9999
    file, graphs = OnnxRanker(done.path), sampled[0]
    assert file(graphs) == pytest.approx(ranker(graphs), abs=1e-4)
    assert file.compare(graphs[:9], graphs[9:18]) == pytest.approx(
        ranker.compare(graphs[:9], graphs[9:18]), abs=1e-4
    )
    assert done.size == done.path.stat().st_size


@pytest.mark.parametrize("name", egraph.spaces.names())
def test_rankers_of_every_space_score_alike(name, tmp_path):
    space, rng = egraph.spaces.get(name), np.random.default_rng(1)
    graphs = [space.sample(rng) for _ in range(60)]
    ranker = egraph.Ranker(members=2, width=12, epochs=2, folds=0).fit(graphs[:30], rng.normal(size=30))
    ranker.to_onnx(tmp_path / "r.onnx")
    a, b = ranker(graphs), OnnxRanker(tmp_path / "r.onnx")(graphs)
    assert np.abs(a - b).max() < 1e-4
    assert kendalltau(a.round(5), b.round(5)).statistic > 0.9999


def test_every_aggregator_and_read_out_has_a_writer():
    assert {*LINEAR, *ONNX_AGGREGATORS} == set(AGGREGATORS)
    assert set(ONNX_READOUTS) == set(READOUTS)


def test_a_file_that_differs_is_not_left(ranker, tmp_path, monkeypatch):
    import egraph.export._scorer_graph as graph

    usual = graph.to_scores
    monkeypatch.setattr(graph, "to_scores", lambda scale, latent: usual(scale, graph.op.mul(latent, latent)))
    with pytest.raises(FailedError, match="the ONNX file and the ranker disagree: scores differ by"):
        ranker.to_onnx(tmp_path / "r.onnx")
    assert not list(tmp_path.iterdir())


def test_a_file_that_orders_otherwise_is_not_left(ranker, tmp_path, monkeypatch):
    monkeypatch.setattr("egraph.export._saving._TOLERANCE", np.inf)
    import egraph.export._scorer_graph as graph

    usual = graph.to_scores
    monkeypatch.setattr(graph, "to_scores", lambda scale, latent: usual(scale, graph.op.neg(latent)))
    with pytest.raises(FailedError, match="pairs of architectures change their order"):
        ranker.to_onnx(tmp_path / "r.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("precision", "least"), [("float16", 0.999), ("int8", 0.9)])
def test_smaller_precisions_tell_what_they_cost(precision, least, sampled, tmp_path):
    ranker = egraph.Ranker(members=2, epochs=5, folds=0).fit(*sampled)
    whole = ranker.to_onnx(tmp_path / "whole.onnx")
    done = ranker.to_onnx(tmp_path / "r.onnx", precision=precision)
    assert done.size < 0.9 * whole.size
    assert least < done.tau <= 1
    assert 0 < done.difference < 1


def test_what_is_no_ranker_is_refused(sampled, tmp_path):
    baseline = predictors["renas-19x7x7"] if "renas-19x7x7" in predictors else next(iter(predictors.values()))
    with pytest.raises(UsageError, match=r"only an egraph\.Ranker can be written as ONNX, got"):
        save_onnx(baseline, tmp_path / "r.onnx")
    with pytest.raises(UsageError, match="not fitted yet"):
        egraph.Ranker().to_onnx(tmp_path / "r.onnx")


def test_an_unknown_precision_is_refused(ranker, tmp_path):
    with pytest.raises(UsageError, match="precision must be one of float32, float16, int8, got 'int4'"):
        ranker.to_onnx(tmp_path / "r.onnx", precision="int4")


def test_a_ranker_with_columns_of_its_caller_is_refused(sampled, tmp_path):
    ranker = egraph.Ranker(members=1, width=8, epochs=1, folds=0, columns=_columns).fit(*sampled)
    with pytest.raises(UsageError, match="reads columns of its caller cannot be exported"):
        ranker.to_onnx(tmp_path / "r.onnx")


def test_a_ranker_with_a_prior_is_refused(sampled, tmp_path):
    prior = egraph.Ranker(members=1, width=8, epochs=1, folds=0).fit(*sampled)
    ranker = egraph.Ranker(prior=prior).fit([], [])
    with pytest.raises(UsageError, match="a ranker with a prior cannot be exported"):
        ranker.to_onnx(tmp_path / "r.onnx")


def _columns(architectures):
    return np.array([[float(len(a.edges))] for a in architectures])


def test_without_the_extra_it_is_named(ranker, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'egraph\[onnx\]'"):
        ranker.to_onnx(tmp_path / "r.onnx")


def test_the_file_describes_itself(ranker, path):
    (entry,) = onnx.load(path).metadata_props
    content = json.loads(entry.value)
    assert entry.key == "egraph"
    assert content["schema"] == 1
    assert content["space"] == "nasbench201"
    assert content["card"] == {"space": "nasbench201", "note": "ä test"}
    assert [op["name"] for op in content["vocabulary"]] == [op.name for op in ranker.vocabulary_.operations]
    assert content["trials"] == 40
    assert set(content["coverage"]) == {"0.5", "0.8", "0.95"}
    first = content["features"][0]
    column = ranker.vocabulary_.feature_names.index(first["name"])
    raw = ranker.encode([egraph.spaces.get("nasbench201").sample(np.random.default_rng(9))]).features[0]
    assert len(content["features"]) == len(ranker.scorer_.standardiser.kept)
    assert first["sd"] > 0
    assert np.isfinite(raw[column])


def test_the_operators_are_of_versions_that_are_widely_read(path):
    model = onnx.load(path)
    assert model.ir_version <= 10
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": 20, "ai.onnx.ml": 3}
    onnx.checker.check_model(model, full_check=True)
