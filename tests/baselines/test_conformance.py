"""What every predictor promises, over the whole registry."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

import egraph
from egraph import Architecture
from egraph.baselines import BASELINES, Baseline, predictors
from egraph.errors import ArchitectureError, UsageError
from egraph.metrics import kendall_tau

# Forty training graphs do not show everything that the other 120 have; the ranker says so.
pytestmark = pytest.mark.filterwarnings("ignore:some architectures are unlike")

SMALL = {
    "egraph": {"members": 1, "width": 16, "epochs": 20},
    "egraph-regression": {"members": 1, "width": 16, "epochs": 20},
    "egraph-thesis": {"pairs": 400, "epochs": 8},
    "renas-7x7": {"epochs": 10},
    "renas-19x7x7": {"epochs": 15},
    "brp-nas": {"width": 24, "epochs": 30},
    "mlp": {"hidden": (32,), "epochs": 30},
    "forest": {"trees": 20},
    "boosting": {"trees": 20, "learning_rate": 0.2},
    "xgboost": {"trees": 30, "learning_rate": 0.2},
    "wl-gp": {},
}
NUMBERING_MATTERS = {"renas-7x7", "renas-19x7x7"}


def make(name, **parameters):
    if name == "xgboost":
        pytest.importorskip("xgboost")
    return predictors[name](**{"seed": 0, **SMALL[name], **parameters})


@pytest.fixture(scope="module", params=list(SMALL))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def trained(name, toy_data):
    graphs, scores = toy_data
    return make(name).fit(graphs[:40], scores[:40])


def test_the_registry_is_what_is_tested_here():
    assert set(predictors) == set(SMALL)
    classes = {type(factory(seed=0)) for factory in predictors.values()}
    assert {baseline for baseline in classes if issubclass(baseline, Baseline)} == set(BASELINES.values())


def test_every_baseline_names_its_paper_and_what_was_changed():
    for baseline in BASELINES.values():
        assert "References:" in baseline.__doc__, baseline
        assert "Changed:" in baseline.__doc__, baseline


def test_it_learns_the_training_data_and_more(trained, toy_data):
    graphs, scores = toy_data
    assert trained.score(graphs[:40], scores[:40]) > 0.5
    assert trained.score(graphs[40:], scores[40:]) > 0.2


def test_score_is_tau_b_of_what_predict_gives(trained, toy_data):
    graphs, scores = toy_data
    assert trained.score(graphs, scores) == pytest.approx(kendall_tau(scores, trained.predict(graphs)))


def test_a_fitted_predictor_is_a_fitness(trained, toy_data):
    graphs = toy_data[0]
    called = trained(graphs)
    assert called.shape == (160,)
    assert called.dtype == np.float64
    assert np.isfinite(called).all()
    np.testing.assert_array_equal(called, trained.predict(iter(graphs)))
    assert trained.predict([]).shape == (0,)


def test_each_prediction_depends_on_its_architecture_alone(trained, toy_data):
    graphs = toy_data[0]
    together = trained.predict(graphs[:30])
    alone = [trained.predict([a])[0] for a in graphs[:30]]
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5)


def test_predictions_are_in_units_of_the_scores(name, trained, toy_data):
    """Four times the scores, which is exact in floating point, give four times the predictions."""
    graphs, scores = toy_data
    other = make(name).fit(graphs[:40], 4 * scores[:40])
    np.testing.assert_allclose(other.predict(graphs), 4 * trained.predict(graphs), rtol=1e-9)


def test_the_seed_is_all_that_is_random(name, trained, toy_data):
    graphs, scores = toy_data
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    again = make(name).fit(graphs[:40], scores[:40])
    np.testing.assert_array_equal(again.predict(graphs), trained.predict(graphs))
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_isomorphic_graphs_get_one_score(name, trained, toy_data, renumber):
    graphs = toy_data[0][:40]
    others = [renumber(a, np.random.default_rng(1)) for a in graphs]
    equal = np.allclose(trained.predict(graphs), trained.predict(others), atol=1e-5)
    assert equal == (name not in NUMBERING_MATTERS)
    assert getattr(trained, "invariant", True) == (name not in NUMBERING_MATTERS)


def test_a_loaded_file_predicts_the_same(trained, toy_data, tmp_path):
    trained.save(tmp_path / "p.egraph", card={"data": "toys"})
    again = egraph.load(tmp_path / "p.egraph")
    assert type(again) is type(trained)
    assert again.card == {"data": "toys"}
    assert again.n_trials_ == 40
    np.testing.assert_allclose(again.predict(toy_data[0]), trained.predict(toy_data[0]), atol=1e-6)


def test_copies_predict_the_same(trained, toy_data):
    graphs = toy_data[0][:10]
    for other in (copy.deepcopy(trained), pickle.loads(pickle.dumps(trained))):
        np.testing.assert_array_equal(other.predict(graphs), trained.predict(graphs))


def test_it_follows_the_conventions_of_scikit_learn(name, trained):
    blank = clone(trained)
    assert isinstance(blank, BaseEstimator)
    assert blank.get_params() == trained.get_params()
    assert blank.set_params(seed=3).seed == 3
    check_is_fitted(trained)
    with pytest.raises(UsageError, match=r"not fitted yet; call fit"):
        blank.predict([Architecture(["input", "output"], [(0, 1)])])
    with pytest.raises(UsageError, match=r"not fitted yet; call fit"):
        blank.save("nowhere.egraph")


def test_scores_without_an_order_are_refused(name, toy_data):
    graphs, scores = toy_data
    with pytest.raises(UsageError, match=r"expected at least 3 distinct scores, got 1 of"):
        make(name).fit(graphs[:5], np.ones(5))
    with pytest.raises(UsageError, match=r"expected at least 5 distinct networks, got 1 in 24 .*; measure"):
        make(name).fit([graphs[0]] * 24, range(24))
    with pytest.raises(UsageError, match=r"must be finite, got nan at position 2"):
        make(name).fit(graphs[:5], [1, 2, np.nan, 3, 4])
    with pytest.raises(UsageError, match=r"5 architectures, scores of shape \(4,\)"):
        make(name).fit(graphs[:5], scores[:4])


def test_what_is_no_list_of_architectures_is_refused(name, trained, toy_data):
    with pytest.raises(UsageError, match=r"write \[architecture\]"):
        trained.predict(toy_data[0][0])
    with pytest.raises(UsageError, match="expected a list of architectures, got int"):
        trained.predict(3)
    with pytest.raises(UsageError, match="got str at position 1"):
        make(name).fit([toy_data[0][0], "x"], [1, 2])


def test_an_operation_nobody_described_is_refused_by_name(trained):
    unknown = Architecture(["input", "t-never", "output"], [(0, 1), (1, 2)])
    with pytest.raises(ArchitectureError, match="unknown operation 't-never'"):
        trained.predict([unknown])


def test_a_described_operation_that_training_never_saw_is_read(name, toy_data):
    graphs, scores = toy_data
    chosen = [row for row, a in enumerate(graphs) if "t-half" not in a.ops]
    model = make(name).fit([graphs[row] for row in chosen], scores[chosen])
    others = [a for a in graphs if "t-half" in a.ops][:5]
    assert np.isfinite(model.predict(others)).all()


def test_a_handful_of_architectures_is_enough(name, toy_data):
    graphs, _ = toy_data
    chain = Architecture(["input", "t-conv3", "output"], [(0, 1), (1, 2)])
    few = dict.fromkeys([chain, *graphs[:9]])
    assert make(name).fit(few, range(len(few))).predict([chain]).shape == (1,)
