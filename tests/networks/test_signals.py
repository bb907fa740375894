"""Free graphs for signals and features, against those for images."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from egraph import Architecture, spaces
from egraph.errors import ArchitectureError, UsageError
from egraph.networks import build_convnet, count_flops, count_params
from egraph.spaces.network_builder import READERS

CONVNET, DENSE = spaces.get("convnet"), spaces.get("dense")


def samples(space, count, seed=0):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


def copy_from_flat(signals, images):
    """Gives the network for signals the function of the one for images of one row.

    Where a kernel has more rows than the image, the image is enlarged: each row of the kernel reads the same
    row, so that the kernel of signals is the sum over the rows.
    """
    with torch.no_grad():
        for (name, ours), (other, theirs) in zip(
            signals.state_dict().items(), images.state_dict().items(), strict=True
        ):
            assert name == other
            ours.copy_(theirs.sum(dim=2) if theirs.ndim == 4 else theirs)


class TestAgainstImagesOfOneRow:
    @pytest.mark.parametrize("training", [False, True])
    def test_every_graph_computes_the_same(self, training):
        x = torch.randn(6, 2, 13, generator=torch.Generator().manual_seed(0))
        for architecture in samples(CONVNET, 60):
            one = build_convnet(architecture, (2, 13), 4, channels=6, dropout=0).train(training)
            two = build_convnet(architecture, (2, 1, 13), 4, channels=6, dropout=0).train(training)
            copy_from_flat(one, two)
            expected = two(x[:, :, None])
            torch.testing.assert_close(
                one(x), expected, rtol=1e-3, atol=1e-4, msg=CONVNET.format(architecture)
            )

    def test_sizes_without_kernels_over_rows(self):
        """Pools have no weights: parameters and multiply-adds are those of images of one row."""
        architecture = CONVNET.parse("POOL_2.M,POOL_3.A;0>1,0>2,1>3,2>3")
        one, two = (build_convnet(architecture, shape, 4) for shape in ((2, 13), (2, 1, 13)))
        assert count_params(one) == count_params(two)
        assert count_flops(one, (2, 13)) == count_flops(two, (2, 1, 13))

    def test_costs_of_a_chain_by_hand(self):
        """40 points, kernel 5 to 36, pool to 18: 8 filters; a head of 144, 36, 18 and 10."""
        network = build_convnet(CONVNET.parse("CONV_5.N,POOL_2.M;0>1,1>2,2>3"), (1, 40), 10, channels=8)
        head = (144 * 36 + 36) + (36 * 18 + 18) + (18 * 10 + 10)
        assert count_params(network) == (8 * 5 + 8) + 2 * 8 + head
        assert count_flops(network, (1, 40)) == 36 * 8 * 5 + 144 * 36 + 36 * 18 + 18 * 10


class TestFeatures:
    def test_against_functional_layers(self):
        """Two branches of different width that meet, from the same weights, step by step."""
        architecture = Architecture(
            ("input", "DENSE.N", "DENSE.H", "output"), [(0, 1), (0, 2), (1, 3), (2, 3)]
        )
        network = build_convnet(architecture, (5,), 3, channels=8, dropout=0)
        x = torch.randn(20, 5, generator=torch.Generator().manual_seed(0)) * 30 + 7
        standardised = (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()

        def apply(block, x):
            linear, _, norm, _ = block
            x = functional.linear(x, linear.weight, linear.bias).clamp(0, 6)
            return functional.batch_norm(x, None, None, norm.weight, norm.bias, training=True)

        wide, narrow = (apply(network.layers[i], standardised) for i in (0, 1))  # 8 and 4 units
        projection = network.matches[2].projections[0]
        joined = functional.linear(wide, projection.weight, projection.bias) + narrow
        expected = network.head(joined)
        torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-5)

    def test_every_sample_learns_in_each_parameter(self):
        x, y = torch.randn(16, 7, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 3
        for architecture in samples(DENSE, 40):
            network = DENSE.network(architecture, (7,), 3, channels=8)
            functional.cross_entropy(network(x), y).backward()
            assert all(parameter.grad is not None for parameter in network.parameters())
            assert not any(isinstance(module, nn.Conv1d | nn.Conv2d) for module in network.modules())


class TestKinds:
    @pytest.mark.parametrize("kind", READERS)
    def test_the_suggested_space_reads_the_kind(self, kind):
        shape = {"images": (1, 8, 8), "signals": (1, 8), "features": (8,)}[kind]
        space = spaces.get(READERS[kind])
        network = space.network(samples(space, 1)[0], shape, 3, channels=4).eval()
        assert network(torch.rand(2, *shape)).shape == (2, 3)

    @pytest.mark.parametrize(
        ("name", "shape", "message"),
        [
            (
                "convnet",
                (8,),
                r"read images or signals, not features of shape \(8,\); take the space 'dense'",
            ),
            ("dense", (1, 8), r"'dense' read features, not signals of shape \(1, 8\); take the space 'conv"),
            ("nasbench201", (1, 40), r"'nasbench201' read images, not signals .*; take the space 'convnet'"),
        ],
    )
    def test_another_kind_is_refused_with_a_way_out(self, name, shape, message):
        space = spaces.get(name)
        with pytest.raises(UsageError, match=message):
            space.network(samples(space, 1)[0], shape, 3)

    def test_features_have_no_convolutions(self):
        architecture = CONVNET.parse("CONV_3.N;0>1,1>2")
        with pytest.raises(ArchitectureError, match=r"for features has no layer for 'CONV_3\.N'.* linear"):
            build_convnet(architecture, (8,), 3)
