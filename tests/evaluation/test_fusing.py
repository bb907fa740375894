import numpy as np
import pytest

from egraph import spaces
from egraph.errors import UsageError
from egraph.evaluation import Fused, ZeroCost, fuse

CONVNET = spaces.get("convnet")
POOL = [
    CONVNET.parse(text)
    for text in ("CONV_3.N,CONV_3.H;0>1,1>2,2>3", "CONV_2.N,CONV_3.N;0>1,1>2,2>3,0>2", "CONV_3.N;0>1,1>2")
]


class Fixed:
    def predict(self, architectures):
        return [{POOL[0]: 0.3, POOL[1]: 0.1, POOL[2]: 0.2}[a] for a in architectures]


def test_fused_ranks_by_hand():
    """Ranks of the prediction 1, 2, 3; of the scores 3, 2, 1 and, tied, 2.5, 2.5 over a missing one."""
    fused = fuse([0.1, 0.2, 0.9], [[9, 7], [5, 7], [-4, np.nan]], weight=0.5)
    assert fused == pytest.approx(
        [
            (1 * 1 * 3 * 2.5) ** 0.25 / 3,
            (2 * 2 * 2 * 2.5) ** 0.25 / 3,
            (3 * 3 * 1 * 1) ** 0.25 / 3,
        ]
    )


def test_the_weight_goes_from_the_scores_alone_to_the_ranker_alone():
    predicted, values = [3, 1, 2], [[1], [2], [3]]
    assert fuse(predicted, values, 1) == pytest.approx([1, 1 / 3, 2 / 3])
    assert fuse(predicted, values, 0) == pytest.approx([1 / 3, 2 / 3, 1])


def test_only_the_order_of_each_score_counts():
    rng = np.random.default_rng(0)
    predicted, values = rng.normal(size=20), rng.normal(size=(20, 3))
    assert fuse(np.exp(predicted), 5 * values - 2) == pytest.approx(fuse(predicted, values))
    assert fuse([], np.empty((0, 2))).shape == (0,)


def test_a_ranker_is_fused_with_each_proxy():
    scores = ZeroCost(CONVNET, ["params", "flops"], channels=8, device="cpu")
    fused = Fused(Fixed(), scores, weight=0.4)
    expected = fuse(Fixed().predict(POOL), scores.columns(POOL), 0.4)
    np.testing.assert_array_equal(fused.predict(POOL), expected)
    np.testing.assert_array_equal(fused(POOL), expected)
    assert fused.describe()["weight"] == 0.4
    assert fused.describe()["scores"]["proxies"] == ["params", "flops"]
    by_function = Fused(Fixed(), lambda many: [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(by_function(POOL), fuse(Fixed().predict(POOL), [[1], [2], [3]]))


def test_what_cannot_be_fused_is_refused():
    with pytest.raises(UsageError, match=r"fuse needs predictions .* got shapes \(3,\) and \(2, 1\)"):
        fuse([1, 2, 3], [[1], [2]])
    for refuse in (lambda: fuse([1], [[1]], 1.5), lambda: Fused(Fixed(), len, weight=1.5)):
        with pytest.raises(UsageError, match=r"weight must be a number from 0 to 1, got 1\.5"):
            refuse()
