import networkx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import Architecture, operations
from egraph.canonical import canonical_form, simplify
from egraph.encoding.simplification import SimplifiedBatch, simplify_many

SEEDS = st.integers(0, 2**32 - 1)


def _graph(batch: SimplifiedBatch, row: int):
    size = batch.sizes[row]
    ops = tuple(batch.names[code] for code in batch.codes[row, :size])
    return ops, batch.counts[row, :size, :size].astype(np.int64)


@given(SEEDS, st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_every_graph_is_what_simplify_makes_of_it(make_architecture, seed, count):
    rng = np.random.default_rng(seed)
    graphs = [make_architecture(rng) for _ in range(count)]
    batch = simplify_many(graphs, operations.get)
    for row, architecture in enumerate(graphs):
        expected = simplify(architecture)
        assert canonical_form(type(expected)(*_graph(batch, row))) == canonical_form(expected)


@given(SEEDS, st.integers(1, 10))
@settings(max_examples=60, deadline=None)
def test_numbering_changes_nothing(make_architecture, renumber, seed, count):
    rng = np.random.default_rng(seed)
    graphs = [make_architecture(rng) for _ in range(count)]
    batch = simplify_many(graphs, operations.get)
    other = simplify_many([renumber(a, rng) for a in graphs], operations.get)
    for row in range(len(graphs)):
        (ops, counts), (other_ops, other_counts) = _graph(batch, row), _graph(other, row)
        assert ops == other_ops
        # Vertices that are alike may stand in either order; their edges then read the same, sorted.
        assert sorted(map(tuple, counts)) == sorted(map(tuple, other_counts)) or networkx.is_isomorphic(
            networkx.from_numpy_array(counts, create_using=networkx.DiGraph),
            networkx.from_numpy_array(other_counts, create_using=networkx.DiGraph),
        )


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_order_is_topological_and_ends_with_output(make_architecture, seed):
    batch = simplify_many([make_architecture(np.random.default_rng(seed))], operations.get)
    ops, counts = _graph(batch, 0)
    assert ops[0] == "input"
    assert ops[-1] == "output"
    assert not np.tril(counts).any()


def test_padding_is_empty(make_architecture):
    rng = np.random.default_rng(0)
    batch = simplify_many([make_architecture(rng, n) for n in (2, 5, 9)], operations.get)
    beyond = np.arange(batch.codes.shape[1]) >= batch.sizes[:, None]
    assert (batch.codes[beyond] == -1).all()
    assert not batch.counts[np.broadcast_to(beyond[:, :, None], batch.counts.shape)].any()


def test_identities_are_spliced_with_multiplicity():
    diamond = Architecture(
        ["input", "t-skip", "t-skip", "t-conv3", "output"], [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (0, 4)]
    )
    ops, counts = _graph(simplify_many([diamond], operations.get), 0)
    assert ops == ("input", "t-conv3", "output")
    assert counts.tolist() == [[0, 2, 1], [0, 0, 1], [0, 0, 0]]


def test_sixty_doublings_do_not_overflow():
    edges = [(i, j) for i in range(63) for j in range(i + 1, 64)]
    batch = simplify_many([Architecture(["input", *["t-skip"] * 62, "output"], edges)], operations.get)
    assert batch.sizes.tolist() == [2]
    assert batch.counts[0, 0, 1] == 2.0**62
