import pytest
import torch
from sklearn.metrics import r2_score
from tiny_problem import linear, problem
from torch import nn

from egraph.errors import EvaluationError
from egraph.training import accuracy, r_squared


def test_accuracy_counts_over_batches():
    class Always(nn.Module):
        def forward(self, x):
            return nn.functional.one_hot(torch.full((len(x),), 2), 3).float()

    x, y = problem(7)  # classes 0 1 2 0 1 2 0
    assert accuracy(Always(), (x, y), batch_size=3) == pytest.approx(2 / 7)


def test_accuracy_is_that_of_the_network_without_dropout():
    x, y = problem()
    network = nn.Sequential(nn.Dropout(0.9), linear())
    assert accuracy(network, (x, y)) == accuracy(linear(), (x, y))


def test_outputs_that_are_nan_are_refused():
    x, y = problem()
    x[-1] = torch.nan
    with pytest.raises(EvaluationError, match="gives NaN or infinite outputs"):
        accuracy(linear(), (x, y))


def test_r_squared_is_that_of_scikit_learn_and_counts_over_batches():
    x, targets = torch.randn(50, 4), torch.randn(50, 1)
    network = nn.Sequential(nn.Dropout(0.9), nn.Linear(4, 1))
    predicted = x @ network[1].weight.T + network[1].bias
    expected = r2_score(targets.numpy(), predicted.detach().numpy())
    assert r_squared(network, (x, targets), batch_size=7) == pytest.approx(expected, abs=1e-6)
    assert not network.training


def test_predictions_that_are_nan_have_no_r_squared():
    with pytest.raises(EvaluationError, match="gives NaN or infinite outputs"):
        r_squared(nn.Identity(), (torch.full((3, 1), torch.nan), torch.rand(3, 1)))
