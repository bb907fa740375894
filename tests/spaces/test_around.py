"""Spaces of the variants of a given network."""

import functools
import pickle
import re
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from egraph import spaces
from egraph.datasets import generate_mnist1d
from egraph.errors import ArchitectureError, UsageError
from egraph.evaluation import Costs, Recipe, Training
from egraph.spaces import Limited, around

from . import given_nets


@functools.cache
def make(name):
    """A network that was trained a little, and the space of its variants."""
    build, shape = given_nets.MADE[name]
    torch.manual_seed(1)
    module = build()
    for _ in range(2):  # so that norms have statistics
        module(torch.randn(8, *shape))
    return module.eval(), around(module, torch.zeros(1, *shape))


@pytest.fixture(params=given_nets.MADE)
def made(request):
    return make(request.param)


def outputs(module, shape, seed=0):
    with torch.no_grad():
        return module.eval()(torch.randn(3, *shape, generator=torch.Generator().manual_seed(seed)))


def load(space, architecture, seed=0):
    module = space.network(architecture, space.input_shape, space.num_classes, seed=seed)
    inherited = space.inherited(architecture, seed=seed)
    module.load_state_dict(inherited.weights)
    return module, inherited.shares


CHOICES = {
    "resnet": {
        "depth.layer1": (2, 1, 3, 4),
        "width.stem.0": (4, 2, 3, 6, 8),
        "expansion.layer1.0.conv1": (4, 2, 3, 6, 8),
        "width.layer2.0.conv2": (8, 4, 6, 12, 16),
        "kernel.layer2.0.conv1": (3, 1, 5),
        "activation": ("ReLU", "SiLU", "GELU", "Hardswish"),
    },
    "vgg": {
        "depth.2": (1, 0, 2),
        "width.0": (4, 2, 3, 6, 8),
        "activation.GELU": ("GELU", "ReLU", "SiLU", "Hardswish"),
    },
    "mobile": {
        "depth.1": (2, 1, 3, 4),
        "expansion.1.body.0": (8, 4, 6, 12, 16),
        "kernel.1.body.3": (3, 1, 5),
        "activation.ReLU6": ("ReLU6", "ReLU", "SiLU", "GELU", "Hardswish"),
    },
    "encoder": {
        "depth.layers": (2, 1, 3, 4),
        "width.embed": (8, 4, 6, 12, 16),
        "expansion.layers.0.linear1": (16, 8, 24, 32),
        "activation": ("ReLU", "SiLU", "GELU", "Hardswish"),
    },
    "signal": {"width.0": (6, 4, 8, 12), "kernel.0": (5, 3, 7), "depth.3": (1, 0, 2)},
}


@pytest.mark.parametrize("name", CHOICES)
def test_what_varies_is_read_from_the_network(name):
    space = make(name)[1]
    found = {one.name: one.options for one in space.build.plan.varied}
    assert {key: found[key] for key in CHOICES[name]} == CHOICES[name]


def test_widths_that_must_agree_are_one_choice():
    names = {one.name for one in make("mobile")[1].build.plan.varied}
    # The stream of both blocks, the two results that are joined to it, and the gate with its groups.
    assert {each for each in names if each.startswith("width")} == {
        "width.0", "width.3.first", "width.3.second", "width.3.join", "width.3.grouped",
    }  # fmt: skip


def test_the_given_network_is_as_given(made):
    module, space = made
    built, shares = load(space, space.given)
    assert set(shares.values()) == {"all"}
    assert torch.equal(outputs(built, space.input_shape), outputs(module, space.input_shape))
    assert str(built) == str(module)
    count = sum(parameter.numel() for parameter in module.parameters())
    fresh = space.network(space.given, space.input_shape, 10)
    assert sum(parameter.numel() for parameter in fresh.parameters()) == count
    assert not torch.equal(outputs(fresh, space.input_shape), outputs(module, space.input_shape))


def test_the_given_module_is_not_changed():
    module = given_nets.ResNet()
    module.layer1.eval()
    calls = []
    module.fc.register_forward_hook(lambda *_: calls.append(1))
    module.fc.weight.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    generator = torch.get_rng_state()
    space = around(module, torch.zeros(1, 1, 8, 8))
    space.network(space.mutate(space.given, np.random.default_rng(0)), (1, 8, 8), 10)
    assert torch.equal(torch.get_rng_state(), generator)
    assert (module.training, module.layer1.training, module.layer1[0].training) == (True, False, False)
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert not any(path and hasattr(part, "_egraph_given_path") for path, part in module.named_modules())
    calls.clear()
    module(torch.zeros(1, 1, 8, 8))
    assert calls == [1]
    assert not space.network(space.given, (1, 8, 8), 10).fc.weight.requires_grad


