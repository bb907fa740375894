import pickle
import random

import fits
import numpy as np
import pytest
import torch
from fits import CLASSES, SHAPE, build, fit

from egraph import spaces
from egraph.datasets import ImageData
from egraph.errors import EvaluationError, ScoreLaterError, UsageError
from egraph.evaluation import OwnTraining
from egraph.study import Study
from egraph.study._sameness import describe, differences

SPACE = spaces.from_builder(build, SHAPE, CLASSES)
PLAIN = SPACE.parse('{"width": 5, "activation": "Tanh", "deep": false, "learning_rate": 0.01}')
DEEP = SPACE.parse('{"width": 3, "activation": "ReLU", "deep": true}')


def own(function=fit, **options):
    return OwnTraining(SPACE, function, device="cpu", **options)


def make_data():
    rng = np.random.default_rng(0)

    def part(n):
        return rng.random((n, 4), dtype=np.float32), np.arange(n) % 3

    return ImageData(part(12), part(6), part(6), name="mine", kind="features")


def test_the_seed_decides_weights_and_all_generators_which_are_restored():
    states = (random.getstate(), torch.random.get_rng_state().tolist())
    scores = [own().evaluate(PLAIN, seed=seed).score for seed in (1, 1, 2)]
    assert scores[0] == scores[1] != scores[2]
    assert (random.getstate(), torch.random.get_rng_state().tolist()) == states


def test_the_trial_says_how_to_train():
    kept = []
    evaluation = own(lambda module, trial: kept.append(trial) or trial.settings["learning_rate"]).evaluate(
        PLAIN, seed=7
    )
    trial = kept[0]
    assert (trial.architecture, trial.seed, trial.device) == (PLAIN, 7, "cpu")
    assert (trial.fidelity, trial.folder, trial.data) == (1.0, None, None)
    assert trial.settings == {"learning_rate": 0.01}
    # 4 x 5 + 5 and 5 x 3 + 3 weights; 4 x 5 and 5 x 3 multiply-adds.
    assert (evaluation.score, evaluation.params, evaluation.flops) == (0.01, 43, 35)
    assert evaluation.seconds > 0
    assert evaluation.source.startswith("trained by tests.evaluation.test_own_training.")


def test_data_give_the_shape_and_an_evaluation_is_kept():
    evaluator = OwnTraining(SPACE, fits.fit_on_data, make_data(), device="cpu")
    assert (evaluator.input_shape, evaluator.num_classes) == (SHAPE, CLASSES)
    found = evaluator.evaluate(DEEP)
    assert (found.test_score, found.seconds, found.params, found.flops, found.source) == (
        0.5,
        7,
        1,
        2,
        "mine",
    )
    assert evaluator.describe()["digest"] == make_data().digest
    with pytest.raises(UsageError, match="'mine' have a shape and classes of their own; leave input_shape"):
        OwnTraining(SPACE, fit, make_data(), input_shape=SHAPE)


def test_any_space_that_builds_networks_will_do():
    space = spaces.get("dense")
    evaluator = OwnTraining("dense", fit, input_shape=(4,), num_classes=3, device="cpu")
    architecture = space.sample(np.random.default_rng(0))
    first, again = (evaluator.evaluate(architecture, seed=5).score for _ in range(2))
    assert first == again
    assert evaluator.costs.params(architecture) == evaluator.evaluate(architecture).params
    with pytest.raises(UsageError, match=r"inputs of 'dense' .* not known; give data, or input_shape and"):
        OwnTraining("dense", fit)
    with pytest.raises(UsageError, match="'nasbench_graph' builds no networks"):
        OwnTraining("nasbench_graph", fit)
    limited = spaces.Limited(SPACE, {"params": own().costs.params}, {"params": 40})
    assert OwnTraining(limited, fit).input_shape == SHAPE


def test_the_description_is_that_of_function_and_shape():
    was, moved = describe(own()), describe(pickle.loads(pickle.dumps(own())))
    assert not list(differences(was, moved))
    assert list(differences(was, describe(own(fits.fail)))) == ["function fits.fit, not fits.fail"]
    assert was["space"] == "fits:build@4,3"


