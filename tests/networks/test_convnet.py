"""Building and running networks of the convolutional skeleton."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from egraph import Architecture
from egraph.errors import EvaluationError, UsageError
from egraph.networks import Size, build_convnet, count_convnet, count_flops, count_params
from egraph.networks._convnet import SizeMatch
from egraph.spaces import get

SPACE = get("convnet")


def chain(*ops):
    return Architecture(("input", *ops, "output"), [(i, i + 1) for i in range(len(ops) + 1)])


def random_architectures(n, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        architecture = SPACE.sample(rng)
        for _ in range(rng.integers(15)):
            architecture = SPACE.mutate(architecture, rng)
        yield architecture


class TestSizeMatch:
    def test_equal_shapes_are_summed_without_weights(self):
        match = SizeMatch([(2, 3, 3)] * 3, (2, 3, 3))
        x, y, z = torch.randn(3, 4, 2, 3, 3)
        assert count_params(match) == 0
        assert torch.equal(match([x, y, z]), x + y + z)

    def test_enlarges_by_the_nearest_pixel(self):
        match = SizeMatch([(1, 2, 2)], (1, 4, 4))
        image = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 1, 2, 2)
        expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
        assert match([image])[0, 0].tolist() == expected

    def test_resizes_before_it_projects_the_channels(self):
        """Two channels of 1x1 become one of 2x2: with weights 3 and 5, bias 7, each pixel is 3a + 5b + 7."""
        match = SizeMatch([(2, 1, 1), (1, 2, 2)], (1, 2, 2))
        projection = match.projections[0]
        with torch.no_grad():
            projection.weight.copy_(torch.tensor([3.0, 5.0]).reshape(1, 2, 1, 1))
            projection.bias.fill_(7.0)
        narrow = torch.arange(4.0).reshape(1, 1, 2, 2)
        total = match([torch.tensor([10.0, 100.0]).reshape(1, 2, 1, 1), narrow])
        assert total[0, 0].tolist() == [[537.0, 538.0], [539.0, 540.0]]
        sizes = []
        projection.register_forward_hook(lambda _, inputs, __: sizes.append(inputs[0].shape))
        match([torch.zeros(1, 2, 1, 1), narrow])
        assert sizes == [(1, 2, 2, 2)]


class TestForward:
    @pytest.mark.parametrize(("input_shape", "channels"), [((1, 8, 8), 16), ((1, 28, 28), 4)])
    def test_every_architecture_maps_images_to_logits(self, input_shape, channels):
        images = torch.rand(2, *input_shape, generator=torch.Generator().manual_seed(0))
        for architecture in random_architectures(300):
            network = build_convnet(architecture, input_shape, 10, channels=channels).eval()
            with torch.no_grad():
                assert network(images).shape == (2, 10), SPACE.format(architecture)

    def test_planned_shapes_are_the_real_ones(self):
        for architecture in random_architectures(40, seed=1):
            network = build_convnet(architecture, (3, 11, 14), 10, channels=6).eval()
            seen = []
            for layer in network.layers:
                layer.register_forward_hook(lambda _, __, out, seen=seen: seen.append(tuple(out.shape[1:])))
            with torch.no_grad():
                network(torch.rand(1, 3, 11, 14))
            assert seen == [tuple(stage.shape) for stage in network.stages[1:]]

    def test_against_functional_layers(self):
        """A branched graph of every kind of layer, computed again from the same weights, step by step."""
        architecture = Architecture(
            ("input", "CONV_3.N", "CONV_2.H", "POOL_2.A", "POOL_2.M", "output"),
            [(0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (3, 5), (4, 5)],
        )
        network = build_convnet(architecture, (1, 8, 8), 10, channels=6).eval()
        x = torch.rand(5, 1, 8, 8)

        def convolve(block, x):
            convolution, _, norm, _ = block
            x = functional.conv2d(x, convolution.weight, convolution.bias).clamp(0, 6)
            return functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)

        wide, narrow = convolve(network.layers[0], x), convolve(network.layers[1], x)  # 6x6x6 and 3x7x7
        projection = network.matches[2].projections[0]
        reduced = functional.conv2d(wide, projection.weight, projection.bias)
        # Nearest neighbour from 7 pixels to 6: pixel i reads floor(i * 7 / 6).
        nearest = [i * 7 // 6 for i in range(6)]
        average = functional.avg_pool2d(reduced + narrow[:, :, nearest][:, :, :, nearest], 2)  # 3x3x3
        features = (average + functional.max_pool2d(narrow, 2)).flatten(1)
        first, second, third = network.head[1], network.head[3], network.head[5]
        assert (first.out_features, second.out_features, third.out_features) == (27 // 4, 27 // 4 // 2, 10)
        expected = third(second(first(features).relu()).relu())
        torch.testing.assert_close(network(x), expected)

    def test_a_network_without_layers_is_the_head(self):
        network = build_convnet(chain(), (1, 8, 8), 10)
        assert [type(part) for part in network.head[1::2]] == [nn.Linear] * 3
        assert count_params(network) == (64 * 16 + 16) + (16 * 8 + 8) + (8 * 10 + 10)

    def test_order_after_a_convolution(self):
        block = build_convnet(chain("CONV_2.N"), (1, 8, 8), 10, dropout=0.2).layers[0]
        assert [type(part) for part in block] == [nn.Conv2d, nn.ReLU6, nn.BatchNorm2d, nn.Dropout]
        assert block[3].p == 0.2

    def test_the_smallest_head_has_one_neuron(self):
        network = build_convnet(chain("POOL_5.A"), (1, 8, 8), 10)
        assert [part.out_features for part in network.head[1::2]] == [1, 1, 10]


class TestTraining:
    def test_gradients_reach_every_parameter(self):
        images = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        labels = torch.arange(16) % 10
        for architecture in random_architectures(60, seed=2):
            network = build_convnet(architecture, (1, 8, 8), 10, channels=16)
            functional.cross_entropy(network(images), labels).backward()
            assert all(parameter.grad is not None for parameter in network.parameters())

    def test_gradients_are_not_zero(self):
        architecture = Architecture(
            ("input", "CONV_3.N", "CONV_2.H", "POOL_2.A", "output"),
            [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)],
        )
        network = build_convnet(architecture, (1, 8, 8), 10, dropout=0)
        images = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        functional.cross_entropy(network(images), torch.arange(16) % 10).backward()
        weights = [p for name, p in network.named_parameters() if name.endswith("weight")]
        assert all(p.grad.abs().sum() > 0 for p in weights)

    def test_it_can_memorise_a_small_batch(self):
        network = build_convnet(chain("CONV_3.N", "CONV_2.N"), (1, 8, 8), 4, channels=8, dropout=0)
        images = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        labels = torch.arange(16) % 4
        optimizer = torch.optim.Adam(network.parameters(), 0.01)
        for _ in range(60):
            optimizer.zero_grad()
            functional.cross_entropy(network(images), labels).backward()
            optimizer.step()
        assert (network(images).argmax(1) == labels).all()


class TestBuild:
    def test_dead_layers_are_not_built(self):
        dead = Architecture(
            ("input", "CONV_3.N", "CONV_5.N", "POOL_2.A", "output"),
            [(0, 1), (1, 4), (1, 2), (3, 4)],
            [(0, 4)],
        )
        live = build_convnet(chain("CONV_3.N"), (1, 8, 8), 10, channels=4)
        built = build_convnet(dead, (1, 8, 8), 10, channels=4)
        assert str(built) == str(live)
        assert all(torch.equal(a, b) for a, b in zip(built.parameters(), live.parameters(), strict=True))

    def test_equal_keys_cost_the_same(self):
        """Graphs that the space calls one network, renumbered or with a pool written twice."""
        two = Architecture(
            ("input", "POOL_2.M", "POOL_2.M", "CONV_2.H", "CONV_3.N", "output"),
            [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)],
        )
        one = Architecture(
            ("input", "POOL_2.M", "CONV_3.N", "CONV_2.H", "output"),
            [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)],
        )
        assert SPACE.key(one) == SPACE.key(two)
        a, b = (build_convnet(x, (3, 8, 8), 10, channels=6) for x in (one, two))
        assert count_params(a) == count_params(b)
        assert count_flops(a, (3, 8, 8)) == count_flops(b, (3, 8, 8))

    def test_same_seed_same_weights_and_other_seed_other_weights(self):
        first, again, other = (
            build_convnet(chain("CONV_3.N"), (1, 8, 8), 10, channels=4, seed=seed).state_dict()
            for seed in (3, 3, 4)
        )
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert not torch.equal(first["head.1.weight"], other["head.1.weight"])

    def test_the_global_generator_is_not_moved(self):
        before = torch.get_rng_state()
        build_convnet(chain("CONV_3.N"), (1, 8, 8), 10, channels=4)
        assert torch.equal(torch.get_rng_state(), before)

    def test_first_weights_are_distributed_as_pytorch_draws_them(self):
        """Uniform within one over the root of the fan-in: 3 * 5 * 5 inputs a filter."""
        convolution = build_convnet(chain("CONV_5.N"), (3, 9, 9), 10, channels=200).layers[0][0]
        bound = 75**-0.5
        for tensor in (convolution.weight, convolution.bias):
            assert tensor.abs().max() <= bound
            assert tensor.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
        norm = build_convnet(chain("CONV_5.N"), (3, 9, 9), 10, channels=4).layers[0][2]
        assert norm.weight.tolist() == norm.running_var.tolist() == [1.0] * 4
        assert norm.bias.tolist() == norm.running_mean.tolist() == [0.0] * 4

    def test_copies_and_pickles(self):
        network = build_convnet(chain("CONV_3.N", "POOL_2.M"), (1, 8, 8), 10, channels=4).eval()
        images = torch.rand(2, 1, 8, 8)
        for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
            assert torch.equal(twin(images), network(images))

    def test_refuses_an_absurd_size_before_taking_memory(self):
        features, first, second = 116 * 224 * 224, 29 * 224 * 224, 29 * 112 * 224
        head = (features * first + first) + (first * second + second) + (second * 10 + 10)
        params = (116 * 3 * 4 + 116) + (116 + 116) + head  # about 38 terabytes
        with pytest.raises(EvaluationError, match=f"would have {params:,} parameters, at most 50,000,000"):
            build_convnet(chain("CONV_2.N"), (3, 225, 225), 10, channels=116)
        with pytest.raises(EvaluationError, match="head reads 196 features: use fewer channels than 4"):
            build_convnet(chain("CONV_2.N"), (1, 8, 8), 10, channels=4, max_params=1000)

    def test_builds_what_has_just_the_allowed_size(self):
        params = count_params(build_convnet(chain("CONV_2.N"), (1, 8, 8), 10, channels=4))
        assert build_convnet(chain("CONV_2.N"), (1, 8, 8), 10, channels=4, max_params=params)
        with pytest.raises(EvaluationError, match=f"at most {params - 1:,} are built"):
            build_convnet(chain("CONV_2.N"), (1, 8, 8), 10, channels=4, max_params=params - 1)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {"input_shape": (1, 2, 8, 8)},
                r"\(channels, height, width\), each at least 1, got \(1, 2, 8, 8\)",
            ),
            ({"input_shape": (1, 0, 8)}, r"each at least 1, got \(1, 0, 8\)"),
            ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
            ({"channels": 1}, "channels must be at least 2, .* got 1"),
            ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ],
    )
    def test_refuses_arguments_out_of_range(self, arguments, message):
        for refuse in (build_convnet, count_convnet):
            with pytest.raises(UsageError, match=message):
                refuse(chain("CONV_2.N"), **{"input_shape": (1, 8, 8), "num_classes": 10, **arguments})


class TestCount:
    @pytest.mark.parametrize(
        ("space", "input_shape"),
        [("convnet", (3, 9, 7)), ("convnet", (1, 8, 8)), ("convnet", (2, 31)), ("dense", (9,))],
    )
    def test_it_is_what_the_built_network_has(self, space, input_shape):
        rng = np.random.default_rng(1)
        for architecture in (get(space).sample(rng) for _ in range(40)):
            network = build_convnet(architecture, input_shape, 7, channels=6)
            counted = count_convnet(architecture, input_shape, 7, channels=6)
            assert counted == Size(count_params(network), count_flops(network, input_shape))

    def test_it_refuses_what_is_not_built(self):
        params = count_convnet(chain("CONV_2.N"), (1, 8, 8), 10, channels=4).params
        with pytest.raises(EvaluationError, match=f"would have {params:,} parameters, .* use fewer channels"):
            count_convnet(chain("CONV_2.N"), (1, 8, 8), 10, channels=4, max_params=params - 1)