def test_each_variant_runs_and_learns(made):
    space = made[1]
    rng = np.random.default_rng(0)
    for _ in range(4):
        architecture = space.sample(rng)
        module = space.network(architecture, space.input_shape, 10)
        x = torch.randn(4, *space.input_shape)
        optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
        nn.functional.cross_entropy(module(x), torch.arange(4)).backward()
        optimizer.step()
        assert module(x).isfinite().all()
        loaded, _ = load(space, architecture)
        assert outputs(loaded, space.input_shape).isfinite().all()


def test_a_mutation_changes_one_answer(made):
    space = made[1]
    rng = np.random.default_rng(1)
    for _ in range(3):
        parent = space.sample(rng)
        child = dict(space.mutate(parent, rng).answers)
        own = dict(parent.answers)
        assert len([name for name in own if name in child and own[name] != child[name]]) == 1


def test_what_is_left_out_is_not_asked():
    space = make("resnet")[1]
    names = dict(space.from_answers(dict(space.given.answers)).answers).keys()
    gone = {"expansion.layer1.1.conv1", "kernel.layer1.1.conv1", "kernel.layer1.1.conv2"}
    asked = space.questions(lambda question: 1 if question.name == "depth.layer1" else question.options[0])
    assert names - {question.name for question, _ in asked} == gone


def test_two_ways_that_give_one_network_have_one_key():
    module = nn.Sequential(OrderedDict(a=nn.Sequential(), b=nn.Sequential(), head=nn.Linear(4, 3)))
    for part in (module.a, module.b):
        part.extend([nn.Linear(4, 4), nn.ReLU()])
    module.a.append(nn.Flatten())
    space = around(module, (4,))
    given = dict(space.given.answers)
    depths = [name for name in given if name.startswith("depth")]
    assert depths == ["depth.a", "depth.b"]
    ways = [
        space.from_answers(given | dict(zip(depths, pair, strict=True))) for pair in ((0, 2), (2, 0), (1, 1))
    ]
    assert len({space.key(way) for way in ways}) == 1
    assert len({way.answers for way in ways}) == 3


def test_another_process_gets_the_same_variants(made):
    space = made[1]
    copy = pickle.loads(pickle.dumps(space))
    architecture = space.sample(np.random.default_rng(3))
    assert (copy.name, copy.given, copy.key(architecture)) == (
        space.name,
        space.given,
        space.key(architecture),
    )
    modules = [each.network(architecture, space.input_shape, 10, seed=4) for each in (space, copy)]
    assert torch.equal(*(outputs(module, space.input_shape) for module in modules))


PRESERVED = {
    "resnet": (
        "depth.layer1=4",
        "width.stem.0=8",
        "expansion.layer1.0.conv1=6",
        "kernel.stem.0=5",
    ),
    "vgg": ("depth.2=2", "width.6=16", "width.9=24", "kernel.0=5"),
    "mobile": (
        "depth.1=3",
        "width.0=8",
        "width.3.first=6",
        "width.3.second=8",
        "width.3.join=12",
        "width.3.grouped=16",
        "expansion.2.body.0=12",
    ),
    "encoder": ("depth.layers=4", "expansion.layers.1.linear1=32"),
    "signal": ("kernel.0=7", "kernel.3=5"),
}


@pytest.mark.parametrize("name", PRESERVED)
def test_a_larger_network_that_can_begins_with_the_function_of_the_given_one(name):
    module, space = make(name)
    for change in PRESERVED[name]:
        choice, _, value = change.partition("=")
        architecture = space.from_answers(dict(space.given.answers) | {choice: int(value)})
        built, shares = load(space, architecture)
        same = torch.allclose(
            outputs(built, space.input_shape), outputs(module, space.input_shape), atol=1e-5
        )
        assert same, change
        assert set(shares) == set(built.state_dict())
        assert set(shares.values()) <= {"all", "part", "fresh"}
        assert len(set(shares.values())) > 1


def test_smaller_tensors_keep_the_first_channels_and_the_centre_of_kernels():
    module, space = make("resnet")
    given = dict(space.given.answers)
    built, shares = load(space, space.from_answers(given | {"width.stem.0": 2, "kernel.layer2.0.conv1": 1}))
    assert torch.equal(built.stem[0].weight, module.stem[0].weight[:2])
    old, new = (one.layer2[0].conv1.weight for one in (module, built))
    assert torch.equal(new, old[:, :2, 1:2, 1:2])
    assert (shares["stem.0.weight"], shares["fc.weight"]) == ("part", "all")


