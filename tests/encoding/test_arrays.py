import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import Architecture, ArchitectureError, operations
from egraph.encoding import Encoding, Vocabulary, as_architectures, encode
from egraph.errors import ModelError, UsageError
from egraph.operations import ATTRIBUTES, Operation


def chain(*ops: str) -> Architecture:
    return Architecture(["input", *ops, "output"], [(i, i + 1) for i in range(len(ops) + 1)])


VOCABULARY = Vocabulary.of([chain("t-conv3", "t-conv1", "t-none", "t-skip")])


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
@settings(max_examples=50, deadline=None)
def test_isomorphic_architectures_have_one_encoding(make_architecture, renumber, seed, count):
    rng = np.random.default_rng(seed)
    graphs = [make_architecture(rng) for _ in range(count)]
    vocabulary = Vocabulary.of(graphs)
    one, other = (encode(g, vocabulary) for g in (graphs, [renumber(a, rng) for a in graphs]))
    assert np.array_equal(one.vertices, other.vertices)
    assert np.array_equal(one.sizes, other.sizes)
    assert np.array_equal(one.features, other.features)


def test_a_skip_is_no_vertex():
    one, other = (
        encode([chain("t-conv3")], VOCABULARY),
        encode([chain("t-skip", "t-conv3", "t-skip")], VOCABULARY),
    )
    assert np.array_equal(one.vertices, other.vertices)
    assert np.array_equal(one.features, other.features)


def test_vertices_are_described_and_named():
    encoding = encode([chain("t-conv3")], VOCABULARY)
    known = [op.name for op in VOCABULARY.interior]
    assert known == ["t-conv1", "t-conv3"]
    vertex = encoding.vertices[0, 1]
    assert np.array_equal(vertex[: len(ATTRIBUTES)], operations.attributes(operations.get("t-conv3")))
    assert vertex[len(ATTRIBUTES) :][: len(known)].tolist() == [0, 1]


def test_a_registered_operation_that_training_never_saw_is_described_without_a_name():
    vertex = encode([chain("t-pool")], VOCABULARY).vertices[0, 1]
    assert np.array_equal(vertex[: len(ATTRIBUTES)], operations.attributes(operations.get("t-pool")))
    assert not vertex[len(ATTRIBUTES) :][:2].any()


def test_an_unknown_operation_is_named():
    with pytest.raises(
        ArchitectureError, match=r"unknown operation 'warp': this ranker was trained on input, output, t-"
    ):
        encode([chain("warp")], VOCABULARY)


def test_an_unregistered_operation_of_the_training_data_is_known():
    vocabulary = Vocabulary.of([chain("hand-made")])
    assert encode([chain("hand-made")], vocabulary).sizes.tolist() == [3]


def test_batches_are_encoded_as_single_graphs_are(make_architecture):
    rng = np.random.default_rng(3)
    graphs = [make_architecture(rng) for _ in range(30)]
    vocabulary = Vocabulary.of(graphs)
    together = encode(graphs, vocabulary)
    for row, architecture in enumerate(graphs):
        alone = encode([architecture], vocabulary)
        width = alone.vertices.shape[1]
        assert np.array_equal(alone.vertices[0], together.vertices[row, :width])
        assert np.array_equal(alone.counts[0], together.counts[row, :width, :width])
        np.testing.assert_allclose(alone.features[0], together.features[row], atol=1e-12)


def test_large_batches_are_encoded_in_parts(monkeypatch, make_architecture):
    rng = np.random.default_rng(4)
    graphs = [make_architecture(rng) for _ in range(30)]
    vocabulary = Vocabulary.of(graphs)
    whole = encode(graphs, vocabulary)
    monkeypatch.setattr("egraph.encoding.arrays._CELLS_AT_ONCE", 200)
    parts = encode(graphs, vocabulary)
    assert np.array_equal(whole.vertices, parts.vertices)
    assert np.array_equal(whole.counts, parts.counts)


def test_nothing_is_encoded_as_nothing():
    encoding = encode([], VOCABULARY)
    assert len(encoding) == 0
    assert encoding.vertices.shape == (0, 2, VOCABULARY.vertex_width)
    assert encoding.features.shape == (0, len(VOCABULARY.feature_names))


def test_join_pads_to_the_largest():
    parts = [encode([chain("t-conv3")], VOCABULARY), encode([chain("t-conv3", "t-conv1")], VOCABULARY)]
    joined = Encoding.join(parts)
    assert joined.vertices.shape[:2] == (2, 4)
    assert np.array_equal(joined.take(np.array([0])).vertices[:, :3], parts[0].vertices)


def test_vocabulary_survives_json():
    again = Vocabulary.from_json(VOCABULARY.to_json())
    assert again.operations == VOCABULARY.operations
    assert again.feature_names == VOCABULARY.feature_names


def test_operations_that_changed_since_are_refused():
    content = [
        {**fields, "kernel": 7} if fields["name"] == "t-conv3" else fields for fields in VOCABULARY.to_json()
    ]
    with pytest.raises(ModelError, match=r"operation 't-conv3' has another description here"):
        Vocabulary.from_json(content)


def test_operations_from_a_file_become_known():
    Vocabulary.from_json([Operation("t-from-file", "conv", kernel=5).to_dict()])
    assert operations.get("t-from-file").kernel == 5


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (chain(), "expected a list of architectures, got a single one"),
        (5, "expected a list of architectures, got int"),
        ([chain(), "abc"], "expected architectures, got str at position 1"),
    ],
)
def test_what_is_no_list_of_architectures_is_refused(given, text):
    with pytest.raises(UsageError, match=text):
        as_architectures(given)
