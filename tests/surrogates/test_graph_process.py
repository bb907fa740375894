import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from egraph import spaces
from egraph.canonical import simplify
from egraph.errors import UsageError
from egraph.searchers import GraphProcess
from egraph.surrogates.weisfeiler_lehman import count_subtrees

CELLS = spaces.get("nasbench201")


def _sample(count, seed=0):
    rng = np.random.default_rng(seed)
    return [CELLS.sample(rng) for _ in range(count)]


def test_predictions_are_those_of_another_library():
    known, unknown = _sample(30), _sample(20, seed=1)
    scores = np.random.default_rng(2).normal(5.0, 2.0, 30)
    process = GraphProcess().fit(known, scores)
    names = sorted({name for cell in known + unknown for name in count_subtrees(cell)})
    x, y = (
        np.array([[count_subtrees(cell).get(name, 0) for name in names] for cell in cells], float)
        for cells in (known, unknown)
    )
    reference = GaussianProcessRegressor(
        Matern(process.length, "fixed", nu=1.5), alpha=process.noise, optimizer=None
    )
    reference.fit(x, (scores - scores.mean()) / scores.std())
    expected = reference.predict(y, return_std=True)
    mean, std = process.predict(unknown, return_std=True)
    assert mean == pytest.approx(scores.mean() + scores.std() * expected[0], rel=1e-6)
    assert std == pytest.approx(scores.std() * expected[1], rel=1e-5)
    assert process.predict(unknown) == pytest.approx(mean)


def test_length_and_noise_fit_the_scores():
    cells = list(dict.fromkeys(_sample(60)))
    smooth = [simplify(cell).ops.count("nor_conv_3x3") for cell in cells]
    noise = np.random.default_rng(0).normal(size=len(cells))
    assert GraphProcess().fit(cells, smooth).noise < 0.01 < 0.5 < GraphProcess().fit(cells, noise).noise


def test_one_example_and_equal_scores_are_enough():
    cells = _sample(3)
    for known in (cells[:1], cells):
        mean, std = GraphProcess().fit(known, [4.0] * len(known)).predict(cells, return_std=True)
        assert mean == pytest.approx([4.0] * 3)
        assert np.isfinite(std).all()


def test_no_example_is_refused():
    with pytest.raises(UsageError, match="a Gaussian process needs at least one example, got none"):
        GraphProcess().fit([], [])