def test_heads_keep_channels_of_their_own():
    module, space = make("encoder")
    built, _ = load(space, space.from_answers(dict(space.given.answers) | {"width.embed": 12}))
    old, new = (one.layers[0].self_attn.in_proj_weight for one in (module, built))
    # Two heads of four channels become two of six, in each of queries, keys and values.
    places = torch.tensor([0, 1, 2, 3, 6, 7, 8, 9])
    rows = torch.cat([places + 12 * part for part in range(3)])
    assert torch.equal(new[rows][:, places], old)
    assert new[rows][:, [4, 5, 10, 11]].eq(0).all()
    assert built.layers[0].self_attn.head_dim == 6


def test_weights_of_a_file_are_inherited():
    module, space = make("signal")
    state = {name: tensor + 1 for name, tensor in module.state_dict().items()}
    inherited = space.inherited(space.given, state)
    assert all(torch.equal(inherited.weights[name], tensor) for name, tensor in state.items())
    with pytest.raises(
        UsageError, match=r"not those of the given network: seen must be of shape \(3,\), got nothing"
    ):
        space.inherited(space.given, {})
    other = make("vgg")[1].given
    with pytest.raises(ArchitectureError, match=r"which is not among the answers .* of another version"):
        space.inherited(other)


def test_networks_may_begin_with_inherited_weights():
    module = make("signal")[0]
    space = around(module, (1, 40), inherit=True)
    assert torch.equal(outputs(space.network(space.given, (1, 40), 10), (1, 40)), outputs(module, (1, 40)))
    assert Limited(space, {"size": lambda _: 1}, {"size": 2}).inherits
    assert re.search(r"@1x40,10,inherit-[0-9a-f]{8}$", space.name)
    assert around(given_nets.signal(), (1, 40), inherit=True).name != space.name
    assert pickle.loads(pickle.dumps(space)).inherits
    data = generate_mnist1d(train=400, validation=40, test=40)
    training = Training(space, data, Recipe(epochs=1), device="cpu")
    assert training.evaluate(space.given).source == "trained from inherited weights on mnist1d (cpu)"


def start_narrow(input_shape, num_classes):
    net = nn.Sequential(nn.Flatten(), nn.Linear(input_shape[0], 8), nn.ReLU(), nn.Linear(8, num_classes))
    nn.init.constant_(net[1].bias, 0.5)
    nn.init.uniform_(net[3].weight, 5, 6)
    return net


def test_a_function_keeps_its_own_initial_weights():
    space = around(start_narrow, (5,), 3)
    assert space.name == "around:tests.spaces.test_around:start_narrow@5,3"
    given = space.network(space.given, (5,), 3, seed=2)
    assert given[3].weight.min() >= 5
    wider = space.network(space.from_answers(dict(space.given.answers) | {"width.1": 16}), (5,), 3)
    assert wider[1].bias.eq(0.5).all()
    assert wider[3].weight.abs().max() < 1
    same = [space.network(space.given, (5,), 3, seed=seed)[1].weight for seed in (2, 2, 3)]
    assert torch.equal(same[0], same[1])
    assert not torch.equal(same[1], same[2])


def test_parameters_of_no_layer_are_drawn_like_the_given_ones():
    module, space = make("encoder")
    fresh = space.network(space.given, (1, 40), 10)
    assert not torch.equal(fresh.place, module.place)
    assert 0.5 < fresh.place.std() / module.place.std() < 2


class Tied(nn.Module):
    """Two layers share a weight, and one layer is used twice."""

    def __init__(self):
        super().__init__()
        self.first, self.again, self.head = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.again.weight = self.first.weight
        self.inner = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 6))

    def forward(self, x):
        return self.head(self.inner(self.inner(self.again(self.first(x)))))


def test_shared_weights_stay_shared():
    space = around(Tied(), (6,))
    # The shared layers have as many channels as the input; what is used twice has one width.
    assert [one.name for one in space.build.plan.varied] == ["width.inner.0", "activation"]
    wide = space.from_answers(dict(space.given.answers) | {"width.inner.0": 16})
    built, _ = load(space, wide)
    assert built.first.weight is built.again.weight
    assert built.inner[0].out_features == built.inner[2].in_features == 16


def test_wrappers_are_taken_off():
    module = given_nets.vgg()
    plain = around(module, (1, 8, 8))
    assert around(nn.DataParallel(module), (1, 8, 8)).given == plain.given
    assert around(torch.compile(module, backend="eager"), (torch.zeros(1, 1, 8, 8),)).given == plain.given


class Wrong(nn.Module):
    """Fails with a reason, or gives what no space can use."""

    def __init__(self, result=None):
        super().__init__()
        self.result = result
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        if self.result is None:
            raise ValueError("no such\nway")
        return self.result(self.layer(x))


class Stubborn(nn.Linear):
    def __deepcopy__(self, memo):
        raise RuntimeError("not to be copied")


