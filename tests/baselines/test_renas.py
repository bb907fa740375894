import numpy as np
import pytest

from egraph import Architecture
from egraph.baselines.renas import ReNAS, feature_tensor
from egraph.errors import ArchitectureError, UnknownNameError

# input -> conv3x3 -> output and input -> conv1x1 -> conv3x3, which is numbered 1
CELL = Architecture(
    ["input", "t-conv3", "t-conv1", "output"],
    [(0, 1), (0, 2), (2, 1), (1, 3)],
)


def test_types_stand_where_edges_are_and_the_output_comes_last():
    tensor = feature_tensor(CELL, types=[1, 3, 2, 4], costs=[0, 9, 1, 0], side=7)
    expected = np.zeros((7, 7))
    expected[0, 1] = expected[2, 1] = 3
    expected[0, 2] = 2
    expected[1, 6] = 4
    assert tensor.shape == (19, 7, 7)
    np.testing.assert_array_equal(tensor[0], expected)


def test_costs_follow_the_channels_of_the_nine_cells():
    """One vertex leads to the output, so it and the one before it have all channels of the cell."""
    tensor = feature_tensor(CELL, types=[1, 3, 2, 4], costs=[0, 9, 1, 0], side=7)
    weights = np.repeat([9 * 128**2, 9 * 256**2, 9 * 512**2], 3) / 1e6
    np.testing.assert_allclose(tensor[10:, 0, 1], weights)
    np.testing.assert_allclose(tensor[10:, 2, 1], weights)
    np.testing.assert_allclose(tensor[10:, 0, 2], weights / 9)
    np.testing.assert_allclose(tensor[1:10, 0, 2], np.repeat([16.777216], 9))  # 128^2 x 32^2, kept by halving
    assert not tensor[1:, 1, 6].any()  # adding up costs nothing


def test_vertices_that_meet_in_the_output_share_its_channels():
    cell = Architecture(
        ["input", "t-conv3", "t-conv1", "t-conv1", "output"],
        [(0, 1), (0, 2), (2, 3), (1, 4), (3, 4), (0, 4)],
    )
    tensor = feature_tensor(cell, types=[1, 3, 2, 2, 4], costs=[0, 9, 1, 1, 0], side=5)
    half = 64**2 / 1e6
    assert tensor[10, 0, 1] == pytest.approx(9 * half)
    assert tensor[10, 2, 3] == pytest.approx(half)
    assert tensor[10, 0, 2] == pytest.approx(half)
    assert tensor[0, 0, 4] == 4


def test_a_vertex_that_leads_nowhere_costs_nothing():
    cell = Architecture(["input", "t-conv3", "output"], [(0, 1), (0, 2)])
    tensor = feature_tensor(cell, types=[1, 2, 3], costs=[0, 9, 0], side=3)
    assert tensor[0, 0, 1] == 2
    assert not tensor[1:].any()


def test_a_graph_larger_than_those_of_the_training_data_is_refused(toy_data, make_architecture):
    graphs, scores = toy_data
    model = ReNAS(tensor="7x7", epochs=1).fit(graphs[:9], scores[:9])
    small = Architecture(["input", "t-conv3", "output"], [(0, 1), (1, 2)])
    large = make_architecture(np.random.default_rng(0), 8)
    assert np.isfinite(model.predict([small])).all()
    with pytest.raises(ArchitectureError, match=r"at most 7 vertices, the most in its training data, got 8"):
        model.predict([small, large])


def test_a_graph_larger_than_those_of_the_training_data_is_read_if_announced(toy_data, make_architecture):
    graphs, scores = toy_data
    model = ReNAS(tensor="7x7", epochs=1, vertices=8).fit(graphs[:9], scores[:9])
    assert np.isfinite(model.predict([make_architecture(np.random.default_rng(0), 8)])).all()


def test_an_unknown_tensor_is_refused(toy_data):
    graphs, scores = toy_data
    with pytest.raises(UnknownNameError, match=r"unknown ReNAS tensor '8x8'; known: 19x7x7, 7x7"):
        ReNAS(tensor="8x8").fit(graphs[:9], scores[:9])


def test_the_small_tensor_reads_no_costs(toy_data):
    graphs, scores = toy_data
    inputs = {
        tensor: ReNAS(tensor=tensor, epochs=1).fit(graphs[:9], scores[:9]).network_[0].weight.shape
        for tensor in ("7x7", "19x7x7")
    }
    assert inputs == {"7x7": (38, 1, 3, 3), "19x7x7": (38, 19, 3, 3)}
