"""Activations that a ``forward`` calls as functions vary like layers."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from egraph.spaces import around

ACTS = {"ReLU": F.relu, "SiLU": F.silu, "GELU": F.gelu, "Hardswish": F.hardswish}
LEAKY = lambda x: F.leaky_relu(x, 0.1)  # noqa: E731


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.act = nn.Linear(6, 6), nn.Linear(6, 6), nn.GELU()

    def forward(self, x):
        return self.act(self.second(self.first(x).relu()))


class Functions(nn.Module):
    """Calls activations in all ways, beside layers of the same ones."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Inner(), Inner())
        self.stem, self.layer, self.head = nn.Linear(5, 6), nn.ReLU(inplace=True), nn.Linear(6, 3)

    def forward(self, x):
        x = self.stem(x)
        F.leaky_relu(x, 0.1, True)
        x = F.gelu(self.body(self.layer(x + 1)), approximate="none") + torch.relu(x - 0.2)
        x = F.dropout(x, 0.5, self.training)
        x.relu_()
        return self.head(F.relu(input=x - 0.3, inplace=True))


def compute(net, x, relu, gelu, leaky):
    """What the network computes in evaluation mode with some activations."""
    x = leaky(net.stem(x))
    y = relu(x + 1)
    for inner in net.body:
        y = gelu(inner.second(relu(inner.first(y))))
    return net.head(relu(relu(gelu(y) + relu(x - 0.2)) - 0.3))


@pytest.fixture(scope="module", name="space")
def _space():
    torch.manual_seed(0)
    return around(Functions(), (5,))


def test_functions_and_layers_are_one_choice(space):
    found = {
        one.name: (one.options, one.places) for one in space.build.plan.varied if one.kind == "activation"
    }
    inner = ("body.0", "body.0.act", "body.1", "body.1.act")
    assert found == {
        "activation.LeakyReLU": (("LeakyReLU", *ACTS), ("",)),
        "activation.GELU": (("GELU", "ReLU", "SiLU", "Hardswish"), ("", *inner[1::2])),
        "activation.ReLU": (("ReLU", "SiLU", "GELU", "Hardswish"), ("", *inner[::2], "layer")),
    }


@pytest.mark.parametrize(
    ("relu", "gelu", "leaky"),
    [
        ("SiLU", "GELU", "LeakyReLU"),
        ("ReLU", "Hardswish", "SiLU"),
        ("GELU", "ReLU", "ReLU"),  # swapped with each other
        ("Hardswish", "ReLU", "GELU"),
    ],
)
def test_a_variant_computes_the_chosen_activations(space, relu, gelu, leaky):
    answers = {"activation.ReLU": relu, "activation.GELU": gelu, "activation.LeakyReLU": leaky}
    architecture = space.from_answers(dict(space.given.answers) | answers)
    x = torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    for net in (module := space.network(architecture, (5,), 3), copy.deepcopy(module)):
        net.eval()
        given = ACTS.get(leaky, LEAKY)
        torch.testing.assert_close(net(x), compute(net, x, ACTS[relu], ACTS[gelu], given))
        net.train()(x).sum().backward()
        assert all(each.grad.isfinite().all() for each in net.parameters())


def test_changes_in_place_stay_in_place(space):
    """Results that are not used otherwise would get lost."""
    answers = dict(space.given.answers) | {"activation.LeakyReLU": "GELU"}
    net = space.network(space.from_answers(answers), (5,), 3).eval()
    x = torch.randn(7, 5)
    torch.testing.assert_close(net(x), compute(net, x, F.relu, F.gelu, F.gelu))


def test_blocks_that_are_added_have_the_activation_too(space):
    answers = dict(space.given.answers) | {"depth.body": 3, "activation.ReLU": "SiLU"}
    architecture = space.from_answers(answers)
    net = space.network(architecture, (5,), 3).eval()
    x = torch.randn(7, 5)
    torch.testing.assert_close(net(x), compute(net, x, F.silu, F.gelu, LEAKY))
    assert len(net.body) == 3


def test_the_given_network_is_not_touched(space):
    net = space.network(space.given, (5,), 3)
    assert {type(part) for part in net.modules()} <= {
        Functions,
        Inner,
        nn.Sequential,
        nn.Linear,
        nn.GELU,
        nn.ReLU,
    }
    answers = dict(space.given.answers) | {"activation.ReLU": "SiLU"}
    assert str(space.network(space.from_answers(answers), (5,), 3)) == str(net).replace("ReLU", "SiLU")


class Blocks(nn.Module):
    """A layer of torch keeps one function, and the forward around it calls another."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, 0.0, activation="gelu", batch_first=True)
        self.first, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(F.relu(self.layer(self.first(x[:, None]))[:, 0]))


def test_functions_that_layers_keep_are_not_changed_twice():
    space = around(Blocks, (4,))
    found = {one.name: one.places for one in space.build.plan.varied if one.kind == "activation"}
    assert found == {"activation.GELU": ("layer",), "activation.ReLU": ("",)}
    answers = dict(space.given.answers) | {"activation.GELU": "ReLU", "activation.ReLU": "GELU"}
    net = space.network(space.from_answers(answers), (4,), 3).eval()
    x = torch.randn(7, 4)
    inner = copy.deepcopy(net.layer)
    inner.activation = F.relu
    torch.testing.assert_close(net(x), net.head(F.gelu(inner(net.first(x)[:, None])[:, 0])))
