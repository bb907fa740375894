"""How pairs are weighed."""

import pytest
import torch

from egraph.ranker.labels import rank_gauss
from egraph.ranker.training import pair_weights


def test_pairs_of_the_best_count_most():
    weights = pair_weights(torch.tensor([[0.0, 0.5, 1.0]]))
    assert weights.tolist() == [[[0, 1, 1], [1, 0, 6], [1, 6, 0]]]


def test_pairs_of_two_groups_count_nothing():
    weights = pair_weights(torch.tensor([[0.0, 0.5, 1.0]]), torch.tensor([[7, 3, 7]]))
    assert weights.tolist() == [[[0, 0, 1], [0, 0, 0], [1, 0, 0]]]


def test_equal_scores_have_equal_targets():
    assert rank_gauss([3.0, 1.0, 3.0]).tolist() == pytest.approx([0.4307, -0.9674, 0.4307], abs=1e-4)
