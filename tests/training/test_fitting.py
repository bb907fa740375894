import copy

import pytest
import torch
from tiny_problem import linear, problem
from torch import nn

from egraph.errors import EvaluationError
from egraph.training import Recipe, accuracy, fit, seeded


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_a_few_images_are_learnt_by_heart(optimizer):
    x, y = problem(6)
    network = linear()
    rate = 0.5 if optimizer == "sgd" else 0.05
    fit(network, (x, y), Recipe(epochs=150, batch_size=6, optimizer=optimizer, learning_rate=rate))
    assert accuracy(network, (x, y)) == 1


def test_one_step_of_sgd_is_that_of_the_formula():
    """One batch of all images, constant rate: w - rate * (1 + momentum) * gradient, by Nesterov's rule."""
    x, y = problem()
    network = linear()
    expected = copy.deepcopy(network)
    loss = nn.functional.cross_entropy(expected(x), y)
    loss.backward()
    fit(
        network,
        (x, y),
        Recipe(
            epochs=1, batch_size=24, optimizer="sgd", schedule="constant", learning_rate=0.1, weight_decay=0
        ),
    )
    for got, parameter in zip(network.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(got, parameter - 0.1 * 1.9 * parameter.grad, atol=1e-6)


@pytest.mark.parametrize(
    ("momentum", "nesterov", "factor"), [(0.5, True, 1.5), (0.5, False, 1), (0, True, 1)]
)
def test_momentum_and_nesterov_are_those_of_the_recipe(momentum, nesterov, factor):
    """The first step of plain momentum is the gradient; Nesterov's adds momentum times it."""
    x, y = problem()
    network = linear()
    expected = copy.deepcopy(network)
    nn.functional.cross_entropy(expected(x), y).backward()
    how = Recipe(
        epochs=1, batch_size=24, optimizer="sgd", schedule="constant", learning_rate=0.1, weight_decay=0,
        momentum=momentum, nesterov=nesterov,
    )  # fmt: skip
    fit(network, (x, y), how)
    for got, parameter in zip(network.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(got, parameter - 0.1 * factor * parameter.grad, atol=1e-6)


def test_weight_decay_shrinks_weights():
    x, y = problem()
    plain, decayed = linear(), linear()
    fit(plain, (x, y), Recipe(epochs=5, weight_decay=0))
    fit(decayed, (x, y), Recipe(epochs=5, weight_decay=10))
    assert weights(decayed).norm() < weights(plain).norm()


def test_the_same_seed_gives_the_same_weights():
    x, y = problem()
    results = []
    for seed in (3, 3, 4):
        network = linear()
        fit(network, (x, y), Recipe(epochs=2, batch_size=8, augment="shift"), seed=seed)
        results.append(weights(network))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_images_that_fill_no_batch_wait():
    """Five images in batches of two: two steps an epoch, each of exactly two images."""
    seen = []

    class Watch(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = linear()

        def forward(self, x):
            seen.append(len(x))
            return self.inner(x)

    x, y = problem(5)
    fit(Watch(), (x, y), Recipe(epochs=3, batch_size=2))
    assert seen == [2] * 6


def test_fewer_images_than_a_batch_are_one_batch():
    x, y = problem(3)
    network = linear()
    before = weights(network)
    fit(network, (x, y), Recipe(epochs=1, batch_size=64))
    assert not torch.equal(weights(network), before)


def test_a_loss_that_is_nan_says_when():
    x, y = problem()
    x[0] = torch.nan
    with pytest.raises(EvaluationError, match="the loss became nan in epoch 1 of 2"):
        fit(linear(), (x, y), Recipe(epochs=2, batch_size=24))


def test_divergence_is_reported():
    x, y = problem()
    recipe = Recipe(epochs=50, batch_size=24, optimizer="sgd", learning_rate=1e30, schedule="constant")
    with pytest.raises(EvaluationError, match=r"the loss became (nan|inf) in epoch \d+ of 50"):
        fit(linear(), (x, y), recipe)


def test_a_loss_of_the_callers_own_is_minimised():
    """A line through points: mean squared error, and targets that are numbers."""
    x = torch.linspace(-1, 1, 32)[:, None]
    with seeded(0, torch.device("cpu")):
        network = nn.Linear(1, 1)
    recipe = Recipe(epochs=200, batch_size=32, optimizer="sgd", learning_rate=0.1, weight_decay=0)
    fit(network, (x, 3 * x + 1), recipe, loss=nn.functional.mse_loss)
    assert network.weight.item() == pytest.approx(3, abs=0.01)
    assert network.bias.item() == pytest.approx(1, abs=0.01)
