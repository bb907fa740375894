from collections import Counter
from itertools import pairwise

import networkx as nx
import numpy as np

from egraph import Architecture
from egraph.baselines._flat import FlatEncoder, paths_through
from egraph.canonical import simplify
from egraph.encoding import Vocabulary
from egraph.encoding.simplification import simplify_many

CHAIN = Architecture(["input", "t-conv1", "t-conv3", "output"], [(0, 1), (1, 2), (2, 3)])


def read(graphs):
    vocabulary = Vocabulary.of(graphs)
    return simplify_many(graphs, vocabulary.describe)


def test_paths_are_all_simple_paths_with_their_multiplicity(toy_data):
    graphs = toy_data[0][:60]
    batch = read(graphs)
    for row, a in enumerate(graphs):
        ops, counts = simplify(a)
        graph = nx.DiGraph([(int(i), int(j)) for i, j in np.argwhere(counts)])
        graph.add_nodes_from([0, len(ops) - 1])
        expected: Counter = Counter()
        for path in nx.all_simple_paths(graph, 0, len(ops) - 1):
            times = np.prod([counts[i, j] for i, j in pairwise(path)])
            expected[tuple(ops[v] for v in path[1:-1])] += times
        assert paths_through(batch, row) == expected


def test_of_too_many_paths_the_shortest_count():
    """Nine diamonds in a row, of two different operations each, have 2^9 different paths."""
    ops, edges = ["input"], []
    for _ in range(9):
        end = len(ops) - 1
        ops += ["t-conv1", "t-conv3", "t-half"]
        edges += [(end, end + 1), (end, end + 2), (end + 1, end + 3), (end + 2, end + 3)]
    edges += [(len(ops) - 1, len(ops)), (0, len(ops))]
    found = paths_through(read([Architecture([*ops, "output"], edges)]), 0)
    assert len(found) == 256
    assert found[()] == 1


def test_one_small_chain_by_hand():
    encoder = FlatEncoder([CHAIN], Vocabulary.of([CHAIN]))
    row = encoder([CHAIN])[0]
    adjacency = np.zeros((4, 4))
    adjacency[0, 1] = adjacency[1, 2] = adjacency[2, 3] = 1
    one_hot = [[0, 0], [1, 0], [0, 1], [0, 0]]  # conv1, conv3
    expected = [np.log(2), *adjacency.ravel(), *np.ravel(one_hot)]
    np.testing.assert_allclose(row[: len(expected)], expected)


def test_the_output_stands_last_and_what_goes_beyond_is_left_out():
    encoder = FlatEncoder([CHAIN], Vocabulary.of([CHAIN]))
    short = Architecture(["input", "t-conv3", "output"], [(0, 1), (1, 2)])
    long = Architecture(
        ["input", "t-conv1", "t-conv3", "t-conv1", "output"], [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)]
    )
    for architecture, there in [(short, {(0, 1), (1, 3)}), (long, {(0, 1), (1, 2), (0, 3)})]:
        adjacency = encoder([architecture])[0, 1:17].reshape(4, 4)
        assert {(int(i), int(j)) for i, j in np.argwhere(adjacency)} == there
