import math

import numpy as np
import pytest
from played import SPACE, Linear
from sklearn.base import BaseEstimator

import egraph
from egraph.baselines import WLGP
from egraph.evaluation import Evaluation
from egraph.searchers.testing import ToySpace
from egraph.study._guide import Guide, is_fitted
from egraph.study._seeds import derive
from egraph.study._trial import Trial


def _trials(*scores):
    architectures = [SPACE.make([k % 5, k // 5 % 5, 0, 0]) for k in range(len(scores))]
    return [
        Trial(
            k,
            0,
            "initial",
            "failed" if math.isnan(s) else "complete",
            SPACE.key(a),
            a,
            0,
            evaluation=Evaluation(s),
        )
        for k, (a, s) in enumerate(zip(architectures, scores, strict=True))
    ]


class Remembering(BaseEstimator):
    def fit(self, architectures, scores):
        self.scores_ = np.asarray(scores)
        return self

    def predict(self, architectures):
        return np.zeros(len(architectures))


def test_enough_trials_must_have_succeeded():
    guide = Guide(Remembering(), fewest=3)
    assert guide.fit(_trials(1.0, 2.0)) == (None, 0)
    model, count = guide.fit(_trials(1.0, 2.0, 3.0))
    assert model.scores_.tolist() == [1.0, 2.0, 3.0]
    assert count == 3


def test_equal_scores_teach_nothing():
    assert Guide(Remembering(), fewest=2).fit(_trials(1.0, 1.0, 1.0)) == (None, 0)


def test_failed_trials_count_as_the_worst():
    model, count = Guide(Remembering(), fewest=1).fit(_trials(2.0, math.nan, 1.0))
    assert model.scores_.tolist() == [2.0, 1.0, 1.0]
    assert count == 3


def test_the_same_trials_are_fitted_once():
    guide = Guide(Remembering(), fewest=1)
    first, _ = guide.fit(_trials(2.0, 1.0))
    assert guide.fit(_trials(2.0, 1.0))[0] is first
    assert guide.fit(_trials(2.0, 1.5))[0] is not first


def test_ranker_that_is_no_estimator_is_copied():
    class Plain:
        fit, predict = Remembering.fit, Remembering.predict

    ranker = Plain()
    guide = Guide(ranker, fewest=1)
    assert not is_fitted(ranker)
    guide.fit(_trials(2.0, 1.0))
    assert not hasattr(ranker, "scores_")
    assert guide.describe()["parameters"] == {}


class Knowing:
    """Cannot learn; is what `egraph.fitness` gives."""

    def predict(self, architectures):
        return np.ones(len(architectures))

    def describe(self):
        return {"address": "http://host:1"}


def test_a_ranker_that_cannot_learn_guides_until_another_has():
    knowing = Knowing()
    guide = Guide(Remembering(), fewest=3, prior=knowing)
    assert guide.fit([]) == (knowing, 0)
    assert guide.fit(_trials(1.0, 2.0)) == (knowing, 0)
    model, count = guide.fit(_trials(1.0, 2.0, 3.0))
    assert isinstance(model, Remembering)
    assert count == 3


def test_both_rankers_are_described():
    assert Guide(Linear(penalty=2.0), 2, Knowing()).describe() == {
        "ranker": "played.Linear",
        "parameters": {"penalty": 2.0},
        "prior": {"ranker": f"{__name__}.Knowing", "address": "http://host:1"},
    }


def test_the_default_ranker_is_seen_as_fitted_or_not():
    ranker = egraph.Ranker(members=1, epochs=1, width=4)
    assert not is_fitted(ranker)
    ranker.fit([trial.architecture for trial in _trials(1.0, 2.0, 3.0, 4.0, 5.0)], [1.0, 2.0, 3.0, 4.0, 5.0])
    assert is_fitted(ranker)


def test_linear_ranker_is_described_by_its_settings():
    assert Guide(Linear(penalty=2.0), 2).describe() == {
        "ranker": "played.Linear",
        "parameters": {"penalty": 2.0},
    }


def test_derived_seeds_differ_by_seed_purpose_and_number():
    seeds = {derive(s, p, n) for s in range(10) for p in ("trial", "random", "searcher") for n in range(30)}
    assert len(seeds) == 900
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert derive(0, "trial", 1) == derive(0, "trial", 1)


def test_operations_without_a_description_that_the_first_trials_lack_are_ranked():
    """Of thirty operations, the first four trials have at most eight."""
    space = ToySpace(30, 30)
    ranker = egraph.Ranker(members=1, epochs=2, width=8, folds=0)
    options = {"ranker": ranker, "candidates": 60, "initial": 4, "batch": 2}
    with egraph.Study(space, space.value, **options) as one:
        one.run(trials=8)
        used = [set(key.split(".")) for key in one.trials["key"]]
    assert set().union(*used[4:]) - set().union(*used[:4])


@pytest.mark.parametrize("model", [egraph.Ranker(members=1, width=8, epochs=1, folds=0), WLGP()])
def test_a_ranker_or_baseline_waits_for_a_handful_of_networks_and_three_scores(model):
    guide = Guide(model, fewest=2)
    assert guide.fit(_trials(1.0, 2.0, 3.0, 4.0)) == (None, 0)
    assert guide.fit(_trials(1.0, 2.0, 1.0, 2.0, 1.0, 2.0)) == (None, 0)
    model, learned = guide.fit(_trials(1.0, 2.0, 3.0, 3.0, 2.0))
    assert learned == 5
    assert model is not None


def _screened(count=12):
    """Architectures and scores that say the opposite of the trials."""
    trials = _trials(*map(float, range(count)))
    return [trial.architecture for trial in trials], -np.arange(count, dtype=np.float64)


def test_a_ranker_learns_the_scores_of_a_screening_first():
    asked = []

    def recall():
        asked.append(1)
        return _screened()

    guide = Guide(egraph.Ranker(members=2, width=8, epochs=20, folds=2, tabular=None), fewest=2)
    guide.remember(recall)
    assert guide.fit(_trials(1.0)) == (None, 0)
    assert not asked
    architectures, scores = _screened()
    model, count = guide.fit(_trials(1.0, 2.0, 3.0, 4.0, 5.0))
    assert count == 5
    assert (model.prior.members, model.prior.folds) == (1, 0)
    assert egraph.metrics.kendall_tau(scores, model.prior.predict(architectures)) > 0.3
    assert 0 <= model.prior_share_ < 1
    after, _ = guide.fit(_trials(1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    assert after.prior is model.prior
    assert len(asked) == 1


def test_a_screening_that_tells_nothing_is_no_prior():
    for screened in (None, (_screened()[0], np.ones(12)), tuple(part[:3] for part in _screened())):
        guide = Guide(egraph.Ranker(members=1, width=8, epochs=1, folds=0), fewest=2)
        guide.remember(lambda screened=screened: screened)
        assert guide.fit(_trials(1.0, 2.0, 3.0, 4.0, 5.0))[0].prior is None


def test_a_given_prior_stays_and_rankers_without_one_learn_from_trials_alone():
    def refuse():
        raise AssertionError("is not asked")

    known = egraph.Ranker(members=1, width=8, epochs=1, folds=0)
    known.fit([trial.architecture for trial in _trials(1.0, 2.0, 3.0, 4.0, 5.0)], [1.0, 2.0, 3.0, 4.0, 5.0])
    for ranker in (egraph.Ranker(members=1, width=8, epochs=1, folds=0, prior=known), Remembering()):
        guide = Guide(ranker, fewest=2, prior=known)
        guide.remember(refuse)
        assert guide.fit(_trials(1.0, 2.0, 3.0, 4.0, 5.0))[1] == 5
