"""The share of a prior's opinion, and where it grows."""

import numpy as np
import pytest

from egraph import metrics, spaces
from egraph.ranker import Ranker, load
from egraph.ranker.voice import Voice

OPINIONS = np.array([0.0, 0.5, -1.0, 1.5, 4.0])


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_share_grows_where_the_prior_leaves_its_range(share):
    """Opinions with a spread of one half: the range ends at one half, on both sides."""
    voice = Voice(share, mean=0.0, gain=1.0, spread=0.5)
    outside = np.array([0, 0, 1, 2, 7])
    np.testing.assert_allclose(voice.shares(OPINIONS), share ** np.exp(-(outside**2) / 2))
    assert voice.shares(OPINIONS)[-1] == pytest.approx(float(share > 0), abs=1e-9)


def count_wide(architectures):
    """A score without noise."""
    return np.array(
        [sum(op.startswith("mbconv5x5") * (1 + k / 9) for k, op in enumerate(a.ops)) for a in architectures]
    )


def test_labels_of_the_best_alone_do_not_spoil_the_order_of_the_rest(tmp_path):
    """As in a study that a ranker guides: the mixture with one share for all falls below the prior."""
    everything = list(spaces.get("nasbench_macro"))[::5]
    order = np.random.default_rng(0).permutation(len(everything))
    known, others = ([everything[row] for row in rows] for rows in (order[:60], order[60:]))
    options = {"members": 1, "width": 16, "epochs": 20}
    before = Ranker(**options).fit(known, count_wide(known))
    best = np.argsort(-before.predict(others))[:24]
    chosen = [others[row] for row in best]
    after = Ranker(prior=before, seed=1, **options).fit(chosen, count_wide(chosen))
    rest = [a for row, a in enumerate(others) if row not in set(best.tolist())]
    taus = [metrics.kendall_tau(count_wide(rest), each.predict(rest)) for each in (before, after)]
    assert taus[1] > taus[0] - 0.01
    assert 0 < after.prior_share_ < 1
    after.save(tmp_path / "x.egraph")
    np.testing.assert_allclose(load(tmp_path / "x.egraph").predict(rest), after.predict(rest), rtol=1e-6)
