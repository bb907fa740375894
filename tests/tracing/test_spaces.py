"""Networks of search spaces, traced, are the architectures that they were built from."""

from collections import Counter

import numpy as np
import pytest
import torch

from egraph import Architecture, from_torch, operations, spaces
from egraph.canonical import Simplified, canonical_form, simplify
from egraph.encoding import Vocabulary, encode
from egraph.networks import build_nasbench101, build_nasbench201, build_nasbench_macro

IMAGE = torch.zeros(1, 3, 32, 32)
OP = {"nor_conv_1x1": "conv1", "nor_conv_3x3": "conv3", "avg_pool_3x3": "pool3"}


def short(name):
    """Kind, kernel and stride, which is what the benchmarks tell layers apart by."""
    operation = operations.get(name)
    stride = f"/{operation.stride}" if operation.stride > 1 else ""
    return f"{operation.kind.split('-')[-1]}{operation.kernel or ''}{stride}"


def cells_of(name, count, most=1):
    """Cells of a space that compute something, their sums without a repeated term."""
    space, rng = spaces.get(name), np.random.default_rng(5)
    found = []
    while len(found) < count:
        cell = space.sample(rng)
        graph = simplify(cell)
        if len(graph.ops) > 3 and graph.counts.max() <= most and graph.counts[:, -1].any():
            found.append(cell)
    return found


def network_of_201(cell, cells):
    """The graph that the paper draws: stem, stages of cells, residual blocks that halve between them."""
    graph = simplify(cell)
    ops, edges = ["input", "conv3"], [(0, 1)]

    def add(op, *sources):
        ops.append(op)
        edges.extend((source, len(ops) - 1) for source in sources)
        return len(ops) - 1

    ends = [1]  # what is summed where the next vertex reads
    for stage in range(3):
        if stage:
            first = add("conv3/2", *ends)
            ends = [add("conv3", first), add("conv1", add("pool2/2", *ends))]
        for _ in range(cells):
            results = [ends]
            for vertex in range(1, len(graph.ops)):
                sources = [v for i in np.flatnonzero(graph.counts[:, vertex]) for v in results[i]]
                last = vertex == len(graph.ops) - 1
                results.append(sources if last else [add(OP[graph.ops[vertex]], *sources)])
            ends = results[-1]
    add("output", add("linear", add("pool8/8", *ends)))
    counts = np.zeros((len(ops), len(ops)), dtype=int)
    for i, j in edges:
        counts[i, j] += 1
    return Simplified(tuple(ops), counts)


@pytest.mark.parametrize("cell", cells_of("nasbench201", 3), ids=str)
def test_a_network_of_nasbench201_is_its_cells_in_their_skeleton(cell):
    module = build_nasbench201(cell, (3, 32, 32), 10, channels=4, cells=2)
    found = simplify(from_torch(module, IMAGE, fold=False))
    expected = network_of_201(cell, 2)
    drawn = found._replace(ops=("input", *map(short, found.ops[1:-1]), "output"))
    assert canonical_form(drawn) == canonical_form(expected)


def test_its_folded_drawing_has_each_cell_once():
    cell = spaces.get("nasbench201").parse(
        "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    )
    ops = from_torch(build_nasbench201(cell, (3, 32, 32), 10, channels=4, cells=3), IMAGE).ops
    repeated = Counter(short(op) for op in ops if operations.get(op).repeats == 3)
    assert repeated == {"conv3": 3, "conv1": 3, "pool3": 3}  # one of each in each of three stages
    assert not [op for op in ops if operations.get(op).repeats not in (1, 3)]


@pytest.mark.parametrize("cell", cells_of("nasbench101", 2), ids=str)
def test_a_network_of_nasbench101_has_the_operations_of_its_cells(cell):
    """And a 1x1 convolution for each edge from the input of a cell, as the benchmark projects it."""
    graph = simplify(cell)
    expected = Counter(
        {"conv3x3-bn-relu": "conv3", "conv1x1-bn-relu": "conv1", "maxpool3x3": "pool3"}[op]
        for op in graph.ops[1:-1]
    )
    expected["conv1"] += int((graph.counts[0] > 0).sum())
    module = build_nasbench101(cell, (3, 32, 32), 10, channels=12)
    found = [op for op in from_torch(module, IMAGE).ops if operations.get(op).repeats == 3]
    assert Counter(map(short, found)) == {op: 3 * count for op, count in expected.items()}


@pytest.mark.parametrize("seed", range(2))
def test_a_network_of_nasbench_macro_has_the_operations_of_its_architecture(seed):
    space = spaces.get("nasbench_macro")
    architecture = space.sample(np.random.default_rng(seed))
    module = build_nasbench_macro(architecture, (3, 32, 32), 10)
    traced = from_torch(module, IMAGE).ops[2:-4]  # stem in front; convolution, pool and classifier behind

    def essence(name):
        op = operations.get(name)
        return op.kind, op.kernel, op.stride, op.groups, op.expansion, op.padded

    expected = [op for op in architecture.ops[1:-1] if op != "identity"]
    assert [essence(op) for op in traced] == [essence(op) for op in expected]


def test_a_ranker_recognises_the_operations_that_it_knows_by_another_name():
    space = spaces.get("nasbench_macro")
    vocabulary = Vocabulary.of([space.sample(np.random.default_rng(seed)) for seed in range(5)])
    architecture = space.parse("10110111")
    module = build_nasbench_macro(architecture, (3, 32, 32), 10)
    ops = from_torch(module, IMAGE).ops
    cut = Architecture(["input", *ops[2:5], "output"], [(i, i + 1) for i in range(4)])
    known = Architecture(["input", *architecture.ops[1:5], "output"], [(i, i + 1) for i in range(5)])
    one, other = encode([cut], vocabulary), encode([known], vocabulary)
    assert one.unknown_operations == ()
    assert np.array_equal(one.vertices, other.vertices)
    assert np.array_equal(one.features, other.features)
