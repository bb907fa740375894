"""Graphs of blocks: the networks of `deepneat` and of grammars."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from egraph import Architecture
from egraph.errors import ArchitectureError, EvaluationError, UsageError
from egraph.networks import build_blocks, count_flops, count_params, parts
from egraph.networks._blocks import join
from egraph.spaces import get

DEEPNEAT, GRAMMAR = get("deepneat"), get("grammar-convnet")
SPACES = {space.name: space for space in (DEEPNEAT, GRAMMAR)}
GENES = "LR_1E-2,MOMENTUM_0.9,NESTEROV_ON,HUE_0,SHIFT_0.0,SCALE_0.0,CROP_32,ZOOM_0.0,FLIP_OFF,VARIANCE_OFF"
ONE = {
    # a is pooled to 4x4; b, on a and the image, has 8x8; the head sees both
    "deepneat": f"BLOCK_64.K3.D35.S100.M,BLOCK_32.K1.D0.S200.N;0>1,0>2,1>3,2>3;{GENES}",
    "grammar-convnet": "layer:conv filters:32 kernel:3 act:relu | layer:max-pool kernel:2 | "
    "layer:conv filters:64 kernel:5 act:sigmoid | layer:avg-pool kernel:3 | layer:dense units:128 act:relu",
}

both = pytest.mark.parametrize("name", SPACES)


def build(name, text=None, input_shape=(1, 8, 8), num_classes=10, **options):
    space = SPACES[name]
    return space.network(space.parse(text or ONE[name]), input_shape, num_classes, **options)


def draw(name, seed):
    """A random architecture, up to ten mutations on."""
    rng = np.random.default_rng(seed)
    architecture = SPACES[name].sample(rng)
    for _ in range(rng.integers(11)):
        architecture = SPACES[name].mutate(architecture, rng)
    return architecture


def draw_images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@both
@pytest.mark.parametrize("input_shape", [(1, 8, 8), (3, 32, 32)])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_every_architecture_gives_logits_and_gradients(name, input_shape, seed):
    space = SPACES[name]
    network = space.network(draw(name, seed), input_shape, 7, channels=2, seed=seed % 2**31)
    logits = network(draw_images(2, *input_shape))
    assert logits.shape == (2, 7)
    functional.cross_entropy(logits, torch.tensor([3, 6])).backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@both
@pytest.mark.parametrize("input_shape", [(3, 1, 1), (2, 7, 5), (1, 28, 28)])
def test_images_may_have_any_size(name, input_shape):
    for seed in range(6):
        network = SPACES[name].network(draw(name, seed), input_shape, 10, channels=2).eval()
        with torch.no_grad():
            assert network(draw_images(2, *input_shape)).shape == (2, 10)


@pytest.mark.parametrize(
    ("channels", "a", "b", "head"),
    [
        (64, 64 * 9 + 64, 32 * 1 + 32, (64 + 32) * 10 + 10),
        (16, 16 * 9 + 16, 8 * 1 + 8, (16 + 8) * 10 + 10),
    ],
)
def test_parameters_of_deepneat_by_hand(channels, a, b, head):
    """Two blocks on a grey image, both read by the head; in proportion to the channels."""
    assert count_params(build("deepneat", channels=channels)) == a + b + head


def test_parameters_where_three_maps_meet_by_hand():
    """The second block reads the image and the first block, the head all three."""
    text = f"BLOCK_64.K3.D0.S100.N,BLOCK_256.K3.D0.S100.M;0>1,0>2,1>2,0>3,1>3,2>3;{GENES}"
    network = build("deepneat", text, (3, 32, 32), 100)
    first = 64 * 3 * 9 + 64
    second = 256 * (3 + 64) * 9 + 256
    assert count_params(network) == first + second + (3 + 64 + 256) * 100 + 100


def test_multiply_adds_of_deepneat_by_hand():
    assert count_flops(build("deepneat"), (1, 8, 8)) == 64 * (64 * 9 + 32) + 96 * 10


@pytest.mark.parametrize(
    ("channels", "widths"), [(64, (32, 64, 128)), (32, (16, 32, 64)), (1, (1, 1, 2))]
)  # 32 of 64 channels are half a filter, which becomes one
def test_parameters_of_a_grammar_by_hand(channels, widths):
    """8x8 to 4x4 by the first pool, to 2x2 by the second, whose last windows reach over the border."""
    a, b, dense = widths
    expected = (a * 9 + a) + (b * a * 25 + b) + (4 * b * dense + dense) + (dense * 10 + 10)
    assert count_params(build("grammar-convnet", channels=channels)) == expected


def test_deepneat_against_functional_layers():
    network, x = build("deepneat", channels=16).eval(), draw_images(5, 1, 8, 8)
    first, second = network.blocks[1][0], network.blocks[2][0]
    a = functional.max_pool2d(functional.conv2d(x, first.weight, first.bias, padding=1).relu(), 2)
    b = functional.conv2d(x, second.weight, second.bias).relu()
    features = torch.cat([a, functional.max_pool2d(b, 2)], 1).mean((2, 3))
    torch.testing.assert_close(
        network(x), functional.linear(features, network.classifier.weight, network.classifier.bias)
    )


def test_a_grammar_against_functional_layers():
    network, x = build("grammar-convnet", channels=16).eval(), draw_images(5, 1, 8, 8)
    first, second = network.blocks[1][0], network.blocks[3][0]
    dense = network.blocks[5][0][1]
    y = functional.max_pool2d(functional.conv2d(x, first.weight, first.bias, padding=1).relu(), 2)
    y = functional.conv2d(y, second.weight, second.bias, padding=2).sigmoid()
    # Windows of three by three at 0 and 3 of four pixels: the last ones hold one pixel a side.
    rows = torch.stack([y[:, :, :3].mean(2), y[:, :, 3]], 2)
    pooled = torch.stack([rows[..., :3].mean(3), rows[..., 3]], 3)
    features = functional.linear(pooled.flatten(1), dense.weight, dense.bias).relu()
    torch.testing.assert_close(
        network(x), functional.linear(features, network.classifier.weight, network.classifier.bias)
    )


def test_a_gene_of_the_variance_divides_each_image():
    plain = build("deepneat", channels=8).eval()
    scaled = build("deepneat", ONE["deepneat"].replace("VARIANCE_OFF", "VARIANCE_ON"), channels=8).eval()
    images = draw_images(4, 1, 8, 8) * torch.tensor([0.1, 0.3, 0.6, 1]).reshape(4, 1, 1, 1)
    divided = images / torch.from_numpy(images.numpy().std(axis=(1, 2, 3), keepdims=True))
    torch.testing.assert_close(scaled(images), plain(divided))
    assert scaled(torch.zeros(1, 1, 8, 8)).isfinite().all()


def test_first_weights_are_those_of_he_times_the_scale():
    """Uniform within root(6 / fan-in), twice that for a scale of 2."""
    text = f"BLOCK_256.K3.D0.S100.N,BLOCK_256.K3.D0.S200.N;0>1,1>2,2>3;{GENES}"
    network = build("deepneat", text)
    for block, fan_in, scale in ((1, 9, 1), (2, 256 * 9, 2)):
        bound = scale * (6 / fan_in) ** 0.5
        largest = network.blocks[block][0].weight.abs().max().item()
        assert 0.98 * bound < largest <= bound


def test_dropout_and_pool_are_there_only_where_genes_say_so():
    network = build("deepneat")
    assert [type(part) for part in network.blocks[1][1:]] == [nn.ReLU, nn.Dropout, nn.MaxPool2d]
    assert network.blocks[1][2].p == 0.35
    assert [type(part) for part in network.blocks[2][1:]] == [nn.ReLU]


def test_dead_and_disabled_blocks_are_not_built():
    lone = f"BLOCK_64.K3.D0.S100.N;0>1,1>2;{GENES}"
    dead = f"BLOCK_64.K3.D0.S100.N,BLOCK_256.K3.D0.S100.N;0>1,0>2,1>3,!2>3;{GENES}"
    assert count_params(build("deepneat", lone)) == count_params(build("deepneat", dead))


class TestJoin:
    def test_one_map_stays(self):
        assert join([x := draw_images(2, 3, 4, 4)]) is x

    def test_larger_maps_are_pooled_to_the_smallest(self):
        image = torch.arange(16.0).reshape(1, 1, 4, 4)
        joined = join([image, torch.full((1, 2, 2, 2), 9.0)])
        assert joined[0, 0].tolist() == [[5, 7], [13, 15]]
        assert joined.shape == (1, 3, 2, 2)

    def test_the_least_of_each_side_counts(self):
        assert join([draw_images(2, 1, 4, 2), draw_images(2, 5, 3, 7)]).shape == (2, 6, 3, 2)


class TestParts:
    @pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (2, 1), (3, 1), (4, 1), (3, 2), (2, 3), (5, 2)])
    def test_a_convolution_keeps_its_size_or_divides_it_upward(self, kernel, stride):
        layer = parts.conv(4, kernel, stride)((3, 7, 8), 1)
        assert layer(draw_images(2, 3, 7, 8)).shape == (2, 4, -(-7 // stride), -(-8 // stride))

    def test_a_pool_has_the_stride_of_its_kernel_and_rounds_upward(self):
        image = torch.arange(25.0).reshape(1, 1, 5, 5)
        pooled = parts.max_pool(2)((1, 5, 5), 1)(image)
        assert pooled[0, 0].tolist() == [[6, 8, 9], [16, 18, 19], [21, 23, 24]]
        assert parts.avg_pool(2)((1, 5, 5), 1)(image)[0, 0, 2].tolist() == [20.5, 22.5, 24]

    def test_a_pool_with_a_stride_of_its_own(self):
        image = torch.arange(9.0).reshape(1, 1, 3, 3)
        assert parts.max_pool(2, 1)((1, 3, 3), 1)(image)[0, 0].tolist() == [[4, 5], [7, 8]]

    def test_a_pool_larger_than_its_map_takes_all_of_it(self):
        image = torch.tensor([1.0, 4.0]).reshape(1, 1, 1, 2)
        assert parts.avg_pool(3)((1, 1, 2), 1)(image).tolist() == [[[[2.5]]]]
        assert parts.max_pool(5, 1)((1, 1, 1), 1)(image[..., :1]).tolist() == [[[[1.0]]]]

    def test_batch_normalisation_of_maps_and_of_features(self):
        assert isinstance(parts.batch_norm()((3, 4, 4), 1), nn.BatchNorm2d)
        assert isinstance(parts.batch_norm()((3,), 1), nn.BatchNorm1d)

    @pytest.mark.parametrize("part", [parts.conv(2, 3), parts.max_pool(2)])
    def test_a_map_is_needed_by_what_reads_pixels(self, part):
        with pytest.raises(ArchitectureError, match=r"a (pool|convolution) cannot stand after a dense layer"):
            part((5,), 1)


def test_batch_normalisation_begins_as_the_identity():
    chain = Architecture(("input", "a", "b", "output"), [(0, 1), (1, 2), (2, 3)])
    blocks = {"a": [parts.batch_norm()], "b": [parts.dense(64), parts.batch_norm()]}
    network = build_blocks(chain, blocks, (2, 3, 3), 5)
    for norm in (network.blocks[1][0], network.blocks[2][1]):
        assert norm.weight.eq(1).all()
        assert norm.bias.eq(0).all()
        assert norm.running_mean.eq(0).all()
        assert norm.running_var.eq(1).all()


def test_a_block_that_does_not_fit_is_named():
    chain = Architecture(("input", "a", "b", "output"), [(0, 1), (1, 2), (2, 3)])
    with pytest.raises(ArchitectureError, match=r"block 'b' \(vertex 2\): a pool cannot stand after a dense"):
        build_blocks(chain, {"a": [parts.dense(4)], "b": [parts.max_pool(2)]}, (1, 8, 8), 10)


def test_a_graph_without_a_path_is_refused():
    with pytest.raises(ArchitectureError, match="no path of enabled edges leads from input to output"):
        build_blocks(Architecture(("input", "a", "output"), [(0, 1)]), {"a": []}, (1, 8, 8), 10)


@both
def test_same_seed_same_weights_and_other_seed_other_weights(name):
    first, again, other = (build(name, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[part], again[part]) for part in first)
    assert not torch.equal(first["blocks.1.0.weight"], other["blocks.1.0.weight"])


@both
def test_the_global_generator_is_not_moved(name):
    before = torch.get_rng_state()
    build(name)
    assert torch.equal(torch.get_rng_state(), before)


@both
def test_copies_and_pickles(name):
    network, images = build(name, channels=8).eval(), draw_images(2, 1, 8, 8)
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(twin(images), network(images))


@both
def test_refuses_an_absurd_size_before_taking_memory(name):
    """Millions of channels would take terabytes."""
    with pytest.raises(
        EvaluationError, match=r"would have [\d,]{10,} parameters, .*; use fewer channels than"
    ):
        build(name, channels=10_000_000)


@both
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (3, 0, 8)}, r"\(channels, height, width\), each at least 1, got \(3, 0, 8\)"),
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"channels": 0}, "channels must be at least 1, got 0"),
    ],
)
def test_refuses_arguments_out_of_range(name, arguments, message):
    with pytest.raises(UsageError, match=message):
        build(name, **arguments)


@both
def test_refuses_an_architecture_of_another_space(name):
    other = get("convnet").parse("CONV_3.N;0>1,1>2")
    with pytest.raises(ArchitectureError, match=r"CONV_3\.N"):
        SPACES[name].network(other)
