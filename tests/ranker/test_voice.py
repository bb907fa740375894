"""The opinion of a prior: its correction, its scale, and where its share grows."""

import numpy as np
import pytest

from egraph import metrics, spaces
from egraph.ranker import Ranker, load
from egraph.ranker.labels import Labels
from egraph.ranker.voice import Voice


def make(seed, count=60, trend=1.0, share=1.0, far=1.0):
    """A voice of a prior that is right but for a linear trend, its data, and the same for unseen data."""
    rng = np.random.default_rng(seed)

    def draw(rows):
        inputs = rng.normal(size=(rows, 3))
        prior = inputs[:, 0] + np.sin(inputs[:, 1])
        return inputs, prior, prior + trend * inputs[:, 2]

    inputs, prior, scores = draw(count)
    labels = Labels.of(scores, np.zeros(count, np.int64), None)
    voice = Voice.fit(share, far, prior, inputs, labels, spread=0.7, has_scale=True)
    return voice, (inputs, prior, labels), draw(1000)


@pytest.mark.parametrize(("share", "far"), [(0.0, 0.0), (0.25, 0.25), (0.25, 0.75)])
def test_the_share_grows_where_the_prior_leaves_its_range(share, far):
    voice = make(0, share=share, far=far)[0]
    outside = np.array([0, 0, 1, 2, 7])
    said = voice.mean + voice.unit * np.array([0.0, 0.5, -2.0, 3.0, 8.0])
    np.testing.assert_allclose(voice.shares(said), far - (far - share) * np.exp(-(outside**2) / 2))
    assert voice.shares(said)[-1] == pytest.approx(far, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_few_labels_correct_a_trend_that_the_prior_lacks(seed):
    voice, _, (inputs, prior, scores) = make(seed, 20)
    corrected = metrics.kendall_tau(scores, voice.opinions(inputs, prior))
    assert corrected > metrics.kendall_tau(scores, prior) + 0.05


@pytest.mark.parametrize("seed", range(3))
def test_a_prior_without_fault_stays_as_it_is(seed):
    voice, _, (inputs, prior, scores) = make(seed, 20, trend=0.0)
    assert metrics.kendall_tau(scores, voice.opinions(inputs, prior)) > 0.93


def test_opinions_have_the_spread_of_the_ensemble():
    voice, (inputs, prior, _), _ = make(0, 300)
    held_out = [voice.without(np.array([row])).opinions(inputs[[row]], prior[[row]])[0] for row in range(300)]
    assert np.mean(held_out) == pytest.approx(0, abs=0.05)
    assert np.std(held_out) == pytest.approx(0.7, rel=0.02)


def test_without_some_labels_the_correction_is_that_of_the_others():
    voice, (inputs, prior, labels), (others, said, _) = make(1)
    rows = np.array([3, 17, 58])
    process = voice.without(rows).process
    kept = np.delete(np.arange(60), rows)
    np.testing.assert_array_equal(process.inputs, inputs[kept])
    expected = 0.8 * (prior - prior.mean()) / voice.unit
    np.testing.assert_allclose(process.targets, (labels.targets - expected)[kept])
    assert not np.allclose(voice.without(rows).opinions(others, said), voice.opinions(others, said))


def test_a_mixture_lies_between_the_ensemble_and_the_opinions():
    voice, _, (inputs, prior, _) = make(2, share=0.25)
    own = np.linspace(-1, 1, len(prior))
    said, joined = voice.opinions(inputs, prior), voice.join(own, inputs, prior)
    within = np.abs(prior - voice.mean) < voice.unit
    np.testing.assert_allclose(joined[within], (0.75 * own + 0.25 * said)[within])
    assert ((joined - own) * (said - joined) >= -1e-12).all()


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


def test_a_voice_of_schema_5_has_no_correction():
    voice = Voice.restore({}, {"share": 0.25, "mean": 0.1, "gain": 2.0, "spread": 0.5}, 3)
    said = np.array([0.1, 0.3, -0.5, 1.0])
    opinions = voice.opinions(np.ones((4, 3)), said)
    np.testing.assert_allclose(opinions, 2 * (said - 0.1))
    np.testing.assert_allclose(voice.shares(said[:2]), [0.25, 0.25])
    assert (np.diff(voice.shares(said[1:])) > 0).all()
