import hashlib
import itertools
import os
from pathlib import Path

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import spaces
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, UsageError
from egraph.spaces.nasbench101 import OPERATIONS, NASBench101

CONV3, CONV1, POOL = OPERATIONS
SPACE = spaces.get("nasbench101")
SMALL = NASBench101(max_vertices=5)


def published_hash(matrix, labels):
    """The module hash as its definition reads, without any short cut."""

    def digest(text):
        return hashlib.md5(text.encode()).hexdigest()

    n = len(labels)
    hashes = [
        digest(str((int(sum(matrix[v])), int(sum(row[v] for row in matrix)), labels[v]))) for v in range(n)
    ]
    for _ in range(n):
        hashes = [
            digest(
                "".join(sorted(hashes[w] for w in range(n) if matrix[w][v]))
                + "|"
                + "".join(sorted(hashes[w] for w in range(n) if matrix[v][w]))
                + "|"
                + hashes[v]
            )
            for v in range(n)
        ]
    return digest(str(sorted(hashes)))


def slow_key(architecture):
    """Prunes with networkx, then hashes by definition."""
    graph = architecture.to_networkx()
    last = architecture.num_vertices - 1
    alive = ({0} | networkx.descendants(graph, 0)) & ({last} | networkx.ancestors(graph, last))
    vertices = [v for v in networkx.topological_sort(graph) if v in alive]
    matrix = networkx.to_numpy_array(graph, nodelist=vertices, dtype=int).tolist()
    labels = {"input": -1, "output": -2} | {op: i for i, op in enumerate(OPERATIONS)}
    return published_hash(matrix, [labels[architecture.ops[v]] for v in vertices])


@st.composite
def graphs(draw):
    """Random graphs of up to nine vertices, numbered in any order, of which many are not in the space."""
    n = draw(st.integers(2, 9))
    ops = draw(st.lists(st.sampled_from(OPERATIONS), min_size=n - 2, max_size=n - 2))
    order = [0, *draw(st.permutations(range(1, n - 1))), n - 1]
    pairs = [(order[i], order[j]) for i, j in itertools.combinations(range(n), 2)]
    return Architecture(
        ["input", *ops, "output"], draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14))
    )


@pytest.fixture(scope="module")
def sample_file():
    path = Path(os.environ.get("EGRAPH_DATA") or "nowhere", "nasbench101_20k.parquet")
    if not path.is_file():
        pytest.skip("needs nasbench101_20k.parquet in the folder that $EGRAPH_DATA names")
    import pandas

    return pandas.read_parquet(path)


