"""The source of a network: it does the same, and a person can read it."""

import ast
import py_compile
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from egraph import spaces
from egraph.errors import UsageError
from egraph.export import to_source
from egraph.export._layers import write_layer

BUILDERS = [name for name in spaces.names() if spaces.get(name).builds_networks]
IMAGES = [(1, 8, 8), (3, 13, 13)]
SHAPES = dict.fromkeys(BUILDERS, IMAGES) | {"dense": [(7,), (30,)]}


def load(source):
    names = {"__name__": "network"}
    exec(compile(source.text, "network.py", "exec"), names)
    network = names["Network"]()
    network.load_state_dict(source.weights)  # strict: every weight has its place
    return network


def outputs(network, images, training):
    torch.manual_seed(1)  # of dropout
    return network.train(training)(images)


def assert_same(network, shape):
    """In both modes, bit by bit, and with the same statistics of batch normalisation afterwards."""
    source = to_source(network, shape)
    twin = load(source)
    images = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    for training in (True, False):
        assert torch.equal(outputs(network, images, training), outputs(twin, images, training))
    assert len(twin.state_dict()) == len(network.state_dict())
    return source.text


def draw(name, seed, shape):
    space = spaces.get(name)
    narrow = {"channels": 8} if "channels" in space.network_options else {}
    return space.network(space.sample(np.random.default_rng(seed)), shape, 10, seed=seed, **narrow)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", BUILDERS)
def test_networks_of_every_space_are_the_same_in_both_modes(name, seed):
    shape = SHAPES[name][seed]
    assert_same(draw(name, seed, shape), shape)


def test_networks_for_signals_are_the_same_in_both_modes():
    for seed in range(6):
        text = assert_same(draw("convnet", seed, (2, 21)), (2, 21))
        assert "Maps signals, ``(batch, 2, 21)``, to logits" in text
        assert "2d(" not in text


@pytest.mark.parametrize("name", BUILDERS)
def test_the_source_needs_pytorch_and_safetensors_only(name):
    text = to_source(draw(name, 3, SHAPES[name][0]), SHAPES[name][0]).text
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    allowed = {"__future__", "pathlib", "safetensors.torch", "torch", "torch.nn.functional"}
    assert imported <= allowed


def test_the_sources_pass_a_linter_and_compile(tmp_path):
    for name in BUILDERS:
        path = tmp_path / f"{name}.py"
        path.write_text(to_source(draw(name, 3, SHAPES[name][0]), SHAPES[name][0]).text)
        py_compile.compile(str(path), cfile=str(tmp_path / "x.pyc"), doraise=True)
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", str(tmp_path)]
    done = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Shortcut(nn.Module):
    """Reads its argument, whose name is x, after other results."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.same = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1), nn.Identity()

    def forward(self, x):
        return self.same(x) * self.second(torch.relu(self.first(x)))


def test_an_argument_is_not_overwritten_before_it_is_read_again():
    text = assert_same(nn.Sequential(Shortcut(), nn.Flatten(), nn.Linear(32, 3)), (2, 4, 4))
    assert "first = self.first(x)" in text
    assert "second = self.second(torch.relu(first))" in text
    assert "return x * second" in text


def test_the_names_of_the_original_are_known():
    network = nn.Sequential(
        nn.Conv2d(1, 2, 1), nn.Sequential(nn.BatchNorm2d(2), nn.Flatten()), nn.Linear(32, 3)
    )
    source = to_source(network, (1, 4, 4))
    state = network.state_dict()
    assert set(source.origins) == set(source.weights)
    assert set(source.origins.values()) == set(state)
    assert all(source.weights[name].equal(state[origin]) for name, origin in source.origins.items())


class Squeeze(nn.Module):
    """Halves the channels.

    More is not said of it.
    """

    def __init__(self, inputs):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(inputs, inputs // 2, 1, bias=False), nn.Identity()])

    def forward(self, maps):
        for layer in self.layers:
            maps = layer(maps)
        return maps


class Tiny(nn.Module):
    """Two paths."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.ReLU()),
                nn.Conv2d(2, 8, (3, 3), padding=(1, 1)),
            ]
        )
        self.squeezes = nn.Sequential(Squeeze(8), Squeeze(4))
        self.head = nn.Linear(2, 3)

    def forward(self, images):
        left, right = (layer(images) for layer in self.layers)
        if left.shape[2:] != (4, 4):
            left = functional.interpolate(left, (4, 4))
        maps = self.squeezes(left[:, :8] + 2 * right)
        return self.head(maps.mean((2, 3)))


