import copy
import time

import pytest
import torch
from tiny_problem import linear, problem
from torch import nn

from egraph.errors import EvaluationError, UsageError
from egraph.training import Recipe, accuracy, fit, seeded
from egraph.training.recipe import CHOICES


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


@pytest.mark.parametrize("optimizer", CHOICES["optimizer"])
def test_a_few_images_are_learnt_by_heart(optimizer):
    x, y = problem(6)
    network = linear()
    rate = {"sgd": 0.5, "adagrad": 0.5, "adadelta": 5}.get(optimizer, 0.05)
    fit(network, (x, y), Recipe(epochs=150, batch_size=6, optimizer=optimizer, learning_rate=rate))
    assert accuracy(network, (x, y)) == 1


def test_weights_of_images_are_left_in_the_usual_order():
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(16, 2))
    fit(network, (torch.rand(8, 2, 4, 4), torch.arange(8) % 2), Recipe(epochs=1, batch_size=4))
    assert network[0].weight.is_contiguous()


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
    recipe = PLAIN.changed(epochs=50, learning_rate=1e30, weight_decay=1e-2, stop_loss=None)
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


PLAIN = Recipe(
    epochs=4, batch_size=24, optimizer="sgd", schedule="constant", learning_rate=0.1, weight_decay=0
)
"""One batch of all images in each epoch, so that steps can be repeated by hand."""


def steps_by_hand(optimizer, network, x, y, *, steps=4, after=None, **loss):
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y, **loss).backward()
        if after is not None:
            after()
        optimizer.step()
    return network


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamax", torch.optim.Adamax),
        ("rmsprop", torch.optim.RMSprop),
        ("adagrad", torch.optim.Adagrad),
        ("adadelta", torch.optim.Adadelta),
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
    ],
)
def test_optimizers_are_those_of_pytorch(name, kind):
    x, y = problem()
    network, expected = linear(), linear()
    fit(network, (x, y), PLAIN.changed(optimizer=name, learning_rate=0.02, weight_decay=0.1))
    steps_by_hand(kind(expected.parameters(), lr=0.02, weight_decay=0.1), expected, x, y)
    assert torch.allclose(weights(network), weights(expected), atol=1e-6)


def test_gradients_are_clipped_to_the_norm():
    x, y = problem()
    network, expected = linear(), linear()

    def clip():
        norm = sum((p.grad**2).sum() for p in expected.parameters()).sqrt()
        for p in expected.parameters():
            p.grad *= min(1, 0.05 / norm)

    fit(network, (x, y), PLAIN.changed(clip_norm=0.05, momentum=0.0))
    steps_by_hand(torch.optim.SGD(expected.parameters(), lr=0.1), expected, x, y, after=clip)
    assert torch.allclose(weights(network), weights(expected), atol=1e-6)
    assert not torch.allclose(weights(network), weights(linear()))


def test_labels_are_smoothed_as_in_pytorch():
    x, y = problem()
    network, expected = linear(), linear()
    fit(network, (x, y), PLAIN.changed(label_smoothing=0.3, momentum=0.0))
    steps_by_hand(torch.optim.SGD(expected.parameters(), lr=0.1), expected, x, y, label_smoothing=0.3)
    assert torch.allclose(weights(network), weights(expected), atol=1e-6)


def test_only_classes_have_smooth_labels():
    with pytest.raises(UsageError, match="label_smoothing goes with cross-entropy; leave it or the other"):
        fit(linear(), problem(), PLAIN.changed(label_smoothing=0.1), loss=nn.functional.mse_loss)


def test_averaged_weights_and_statistics_replace_the_last_ones():
    """The slow way: all weights and statistics kept, then averaged one step after another."""
    x, y = problem()

    def make():
        return nn.Sequential(nn.BatchNorm2d(1), *linear())

    network, watched, kept = make(), make(), []
    expected = torch.cat([weights(watched), watched[0].running_mean, watched[0].running_var])

    def keep(done, of):
        now = [weights(watched), watched[0].running_mean, watched[0].running_var]
        kept.append(torch.cat([one.clone() for one in now]))

    fit(watched, (x, y), PLAIN, progress=keep)
    fit(network, (x, y), PLAIN.changed(ema=0.25))
    for step, one in enumerate(kept, 1):
        decay = min(0.25, step / (step + 9))
        expected = decay * expected + (1 - decay) * one
    got = torch.cat([weights(network), network[0].running_mean, network[0].running_var])
    assert torch.allclose(got, expected, atol=1e-6)


def test_mixup_mixes_images_and_losses_alike():
    """Cross-entropy is linear in the target, so that mixed losses are the loss of mixed one-hot targets."""
    import numpy as np

    x, y = problem()
    network, expected = linear(), linear()
    fit(network, (x, y), PLAIN.changed(mixup=0.4, momentum=0.0), seed=5)
    rng, order = np.random.default_rng([5, 1]), torch.Generator().manual_seed(5)
    optimizer = torch.optim.SGD(expected.parameters(), lr=0.1)
    onehot = nn.functional.one_hot(y).float()
    for _ in range(4):
        rows = torch.randperm(24, generator=order)
        share = rng.beta(0.4, 0.4)
        others = rows[torch.from_numpy(rng.permutation(24))]
        optimizer.zero_grad()
        target = share * onehot[rows] + (1 - share) * onehot[others]
        logits = expected(share * x[rows] + (1 - share) * x[others])
        (-(target * logits.log_softmax(1)).sum(1).mean()).backward()
        optimizer.step()
    assert torch.allclose(weights(network), weights(expected), atol=1e-5)


def test_a_training_that_takes_too_long_is_ended():
    begun = time.monotonic()
    text = r"^not finished after 0\.3 s, \d+ of 12000000 steps are done; allow more time, or train smaller"
    with pytest.raises(EvaluationError, match=text):
        fit(linear(), problem(), PLAIN.changed(epochs=10**6, batch_size=2), seconds=0.3)
    assert time.monotonic() - begun < 20
    fit(linear(), problem(), PLAIN.changed(epochs=1), seconds=600)


@pytest.mark.parametrize(("changes", "times"), [({}, 10), ({"stop_loss": 3}, 3)])
def test_a_loss_that_grows_stops_the_training(changes, times):
    recipe = PLAIN.changed(epochs=50, learning_rate=1e4, **changes)
    text = rf"diverged: the mean loss of epoch \d of 50 is .* more than {times} t.*; lower the learning rate"
    with pytest.raises(EvaluationError, match=text):
        fit(linear(), problem(), recipe)
    epochs = []
    fit(linear(), problem(), recipe.changed(stop_loss=None), progress=lambda done, _: epochs.append(done))
    assert epochs[-1] == 50


def test_a_low_loss_of_the_first_batch_is_no_measure():
    """Of a regression whose first batch has no outlier, as of a network that has inherited weights."""
    x = torch.zeros(20, 1)
    y = torch.zeros(20, 1)
    y[torch.randperm(20, generator=torch.Generator().manual_seed(0))[-1]] = 9.0  # in the last batch
    mean = torch.nn.functional.mse_loss
    network = nn.Linear(1, 1)
    nn.init.constant_(network.bias, 0.1)
    fit(network, (x, y), PLAIN.changed(batch_size=2, learning_rate=1e-6, epochs=1), loss=mean)