def read_cell(num_vertices, adjacency, digits):
    matrix = np.zeros((num_vertices, num_vertices), dtype=int)
    for j in range(num_vertices):
        for i in range(j):
            matrix[i, j] = adjacency >> (j * (j - 1) // 2 + i) & 1
    return SPACE.from_matrix(matrix, ["input", *(OPERATIONS[int(digit)] for digit in digits), "output"])


def test_key_is_the_published_hash_on_every_published_row(sample_file):
    rows = zip(sample_file["num_vertices"], sample_file["adjacency"], sample_file["ops"], strict=True)
    keys = [SPACE.key(read_cell(*row)) for row in rows]
    assert keys == sample_file["hash"].tolist()
    assert len(keys) == 20_001


def test_enumeration_has_every_published_row_in_its_published_numbering_and_distinct_keys(sample_file):
    wanted = {
        read_cell(*row)
        for row in zip(sample_file["num_vertices"], sample_file["adjacency"], sample_file["ops"], strict=True)
    }
    keys, keyed, count = set(), 0, 0
    for cell in SPACE:
        count += 1
        wanted.discard(cell)
        if cell.num_vertices < 6 or count % 20 == 0:  # keys of all would take minutes
            keyed += 1
            keys.add(SPACE.key(cell))
    assert not wanted
    assert count == len(SPACE) == 423_624
    assert len(keys) == keyed > 20_000


@pytest.mark.parametrize(("vertices", "edges"), [(3, 2), (3, 3), (4, 4), (4, 9), (5, 6), (5, 9)])
def test_enumeration_of_small_spaces_agrees_with_brute_force(vertices, edges):
    """Every labelled graph of the space, told apart by the hash as its definition reads."""
    first = {}
    for n in range(2, vertices + 1):
        pairs = [(i, j) for j in range(n) for i in range(j)]
        for bits in range(2 ** len(pairs)):
            present = [pair for k, pair in enumerate(pairs) if bits >> k & 1]
            ends = {i for i, _ in present}, {j for _, j in present}
            if len(present) > edges or ends != (set(range(n - 1)), set(range(1, n))):
                continue
            matrix = [[int((i, j) in present) for j in range(n)] for i in range(n)]
            for labels in itertools.product(range(3), repeat=n - 2):
                key = published_hash(matrix, [-1, *labels, -2])
                first.setdefault(key, (n, present, labels))
    space = NASBench101(vertices, edges)
    expected = [
        Architecture(["input", *(OPERATIONS[label] for label in labels), "output"], present)
        for _, present, labels in first.values()
    ]
    assert list(space) == expected
    assert len(space) == len(first)


def test_counts_by_hand_of_the_smallest_space():
    # input -> output; input -> op -> output with or without the edge past it, three operations
    assert len(NASBench101(3)) == 1 + 3 + 3


@given(graphs())
def test_key_equals_the_definition_or_is_refused(architecture):
    graph = architecture.to_networkx()
    last = architecture.num_vertices - 1
    alive = ({0} | networkx.descendants(graph, 0)) & ({last} | networkx.ancestors(graph, last))
    if not networkx.has_path(graph, 0, last):
        reason = "no path leads from input to output"
    elif len(alive) > 7:
        reason = f"at most 7 vertices, got {len(alive)}"
    elif graph.subgraph(alive).number_of_edges() > 9:
        reason = f"at most 9 edges, got {graph.subgraph(alive).number_of_edges()}"
    else:
        assert SPACE.key(architecture) == slow_key(architecture)
        return
    with pytest.raises(ArchitectureError, match=reason):
        SPACE.key(architecture)


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.data())
def test_dead_vertices_and_numbering_do_not_change_the_key(seed, data):
    rng = np.random.default_rng(seed)
    cell = SPACE.mutate(SPACE.sample(rng), rng)
    n = cell.num_vertices
    place = [0, *(v + 1 for v in data.draw(st.permutations(range(1, n - 1)))), n]
    edges = [(place[i], place[j]) for i, j in cell.edges]
    ops = [
        "input",
        POOL,
        *[""] * (n - 2),
        "output",
    ]  # vertex 1 is dead: it feeds the interior, and nothing feeds it
    for vertex in range(1, n - 1):
        ops[place[vertex]] = cell.ops[vertex]
    edges += [(1, place[vertex]) for vertex in range(1, n - 1)]
    assert SPACE.key(Architecture(ops, edges)) == SPACE.key(cell)


def test_every_small_cell_is_reached_by_neighbors():
    start = next(iter(SMALL))
    seen, frontier = {SMALL.key(start)}, [start]
    while frontier:
        for neighbor in SMALL.neighbors(frontier.pop()):
            if (key := SMALL.key(neighbor)) not in seen:
                seen.add(key)
                frontier.append(neighbor)
    assert len(seen) == len(SMALL)


def test_every_tiny_cell_is_reached_by_mutation_crossover_and_sampling():
    tiny = NASBench101(max_vertices=4, max_edges=5)
    rng = np.random.default_rng(0)
    cell, parents = tiny.sample(rng), list(tiny)
    mutants, children, samples = set(), set(), set()
    for _ in range(6000):
        before, cell = tiny.key(cell), tiny.mutate(cell, rng)
        assert tiny.key(cell) != before
        mutants.add(tiny.key(cell))
        samples.add(tiny.key(tiny.sample(rng)))
        a, b = rng.integers(len(parents), size=2)
        children.add(tiny.key(tiny.crossover(parents[a], parents[b], rng)))
    assert len(mutants) == len(children) == len(samples) == len(tiny)


def test_neighbors_do_not_depend_on_numbering():
    rng = np.random.default_rng(2)
    for _ in range(10):
        cell = SPACE.mutate(SPACE.sample(rng), rng)
        n = cell.num_vertices
        place = [0, *(rng.permutation(n - 2) + 1).tolist(), n - 1]
        ops = [cell.ops[place.index(v)] for v in range(n)]
        other = Architecture(ops, [(place[i], place[j]) for i, j in cell.edges])
        assert {SPACE.key(a) for a in SPACE.neighbors(other)} == {SPACE.key(a) for a in SPACE.neighbors(cell)}


def test_neighbors_of_the_smallest_cell_are_one_operation_beside_the_edge():
    smallest = Architecture(["input", "output"], [(0, 1)])
    assert SPACE.neighbors(smallest) == [
        Architecture(["input", op, "output"], [(0, 1), (0, 2), (1, 2)]) for op in OPERATIONS
    ]


def test_children_take_every_edge_and_operation_from_a_parent():
    rng = np.random.default_rng(0)
    chain = SPACE.from_matrix(np.eye(7, k=1, dtype=int), ["input", *[CONV3] * 5, "output"])
    other = SPACE.from_matrix(np.eye(7, k=1, dtype=int), ["input", *[POOL] * 5, "output"])
    children = [SPACE.crossover(chain, other, rng) for _ in range(50)]
    assert {child.edges for child in children} == {chain.edges}
    assert {op for child in children for op in child.ops[1:-1]} == {CONV3, POOL}