EXPECTED = '''\
"""A network as plain PyTorch."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load as read_weights
from torch import Tensor, nn


class Squeeze(nn.Module):
    """Halves the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1x1 = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        return self.conv1x1(maps)


class Network(nn.Module):
    """Maps images, ``(batch, 2, 4, 4)``, to logits, ``(batch, 3)``."""

    def __init__(self) -> None:
        super().__init__()
        self.conv3x3_1 = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.ReLU())
        self.conv3x3_2 = nn.Conv2d(2, 8, 3, padding=1)
        self.squeezes = nn.Sequential(Squeeze(8, 4), Squeeze(4, 2))
        self.head = nn.Linear(2, 3)

    def forward(self, images: Tensor) -> Tensor:
        conv3x3_1 = self.conv3x3_1(images)
        conv3x3_2 = self.conv3x3_2(images)
        x = self.squeezes(conv3x3_1 + 2 * conv3x3_2)
        return self.head(x.mean((2, 3)))


def load(path: str | Path | None = None) -> Network:
    """The trained network in evaluation mode; its weights lie beside this file, or at ``path``."""
    network = Network()
    weights = Path(path or Path(__file__).with_suffix(".safetensors")).read_bytes()
    network.load_state_dict(read_weights(weights))
    return network.eval()
'''


def test_the_source_is_what_a_person_would_write():
    assert assert_same(Tiny(), (2, 4, 4)) == EXPECTED


def test_what_depends_on_the_shape_is_written_as_it_is_for_that_shape():
    network = Tiny()
    network.layers[1] = nn.Conv2d(2, 8, 3)
    text = assert_same(network, (2, 6, 6))
    assert "self.squeezes(F.interpolate(conv3x3_1, size=(4, 4)) + 2 * conv3x3_2)" in text


def test_equal_neighbours_are_made_in_a_loop():
    text = assert_same(nn.Sequential(Halving(), Halving(), nn.Flatten(), nn.Linear(128, 2)), (8, 4, 4))
    assert "self.halvings = nn.Sequential(*(Halving() for _ in range(2)))" in text
    assert "def forward(self, images: Tensor) -> Tensor:\n        x = self.halvings(images)" in text


class Halving(nn.Module):
    def forward(self, maps):
        return maps / 2


class Moody(nn.Module):
    """Something else in training."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, images):
        x = self.linear(images.flatten(1))
        return functional.dropout(x, 0.3) + 1 if self.training else x


def test_a_branch_for_training_is_kept():
    text = assert_same(Moody(), (1, 2, 2))
    assert text.count("if self.training:") == 1
    assert "x = F.dropout(x, p=0.3)\n            return x + 1\n        return self.linear" in text


class Shared(nn.Module):
    """One layer, called twice; what is computed twice has one line."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(2, 2, 1)

    def forward(self, images):
        first = self.mix(images)
        second = self.mix(torch.relu(first))
        return torch.cat([first + second, (first + second) * (images - 1)], 1).sum((2, 3))


def test_a_layer_that_is_called_twice_is_one_layer():
    text = assert_same(Shared(), (2, 3, 3))
    assert text.count("nn.Conv2d(") == 1
    assert text.count("mix_1 + mix_2") == 1
    assert "total * (images - 1)" in text


class Residual(nn.Module):
    """Reads its argument ``x`` after the results of layers, and calls one activation twice, in place."""

    def __init__(self):
        super().__init__()
        self.one, self.two = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(2))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        identity = x
        out = self.relu(self.one(x))
        out = self.two(out)
        out += identity
        return self.relu(out)


