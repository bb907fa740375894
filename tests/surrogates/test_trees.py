import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor

from egraph.surrogates.trees import Trees


@pytest.mark.parametrize("rows", [2, 5, 120])
def test_arrays_predict_what_scikit_learn_predicts(rows):
    rng = np.random.default_rng(rows)
    x, y, new = rng.normal(size=(rows, 6)), rng.normal(size=rows), rng.normal(size=(300, 6))
    forest = ExtraTreesRegressor(7, min_samples_leaf=1, random_state=0).fit(x, y)
    trees = Trees.of(forest)
    np.testing.assert_allclose(trees.predict(new), forest.predict(new), atol=1e-6)
    np.testing.assert_allclose(trees.predict(x), forest.predict(x), atol=1e-6)


def test_equal_seeds_grow_equal_trees():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    first, again, other = (Trees.fit(x, y, seed).predict(x) for seed in (2**40, 2**40, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_step_is_learnt():
    x = np.linspace(-1, 1, 40)[:, None]
    predicted = Trees.fit(x, np.sign(x[:, 0]), 0).predict(np.array([[-0.7], [0.7]]))
    assert predicted[0] < -0.6
    assert predicted[1] > 0.6


def test_targets_that_are_all_equal_give_roots_alone():
    trees = Trees.fit(np.zeros((4, 2)), np.ones(4), 0)
    np.testing.assert_array_equal(trees.predict(np.ones((3, 2))), np.ones(3))


@pytest.mark.parametrize(
    "change",
    [
        {"feature": np.array([9], np.int32)},
        {"feature": np.zeros(0, np.int32)},
        {"children": np.array([[0, -1]], np.int32)},
        {"children": np.array([0, 0], np.int32)},
        {"roots": np.array([1], np.int32)},
        {"value": np.zeros(3, np.float32)},
        {"depth": 10**9},
    ],
)
def test_arrays_that_point_outside_of_themselves_are_no_trees(change):
    trees = Trees.fit(np.zeros((4, 2)), np.ones(4), 0)
    one = {name: getattr(trees, name)[:1] for name in ("feature", "threshold", "children", "value", "roots")}
    Trees(**one, depth=0).check(2)
    with pytest.raises(ValueError, match="the trees point outside of their nodes or features"):
        Trees(**{**one, "depth": 0, **change}).check(2)
