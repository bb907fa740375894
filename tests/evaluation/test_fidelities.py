"""Evaluators at lower fidelities."""

import pickle

import numpy as np
import pytest

from egraph import spaces
from egraph.architecture import Architecture
from egraph.datasets import ImageData, Metric, Table
from egraph.errors import UnknownNameError, UsageError
from egraph.evaluation import InheritedTraining, Recipe, TableLookup, Training
from egraph.study import Study

CHAIN = Architecture(["input", "CONV_3.N", "CONV_2.H", "output"], [(0, 1), (1, 2), (2, 3)])


@pytest.fixture(scope="module")
def training():
    rng = np.random.default_rng(0)

    def part(n):
        return rng.random((n, 1, 6, 6), dtype=np.float32), np.arange(n) % 2

    images = ImageData(part(48), part(24), part(24), name="noise")
    recipe = Recipe(epochs=10, batch_size=16, channels=8)
    return Training(spaces.get("convnet"), images, recipe, device="cpu")


@pytest.mark.parametrize(
    ("name", "cost", "changes"),
    [
        ("0.3", 0.3, {"epochs": 3}),
        ("0.01", 0.1, {"epochs": 1}),  # an epoch is the least
        ("epochs=4", 0.4, {"epochs": 4}),
        ("epochs=5 + data=0.5", 0.25, {"epochs": 5}),
    ],
)
def test_shares_and_names_of_a_training(training, name, cost, changes):
    cheaper = training.at(name)
    assert (cheaper.name, cheaper.cost) == (name, pytest.approx(cost))
    assert cheaper.evaluator.recipe == training.recipe.changed(**changes)
    assert cheaper.evaluator.describe() != training.describe()
    assert training.recipe.epochs == 10, "the whole training stays as it is"


@pytest.mark.parametrize("name", ["1", "1.0", "epochs=10", "data=1"])
def test_the_whole_training_is_a_fidelity(training, name):
    assert training.at(name).cost == 1
    assert training.at(name).evaluator is training


def test_epochs_are_those_of_a_training_by_itself(training):
    alone = Training(training.space, training.data, training.recipe.changed(epochs=2), device="cpu")
    found = training.at("0.2").evaluator.evaluate(CHAIN, seed=3)
    assert found.score == alone.evaluate(CHAIN, seed=3).score


def test_a_share_of_the_data_is_less_work(training):
    """Two of three batches of sixteen; what is left out has no influence."""
    x, y = (part.copy() for part in training.images.train)
    half = training.at("data=0.5").evaluator
    kept = np.sort(np.random.default_rng(0).permutation(48)[:24])
    left = np.setdiff1d(np.arange(48), kept)
    expected = half.evaluate(CHAIN)
    x[left] = 0
    other = ImageData((x, y), training.images.validation, training.images.test, name="noise")
    changed = Training(training.space, other, training.recipe, device="cpu").at("data=0.5").evaluator
    assert changed.evaluate(CHAIN).score == expected.score
    assert half.describe()["share of the data"] == 0.5
    assert pickle.loads(pickle.dumps(half)).evaluate(CHAIN).score == expected.score


def test_narrower_networks_cost_by_their_multiply_adds(training):
    cheaper = training.at("channels=4")
    assert 0.2 < cheaper.cost < 0.55  # between the square of the width and its first power
    assert cheaper.evaluator.evaluate(CHAIN).flops < training.evaluate(CHAIN).flops
    assert training.at("epochs=5+channels=4").cost == pytest.approx(cheaper.cost / 2)