class As(nn.Module):
    """Has the name of a word of Python, in the plural too."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x):
        return torch.relu(self.inner(x)) + x


A = type("A", (As,), {})


class Helped(nn.Module):
    """Has a head for training whose result is not returned."""

    def __init__(self):
        super().__init__()
        self.body, self.auxiliary = nn.Linear(4, 4), nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))

    def forward(self, x):
        x = self.body(x)
        if self.training:
            self.auxiliary(x)
        return torch.relu(x)


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (nn.Sequential(Residual(), Residual(), nn.Flatten(), nn.Linear(256, 3)), (4, 8, 8)),
        (nn.Sequential(A(), A(), nn.Linear(4, 3)), (4,)),
        (nn.Sequential(As(), nn.Linear(4, 4), nn.Linear(4, 3)), (4,)),
        (Helped(), (4,)),
    ],
    ids=["residual", "A", "As", "helped"],
)
def test_networks_of_peoples_own_are_the_same_in_both_modes(network, shape):
    assert_same(network, shape)


def test_the_network_and_the_global_generator_are_left_alone():
    network = draw("convnet", 0, (1, 8, 8)).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.get_rng_state()
    weights = to_source(network, (1, 8, 8)).weights
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert sorted(float(one.sum()) for one in weights.values()) == sorted(
        float(one.sum()) for one in before.values()
    )


class Deciding(nn.Module):
    def forward(self, images):
        return images.sum((2, 3)) if images.sum() > 0 else images.mean((2, 3))


class Owning(nn.Module):
    """Reads a parameter, a buffer, or a tensor that is neither."""

    def __init__(self, registered=True):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(3, 1, 1), requires_grad=False) if registered else torch.ones(1)
        self.register_buffer("shift", torch.arange(2))

    def forward(self, images):
        maps = images * self.scale + self.shift
        return (maps + self.scale).sum((2, 3))


def test_tensors_that_a_forward_reads_are_written():
    text = assert_same(
        nn.Sequential(Owning(), nn.Linear(3, 3), nn.Unflatten(1, (3, 1, 1)), Owning(), nn.Linear(3, 4)),
        (3, 2, 2),
    )
    assert "self.scale = nn.Parameter(torch.zeros((3, 1, 1)), requires_grad=False)" in text
    assert "self.shift = nn.Buffer(torch.zeros((2,), dtype=torch.int64))" in text
    assert "images * self.scale + self.shift" in text


class Attending(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.place = nn.Parameter(torch.rand(6, 8))
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        x = x.transpose(1, 2) + self.place
        for layer in self.layers:
            x = layer(x)
        return x.mean(1)


def test_transformers_are_written():
    layers = [
        nn.TransformerEncoderLayer(8, 2, inner, 0.1, functional.gelu, batch_first=True) for inner in (4, 6)
    ]
    text = assert_same(Attending(layers), (8, 6))
    assert "activation=F.gelu" in text


class Splitting(nn.Module):
    def forward(self, images):
        return images.chunk(2, 2)


class InPlace(nn.Module):
    """The sum is of two rectified halves, but stands behind the rectification in the source, too."""

    def __init__(self):
        super().__init__()
        self.rectify = nn.ReLU(inplace=True)

    def forward(self, images):
        maps = images - 0.5
        total = maps + 1
        return (total + self.rectify(maps)).sum((2, 3))


class Foreign(nn.Module):
    def forward(self, images):
        return torch.special.expit(images).sum((2, 3))


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (Deciding(), "cannot write Deciding as code: .*; its forward may depend on shapes, not on values"),
        (Owning(False), "its forward reads a tensor that is neither a parameter nor a buffer; register it"),
        (Splitting(), "cannot write Splitting as code: it returns more than one tensor"),
        (InPlace(), "something else in training; layers may not work in place"),
        (Foreign(), "cannot write the function 'special_expit' as code; it belongs to neither torch nor"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_cannot_be_written_is_refused(network, expected):
    with pytest.raises(UsageError, match=expected):
        to_source(network, (1, 2, 2))


class Half(nn.Module):
    """Says "half" with a \\ in it."""

    def __init__(self, mode):
        super().__init__()
        self.x = nn.ModuleList([mode])

    def forward(self, forward):
        first, second = forward.chunk(2, 1)
        return self.x[0](first) + second.reshape(second.shape[0], 2, -1).mean(2)[:, :, None, None]


def test_awkward_names_are_no_trouble():
    """Modules have a method half already, the docstring quotes, and an argument is called like a method."""
    network = nn.Sequential(Half(nn.Conv2d(2, 2, 1)), nn.Flatten(), nn.LazyLinear(3))
    network(torch.rand(1, 4, 3, 3))
    text = assert_same(network, (4, 3, 3))
    assert "self.half_1 = Half()" in text
    assert text.count("Says 'half' with a") == 1


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Conv2d(3, 6, (1, 3), 2, groups=3), "nn.Conv2d(3, 6, (1, 3), stride=2, groups=3)"),
        (nn.Conv2d(3, 6, 3, padding="same", bias=False), 'nn.Conv2d(3, 6, 3, padding="same", bias=False)'),
        (nn.BatchNorm2d(4, eps=0.001), "nn.BatchNorm2d(4, eps=0.001)"),
        (nn.MaxPool2d(3), "nn.MaxPool2d(3)"),
        (nn.MaxPool2d((2, 3), 1, ceil_mode=True), "nn.MaxPool2d((2, 3), stride=1, ceil_mode=True)"),
        (nn.ZeroPad2d((0, 1, 0, 1)), "nn.ZeroPad2d((0, 1, 0, 1))"),
        (nn.ELU(), "nn.ELU()"),
        (nn.Dropout(0.1), "nn.Dropout(p=0.1)"),
        (nn.AdaptiveAvgPool2d((2, 1)), "nn.AdaptiveAvgPool2d((2, 1))"),
        (nn.LayerNorm(4), "nn.LayerNorm(4)"),
        (
            nn.TransformerEncoderLayer(4, 2, 8, 0.0, functional.gelu, batch_first=True, bias=False),
            "nn.TransformerEncoderLayer(4, 2, dim_feedforward=8, dropout=0.0, activation=F.gelu, "
            "batch_first=True, bias=False)",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_layers_are_written_without_their_defaults(layer, expected):
    text = "".join(str(one.value) if not isinstance(one, str) else one for one in write_layer(layer))
    assert text == expected
    assert repr(eval(text, {"nn": nn, "F": functional})) == repr(layer)


def test_a_layer_that_forgets_an_argument_is_refused():
    with pytest.raises(UsageError, match="cannot write TransformerDecoderLayer as code: it has no attribute"):
        write_layer(nn.TransformerDecoderLayer(4, 1))
