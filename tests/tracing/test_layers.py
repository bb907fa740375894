"""Descriptions of single layers, by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from zoo import Attention, FusedAttention

from egraph import from_torch
from egraph.operations import Operation

IMAGE = torch.zeros(1, 4, 16, 16)


def only(describe, module, example=IMAGE):
    """The one operation of a network, without its name."""
    [_, operation, _] = describe(from_torch(module, example))
    return Operation(**operation.to_dict() | {"name": ""})


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (
            nn.Conv2d(4, 8, 3, padding=1),
            {"kernel": 3, "parameters": 8 * 37, "flops": 8 * 36 * 256, "pixels": 256},
        ),
        (
            nn.Conv2d(4, 8, 3),
            {"kernel": 3, "padded": False, "parameters": 8 * 37, "flops": 8 * 36 * 196, "pixels": 196},
        ),
        (
            nn.Conv2d(4, 8, 3, padding="same"),
            {"kernel": 3, "parameters": 8 * 37, "flops": 8 * 36 * 256, "pixels": 256},
        ),
        (
            nn.Conv2d(4, 8, 5, 2, 2, groups=2, bias=False),
            {"kernel": 5, "stride": 2, "groups": 2, "parameters": 8 * 50, "flops": 8 * 50 * 64, "pixels": 64},
        ),
        (
            nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=4, bias=False),
            {"kernel": 3, "groups": 0, "parameters": 8 * 9, "flops": 8 * 9 * 256, "pixels": 256},
        ),
        # As many pixels as a square of side 3, rounded.
        (
            nn.Conv2d(4, 8, (1, 7), padding=(0, 3), bias=False),
            {"kernel": 3, "parameters": 8 * 28, "flops": 8 * 28 * 256, "pixels": 256},
        ),
        (
            nn.Conv2d(4, 8, 4, 4),
            {"kernel": 4, "stride": 4, "parameters": 8 * 65, "flops": 8 * 64 * 16, "pixels": 16},
        ),
        # Descriptions know no stride below 1.
        (
            nn.ConvTranspose2d(4, 8, 2, 2),
            {"kernel": 2, "parameters": 4 * 32 + 8, "flops": 4 * 32 * 256, "pixels": 1024},
        ),
        (
            nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(4, 8, 3, bias=False)),
            {"kernel": 3, "parameters": 8 * 36, "flops": 8 * 36 * 256, "pixels": 256},
        ),
    ],
)
def test_convolutions(describe, layer, expected):
    activations = 8 * expected["pixels"]
    assert only(describe, layer) == Operation("", "conv", channels=8, activations=activations, **expected)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.MaxPool2d(3, 1, 1), {"kind": "max-pool", "kernel": 3, "pixels": 256}),
        (nn.MaxPool2d(3, 2), {"kind": "max-pool", "kernel": 3, "stride": 2, "padded": False, "pixels": 49}),
        (nn.AvgPool2d(2), {"kind": "avg-pool", "kernel": 2, "stride": 2, "pixels": 64}),
        (nn.AdaptiveAvgPool2d(1), {"kind": "avg-pool", "kernel": 16, "stride": 16, "pixels": 1}),
        (nn.AdaptiveAvgPool2d(4), {"kind": "avg-pool", "kernel": 4, "stride": 4, "pixels": 16}),
        (nn.AdaptiveMaxPool2d(1), {"kind": "max-pool", "kernel": 16, "stride": 16, "pixels": 1}),
        (
            nn.FractionalMaxPool2d(2, output_size=8),
            {"kind": "max-pool", "kernel": 2, "stride": 2, "pixels": 64},
        ),
        (Call(lambda x: x.mean((2, 3))), {"kind": "avg-pool", "kernel": 16, "stride": 16, "pixels": 1}),
        (Call(lambda x: x.amax((-2, -1))), {"kind": "max-pool", "kernel": 16, "stride": 16, "pixels": 1}),
    ],
)
def test_pools(describe, layer, expected):
    activations = 4 * expected["pixels"]
    assert only(describe, layer) == Operation("", channels=4, activations=activations, **expected)


def test_a_mean_over_tokens_is_a_pool_over_their_square(describe):
    expected = Operation("", "avg-pool", kernel=3, stride=3, channels=4, pixels=1, activations=4)
    assert only(describe, Call(lambda x: x.mean(1)), torch.zeros(2, 9, 4)) == expected


@pytest.mark.parametrize(
    "change",
    [
        nn.Identity(),
        nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout()),
        nn.AdaptiveAvgPool2d(16),
        nn.Upsample(scale_factor=2),
        nn.PixelShuffle(2),
        Call(lambda x: (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)),
        Call(lambda x: x.mean((1, 2, 3), keepdim=True) * x),
        Call(lambda x: x + x.flip(-1).roll(1, 2)),
        Call(lambda x: F.softmax(x, 1)),
        Call(lambda x: torch.cat([x[:, :2], torch.zeros(1, 3, 16, 16), x[:, 2:]], 1)),
    ],
)
def test_what_computes_nothing_is_no_vertex(describe, change):
    convolution = nn.Conv2d(4, 4, 1)
    [_, operation, _] = describe(from_torch(nn.Sequential(convolution, change), IMAGE))
    assert operation.kind == "conv"


def test_linear_layers(describe):
    # Two examples: what one of them costs. Nine tokens each.
    expected = Operation("", "linear", channels=6, pixels=9, parameters=30, flops=9 * 24, activations=54)
    assert only(describe, nn.Linear(4, 6), torch.zeros(2, 9, 4)) == expected

    class Einsum(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(6, 4))

        def forward(self, x):
            return torch.einsum("oc,bnc->bno", self.weight, x)

    einsum = only(describe, Einsum(), torch.zeros(2, 9, 4))
    assert einsum == Operation(
        "", "linear", channels=6, pixels=9, parameters=24, flops=9 * 24, activations=54
    )


@pytest.mark.parametrize(
    "module",
    [
        Attention(8, 2),
        FusedAttention(8, 2),
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).self_attn,
    ],
)
def test_attention_is_one_vertex_however_it_is_written(describe, module):
    class Of(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = module

        def forward(self, x):
            return self.part(x, x, x)[0] if isinstance(self.part, nn.MultiheadAttention) else self.part(x)

    _, qkv, attention, project, _ = describe(from_torch(Of(), torch.zeros(3, 9, 8)))
    assert (qkv.kind, qkv.flops) == (project.kind, 3 * project.flops) == ("linear", 9 * 8 * 24)
    # Two heads of four features: each of 81 pairs of tokens once for the weights, once for the mixture.
    expected = ("attention", 2, 8, 2 * 2 * 81 * 4)
    assert (attention.kind, attention.groups, attention.channels, attention.flops) == expected
    # The weights of the mixture are not counted, as fused attention never has them all.
    assert (attention.pixels, attention.activations) == (9, 9 * 8)


def test_products_without_a_softmax_are_other_operations(describe, draw):
    module = Call(lambda x: x @ x.transpose(1, 2) @ x)
    architecture = from_torch(module, torch.zeros(1, 9, 4))
    assert [op.kind for op in describe(architecture)[1:-1]] == ["other", "other"]


def test_recurrent_layers_and_embeddings_are_other_operations(describe):
    lstm = only(describe, nn.LSTM(4, 6, batch_first=True), torch.zeros(1, 5, 4))
    assert (lstm.kind, lstm.channels, lstm.parameters) == ("other", 6, 24 * (4 + 6 + 2))
    embedding = only(describe, nn.Embedding(10, 4), torch.zeros(1, 5, dtype=torch.long))
    assert (embedding.kind, embedding.channels, embedding.parameters) == ("other", 4, 40)