@pytest.mark.parametrize(
    ("module", "example", "reason"),
    [
        (3, (4,), "around needs a torch.nn.Module or a function that makes one, got 3"),
        (lambda: 3, (4,), "must make a torch.nn.Module, got int"),
        (nn.Linear(4, 4), None, r"needs an example input, a tensor of decimal numbers .*, got None"),
        (nn.Linear(4, 4), torch.zeros(2, 4, dtype=torch.int64), "got one of torch.int64 and shape .2, 4."),
        (nn.Linear(4, 4), torch.zeros(4), r"got one of torch.float32 and shape \(4,\)"),
        (nn.Linear(4, 4), (5,), r"does not run on an input of shape \(2, 5\): RuntimeError"),
        (Wrong(), (4,), "does not run on an input of shape .2, 4.: ValueError: no such way"),
        (
            Wrong(lambda x: [x]),
            (4,),
            r"must give outputs of shape \(batch, classes\) or .*, got list; vary the",
        ),
        (Wrong(lambda x: x[:, 0]), (4,), r"of shape \(batch, classes\) or .*, got \(2,\)"),
        (
            nn.Linear(4, 4),
            (4,),
            "nothing in around:torch.nn.modules.linear:Linear can vary: it has no blocks",
        ),
        (nn.LazyLinear(4), (4,), "has layers that take their shape from the first input; run it once before"),
        (torch.jit.ScriptModule(), (4,), "is a torch.jit module, whose layers cannot vary"),
        (Stubborn(4, 4), (4,), "cannot be copied: not to be copied; give a function that makes it"),
    ],
)
def test_what_is_no_network_to_vary_is_refused_in_one_line(module, example, reason):
    with pytest.raises(UsageError, match=reason) as caught:
        around(module, example)
    assert "\n" not in str(caught.value)


class Strange(nn.Module):
    """Its forward depends on values, so that no widths are found."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4))

    def forward(self, x):
        return self.body(x) if float(x.sum()) >= 0 else x


def test_what_cannot_be_followed_does_not_vary():
    with pytest.raises(
        UsageError, match="the given network does not run: the computation of the network depends on values"
    ):
        around(Strange(), (4,))


def test_limits_may_be_relative_to_the_given_network():
    space = make("resnet")[1]
    costs = Costs(space, (1, 8, 8), 10)
    functions = {"params": costs.params, "flops": costs.flops, "latency": costs.latency}
    rng = np.random.default_rng(0)
    for name, share in (("params", "0.8x"), ("flops", "1.2x"), ("latency", "50x")):
        limited = Limited(space, {name: functions[name]}, {name: share})
        assert limited.name == f"{space.name}, {name} <= {share}"
        if name != "latency":
            assert limited.limits[name] == float(share[:-1]) * functions[name](space.given)
        assert functions[name](limited.sample(rng)) <= limited.limits[name]
        assert (limited.given in limited) == (share != "0.8x")


@pytest.mark.parametrize(
    ("limit", "cost", "reason"),
    [
        (
            "0.8x",
            1.0,
            "limit 0.8x of 'size' is relative to a given network, and the space 'convnet' is about none",
        ),
        ("much", 1.0, "the limit of 'size' must be a number, or one with an x such as 0.8x, got 'much'"),
        ("0x", 1.0, "or one with an x such as 0.8x, got '0x'"),
        ("2x", float("nan"), "the size of the given network cannot be measured; give the limit as a number"),
        ("2x", -1.0, "the limit of 'size' must be positive, got -2"),
    ],
)
def test_a_relative_limit_needs_a_given_network(limit, cost, reason):
    space = spaces.get("convnet") if "is about none" in reason else make("signal")[1]
    with pytest.raises(UsageError, match=reason):
        Limited(space, {"size": lambda _: cost}, {"size": limit})


def test_spaces_around_networks_are_found_by_name(monkeypatch):
    monkeypatch.setattr(spaces._registry.registry, "_things", dict(spaces._registry.registry._things))
    space = spaces.find("around:tests.spaces.given_nets:signal", (1, 40), 10)
    assert space.name == "around:tests.spaces.given_nets:signal@1x40,10"
    assert spaces.find(space.name) is spaces.get(space.name) is space
    monkeypatch.setattr(given_nets, "mine", around(given_nets.signal(), (1, 40)), raising=False)
    found = spaces.find("tests.spaces.given_nets:mine")
    assert found is given_nets.mine is spaces.get("tests.spaces.given_nets:mine@1x40,10")
    with pytest.raises(
        UsageError, match=r"given_nets:net is a network, not a search space; .* --space around:tests"
    ):
        spaces.find("tests.spaces.given_nets:net@1x8x8,10")
    with pytest.raises(
        UsageError, match=r"around:tests.spaces.given_nets:mine needs a network or a function"
    ):
        spaces.find("around:tests.spaces.given_nets:mine@1x40,10")