def test_matrix_round_trips():
    matrix = [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    cell = SPACE.from_matrix(matrix, ["input", CONV3, POOL, "output"])
    assert cell == Architecture(["input", CONV3, POOL, "output"], [(0, 1), (0, 2), (1, 3), (2, 3)])
    assert SPACE.to_matrix(cell).tolist() == matrix
    assert SPACE.format(cell) == f"0110/0001/0001/0000 {CONV3},{POOL}"


def test_smallest_cell_has_no_operations_in_its_notation():
    smallest = Architecture(["input", "output"], [(0, 1)])
    assert SPACE.format(smallest) == "01/00"
    assert SPACE.parse("01/00") == smallest


def chain(num_vertices):
    return Architecture(
        ["input", *[CONV3] * (num_vertices - 2), "output"], [(v, v + 1) for v in range(num_vertices - 1)]
    )


def test_too_many_vertices_are_refused():
    SPACE.validate(chain(7))
    with pytest.raises(ArchitectureError, match="at most 7 vertices, got 8"):
        SPACE.validate(chain(8))


def test_too_many_edges_are_refused():
    pairs = list(itertools.combinations(range(5), 2))
    SPACE.validate(Architecture(chain(5).ops, [p for p in pairs if p != (0, 4)]))
    with pytest.raises(ArchitectureError, match="at most 9 edges, got 10"):
        SPACE.validate(Architecture(chain(5).ops, pairs))


def test_a_cell_without_a_path_is_refused():
    with pytest.raises(ArchitectureError, match="no path leads from input to output"):
        SPACE.validate(Architecture(["input", CONV1, "output"], [(0, 1)]))


def test_disabled_edges_are_refused():
    with pytest.raises(ArchitectureError, match=r"nasbench101 has no disabled edges, got \[\(0, 1\)\]"):
        SPACE.key(Architecture(["input", CONV1, "output"], [(0, 2)], [(0, 1)]))


def test_unknown_operation_is_refused_by_name():
    with pytest.raises(
        ArchitectureError, match=r"unknown operation 'conv5x5' of vertex 1; nasbench101 has conv3x3-bn-relu"
    ):
        SPACE.key(Architecture(["input", "conv5x5", "output"], [(0, 1), (1, 2)]))
    with pytest.raises(ArchitectureError, match="unknown operation 'conv5x5'"):
        SPACE.parse("010/001/000 conv5x5")


def test_what_is_no_architecture_is_refused():
    with pytest.raises(ArchitectureError, match=r"takes egraph\.Architecture objects, got str"):
        SPACE.key("01/00")


@pytest.mark.parametrize(
    ("matrix", "ops", "text"),
    [
        (
            [[0, 1]],
            ["input", "output"],
            r"2 operations need a square matrix of that size, got shape \(1, 2\)",
        ),
        ([[0, 2], [0, 0]], ["input", "output"], "consists of 0 and 1"),
        ([[0, 1, 0], [0, 0, 1], [0, 1, 0]], ["input", CONV1, "output"], "the graph has a cycle"),
        ([[0, 1], [0]], ["input", "output"], "rows of an adjacency matrix must be equally long lists"),
        ([[0, "1"], [0, 0]], ["input", "output"], "consists of 0 and 1"),
        ([[0, None], [{}, 10**30]], ["input", "output"], "consists of 0 and 1"),
        ([[0, 1], [0, 0]], ["output", "input"], "must begin with 'input'"),
        ([[0, 0], [0, 0]], ["input", "output"], "no path"),
    ],
)
def test_wrong_matrices_are_refused(matrix, ops, text):
    with pytest.raises(ArchitectureError, match=text):
        SPACE.from_matrix(matrix, ops)


@pytest.mark.parametrize("text", ["01/00 x y", "011/001", "01/0", "12/00", "0110"])
def test_malformed_notation_is_refused(text):
    with pytest.raises(ArchitectureError, match=r"not a NAS-Bench-101 cell: .*010/001/000 maxpool3x3"):
        SPACE.parse(text)


@pytest.mark.parametrize("bounds", [(2, 9), (7, 1)])
def test_a_space_of_one_cell_is_refused(bounds):
    with pytest.raises(UsageError, match="at least 3 vertices and 2 edges, got"):
        NASBench101(*bounds)


def test_other_bounds_are_another_space():
    assert SMALL.name == "nasbench101-5v9e"
    assert SMALL != SPACE
    assert NASBench101() == SPACE
