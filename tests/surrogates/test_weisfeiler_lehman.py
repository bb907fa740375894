import numpy as np
import pytest

from egraph import Architecture
from egraph.encoding import Vocabulary
from egraph.surrogates.weisfeiler_lehman import ColourHistograms, colours, count_subtrees


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_the_kernel_counts_pairs_of_vertices_that_compute_the_same(toy_data, slow_kernel, rounds):
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


def test_subtrees_of_a_chain_are_counted():
    chain = Architecture(["input", "op0", "op0", "op0", "output"], [(0, 1), (1, 2), (2, 3), (3, 4)])
    counts = sorted(count_subtrees(chain, 1).values())
    # Operations: input, output, three times op0; one round later no two vertices see the same neighbours.
    assert counts == [1, 1, 1, 1, 1, 1, 1, 3]
    assert count_subtrees(chain, 0) == {"input": 1, "op0": 3, "output": 1}


def test_renumbering_changes_no_count():
    edges = [(0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (3, 4)]
    renumbered = [(0, 2), (0, 1), (2, 3), (1, 3), (1, 4), (3, 4)]
    a = Architecture(["input", "op0", "op1", "op0", "output"], edges)
    b = Architecture(["input", "op1", "op0", "op0", "output"], renumbered)
    assert count_subtrees(a) == count_subtrees(b)
    other = Architecture(["input", "op0", "op1", "op1", "output"], edges)
    assert count_subtrees(a) != count_subtrees(other)
