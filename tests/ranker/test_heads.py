import math

import numpy as np
import pytest
import torch

from egraph.ranker.heads import PairHead, margin_loss, pair_loss, pair_targets, three_way, utility_loss
from egraph.ranker.sage import Linear


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_pair_head_exchanged_exchanges_the_outer_classes():
    head = PairHead(2, 6)
    generator = torch.Generator().manual_seed(0)
    for module in head.modules():
        if isinstance(module, Linear):
            module.reset_parameters(generator)
    a, b = torch.randn(2, 2, 9, 6, generator=generator)
    with torch.no_grad():
        assert torch.equal(head(a, b), head(b, a).flip(-1))


WEIGHTS = torch.tensor([[[0.0, 1.0, 2.0], [1.0, 0.0, 3.0], [2.0, 3.0, 0.0]]])


def _hard(values):
    """Targets of scores without noise; those less than 0.1 apart are about equal."""
    return pair_targets(values[:, :, None] - values[:, None, :], 0.1, 1e-9)


def test_targets_are_the_chances_under_normal_noise():
    difference = torch.tensor([-0.3, 0.0, 0.2], dtype=torch.float64)
    found = pair_targets(difference, 0.1, 0.25).numpy()
    drawn = difference.numpy()[:, None] + np.random.default_rng(0).normal(0, 0.25, (3, 400_000))
    expected = np.stack([drawn < -0.1, np.abs(drawn) <= 0.1, drawn > 0.1], axis=-1).mean(axis=1)
    assert found == pytest.approx(expected, abs=5e-3)
    assert found.sum(axis=1) == pytest.approx(1)


def test_targets_without_noise_are_classes():
    difference = torch.tensor([-0.3, -0.05, 0.0, 0.2], dtype=torch.float64)
    assert pair_targets(difference, 0.1, 1e-9).argmax(dim=1).tolist() == [0, 1, 1, 2]


def test_pair_loss_is_the_weighted_mean_cross_entropy_over_ordered_pairs():
    logits = torch.randn(1, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    scores = [0.0, 0.05, 1.0]
    expected = []
    for i in range(3):
        for j in range(3):
            if i == j:
                continue
            target = 1 if abs(scores[i] - scores[j]) <= 0.1 else 2 if scores[i] > scores[j] else 0
            expected.append(-logits[0, i, j].log_softmax(0)[target].item())
    values = torch.tensor([scores], dtype=torch.float64)
    loss = pair_loss(logits, _hard(values), WEIGHTS)
    assert loss.tolist() == pytest.approx([np.average(expected, weights=WEIGHTS[WEIGHTS > 0])])


def test_utility_loss_is_the_rao_kupper_likelihood():
    u, scores, t = [0.3, -0.2, 1.1], [0.0, 0.05, 1.0], 0.4
    expected = []
    for i in range(3):
        for j in range(3):
            if i == j:
                continue
            better, worse = sigmoid(u[i] - u[j] - t), sigmoid(u[j] - u[i] - t)
            gap = scores[i] - scores[j]
            expected.append(
                -math.log(1 - better - worse if abs(gap) <= 0.1 else better if gap > 0 else worse)
            )
    values = torch.tensor([scores], dtype=torch.float64)
    loss = utility_loss(
        torch.tensor([u], dtype=torch.float64),
        _hard(values),
        WEIGHTS,
        torch.tensor([t]),
    )
    assert loss.tolist() == pytest.approx([np.average(expected, weights=WEIGHTS[WEIGHTS > 0])], rel=1e-5)


def test_margin_loss_by_hand():
    u = torch.tensor([[0.0, 1.0]])
    difference = torch.tensor([[[0.0, 2.0], [-2.0, 0.0]]])  # the first is the better one, by 2
    # hinge: 0.1 - (0 - 1) = 1.1; half the mean square error to (0.5, 0.5): 0.125
    assert margin_loss(
        u, difference, 0.0, torch.ones(1, 2, 2), torch.tensor([[0.5, 0.5]])
    ).tolist() == pytest.approx([1.225])


def test_margin_loss_leaves_close_pairs_out():
    u = torch.tensor([[0.0, 1.0]])
    difference = torch.tensor([[[0.0, 2.0], [-2.0, 0.0]]])
    assert margin_loss(
        u, difference, 2.0, torch.ones(1, 2, 2), torch.tensor([[0.5, 0.5]])
    ).tolist() == pytest.approx([0.125])


def test_three_way_by_hand():
    found = three_way(np.array([0.0, 1.0]), 0.5)
    assert found[0].tolist() == pytest.approx([sigmoid(-0.5), 1 - 2 * sigmoid(-0.5), sigmoid(-0.5)])
    assert found[1].tolist() == pytest.approx([sigmoid(-1.5), 1 - sigmoid(-1.5) - sigmoid(0.5), sigmoid(0.5)])


def test_three_way_of_far_apart_utilities_is_certain():
    assert three_way(np.array([1e9, -1e9]), 0.1).tolist() == pytest.approx(
        np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    )
