"""Numbers of the caller's own beside the analytic features."""

import pickle
import threading
import zlib

import numpy as np
import pytest
import torch
from sklearn.base import clone

from egraph.errors import ModelError, UsageError
from egraph.ranker import Ranker, load, predictors
from egraph.ranker.columns import Filling

SMALL = {"members": 1, "width": 16, "epochs": 5}


def size(architectures):
    return np.array([len(a.edges) for a in architectures], dtype=float)


def one(architectures):
    return np.ones((len(architectures), 1))


def secret(architectures):
    """A score that no feature of the graph tells."""
    return np.array([zlib.crc32(a.to_json().encode()) / 2**32 for a in architectures])


def hint(architectures):
    """The size, and the secret but of each fifth architecture by its size."""
    known = np.where(size(architectures) % 5 == 0, np.nan, secret(architectures))
    return np.stack([size(architectures), known], axis=1)


def nothing(architectures):
    return np.full(len(architectures), np.nan)


class Proxy:
    def __repr__(self):
        return "<my proxy>"

    def look(self, architectures):
        return size(architectures)


@pytest.fixture(scope="module")
def hinted(toy_data):
    graphs, _ = toy_data
    return Ranker(columns=hint, **SMALL).fit(graphs[:60], secret(graphs[:60]))


@pytest.fixture(scope="module")
def plain(toy_data):
    graphs, _ = toy_data
    return Ranker(**SMALL).fit(graphs[:60], secret(graphs[:60]))


def test_missing_numbers_become_the_median_and_are_marked():
    filling = Filling.fit(np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan], [8.0, np.nan]]))
    assert filling.medians.tolist() == [3.0, 0.0]
    assert filling.fill(np.array([[np.nan, 5.0], [2.0, np.nan]])).tolist() == [[3, 5, 1, 0], [2, 0, 0, 1]]
    assert filling.groups == ["column 0", "column 1", "column 0", "column 1"]
    assert filling.fill(np.zeros((0, 2))).shape == (0, 4)


def test_informative_columns_are_learnt(hinted, plain, toy_data):
    unseen = toy_data[0][60:]
    assert plain.score(unseen, secret(unseen)) < 0.2
    assert hinted.score(unseen, secret(unseen)) > 0.4


@pytest.mark.parametrize("columns", [one, nothing])
def test_constant_columns_change_nothing(columns, plain, toy_data):
    graphs, _ = toy_data
    ranker = Ranker(columns=columns, **SMALL).fit(graphs[:60], secret(graphs[:60]))
    assert np.array_equal(ranker.predict(graphs), plain.predict(graphs))


def test_they_join_features_and_encodings(hinted, plain, toy_data):
    graphs, _ = toy_data
    extra = hinted.features(graphs).shape[1] - plain.features(graphs).shape[1]
    assert extra == 3, "two columns, and a mark where one of them is missing"
    assert np.isfinite(hinted.features(graphs)).all()
    assert np.array_equal(hinted.predict(hinted.encode(graphs)), hinted.predict(graphs))
    assert hinted.predict([]).shape == (0,)
    assert len(hinted.encode([])) == 0


def test_pairs_and_intervals_use_columns(hinted, toy_data):
    graphs, _ = toy_data
    p = hinted.compare(graphs[:9], graphs[9:18])
    np.testing.assert_allclose(p, hinted.compare(graphs[9:18], graphs[:9])[:, ::-1])
    predicted = hinted.predict(graphs[:18])
    assert np.array_equal(predicted[:9] > predicted[9:], p[:, 2] > p[:, 0])
    low, high = hinted.intervals(graphs[:9])
    assert ((low <= predicted[:9]) & (predicted[:9] <= high)).all()


@pytest.mark.parametrize("head", ["pairwise", "regression"])
@pytest.mark.parametrize("tabular", [None, "gaussian-process"])
def test_every_kind_of_ranker_takes_them(head, tabular, toy_data):
    graphs, scores = toy_data
    ranker = Ranker(columns=hint, head=head, tabular=tabular, folds=0, **SMALL)
    assert np.isfinite(ranker.fit(graphs[:40], scores[:40]).predict(graphs)).all()


def test_the_function_is_called_in_one_thread(toy_data, monkeypatch):
    graphs, scores = toy_data
    seen = set()

    def columns(architectures):
        seen.add(threading.get_ident())
        return size(architectures)

    ranker = Ranker(columns=columns, folds=0, **SMALL).fit(graphs[:40], scores[:40])
    monkeypatch.setattr("egraph.encoding.series.CHUNK", 16)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    parts = ranker.predict(graphs)
    torch.set_num_threads(before)
    assert seen == {threading.get_ident()}
    monkeypatch.undo()
    np.testing.assert_allclose(parts, ranker.predict(graphs), atol=1e-6)


def test_copies_keep_the_function(hinted, toy_data):
    assert clone(hinted).columns is hint
    again = pickle.loads(pickle.dumps(hinted))
    assert np.array_equal(again.predict(toy_data[0]), hinted.predict(toy_data[0]))


def test_loading_requires_the_function_again(hinted, toy_data, tmp_path):
    hinted.save(tmp_path / "r.egraph")
    with pytest.raises(ModelError, match=r"r\.egraph was fitted with columns of hint, .*columns=\.\.\.\)$"):
        load(tmp_path / "r.egraph")
    again = load(tmp_path / "r.egraph", columns=hint)
    np.testing.assert_allclose(again.predict(toy_data[0]), hinted.predict(toy_data[0]), atol=1e-6)


def test_a_file_names_what_a_method_is_bound_to(toy_data, tmp_path):
    graphs, scores = toy_data
    Ranker(columns=Proxy().look, folds=0, **SMALL).fit(graphs[:40], scores[:40]).save(tmp_path / "r.egraph")
    with pytest.raises(ModelError, match="was fitted with columns of <my proxy>"):
        load(tmp_path / "r.egraph")


def test_a_file_that_needs_none_refuses_them(toy_data, tmp_path):
    graphs, scores = toy_data
    Ranker(folds=0, **SMALL).fit(graphs[:40], scores[:40]).save(tmp_path / "r.egraph")
    predictors["forest"](seed=0).fit(graphs[:40], scores[:40]).save(tmp_path / "f.egraph")
    for name in ("r", "f"):
        with pytest.raises(ModelError, match=rf"{name}\.egraph was fitted without columns"):
            load(tmp_path / f"{name}.egraph", columns=hint)


def test_another_function_with_other_columns_is_refused(hinted, toy_data, tmp_path):
    hinted.save(tmp_path / "r.egraph")
    with pytest.raises(UsageError, match="fitted with 2 columns of its caller, got 1"):
        load(tmp_path / "r.egraph", columns=size).predict(toy_data[0])


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        (lambda graphs: [["x"]] * len(graphs), "the columns of <lambda> must be numbers"),
        (lambda graphs: np.zeros((3, 1)), r"must be \(architectures, columns\): for 40 .* shape \(3, 1\)"),
        (lambda graphs: np.zeros((len(graphs), 0)), r"it gave shape \(40, 0\)"),
        (lambda graphs: 1.0, r"it gave shape \(\)"),
    ],
)
def test_what_is_no_column_is_refused(columns, text, toy_data):
    graphs, scores = toy_data
    with pytest.raises(UsageError, match=text):
        Ranker(columns=columns, **SMALL).fit(graphs[:40], scores[:40])
