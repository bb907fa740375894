import pytest
import torch
from tiny_problem import linear, problem
from torch import nn

from egraph.errors import EvaluationError
from egraph.training import accuracy


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
