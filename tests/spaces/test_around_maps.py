"""Encoders with a decoder, whose results are maps: widths agree across the skip connections."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from egraph.errors import UsageError
from egraph.spaces import around

SHAPE = (3, 8, 8)


def block(before, after):
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU())


class UNet(nn.Module):
    """Two levels down and up; what a level gives is joined to what comes up."""

    def __init__(self, joined=True):
        super().__init__()
        self.joined = joined
        self.stem = nn.Sequential(block(3, 4), block(4, 4))
        self.downs = nn.ModuleList([block(4, 8), block(8, 16)])
        self.raises = nn.ModuleList([nn.ConvTranspose2d(16, 8, 2, 2), nn.ConvTranspose2d(8, 4, 2, 2)])
        if not joined:
            self.raises = nn.ModuleList([nn.Conv2d(16, 8, 1), nn.Conv2d(8, 4, 1)])
        self.ups = nn.ModuleList(block((1 + joined) * width, width) for width in (8, 4))
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        x, skips = self.stem(x), []
        for down in self.downs:
            skips.append(x)
            x = down(F.max_pool2d(x, 2))
        for rise, up in zip(self.raises, self.ups, strict=True):
            x, skip = rise(x), skips.pop()
            if self.joined:
                x = up(torch.cat([skip, x], dim=1))
            else:
                x = up(skip + F.interpolate(x, scale_factor=2, mode="bilinear"))
        return self.head(x)


def make(joined):
    torch.manual_seed(0)
    module = UNet(joined)
    for _ in range(3):  # so that norms have statistics
        module(torch.randn(8, *SHAPE))
    return module.eval()


@pytest.fixture(scope="module", name="joined")
def _joined():
    module = make(True)
    return module, around(module, SHAPE)


def test_widths_and_depths_of_a_u_net_vary(joined):
    found = {one.name: one.options for one in joined[1].build.plan.varied if one.kind != "kernel"}
    assert found == {
        "depth.stem.1": (1, 0, 2),
        "width.stem.0.0": (4, 2, 3, 6, 8),
        "width.downs.0.0": (8, 4, 6, 12, 16),
        "width.downs.1.0": (16, 8, 24, 32),
        "width.raises.0": (8, 4, 6, 12, 16),
        "width.raises.1": (4, 2, 3, 6, 8),
        "width.ups.0.0": (8, 4, 6, 12, 16),
        "width.ups.1.0": (4, 2, 3, 6, 8),
        "activation": ("ReLU", "SiLU", "GELU", "Hardswish"),
    }


def test_widths_agree_across_the_skip_connections(joined):
    space = joined[1]
    answers = {"width.stem.0.0": 6, "width.downs.0.0": 12, "width.raises.0": 4, "width.raises.1": 3}
    net = space.network(space.from_answers(dict(space.given.answers) | answers), SHAPE, 2)
    assert [up[0].in_channels for up in net.ups] == [12 + 4, 6 + 3]
    assert (net.downs[0][0].in_channels, net.downs[1][0].in_channels) == (6, 12)
    assert net.stem[1][0].weight.shape == (6, 6, 3, 3)


@pytest.mark.parametrize("is_joined", [True, False])
def test_random_variants_run(is_joined, joined):
    space = joined[1] if is_joined else around(make(False), SHAPE)
    rng, x = np.random.default_rng(0), torch.randn(2, *SHAPE)
    keys = set()
    for _ in range(30 if is_joined else 10):
        architecture = space.sample(rng)
        keys.add(space.key(architecture))
        with torch.no_grad():
            assert space.network(architecture, SHAPE, 2)(x).shape == (2, 2, 8, 8)
    assert len(keys) > (20 if is_joined else 6)


@pytest.mark.parametrize(
    ("choice", "option"),
    [
        ("depth.stem.1", 2), ("width.stem.0.0", 8), ("width.downs.0.0", 12), ("width.downs.1.0", 24),
        ("width.raises.1", 6), ("width.ups.0.0", 16),
    ],
)  # fmt: skip
def test_larger_ones_begin_with_the_function_of_the_given_one(joined, choice, option):
    """What is joined keeps its own channels, also where both results are of one width."""
    module, space = joined
    architecture = space.from_answers(dict(space.given.answers) | {choice: option})
    net = space.network(architecture, SHAPE, 2)
    x = torch.randn(3, *SHAPE)
    assert not torch.allclose(net.eval()(x), module(x), atol=1e-3)
    net.load_state_dict(space.inherited(architecture).weights)
    torch.testing.assert_close(net.eval()(x), module(x), atol=1e-5, rtol=0)


class Twice(nn.Module):
    """Joins two results of one width."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 1), nn.Conv2d(8, 2, 1)

    def forward(self, x):
        return self.last(torch.cat([self.first(x), self.first(-x)], 1))


def test_results_of_one_width_keep_their_channels():
    module = Twice()
    space = around(module, SHAPE)
    architecture = space.from_answers(dict(space.given.answers) | {"width.first": 6})
    net = space.network(architecture, SHAPE, 2)
    net.load_state_dict(space.inherited(architecture).weights)
    x = torch.randn(3, *SHAPE)
    torch.testing.assert_close(net(x), module(x))


def test_maps_have_as_many_classes_as_channels(joined):
    space = joined[1]
    assert (space.num_classes, space.build.outputs) == (2, (2, 8, 8))
    with pytest.raises(UsageError, match=r"give outputs of shape \(2,\), but there are 3 classes"):
        space.network(space.given, SHAPE, 3)
