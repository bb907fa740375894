import json
import pickle

import evolving
import numpy as np
import pytest
import torch

from egraph import spaces
from egraph.errors import ArchitectureError, UsageError
from egraph.evaluation.packing import pack, unpack
from egraph.evolve import RankerEvaluator, compare, reduced_training, split_table
from egraph.metrics import kendall_tau
from egraph.ranker import Genome, Ranker, from_genome

GENOME = spaces.get("graphsage").parse("SAGE_POOL.N;0>1,1>2;READOUT_MAX")


@pytest.fixture(scope="module")
def evaluator(split):
    return RankerEvaluator(split, filters=8)


def test_the_score_is_tau_on_the_validation_part(evaluator, split):
    found = evaluator.evaluate(GENOME, seed=3)
    ranker = from_genome(GENOME, filters=8, seed=3, **reduced_training(split))
    ranker.fit(split.train.architectures, split.train.scores("accuracy"))
    predicted = ranker.predict(split.validation.architectures)
    assert found.score == pytest.approx(kendall_tau(split.validation["accuracy"], predicted))
    assert found.params == sum(p.numel() for p in ranker.scorer_.network.parameters())
    assert found.test_score != found.test_score
    assert found.source == "tau on 20 networks of small"


def test_a_seed_gives_the_same_score_whatever_the_threads(evaluator):
    scores = [evaluator.evaluate(GENOME, seed=5).score]
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        scores.append(pickle.loads(pickle.dumps(evaluator)).evaluate(GENOME, seed=5).score)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    assert scores[0] == scores[1]
    assert evaluator.evaluate(GENOME, seed=6).score != scores[0]


def test_it_goes_to_other_machines_as_text(evaluator):
    there = unpack(pack(evaluator))
    assert there.describe() == evaluator.describe()
    assert there.evaluate(GENOME, seed=3).score == evaluator.evaluate(GENOME, seed=3).score


def test_it_holds_no_network_of_the_test_part(evaluator, split):
    [part] = evaluator._parts
    held = [*part.train[0], *part.validation[0]]
    assert len(held) == 36
    assert not {id(a) for a in held} & {id(a) for a in split.test.architectures}
    assert not {split.test.space.key(a) for a in held} & set(split.test.keys)


def test_several_tables_count_alike(split):
    other = split_table(evolving.table(), "latency", train=12, validation=24)
    alone = [RankerEvaluator(one, filters=8).evaluate(GENOME, seed=3).score for one in (split, other)]
    both = RankerEvaluator(split, other, filters=8)
    found = both.evaluate(GENOME, seed=3)
    assert found.score == pytest.approx(np.mean(alone))
    assert found.source == "tau on 20 networks of small, 24 networks of small"
    assert [part["metric"] for part in both.describe()["splits"]] == ["accuracy", "latency"]
    with pytest.raises(UsageError, match="at least one split"):
        RankerEvaluator(filters=8)


def test_the_description_is_json_and_tells_evaluators_apart(evaluator, split):
    text = json.dumps(evaluator.describe(), sort_keys=True)
    assert json.dumps(RankerEvaluator(split, filters=8).describe(), sort_keys=True) == text
    assert json.dumps(RankerEvaluator(split, filters=9).describe(), sort_keys=True) != text
    other = split_table(evolving.table(), "accuracy", train=16, validation=20, seed=1)
    assert json.dumps(RankerEvaluator(other, filters=8).describe(), sort_keys=True) != text
    assert "test" not in evaluator.describe()["splits"][0]


def test_the_reduced_training_meets_each_pair_twice():
    split = split_table(evolving.table(220), "accuracy", train=150, validation=40)
    training = reduced_training(split)
    assert training["batch_size"] == 16
    assert training["epochs"] * (16 - 1) / (150 - 1) == pytest.approx(2, abs=0.05)
    assert training["eps"] == 1.0
    other = split_table(evolving.table(), "latency", train=8, validation=40)
    assert reduced_training(other)["eps"] is None
    assert reduced_training(other)["batch_size"] == 8


def test_a_metric_where_lower_is_better_is_learnt_as_its_negative(split):
    lower = split_table(evolving.table(), "latency", train=16, validation=20, test=30)
    training = reduced_training(split)
    one, two = RankerEvaluator(lower, training=training), RankerEvaluator(split, training=training)
    assert one.evaluate(GENOME).score == two.evaluate(GENOME).score


def test_a_ranker_that_orders_nothing_has_tau_zero(evaluator, split, monkeypatch):
    monkeypatch.setattr(Ranker, "predict", lambda self, architectures: np.zeros(len(architectures)))
    assert evaluator.evaluate(GENOME).score == 0.0
    assert [row.taus for row in compare(Genome(GENOME, 4), split, seeds=(0,), full=False)] == [(0.0,)] * 2


def test_what_is_no_genome_is_refused(evaluator, split):
    with pytest.raises(ArchitectureError, match="genome"):
        evaluator.evaluate(split.train.architectures[0])
