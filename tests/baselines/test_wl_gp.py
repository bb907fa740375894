from collections import Counter
from itertools import product

import numpy as np
import pytest

from egraph import Architecture
from egraph.baselines.wl_gp import WLGP, ColourHistograms, colours
from egraph.canonical import simplify
from egraph.encoding import Vocabulary
from egraph.errors import UsageError
from egraph.ranker.training import rank_gauss


def unfold(architecture: Architecture, rounds: int) -> list[list]:
    """For each round what each vertex computes in its last steps, written out as nested tuples."""
    ops, counts = simplify(architecture)
    levels = [list(ops)]
    for _ in range(rounds):
        before = levels[-1]
        read = [Counter({i: int(n) for i, n in enumerate(column) if n}) for column in counts.T]
        levels.append(
            [(before[v], tuple(sorted(repr(before[i]) for i in read[v].elements()))) for v in range(len(ops))]
        )
    return levels


def count_shared(a: Architecture, b: Architecture, rounds: int) -> int:
    """Pairs of vertices that compute the same, over all rounds."""
    return sum(
        x == y
        for of_a, of_b in zip(unfold(a, rounds), unfold(b, rounds), strict=True)
        for x, y in product(of_a, of_b)
    )


def slow_kernel(some, others, rounds) -> np.ndarray:
    return np.array(
        [
            [
                count_shared(a, b, rounds) / np.sqrt(count_shared(a, a, rounds) * count_shared(b, b, rounds))
                for b in others
            ]
            for a in some
        ]
    )


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_the_kernel_counts_pairs_of_vertices_that_compute_the_same(toy_data, rounds):
    training, others = toy_data[0][:12], toy_data[0][12:30]
    vocabulary = Vocabulary.of(toy_data[0])
    histograms = ColourHistograms(np.concatenate(colours(training, vocabulary, rounds), axis=1))
    fast = histograms.kernel(np.concatenate(colours(others, vocabulary, rounds), axis=1))
    np.testing.assert_allclose(fast, slow_kernel(others, training, rounds), atol=1e-12)


def test_a_kernel_by_hand():
    """conv-conv and conv-pool share input, one conv and output at first, then input and conv alone."""
    a = Architecture(["input", "t-conv3", "t-conv3", "output"], [(0, 1), (1, 2), (2, 3)])
    b = Architecture(["input", "t-conv3", "t-pool", "output"], [(0, 1), (1, 2), (2, 3)])
    vocabulary = Vocabulary.of([a, b])
    found = np.concatenate(colours([a, b], vocabulary, 1), axis=1)
    kernel = ColourHistograms(found).kernel(found)
    # Round 0: 1 + 2 + 0 + 1 pairs; round 1: input and the conv behind it. Of a with itself 6 + 4 pairs, of b
    # with itself 4 + 4.
    np.testing.assert_allclose(kernel, [[1, 6 / np.sqrt(80)], [6 / np.sqrt(80), 1]])


def test_predictions_are_the_posterior_mean(toy_data):
    graphs, scores = toy_data
    model = WLGP(rounds=3).fit(graphs[:30], scores[:30])
    targets = rank_gauss(scores[:30])
    kernel = slow_kernel(graphs[:30], graphs[:30], model.rounds_)
    across = slow_kernel(graphs[30:40], graphs[:30], model.rounds_)
    solved = np.linalg.solve(kernel + model.noise_ * np.eye(30), targets - targets.mean())
    expected = model.scale_.to_scores(targets.mean() + across @ solved)
    np.testing.assert_allclose(model.predict(graphs[30:40]), expected, atol=1e-9)


def test_negative_rounds_are_refused(toy_data):
    with pytest.raises(UsageError, match="rounds must be at least 0, got -1"):
        WLGP(rounds=-1).fit(toy_data[0][:5], toy_data[1][:5])
