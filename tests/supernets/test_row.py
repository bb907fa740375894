"""The final network of several cells, and rows of random cells beside it."""

import numpy as np
import pytest
import torch
from stripes import draw_stripes

from egraph.datasets import ImageData
from egraph.errors import EvaluationError, UsageError
from egraph.evaluation import Recipe
from egraph.networks import build_concat_cells, count_params
from egraph.spaces import get
from egraph.supernets import RowTraining
from egraph.training import accuracy

CELLS = get("concat-cell")
LEARNER, NARROW = (
    CELLS.parse("16|0|0|0|0|0|0|0 0|0|0|0|0|0|0|0 0|0|0|16|0|0|0|0"),
    CELLS.parse("0|0|0|4|0|0|0|0"),
)
DATA = ImageData(
    *(tuple(map(np.asarray, draw_stripes(size, 8, seed))) for seed, size in enumerate((128, 64, 64)))
)
RECIPE = Recipe(epochs=8, batch_size=16, learning_rate=1e-2, channels=16)


def test_a_row_is_trained_and_measured():
    evaluation, network = RowTraining(DATA, recipe=RECIPE, device="cpu").train([LEARNER, NARROW], seed=1)
    assert evaluation.score > 0.9
    assert evaluation.test_score == accuracy(network, tuple(map(torch.from_numpy, DATA.test)))
    assert evaluation.params == count_params(build_concat_cells([LEARNER, NARROW], (1, 8, 8), 2))
    assert evaluation.source == "row of 2 cells trained on custom (cpu)"


def test_the_order_of_cells_counts_and_the_seed_decides():
    training = RowTraining(DATA, recipe=RECIPE.changed(epochs=1), device="cpu")
    networks = [
        training.train(cells, seed=seed)[1].state_dict()
        for cells, seed in (([LEARNER, NARROW], 0), ([LEARNER, NARROW], 0), ([LEARNER, NARROW], 1))
    ]
    assert all(torch.equal(one, networks[1][name]) for name, one in networks[0].items())
    assert any(not torch.equal(one, networks[2][name]) for name, one in networks[0].items())
    turned = training.train([NARROW, LEARNER])[0].params
    assert turned != training.train([LEARNER, NARROW])[0].params


def test_rows_of_random_cells_stand_beside_it():
    done = []
    training = RowTraining(DATA, recipe=RECIPE.changed(epochs=4), device="cpu")
    rows = training.compare([LEARNER, LEARNER], 2, progress=lambda *counts: done.append(counts))
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert rows.own[0].params == rows.own[1].params
    assert rows.random[0].params != rows.random[1].params
    means = [np.mean([one.test_score for one in each]) for each in (rows.own, rows.random)]
    assert rows.lead == pytest.approx(means[0] - means[1])
    assert accuracy(rows.network, tuple(map(torch.from_numpy, DATA.test))) == rows.own[0].test_score


def test_a_regression_is_measured_by_r2():
    parts = [(x, y * 3.0 - 1) for x, y in (DATA.train, DATA.validation, DATA.test)]
    evaluation, _ = RowTraining(ImageData(*parts, target="regression"), recipe=RECIPE, device="cpu").train(
        [LEARNER]
    )
    assert 0.5 < evaluation.score <= 1


def test_what_is_refused():
    with pytest.raises(
        UsageError, match="are those of the space 'concat-cell'; networks of 'darts' are built"
    ):
        RowTraining(DATA, space="darts")
    with pytest.raises(UsageError, match="a row has at least one cell, got none"):
        RowTraining(DATA, device="cpu").train([])
    with pytest.raises(UsageError, match="threads must be a whole number of at least 1"):
        RowTraining(DATA, threads=0)
    with pytest.raises(UsageError, match="repeats must be a whole number of at least 1"):
        RowTraining(DATA, device="cpu").compare([LEARNER], 0)
    with pytest.raises(UsageError, match="seed must be a whole number of at least 0"):
        RowTraining(DATA, device="cpu").compare([LEARNER], seed=-1)
    with pytest.raises(EvaluationError, match="at most 50,000,000 are built"):
        RowTraining(DATA, recipe=RECIPE.changed(channels=10**5), device="cpu").train([LEARNER])
