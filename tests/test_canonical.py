"""Canonical forms against isomorphism tests, and simplification against a slow evaluation."""

import itertools
import time

import networkx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from egraph import operations
from egraph.architecture import Architecture
from egraph.canonical import Simplified, canonical_form, live_vertices, prune, simplify
from egraph.operations import Operation

for name, kind, shareable in (
    ("test-zero", "zero", False),
    ("test-same", "identity", False),
    ("test-shared", "max-pool", True),
    ("test-a", "conv", False),
    ("test-b", "conv", False),
):
    operations.register(Operation(name, kind, shareable=shareable))

PLAIN = ("test-a", "test-b")
ANY = ("test-zero", "test-same", "test-shared", *PLAIN)


@st.composite
def multigraphs(draw, max_interior=5):
    """Small labelled graphs with multiplicities, numbered topologically."""
    n = draw(st.integers(0, max_interior)) + 2
    ops = ("input", *draw(st.lists(st.sampled_from(PLAIN), min_size=n - 2, max_size=n - 2)), "output")
    counts = np.zeros((n, n), dtype=np.int64)
    for j in range(n):
        for i in range(j):
            counts[i, j] = draw(st.sampled_from((0, 0, 1, 1, 2)))
    return Simplified(ops, counts)


@st.composite
def architectures(draw, names=ANY):
    n = draw(st.integers(0, 7)) + 2
    ops = draw(st.lists(st.sampled_from(names), min_size=n - 2, max_size=n - 2))
    order = [0, *draw(st.permutations(range(1, n - 1))), n - 1]
    pairs = [(order[i], order[j]) for j in range(n) for i in range(j)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, min_size=len(pairs) // 3))
    return Architecture(["input", *ops, "output"], edges)


def to_networkx(graph):
    result = networkx.DiGraph()
    result.add_nodes_from((v, {"op": op}) for v, op in enumerate(graph.ops))
    result.add_edges_from(
        (int(i), int(j), {"count": int(graph.counts[i, j])}) for i, j in np.argwhere(graph.counts)
    )
    return result


def isomorphic(a, b):
    return networkx.is_isomorphic(
        to_networkx(a), to_networkx(b), lambda x, y: x["op"] == y["op"], lambda x, y: x["count"] == y["count"]
    )


def renumbered(graph, order):
    return Simplified(tuple(graph.ops[v] for v in order), graph.counts[np.ix_(order, order)])


@given(multigraphs(), st.data())
def test_renumbering_keeps_the_form(graph, data):
    n = len(graph.ops)
    order = [0, *data.draw(st.permutations(range(1, n - 1))), n - 1]
    assert canonical_form(renumbered(graph, order)) == canonical_form(graph)


@given(multigraphs(3), multigraphs(3))
def test_forms_are_equal_exactly_for_isomorphic_graphs(a, b):
    assert (canonical_form(a) == canonical_form(b)) == isomorphic(a, b)


@given(multigraphs(), st.data())
def test_one_change_shows_unless_it_gives_an_isomorphic_graph(graph, data):
    n = len(graph.ops)
    i = data.draw(st.integers(0, n - 2))
    j = data.draw(st.integers(i + 1, n - 1))
    counts = graph.counts.copy()
    counts[i, j] = data.draw(st.integers(0, 2))
    other = Simplified(graph.ops, counts)
    assert (canonical_form(graph) == canonical_form(other)) == isomorphic(graph, other)


def test_all_graphs_of_five_vertices_and_one_label():
    """As many forms as isomorphism classes, which are found by trying all orders."""
    pairs = [(i, j) for j in range(5) for i in range(j)]
    orders = [[0, *interior, 4] for interior in itertools.permutations((1, 2, 3))]
    found = set()
    for bits in itertools.product((0, 1), repeat=len(pairs)):
        counts = np.zeros((5, 5), dtype=np.int64)
        for (i, j), bit in zip(pairs, bits, strict=True):
            counts[i, j] = bit
        graph = Simplified(("input", "test-a", "test-a", "test-a", "output"), counts)
        found.add((canonical_form(graph), min(counts[np.ix_(order, order)].tobytes() for order in orders)))
    assert len({form for form, _ in found}) == len({smallest for _, smallest in found}) == len(found)


def test_a_pair_that_colours_alone_do_not_tell_apart():
    """Two layers wired as one ring of twelve or as two of six: each vertex sees the same around it."""

    def crown(targets):
        counts = np.zeros((14, 14), dtype=np.int64)
        for v in range(6):
            counts[0, 1 + v] = counts[7 + v, 13] = 1
            for target in targets[v]:
                counts[1 + v, 7 + target] = 1
        return Simplified(("input", *["test-a"] * 12, "output"), counts)

    one_cycle = crown([(v, (v + 1) % 6) for v in range(6)])
    two_cycles = crown([(v, (v + 1) % 3 + v // 3 * 3) for v in range(6)])
    assert not isomorphic(one_cycle, two_cycles)
    assert canonical_form(one_cycle) != canonical_form(two_cycles)
    rng = np.random.default_rng(0)
    for graph in (one_cycle, two_cycles):
        order = [0, *(rng.permutation(6) + 1).tolist(), *(rng.permutation(6) + 7).tolist(), 13]
        assert canonical_form(renumbered(graph, order)) == canonical_form(graph)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_many_equal_branches_cost_no_more_than_they_are_many(length):
    n = 20 * length + 2
    counts = np.zeros((n, n), dtype=np.int64)
    for branch in range(20):
        vertices = [0, *range(1 + branch * length, 1 + (branch + 1) * length), n - 1]
        for i, j in itertools.pairwise(vertices):
            counts[i, j] = 1
    start = time.process_time()
    canonical_form(Simplified(("input", *["test-a"] * (n - 2), "output"), counts))
    assert time.process_time() - start < 10


def test_the_form_by_hand():
    counts = np.array([[0, 1, 2], [0, 0, 1], [0, 0, 0]])
    assert (
        canonical_form(Simplified(("input", "test-a", "output"), counts)) == "input();test-a(0);output(0x2,1)"
    )


@given(architectures())
def test_live_vertices_lie_on_a_path_and_are_in_topological_order(a):
    graph = a.to_networkx()
    last = a.num_vertices - 1
    alive = ({0} | networkx.descendants(graph, 0)) & ({last} | networkx.ancestors(graph, last)) | {0, last}
    found = live_vertices(a.num_vertices, a.edges)
    assert set(found) == alive
    assert len(found) == len(alive)
    assert (found[0], found[-1]) == (0, last)
    place = {vertex: position for position, vertex in enumerate(found)}
    assert all(place[i] < place[j] for i, j in a.edges if i in alive and j in alive)


@given(architectures())
def test_a_pruned_architecture_is_the_part_between_input_and_output(a):
    graph = a.to_networkx()
    last = a.num_vertices - 1
    alive = ({0} | networkx.descendants(graph, 0)) & ({last} | networkx.ancestors(graph, last)) | {0, last}
    pruned = prune(a)
    # The vertices keep their order.
    kept = networkx.relabel_nodes(graph.subgraph(alive), dict(zip(sorted(alive), itertools.count())))
    assert pruned.ops == tuple(a.ops[vertex] for vertex in sorted(alive))
    assert set(pruned.edges) == set(kept.edges)
    assert pruned.disabled == ()
    assert prune(pruned) == pruned


def slow_form(a):
    """The computation of an architecture as nested terms.

    A term is ``("input",)``, or ``(op, who, sum)`` where ``who`` tells separate operations apart.
    A sum is a sorted tuple of terms; zeros and what is unreachable are the empty sum.
    """
    graph = a.to_networkx()
    last = a.num_vertices - 1
    for vertex, op in enumerate(a.ops):
        if op == "test-zero":
            graph.remove_node(vertex)
    values = {}
    for vertex in networkx.topological_sort(graph):
        total = tuple(sorted(term for source in graph.predecessors(vertex) for term in values[source]))
        if vertex == 0:
            values[vertex] = (("input",),)
        elif vertex == last or a.ops[vertex] == "test-same":
            values[vertex] = total
        elif not total:
            values[vertex] = ()
        else:
            values[vertex] = ((a.ops[vertex], "" if a.ops[vertex] == "test-shared" else str(vertex), total),)
    return values[last]


def form_of(simplified):
    """The terms of a simplified graph, in the same writing."""
    ops, counts = simplified
    values = [(("input",),)]
    for vertex in range(1, len(ops)):
        total = tuple(
            sorted(
                t for source in range(vertex) for _ in range(counts[source, vertex]) for t in values[source]
            )
        )
        values.append(((ops[vertex], "" if ops[vertex] == "test-shared" else str(vertex), total),))
    return values[-1][0][2]


def anonymous(terms):
    """Terms with separate operations numbered, in whichever way comes first when all ways are sorted."""
    marks = sorted(set(_marks(terms)))
    assume(len(marks) <= 6)
    orders = itertools.permutations([str(number) for number in range(len(marks))])
    return min(_rename(terms, dict(zip(marks, order, strict=True))) for order in orders)


def _marks(terms):
    for term in terms:
        if len(term) == 3:
            if term[1]:
                yield term[1]
            yield from _marks(term[2])


def _rename(terms, names):
    return tuple(
        sorted(
            term if len(term) == 1 else (term[0], names.get(term[1], ""), _rename(term[2], names))
            for term in terms
        )
    )


@settings(max_examples=150, deadline=None)
@given(architectures())
def test_simplified_graph_is_the_same_computation(a):
    assert anonymous(form_of(simplify(a))) == anonymous(slow_form(a))


@given(architectures())
def test_simplifying_twice_changes_nothing(a):
    once = simplify(a)
    if once.counts.max(initial=0) > 1:  # multiplicities cannot be written as an architecture
        return
    again = simplify(Architecture(once.ops, np.argwhere(once.counts).tolist()))
    assert again.ops == once.ops
    np.testing.assert_array_equal(again.counts, once.counts)


@given(architectures())
def test_nothing_that_changes_nothing_is_left(a):
    ops, counts = simplify(a)
    assert (ops[0], ops[-1]) == ("input", "output")
    assert "output" not in ops[:-1]
    assert not {"test-zero", "test-same"} & set(ops)
    assert not np.tril(counts).any()
    if len(ops) > 2:
        assert counts[:, 1:].any(axis=0).all()
        assert counts[:-1].any(axis=1).all()


def test_identities_add_up_with_multiplicity():
    """Two identities in parallel beside the edge: the output adds the convolution three times."""
    a = Architecture(
        ["input", "test-a", "test-same", "test-same", "output"],
        [(0, 1), (1, 2), (1, 3), (1, 4), (2, 4), (3, 4)],
    )
    ops, counts = simplify(a)
    assert ops == ("input", "test-a", "output")
    assert counts.tolist() == [[0, 1, 0], [0, 0, 3], [0, 0, 0]]


def test_shareable_twins_are_one_and_others_are_two():
    edges = [(0, 1), (0, 2), (1, 3), (2, 3)]
    shared = simplify(Architecture(["input", "test-shared", "test-shared", "output"], edges))
    assert shared.ops == ("input", "test-shared", "output")
    assert shared.counts.tolist() == [[0, 1, 0], [0, 0, 2], [0, 0, 0]]
    separate = simplify(Architecture(["input", "test-a", "test-a", "output"], edges))
    assert separate.ops == ("input", "test-a", "test-a", "output")


def test_disabled_edges_carry_nothing():
    a = Architecture(["input", "test-a", "output"], [(0, 2)], [(0, 1), (1, 2)])
    assert canonical_form(simplify(a)) == "input();output(0)"


def test_no_path_leaves_input_and_output():
    ops, counts = simplify(Architecture(["input", "test-a", "output"], [(0, 1)]))
    assert ops == ("input", "output")
    assert not counts.any()