@pytest.mark.parametrize(
    ("function", "kind", "text"),
    [
        (fits.return_nothing, ScoreLaterError, "fits.return_nothing returned None: tell its score later"),
        (fits.return_two, UsageError, r"fits.return_two returned tensor\(\[0., 0.\]\); it must return the"),
        (fits.return_text, UsageError, "fits.return_text returned '0.9'; it must return the score of"),
        (fits.return_infinity, EvaluationError, "fits.return_infinity returned the score inf"),
        (fits.exhaust, EvaluationError, "fits.exhaust: out of memory; search among smaller networks"),
        (fits.diverge, EvaluationError, "the score is nan after epoch 3; the training has diverged"),
        (
            fits.fail,
            EvaluationError,
            r"fits.fail failed: RuntimeError: mat1 and mat2 shapes .* \(fits.py, line \d+\)$",
        ),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(function, kind, text):
    with pytest.raises(kind, match=text) as caught:
        own(function).evaluate(PLAIN)
    assert "\n" not in str(caught.value)


def test_other_functions_are_refused_at_once():
    with pytest.raises(
        UsageError, match=r"called as fit\(module, trial\), but fits.take_one takes \(module\)"
    ):
        own(fits.take_one)
    with pytest.raises(UsageError, match=r"a training is a function fit\(module, trial\) .*; got 'fit'"):
        own("fit")
    with pytest.raises(UsageError, match="threads must be a whole number of at least 1, got 0"):
        own(threads=0)


def test_fidelities_are_shares_that_the_function_reads():
    whole, third = own().at("1"), own().at("0.3")
    assert (whole.cost, third.cost) == (1, 0.3)
    by = [one.evaluator.evaluate(DEEP, seed=3).score for one in (whole, third)]
    assert by[0] - by[1] == pytest.approx(0.7 * 3)
    assert not list(differences(describe(own()), describe(third.evaluator)))
    for text in ("0", "1.5", "epochs=3"):
        with pytest.raises(UsageError, match=f"such as 0.3, which it finds in trial.fidelity; got '{text}'"):
            own().at(text)


def test_a_network_has_one_folder_at_all_fidelities(tmp_path):
    with Study(
        SPACE, own(fits.count_folder), storage=tmp_path / "x.db", fidelities=[0.25, 1], ranker=False, batch=4
    ) as one:
        one.run(trials=4)
        trials = one.trials
    promoted = trials[trials["origin"] == "promoted"]
    assert len(promoted) >= 1
    assert set(promoted["score"]) == {2.0}
    assert set(trials[trials["fidelity"] < 1]["score"]) == {0.25}


def test_a_report_ends_a_training_after_the_time_limit():
    with pytest.raises(EvaluationError, match=r"not finished after 0.01 s, at epoch \d+; allow more time"):
        own(fits.fit_forever).within(0.01).evaluate(PLAIN)


@pytest.mark.usefixtures("copied_workers")
def test_workers_and_repeats_give_what_one_process_gives(tmp_path):
    studies = [
        Study(SPACE, own(), ranker=False, batch=3, workers=workers, seed=4, synchronous=True)
        for workers in (1, 2)
    ]
    for one in studies:
        one.run(trials=6, baseline=True)
    here, there = (one.trials[["key", "origin", "seed", "score"]].to_dict() for one in studies)
    assert here == there
    fresh = studies[0].confirm(most=2, repeats=2).best
    assert len(set(fresh.scores)) == 2


def test_a_function_that_returns_no_number_stops_the_search():
    with pytest.raises(UsageError, match=r"return_text returned '0\.9'"):
        Study(SPACE, own(fits.return_text), ranker=False).run(trials=3)


def test_a_failed_training_is_a_failed_trial():
    one = Study(SPACE, own(fits.fail), ranker=False)
    one.run(trials=2)
    assert set(one.trials["state"]) == {"failed"}
    assert "shapes cannot be multiplied" in one.trials["reason"][0]
