"""Fast recording, and whether two modules compute the same."""

import pytest
import torch
from torch import nn

from egraph import from_torch
from egraph.tracing import draw
from egraph.tracing.identity import identify
from egraph.tracing.recording import NotRecorded, record

IMAGE = torch.zeros(2, 3, 8, 8)
SERIES = torch.zeros(2, 6, 8)


def block(width):
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True))


class Chunked(nn.Module):
    """Splits, writes into a slice, joins, and adds in place."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.head = nn.Conv2d(3, 4, 1), nn.Conv2d(2, 2, 3, padding=1), nn.Linear(4, 5)

    def forward(self, x):
        left, right = self.a(x).chunk(2, dim=1)
        y = torch.cat([self.b(left), right], dim=1)
        y[:, :2] = torch.relu(y[:, :2])
        y += self.a(x)
        return self.head(y.mean((2, 3)))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTM(8, 4, batch_first=True), nn.Linear(4, 5)

    def forward(self, x):
        return self.head(self.cell(x)[0][:, -1])


MODULES = {
    "chain": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), block(8), block(8), nn.Flatten(), nn.Linear(288, 5)),
        IMAGE,
    ),
    "chunks": (Chunked, IMAGE),
    "attention": (Attention, SERIES),
    "recurrent": (Recurrent, SERIES),
    "pools": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 1),
            nn.MaxPool2d(2),
            nn.AvgPool2d(2),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 5),
        ),
        IMAGE,
    ),
}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("fold", [False, True])
def test_the_fast_way_draws_what_from_torch_draws(name, fold):
    make, example = MODULES[name]
    module = make()
    drawn = draw(module, (example,), fold=fold)
    assert drawn.architecture == from_torch(module, example, fold=fold)
    assert drawn.outputs == (2, 5)


def test_recording_changes_nothing():
    module = MODULES["chain"][0]()
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    torch.manual_seed(0)
    before = torch.get_rng_state()
    record(module, (IMAGE,))
    assert module.training
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(state[name], tensor) for name, tensor in module.state_dict().items())


class Asks(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x


class Holds(nn.Module):
    def __init__(self):
        super().__init__()
        self.held = [torch.ones(8)]

    def forward(self, x):
        return x * self.held[0]


@pytest.mark.parametrize(
    ("module", "reason"),
    [(Asks(), "item"), (Recurrent(), "a recurrent layer"), (Holds(), "neither a parameter nor a buffer")],
)
def test_what_needs_the_slow_way_is_told(module, reason):
    with pytest.raises(NotRecorded, match=reason):
        record(module, (SERIES,))


class Two(nn.Module):
    """Two layers, and several ways to compute with them."""

    def __init__(self, way, **options):
        super().__init__()
        self.way, self.options = way, options
        self.a, self.b, self.c = nn.Linear(8, 4), nn.Linear(8, 4, bias=False), nn.Linear(8, 4)
        self.scale = nn.Parameter(torch.full((4,), options.get("scale", 1.0)))
        self.register_buffer("offset", torch.arange(4.0) + options.get("offset", 0))

    def forward(self, x):
        a, b, c = self.a(x), self.b(x), self.c(x)
        p = self.options.get("p", 0.5)
        return {
            "a+b": lambda: a + b,
            "b+a": lambda: b + a,
            "sum of b, a": lambda: sum([b, a]),
            "a+(b+c)": lambda: a + (b + c),
            "(c+a)+b": lambda: c + a + b,
            "a+(b+c)+c": lambda: (d := b + c) + a + d,
            "a+2b": lambda: torch.add(a, b, alpha=2),
            "b+2a": lambda: torch.add(b, a, alpha=2),
            "a*1/1-0": lambda: a * 1 / 1 - 0,
            "a*2": lambda: a * 2,
            "a//1": lambda: torch.div(a, 1, rounding_mode="floor"),
            "a+a": lambda: a + self.a(x),
            "a+c": lambda: a + c,
            "a-b": lambda: a - b,
            "b-a": lambda: b - a,
            "ab": lambda: torch.cat([a, b], -1),
            "ba": lambda: torch.cat([b, a], -1),
            "relu": lambda: torch.relu(a),
            "relu_": lambda: torch.relu_(a),
            "gelu": lambda: nn.functional.gelu(a),
            "drop": lambda: nn.functional.dropout(a, p, self.training),
            "a": lambda: a,
            "a copied": lambda: a.clone().view(a.shape).contiguous(),
            "a, and b for nothing": lambda: (b.relu(), a)[1],
            "scaled": lambda: a * self.scale,
            "moved": lambda: a + self.offset,
        }[self.way]()


def identity(way, **options):
    return identify(record(Two(way, **options), (SERIES,)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a+b", {}), ("b+a", {})),
        (("a+b", {}), ("sum of b, a", {})),
        (("a+(b+c)", {}), ("(c+a)+b", {})),
        (("a", {}), ("a*1/1-0", {})),
        (("relu", {}), ("relu_", {})),
        (("a", {}), ("a copied", {})),
        (("a", {}), ("a, and b for nothing", {})),
        (("a", {}), ("drop", {"p": 0})),
        (("scaled", {}), ("scaled", {})),
    ],
)
def test_equal_computations_have_one_identity(one, other):
    assert identity(one[0], **one[1]) == identity(other[0], **other[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a+b", {}), ("a+c", {})),
        (("a+c", {}), ("a+a", {})),
        (("a-b", {}), ("b-a", {})),
        (("a+(b+c)", {}), ("a+(b+c)+c", {})),
        (("a+2b", {}), ("b+2a", {})),
        (("a+2b", {}), ("a+b", {})),
        (("a", {}), ("a*2", {})),
        (("a", {}), ("a//1", {})),
        (("ab", {}), ("ba", {})),
        (("relu", {}), ("gelu", {})),
        (("drop", {"p": 0.5}), ("drop", {"p": 0.2})),
        (("a", {}), ("drop", {})),
        (("scaled", {}), ("scaled", {"scale": 0.1})),
        (("moved", {}), ("moved", {"offset": 1})),
    ],
)
def test_other_computations_have_another(one, other):
    assert identity(one[0], **one[1]) != identity(other[0], **other[1])


def test_identities_are_the_same_in_every_process():
    """Journals hold them."""
    assert identity("a+b") == "ce3ffc5c1fa8486707199cc404d9bd3d"
