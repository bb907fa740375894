import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import Architecture, ArchitectureError, operations
from egraph.encoding import Encoding, Vocabulary, as_architectures, encode
from egraph.errors import UsageError
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


def test_an_operation_that_a_space_declares_is_encoded_without_a_description():
    operations.declare(["undescribed"])
    encoding = encode([chain("undescribed")], VOCABULARY)
    vertex = encoding.vertices[0, 1]
    assert np.array_equal(vertex[: len(ATTRIBUTES)], operations.attributes(Operation("undescribed", "other")))
    assert not vertex[len(ATTRIBUTES) :][:2].any()
    assert encoding.unknown_operations == ("undescribed",)


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


def test_a_name_that_means_another_operation_here_is_read_by_its_description():
    """A file's `t-conv3` has kernel 7, and its `there` the kernel that `t-conv3` has here."""
    there = Operation("there", "conv", kernel=3)
    content = [
        {**fields, "kernel": 7} if fields["name"] == "t-conv3" else fields
        for fields in VOCABULARY.to_json()["vocabulary"]
    ]
    vocabulary = Vocabulary.from_json({"vocabulary": content})
    met = vocabulary.describe("t-conv3")
    assert (met.name, met.kernel) == ("t-conv3 [conv kernel:3]", 3)
    encoding = encode([chain("t-conv3", "t-conv1")], vocabulary)
    assert encoding.unknown_operations == ("t-conv3 [conv kernel:3]",)
    kernels = encoding.vertices[0, :, operations.ATTRIBUTES.index("kernel")]
    assert kernels.tolist() == [0, 3 / 4, 1 / 4, 0]
    of_file = len(operations.ATTRIBUTES) + [op.name for op in vocabulary.interior].index("t-conv3")
    assert not encoding.vertices[0, :, of_file].any()

    both = Vocabulary.from_json({"vocabulary": [*content, there.to_dict()]})
    assert both.describe("t-conv3") == there
    assert encode([chain("t-conv3")], both).unknown_operations == ()
    here, there = (encode([chain(name)], both).vertices for name in ("t-conv3", "there"))
    assert here.tolist() == there.tolist()


def test_without_names_operations_are_their_descriptions():
    vocabulary = Vocabulary.of([chain("t-conv3", "t-conv1")], names=False)
    here, there, pool = (encode([chain(name)], vocabulary) for name in ("t-conv3", "nor_conv_3x3", "t-pool"))
    assert here.vertices.tolist() == there.vertices.tolist()
    assert here.features.tolist() == there.features.tolist()
    assert here.unknown_operations == ()
    assert there.unknown_operations == ("nor_conv_3x3",)
    assert not any("t-conv3" in name for name in vocabulary.feature_names)
    # No training data taught the meaning of a pool, so that its kind is not read.
    assert not pool.vertices[0, 1, : len(operations.KINDS)].any()
    again = Vocabulary.from_json(vocabulary.to_json(), names=False)
    assert encode([chain("t-conv1")], again).vertices.shape == here.vertices.shape


def test_without_names_operations_are_counted_by_family():
    operations.register(Operation("t-gcn", "graph-conv"))
    vocabulary = Vocabulary.of([chain("t-conv3")], names=False)
    graphs = [chain("t-conv3", "t-gcn"), chain("t-pool", "t-skip"), chain("t-skip")]
    features = dict(
        zip(vocabulary.feature_names, encode(graphs, vocabulary).features.T.tolist(), strict=True)
    )
    assert len(features) == len(vocabulary.feature_groups)
    assert features["share of graph operations"] == [0.5, 0, 0]
    assert features["share of inverted residuals"] == [0, 0, 0]


def test_a_space_may_use_a_name_that_a_file_used_otherwise():
    Vocabulary.from_json({"vocabulary": [Operation("t-taken", "conv", kernel=5).to_dict()]})
    assert operations.get("t-taken").kernel == 5
    operations.register(Operation("t-taken", "max-pool", kernel=2))
    assert operations.get("t-taken").kind == "max-pool"


def test_operations_from_a_file_become_known():
    Vocabulary.from_json({"vocabulary": [Operation("t-from-file", "conv", kernel=5).to_dict()]})
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