def test_fewer_cells(training):
    space = spaces.get("nasbench201")
    stacked = Training(space, training.data, Recipe(epochs=2, channels=4, cells=2), device="cpu")
    cheaper = stacked.at("cells=1")
    assert 0 < cheaper.cost < 1
    network = cheaper.evaluator._build(space.sample(np.random.default_rng(0)), 0, 4)
    assert network is not None
    assert cheaper.evaluator.cells == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("0", "a share is above 0 and at most 1; got '0'"),
        ("1.5", "a share is above 0 and at most 1; got '1.5'"),
        ("epochs=5+data=2", "a share is above 0 and at most 1; got 'epochs=5.data=2'"),
        ("little", "a fidelity is a share of the epochs such as 0.1, or epochs=N, .*; got 'little'"),
        ("images=3", "a fidelity is a share .*; got 'images=3'"),
        ("epochs=2+epochs=3", "a fidelity is a share .*; got 'epochs=2.epochs=3'"),
        ("epochs=0", "where N is a whole number of at least 1; got 'epochs=0'"),
        ("epochs=many", "where N is a whole number of at least 1; got 'epochs=many'"),
        ("epochs=11", "the fidelity 'epochs=11' has more epochs than a whole training, 10"),
        ("channels=9", "the fidelity 'channels=9' has more channels than a whole training, 8"),
        (
            "cells=2",
            "the fidelity 'cells=2' needs a choice of cells, which the space 'convnet' does not offer",
        ),
    ],
)
def test_names_that_are_none(training, name, text):
    with pytest.raises(UsageError, match=text):
        training.at(name)


def test_inherited_weights_have_no_fidelities(training):
    heirs = InheritedTraining(spaces.get("nash"), training.data, device="cpu")
    with pytest.raises(UsageError, match="networks that inherit weights have no fidelities"):
        heirs.at("0.1")


@pytest.fixture
def table():
    other = Architecture(["input", "CONV_3.H", "output"], [(0, 1), (1, 2)])
    return Table(
        spaces.get("convnet"),
        [CHAIN, other],
        {
            "val_4": np.array([0.5, 0.4]),
            "val_12": np.array([0.7, np.nan]),
            "loose": np.array([0.1, 0.2]),
            "seconds": np.array([60.0, 30.0]),
        },
        {
            "val_4": Metric(budget=4),
            "val_12": Metric(budget=12),
            "loose": Metric(),
            "seconds": Metric(unit="seconds", higher_is_better=False),
        },
        name="small",
    )


def test_columns_of_a_table_are_its_fidelities(table):
    whole = TableLookup(table, "val_12", "loose", "seconds")
    cheaper = whole.at("val_4")
    assert cheaper.cost == pytest.approx(1 / 3)
    found = cheaper.evaluator.evaluate(CHAIN)
    assert (found.score, found.seconds) == (0.5, pytest.approx(20))
    assert np.isnan(found.test_score), "that of the whole training would tell too much"
    assert whole.at("val_12").evaluator is whole
    assert cheaper.evaluator.describe()["columns"]["score"] == "val_4"
    assert pickle.loads(pickle.dumps(cheaper.evaluator)).evaluate(CHAIN).score == 0.5


def test_columns_that_are_no_fidelity(table):
    whole = TableLookup(table, "val_4")
    with pytest.raises(UnknownNameError, match="val_5"):
        whole.at("val_5")
    with pytest.raises(UsageError, match="'val_12' of table 'small' has 12 epochs and 'val_4' 4 epochs; a"):
        whole.at("val_12")
    with pytest.raises(
        UsageError, match="'loose' of table 'small' has an unknown budget and 'val_4' 4 epochs"
    ):
        whole.at("loose")


def test_a_study_keeps_checkpoints_only_where_they_are_exact(training, tmp_path):
    """With and without a file, and so with and without checkpoints, the scores are the same."""
    constant = Training(
        training.space, training.data, training.recipe.changed(schedule="constant"), device="cpu"
    )
    options = {"ranker": False, "batch": 4, "fidelities": (0.1, 0.4, 1), "seed": 5}
    scores = []
    for path in (None, tmp_path / "x.db"):
        with Study("convnet", constant, storage=path, **options) as study:
            study.run(trials=2)
            scores.append(study.trials[["key", "fidelity", "score", "test_score"]])
    assert scores[0].equals(scores[1])
    left = list((tmp_path / "x.checkpoints").iterdir())
    assert left
    assert len(left) < scores[0]["key"].nunique(), "that of a whole training is removed"
    with Study("convnet", training, storage=tmp_path / "y.db", **options) as study:
        study.run(trials=2)
    assert not (tmp_path / "y.checkpoints").exists()
