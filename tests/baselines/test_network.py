import numpy as np
import pytest
import torch

from egraph.baselines import BRPNAS, MLP
from egraph.baselines._network import Dropout, mean_over_pairs
from egraph.errors import UsageError


def test_only_pairs_with_the_better_one_in_front_count():
    loss = torch.tensor([[0.0, 1.0, 2.0], [3.0, 0.0, 4.0], [5.0, 6.0, 0.0]])
    # The third beats both others, which are equal.
    assert mean_over_pairs(loss, torch.tensor([1.0, 1.0, 2.0])) == pytest.approx((5 + 6) / 2)
    assert mean_over_pairs(loss, torch.ones(3)) == 0


def test_dropout_keeps_the_expected_sum_and_rests_outside_of_training():
    drop = Dropout(0.25)
    drop.generator = torch.Generator().manual_seed(0)
    x = torch.ones(40_000)
    dropped = drop(x)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert dropped.mean() == pytest.approx(1, abs=0.02)
    assert drop.eval()(x) is x


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch_size": 1}])
def test_training_that_does_nothing_is_refused(toy_data, wrong):
    with pytest.raises(UsageError, match="epochs must be at least 1 and batch_size at least 2"):
        MLP(**wrong).fit(toy_data[0][:5], toy_data[1][:5])


@pytest.mark.parametrize("wrong", [{"width": 0}, {"layers": 0}, {"dropout": 1.0}])
def test_sizes_that_make_no_network_are_refused(toy_data, wrong):
    with pytest.raises(UsageError, match=r"at least 1 and dropout in \[0, 1\)"):
        BRPNAS(**wrong).fit(toy_data[0][:5], toy_data[1][:5])


def test_another_seed_is_another_network(toy_data):
    graphs, scores = toy_data
    first, second = (BRPNAS(width=8, epochs=2, seed=s).fit(graphs[:9], scores[:9]) for s in (0, 1))
    assert not np.allclose(first.predict(graphs), second.predict(graphs))


def test_a_network_can_learn_its_training_data_by_heart(toy_data, distinct):
    graphs, scores = distinct(*toy_data, 20)
    scores = scores + 1e-3 * np.arange(20)
    assert MLP(epochs=150).fit(graphs, scores).score(graphs, scores) > 0.95
    assert BRPNAS(width=48, dropout=0.0, epochs=150).fit(graphs, scores).score(graphs, scores) > 0.85
