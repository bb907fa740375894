"""Several vertices as one operation, in a folded drawing."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from zoo import InvertedResidual, SqueezeExcitation, conv_bn

from egraph import from_torch

IMAGE = torch.zeros(1, 8, 8, 8)


def test_an_inverted_residual_is_described_as_one(describe):
    [_, block, _] = describe(from_torch(InvertedResidual(8, 8, 1, 6, kernel=5), IMAGE))
    assert (block.kind, block.kernel, block.stride, block.groups) == ("inverted-residual", 5, 1, 0)
    assert (block.expansion, block.channels, block.width) == (6, 8, 1)
    # Weights of 8 -> 48, 5x5 each, 48 -> 8, and two numbers a channel for each of three norms.
    assert block.parameters == 8 * 48 + 48 * 25 + 48 * 8 + 2 * (48 + 48 + 8)
    assert block.flops == 64 * (8 * 48 + 48 * 25 + 48 * 8)


def test_unfolded_it_is_three_convolutions_and_a_sum(draw):
    assert draw(from_torch(InvertedResidual(8, 8, 1, 6), IMAGE, fold=False)) == [
        "conv1x1-48(0)",
        "conv3x3-48-dw(1)",
        "conv1x1-8(2)",
        "add(0,3)",
        "output(4)",
    ]


def test_a_separable_convolution_that_does_not_widen_first_is_no_inverted_residual(draw):
    module = nn.Sequential(conv_bn(8, 8, 1), conv_bn(8, 8, 3, 2, groups=8), conv_bn(8, 16, 1))
    assert draw(from_torch(module, IMAGE)) == ["conv1x1-8(0)", "sepconv3x3-16-s2(1)", "output(2)"]


def test_a_depthwise_convolution_that_feeds_others_too_stays(draw):
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.deep, self.one, self.two = conv_bn(8, 8, 3, groups=8), conv_bn(8, 8, 1), conv_bn(8, 8, 1)

        def forward(self, x):
            x = self.deep(x)
            return self.one(x) + self.two(x)

    expected = ["conv3x3-8-dw(0)", "conv1x1-8(1)", "conv1x1-8(1)", "add(2,3)", "output(4)"]
    assert draw(from_torch(Branches(), IMAGE)) == expected


class LinearGate(nn.Module):
    """Squeeze-and-excitation as ResNets have it: a mean, and dense layers."""

    def __init__(self):
        super().__init__()
        self.conv, self.one, self.two = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 2), nn.Linear(2, 8)

    def forward(self, x):
        x = self.conv(x)
        gate = torch.sigmoid(self.two(F.relu(self.one(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


def test_a_gate_joins_what_it_scales(describe, draw):
    for module in (LinearGate(), nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), SqueezeExcitation(8, 2))):
        architecture = from_torch(module, IMAGE)
        assert draw(architecture) == ["conv3x3-se-8(0)", "output(1)"]
        parameters = 8 * 73 + (8 * 2 + 2) + (2 * 8 + 8)
        assert describe(architecture)[1].parameters == parameters
        assert describe(architecture)[1].flops == 64 * 8 * 72 + 2 * 8 * 2


def test_a_gate_on_the_input_stays(draw):
    assert draw(from_torch(SqueezeExcitation(8, 2), IMAGE)) == [
        "global-avg-pool-8(0)",
        "conv1x1-2(1)",
        "conv1x1-8(2)",
        "multiply(0,3)",
        "output(4)",
    ]


def test_a_product_of_two_branches_is_no_gate(draw):
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, padding=1)

        def forward(self, x):
            return self.one(x) * torch.sigmoid(self.two(x))

    expected = ["conv1x1-8(0)", "conv3x3-8(0)", "multiply(1,2)", "output(3)"]
    assert draw(from_torch(Gated(), IMAGE)) == expected


def test_sums_of_sums_are_one_sum(draw):
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.three = (nn.Conv2d(8, 8, side, padding=side // 2) for side in (1, 3, 5))

        def forward(self, x):
            return self.one(x) + (self.two(x) + self.three(x)) + x

    expected = ["conv1x1-8(0)", "conv3x3-8(0)", "conv5x5-8(0)", "add(0,1,2,3)", "output(4)"]
    assert draw(from_torch(Sum(), IMAGE)) == expected


def test_concatenations_are_drawn_alike_however_they_are_nested(draw):
    class Dense(nn.Module):
        def __init__(self, nested):
            super().__init__()
            self.nested = nested
            self.layers = nn.ModuleList(nn.Conv2d(8 + 4 * i, 4, 1) for i in range(3))

        def forward(self, x):
            features = [x]
            for layer in self.layers:
                if self.nested:
                    x = torch.cat([x, layer(x)], 1)
                else:
                    features.append(layer(torch.cat(features, 1)))
            return x if self.nested else torch.cat(features, 1)

    nested, listed = (from_torch(Dense(how), IMAGE, fold=False) for how in (True, False))
    assert draw(nested) == draw(listed)
    assert draw(from_torch(Dense(False), IMAGE)) == ["conv1x1-4*3(0)", "concat(0,1)", "output(2)"]
