"""Fifteen published networks: what their drawings hold, counted by hand in their definitions."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from zoo import ZOO

# Of the unfolded drawing; a global pool at the end is an avg-pool too.
COUNTS = {
    "resnet": {"conv": 1 + 7 * 3 + 3, "max-pool": 1, "add": 7, "avg-pool": 1, "linear": 1},
    "vgg": {"conv": 8, "max-pool": 5, "linear": 3},
    "densenet": {"conv": 1 + 3 * 2 + 1 + 4 * 2, "concat": 7, "avg-pool": 2, "linear": 1},
    "mobilenet_v2": {"conv": 1 + 2 + 5 * 3 + 1, "add": 3, "avg-pool": 1, "linear": 1},
    "efficientnet": {
        "conv": 1 + (2 + 2) + 7 * (3 + 2) + 1,
        "add": 4,
        "multiply": 8,
        "avg-pool": 8 + 1,
        "linear": 1,
    },
    "convnext": {"conv": 1 + 2 + 1 + 3, "linear": 5 * 2 + 1, "add": 5, "avg-pool": 1},
    "shufflenet_v2": {
        "conv": 1 + 2 * (5 + 2 * 3) + 1,
        "concat": 6,
        "max-pool": 1,
        "avg-pool": 1,
        "linear": 1,
    },
    "inception": {
        "conv": 2 + 2 * 7 + 4 + 2 * 4,
        "concat": 5,
        "avg-pool": 2 + 1,
        "max-pool": 1,
        "linear": 1,
    },
    "vit": {"conv": 1, "linear": 3 * 4 + 1, "attention": 3, "add": 6},
    "mixer": {"conv": 1, "linear": 2 * 4 + 1, "add": 4, "avg-pool": 1},
    "unet": {"conv": 5 * 2 + 2 + 1, "max-pool": 2, "concat": 2},
    "regnet": {"conv": 1 + 7 * 3 + 3, "add": 7, "avg-pool": 1, "linear": 1},
    "squeezenet": {"conv": 1 + 3 * 3 + 1, "max-pool": 2, "concat": 3, "avg-pool": 1},
    "wide_resnet": {"conv": 1 + 6 * 2 + 3, "add": 6, "avg-pool": 1, "linear": 1},
    "resnext": {"conv": 1 + 3 * 3 + 2, "add": 3, "avg-pool": 1, "linear": 1},
}
# Of the folded drawing: blocks that repeat with equal channels, and how often; others stand once.
RUNS = {
    "resnet": [2],
    "densenet": [3, 4],
    "convnext": [2, 3],
    "shufflenet_v2": [2, 2],
    "inception": [2, 2],
    "vit": [3],
    "mixer": [2],
    "regnet": [3],
    "squeezenet": [2],
}


def test_every_network_is_counted():
    assert set(COUNTS) == set(ZOO)
    assert len(ZOO) == 15


@pytest.mark.parametrize("name", ZOO)
def test_every_layer_and_join_is_drawn(traced, count, name):
    ends = {"input": 1, "output": 1}
    assert count(traced(name, False)) == ends | COUNTS[name]


@pytest.mark.parametrize("name", ZOO)
def test_parameters_and_flops_sum_to_those_of_the_network(zoo, traced, describe, name):
    network = zoo(name)
    with FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, 3, 32, 32))
    for fold in (False, True):
        operations = describe(traced(name, fold))
        assert sum(op.parameters for op in operations) == sum(p.numel() for p in network.parameters())
        assert 2 * sum(op.flops for op in operations) == counter.get_total_flops()


@pytest.mark.parametrize("name", ZOO)
def test_equal_blocks_are_drawn_once_with_their_count(traced, describe, name):
    found = []  # counts of neighbouring vertices
    for operation in describe(traced(name)):
        if operation.repeats > 1 and found[-1:] != [operation.repeats]:
            found.append(operation.repeats)
        elif operation.repeats == 1 and operation.kind != "identity":
            found.append(None)
    assert [repeats for repeats in found if repeats] == RUNS.get(name, [])


@pytest.mark.parametrize("name", ZOO)
def test_a_folded_drawing_is_as_large_as_a_ranker_reads(traced, name):
    assert 2 <= traced(name).num_vertices <= 40


def test_a_residual_block_is_drawn_as_it_is_wired(traced, draw):
    assert draw(traced("resnext", False))[:10] == [
        "conv3x3-16(0)",
        "conv1x1-32(1)",  # the projection of the shortcut, which is computed last or first
        "conv1x1-16(1)",
        "conv3x3-16-g4(3)",
        "conv1x1-32(4)",
        "add(2,5)",
        "conv1x1-16(6)",
        "conv3x3-16-g4(7)",
        "conv1x1-32(8)",
        "add(6,9)",
    ]


def test_dense_blocks_concatenate_one_after_the_other(traced, draw):
    assert draw(traced("densenet")) == [
        "conv3x3-16(0)",
        "conv1x1-32*3(1)",
        "conv3x3-8*3(2)",
        "concat(1,3)",
        "conv1x1-20(4)",
        "avgpool2x2-20(5)",
        "conv1x1-32*4(6)",
        "conv3x3-8*4(7)",
        "concat(6,8)",
        "global-avg-pool-52(9)",
        "linear-10(10)",
        "output(11)",
    ]


def test_a_transformer_is_one_cell(traced, draw):
    assert draw(traced("vit")) == [
        "conv8x8-32(0)",
        "linear-96*3(1)",
        "attention-h4-32*3(2)",
        "linear-32*3(3)",
        "add(1,4)",
        "linear-128*3(5)",
        "linear-32*3(6)",
        "add(5,7)",
        "linear-10(8)",
        "output(9)",
    ]


def test_branches_that_split_channels_start_at_one_vertex(traced, draw):
    unit = draw(traced("shufflenet_v2", False))[8:13]
    assert unit == ["conv1x1-12(8)", "conv3x3-12-dw(9)", "conv1x1-12(10)", "concat(8,11)", "conv1x1-12(12)"]


def test_the_skips_of_a_unet_reach_over_its_depth(traced, draw):
    assert [line for line in draw(traced("unet")) if line.startswith(("concat", "up"))] == [
        "up-conv2x2-16(8)",
        "concat(5,9)",
        "up-conv2x2-8(12)",
        "concat(2,13)",
    ]


def test_mobile_blocks_are_one_vertex_each(traced, draw):
    assert draw(traced("efficientnet")) == [
        "conv3x3-8-s2(0)",
        "sepconv3x3-se-4(1)",
        "mbconv3x3-se-e6-6-s2(2)",
        "mbconv3x3-se-e6-6(3)",
        "mbconv5x5-se-e6-8-s2(4)",
        "mbconv5x5-se-e6-8(5)",
        "mbconv3x3-se-e6-16-s2(6)",
        "mbconv3x3-se-e6-16(7)",
        "mbconv3x3-se-e6-16(8)",
        "conv1x1-64(9)",
        "global-avg-pool-64(10)",
        "linear-10(11)",
        "output(12)",
    ]
