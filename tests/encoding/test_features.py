import itertools
import math

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import Architecture, operations
from egraph.canonical import simplify
from egraph.encoding import Vocabulary, encode
from egraph.encoding.features import feature_names, parameter_cost
from egraph.operations import Operation


def features(architecture: Architecture, vocabulary: Vocabulary | None = None) -> dict[str, float]:
    vocabulary = vocabulary or Vocabulary.of([architecture])
    return dict(zip(vocabulary.feature_names, encode([architecture], vocabulary).features[0], strict=True))


def paths(architecture: Architecture) -> list[list[str]]:
    """The interior operations of each path of the simplified graph, one entry a path: the slow way."""
    ops, counts = simplify(architecture)
    graph = networkx.from_numpy_array(counts > 0, create_using=networkx.DiGraph)
    listed = []
    for path in networkx.all_simple_paths(graph, 0, len(ops) - 1):
        copies = math.prod(int(counts[i, j]) for i, j in itertools.pairwise(path))
        listed += [[ops[v] for v in path[1:-1]]] * copies
    return listed


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_path_features_are_those_of_all_paths_listed(make_architecture, seed):
    architecture = make_architecture(np.random.default_rng(seed))
    found, listed = features(architecture), paths(architecture)
    assert found["connected"] == (len(listed) > 0)
    assert found["log paths"] == pytest.approx(math.log1p(len(listed)))
    if not listed:
        return
    weightings = {
        "vertices": lambda op: 1.0,
        "parameters": lambda op: parameter_cost(operations.get(op)),
        "t-conv3": lambda op: float(op == "t-conv3"),
    }
    for name, weight in weightings.items():
        if f"longest {name} of a path" not in found:
            continue
        sums = [sum(weight(op) for op in path) for path in listed]
        assert found[f"shortest {name} of a path"] == pytest.approx(min(sums))
        assert found[f"longest {name} of a path"] == pytest.approx(max(sums))
        assert found[f"mean {name} of a path"] == pytest.approx(np.mean(sums))
        assert found[f"spread {name} of a path"] == pytest.approx(np.std(sums), abs=1e-6)
    trainable = [sum(parameter_cost(operations.get(op)) > 0 for op in path) for path in listed]
    for k in range(5):
        assert found[f"paths with {k} trainable"] == pytest.approx(trainable.count(k) / len(listed))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_walks_back_are_those_taken_step_by_step(make_architecture, seed):
    architecture = make_architecture(np.random.default_rng(seed))
    found = features(architecture)
    ops, counts = simplify(architecture)

    def met(vertex: int, goes_on: float) -> dict[object, float]:
        """Expected passages, by recursion over the vertices and edges that may come next."""
        total: dict[object, float] = {ops[vertex]: 1.0}
        incoming = np.flatnonzero(counts[:, vertex])
        for source in incoming:
            chance = goes_on * counts[source, vertex] / counts[:, vertex].sum()
            behind = met(int(source), goes_on)
            edge = (ops[source], ops[vertex])
            behind[edge] = behind.get(edge, 0.0) + 1.0
            for key, value in behind.items():
                total[key] = total.get(key, 0.0) + chance * value
        return total

    long, short = met(len(ops) - 1, 1.0), met(len(ops) - 1, 0.75)
    for op in set(ops[1:-1]):
        assert found[f"{op} met walking back"] == pytest.approx(long[op])
        assert found[f"{op} met walking back a little"] == pytest.approx(short[op])
    for source, target in itertools.product(set(ops[:-1]), set(ops[1:])):
        edge = f"{source} met walking back from {target}"
        assert found[edge] == pytest.approx(long.get((source, target), 0.0))


def test_a_cell_by_hand():
    # input -> conv3 -> conv1 -> output, input -> conv1 directly, input -> output
    cell = Architecture(["input", "t-conv3", "t-conv1", "output"], [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3)])
    found = features(cell)
    assert found["total vertices"] == 2
    assert found["total parameters"] == 10  # 9 + 1
    assert found["share of t-conv3"] == 0.5
    assert found["log edges"] == pytest.approx(math.log(6))
    assert found["log paths"] == pytest.approx(math.log(4))
    assert found["in-degree of output"] == pytest.approx(math.log(3))
    assert found["out-degree of input"] == pytest.approx(math.log(4))
    assert found["widest depth"] == 1
    assert found["edges t-conv3 to t-conv1"] == pytest.approx(math.log(2))
    assert found["edges t-conv1 to t-conv3"] == 0
    assert found["edges input to output"] == pytest.approx(math.log(2))


