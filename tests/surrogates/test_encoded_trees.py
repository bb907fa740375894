import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.preprocessing import OneHotEncoder

from egraph.searchers.testing import ToySpace
from egraph.surrogates.encoded_trees import EncodedTrees

SPACE = ToySpace(6, 6, 6, 6)


def test_trees_learn_what_each_choice_brings():
    rng = np.random.default_rng(0)
    known = [SPACE.sample(rng) for _ in range(150)]
    unknown = [SPACE.sample(rng) for _ in range(50)]
    trees = EncodedTrees(SPACE).fit(known, SPACE.value(known))
    assert np.corrcoef(trees.predict(unknown), SPACE.value(unknown))[0, 1] > 0.95


def test_options_are_one_hot():
    rng = np.random.default_rng(1)
    known = [SPACE.sample(rng) for _ in range(40)]
    unknown = [SPACE.sample(rng) for _ in range(10)]
    encoder = OneHotEncoder(categories=[range(6)] * 4, sparse_output=False)
    columns = encoder.fit_transform([SPACE.encode(a) for a in known])
    expected = GradientBoostingRegressor(random_state=0).fit(columns, SPACE.value(known))
    found = EncodedTrees(SPACE).fit(known, SPACE.value(known)).predict(unknown)
    np.testing.assert_allclose(found, expected.predict(encoder.transform([SPACE.encode(a) for a in unknown])))