def test_channels_split_where_results_are_joined():
    # Two convolutions side by side feed the output: each has half the channels, so a quarter of the weights.
    wide = Architecture(["input", "t-conv3", "t-conv3", "output"], [(0, 1), (0, 2), (1, 3), (2, 3)])
    assert features(wide)["split parameters"] == pytest.approx(2 * 9 / 4)
    assert features(wide)["split projections"] == pytest.approx(1.0)


def test_weights_are_counted_fourfold_behind_a_stride():
    strided = Architecture(["input", "t-half", "t-conv3", "output"], [(0, 1), (1, 2), (2, 3)])
    half = parameter_cost(operations.get("t-half"))
    assert features(strided)["total scaled parameters"] == pytest.approx(4 * half + 4 * 9)


def test_kernels_without_padding_cost_pixels_of_the_input():
    for name, kernel, stride in (("t-bare3", 3, 1), ("t-bare5", 5, 1), ("t-bare-pool", 2, 2)):
        kind = "conv" if stride == 1 else "max-pool"
        operations.register(Operation(name, kind, kernel=kernel, stride=stride, padded=False))
    # 2 pixels, then a halving, behind which 4 pixels are 8 of the input; a second way costs 4.
    chain = [(0, 1), (1, 2), (2, 3), (3, 5), (0, 4), (4, 5)]
    ops = ["input", "t-bare3", "t-bare-pool", "t-bare5", "t-bare5", "output"]
    found = features(Architecture(ops, chain))
    assert found["longest lost pixels of a path"] == pytest.approx(2 + 8)
    assert found["shortest lost pixels of a path"] == pytest.approx(4)
    assert found["longest halvings of a path"] == 1
    assert features(Architecture(["input", "t-conv3", "output"], [(0, 1), (1, 2)]))["total lost pixels"] == 0


def test_the_narrowest_of_what_meets_decides_the_width():
    operations.register(Operation("t-narrow", "conv", kernel=3, width=0.5))
    edges = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]
    pooled = Architecture(["input", "t-narrow", "t-conv3", "t-pool", "output"], edges)
    assert features(pooled)["width where branches meet"] == 0.5
    widened = Architecture(["input", "t-narrow", "t-conv3", "t-conv1", "output"], edges)
    assert features(widened)["width where branches meet"] == 1


def test_graphs_without_a_path_have_finite_features():
    found = features(Architecture(["input", "t-conv3", "output"], [(0, 1)]))
    assert all(math.isfinite(value) for value in found.values())
    assert found["connected"] == 0


def test_sixty_four_vertices_with_a_billion_billion_paths_stay_finite():
    edges = [(i, j) for i in range(63) for j in range(i + 1, 64)]
    full = Architecture(["input", *["t-conv3", "t-pool"] * 31, "output"], edges)
    found = features(full)
    assert all(math.isfinite(value) for value in found.values())
    assert found["log paths"] == pytest.approx(62 * math.log(2), rel=1e-6)
    assert found["longest vertices of a path"] == 62


def test_many_operations_are_grouped_by_kind():
    described = [Operation(f"op{i}", "conv" if i % 2 else "max-pool", kernel=3) for i in range(12)]
    names = feature_names(described)
    assert "total conv" in names
    assert "total op1" not in names


@pytest.mark.parametrize(
    ("operation", "cost"),
    [
        (Operation("a", "conv", kernel=3), 9.0),
        (Operation("b", "conv", kernel=3, groups=3), 3.0),
        (Operation("c", "conv", kernel=3, groups=0), 0.9),
        (Operation("d", "conv", kernel=5, width=0.5), 12.5),
        (Operation("e", "separable-conv", kernel=5), 3.5),
        (Operation("f", "inverted-residual", kernel=5, expansion=6), 27.0),
        (Operation("g", "attention"), 2.0),
        (Operation("h", "linear"), 1.0),
        (Operation("i", "max-pool", kernel=3), 0.0),
    ],
)
def test_cost_of_an_operation(operation, cost):
    assert parameter_cost(operation) == pytest.approx(cost)


def test_equal_paths_differ_by_nothing_not_by_rounding():
    operations.register(Operation("t-tenth", "conv", kernel=3, width=0.1))
    chains, length = 3, 4
    ops = ["input", *["t-tenth"] * (chains * length), "output"]
    edges = []
    for chain in range(chains):
        way = [0, *range(1 + chain * length, 1 + (chain + 1) * length), len(ops) - 1]
        edges += itertools.pairwise(way)
    found = features(Architecture(ops, edges))
    assert found["mean parameters of a path"] == pytest.approx(0.9 * length)
    assert found["spread parameters of a path"] == 0
