"""Spaces that a function defines by the choices that it asks for."""

import itertools
import json
import pickle
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from egraph import Architecture, Unbuildable, spaces
from egraph.errors import (
    ArchitectureError,
    FailedError,
    PluginWarning,
    SpaceExhaustedError,
    UnknownNameError,
    UsageError,
)
from egraph.evaluation import Training
from egraph.spaces import from_builder

from . import nets

HERE = Path(__file__).parent
KINDS = {
    "mine": (nets.build, (1, 8, 8), 10),
    "joined": (nets.joined, (5,), 3),
    "recursive": (nets.recursive, (5,), 3),
}


@pytest.fixture(params=KINDS)
def space(request):
    build, shape, classes = KINDS[request.param]
    return from_builder(build, shape, classes, name=request.param)


def draw(space, count, seed=0):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


def weights(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def function_of(module, x):
    """Outputs on random inputs where all weights are the same numbers, however they were drawn."""
    module.eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.linspace(-0.3, 0.3, parameter.numel()).sin().reshape(parameter.shape))
        return module(x)


def test_the_answers_are_in_the_architecture(mine):
    architecture = draw(mine, 1)[0]
    answers = dict(architecture.answers)
    assert list(answers)[:2] == ["width", "depth"]
    assert len(answers) == 4 + answers["depth"]
    assert answers["activation"] in ("ReLU", "GELU")
    assert mine.settings(architecture) == {"learning_rate": answers["learning_rate"]}
    assert json.loads(mine.format(architecture)) == answers
    assert mine.from_answers(answers) == architecture


def test_the_module_of_the_answers_is_built():
    mine = from_builder(nets.build, (1, 8, 8))
    text = '{"width":8,"depth":2,"layer0":"conv5","layer1":"skip","activation":"GELU","learning_rate":0.1}'
    module = mine.network(mine.parse(text), (1, 8, 8), 10)
    assert module[0].out_channels == 8
    assert module[1][0].kernel_size == (5, 5)
    assert isinstance(module[2], nn.Identity)
    assert isinstance(module[3], nn.GELU)


def test_equal_seeds_give_equal_weights_and_leave_the_generators_alone(space):
    architecture = draw(space, 1)[0]
    shape, classes = space.input_shape, space.num_classes
    random.seed(3), torch.manual_seed(3)
    before = random.getstate(), torch.get_rng_state()
    first, again, other = (space.network(architecture, shape, classes, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))
    assert (random.getstate(), torch.equal(torch.get_rng_state(), before[1])) == (before[0], True)


def test_networks_map_inputs_to_classes(space):
    for architecture in draw(space, 20):
        module = space.network(architecture, space.input_shape, space.num_classes)
        assert module(torch.zeros(2, *space.input_shape)).shape == (2, space.num_classes)


def test_keys_agree_with_what_the_networks_compute(space):
    """Same key and same settings: the same function of the weights. Another key: another function."""
    x = torch.randn(3, *space.input_shape, generator=torch.Generator().manual_seed(0))
    known = {}
    for architecture in draw(space, 60):
        module = space.network(architecture, space.input_shape, space.num_classes)
        settings = json.dumps(space.settings(architecture))
        known.setdefault(space.key(architecture), []).append((settings, function_of(module, x)))
    assert len(known) > 5
    for same in known.values():
        for settings, outputs in same:
            assert settings == same[0][0]
            torch.testing.assert_close(outputs, same[0][1])
    firsts = [same[0] for same in known.values()]
    for number, (settings, outputs) in enumerate(firsts):
        for other, others in firsts[:number]:
            assert other != settings or not torch.allclose(outputs, others)


def test_two_ways_of_answering_that_give_one_network_have_one_key(mine):
    base = {"width": 4, "depth": 2, "activation": "ReLU", "learning_rate": 0.1}
    a, b, c = (
        mine.from_answers(base | {"layer0": first, "layer1": second})
        for first, second in (("conv3", "skip"), ("skip", "conv3"), ("conv3", "conv3"))
    )
    assert mine.key(a) == mine.key(b) != mine.key(c)
    assert a != b
    assert mine.key(a) != mine.key(mine.from_answers(dict(a.answers) | {"activation": "GELU"}))
    assert mine.key(a) != mine.key(mine.from_answers(dict(a.answers) | {"learning_rate": 0.01}))


def test_a_mutation_changes_one_answer_and_forgets_what_is_not_asked(mine):
    rng = np.random.default_rng(1)
    for parent in draw(mine, 30):
        child = dict(mine.mutate(parent, rng).answers)
        own = dict(parent.answers)
        changed = [name for name in own if name in child and own[name] != child[name]]
        assert len(changed) == 1
        assert len(child) == 4 + child["depth"]


def test_children_have_the_answers_of_their_parents(mine):
    rng = np.random.default_rng(1)
    parents = draw(mine, 20)
    for a, b in itertools.pairwise(parents):
        child = mine.crossover(a, b, rng)
        both = [dict(a.answers), dict(b.answers)]
        assert all(answer in [one[name] for one in both if name in one] for name, answer in child.answers)


def test_neighbours_are_all_networks_one_answer_away(mine):
    architecture = mine.from_answers(
        {"width": 4, "depth": 1, "layer0": "skip", "activation": "ReLU", "learning_rate": 0.1}
    )
    found = [dict(one.answers) for one in mine.neighbors(architecture)]
    # Depth 2 and 3 take the first option of the new layers, conv3.
    assert [one["width"] for one in found[:1]] == [8]
    assert [one["depth"] for one in found[1:3]] == [2, 3]
    assert found[2]["layer1"] == found[2]["layer2"] == "conv3"
    # layer0=conv3 is the network of depth 2 whose first layer is skipped.
    assert [one["layer0"] for one in found[3:4]] == ["conv5"]
    assert len(found) == 1 + 2 + 1 + 1 + 1


def test_episodes_answer_one_question_after_another(space):
    episodes = space.episodes()
    for architecture in draw(space, 10):
        actions = episodes.trace(architecture)
        assert episodes.build(actions) == architecture
        assert episodes.picks(actions) == []
        for number, (chosen,) in enumerate(actions):
            [pick] = episodes.picks(actions[:number])
            assert chosen in pick.outputs
        assert episodes.observe(actions).sum() == len(set(actions))
    with pytest.raises(ArchitectureError, match=r"the choice '.*' has no answer yet"):
        episodes.build(actions[:-1])


def test_rebuilt_in_another_process(space, tmp_path):
    """The same graph, the same key and, with the same seed, the same weights."""
    architectures = draw(space, 20, seed=5)
    shape, classes = space.input_shape, space.num_classes
    told = [
        [one.to_json(), space.key(one), weights(space.network(one, shape, classes, seed=3)).sum().item()]
        for one in architectures
    ]
    (tmp_path / "told.json").write_text(json.dumps(told))
    (tmp_path / "space.pickle").write_bytes(pickle.dumps(space))
    script = f"""
import json, pickle, sys
sys.path.insert(0, {str(HERE.parent.parent)!r})
import torch
from egraph import Architecture
space = pickle.load(open("space.pickle", "rb"))
for text, key, total in json.load(open("told.json")):
    architecture = Architecture.from_json(text)
    module = space.network(architecture, {shape!r}, {classes}, seed=3)
    assert space.key(architecture) == key and architecture.to_json() == text
    assert abs(sum(p.double().sum() for p in module.parameters()).item() - total) < 1e-3
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)


def fail(choose):
    raise KeyError("width")


def fail_sometimes(choose):
    if choose("width", 1, 2, 3, 4) == 2:
        raise ValueError("no such width")
    return nn.Linear(5, 3)


def refuse(choose):
    choose("width", 1, 2)
    raise Unbuildable("too deep")


def no_module(choose):
    choose("width", 1, 2)


def no_options(choose):
    return nn.Linear(5, choose("width"))


def no_modules(choose):
    return choose.module("layer")


def a_range(choose):
    return nn.Linear(5, choose("width", range(1, 4)))


def alike(choose):
    return nn.Linear(5, choose("width", 1, "1"))


def asks_twice(choose):
    choose("width", 1, 2)
    return nn.Linear(5, choose("width", 1, 3))


def endless(choose, part=0):
    choose(f"part{part}", 1, 2)
    return endless(choose, part + 1)


def keeps_state(choose):
    choose("width", 1, 2)
    return nets.kept


def counts(choose):
    choose(f"width{next(nets.counter)}", 1, 2)
    return nn.Linear(5, 3)


def draws(choose):
    choose("width", 1, 2)
    return nn.Sequential(*(nn.Linear(5, 5) for _ in range(next(nets.counter) % 7 + 1)), nn.Linear(5, 3))


def draws_from_a_generator(choose):
    """The same at each call with one seed, but a training gives each network its own."""
    choose("width", 1, 2)
    return nn.Sequential(*(nn.Linear(5, 5) for _ in range(torch.randint(1, 99, ()))), nn.Linear(5, 3))


def asks_nothing(choose):
    return nn.Linear(5, 3)


def many_sets(choose):
    choose.inputs("inputs", 20)


def no_name(choose):
    choose(3, 1, 2)


def on_a_device(choose):
    choose("width", 1, 2)
    return nn.Linear(5, 3, device="meta")


def wrong_shapes(choose):
    choose("width", 1, 2)
    return nn.Linear(4, 3)


@pytest.mark.parametrize(
    ("build", "error", "reason"),
    [
        (fail, UsageError, r"the builder .*:fail.* failed with the answers \{\}: KeyError: 'width'"),
        (refuse, SpaceExhaustedError, "refused 100 random networks; the last: too deep"),
        (no_module, UsageError, "must return a torch.nn.Module, got NoneType; does it end with return"),
        (no_options, UsageError, "the choice 'width' has no options"),
        (no_modules, UsageError, "the choice 'layer' has no options"),
        (
            a_range,
            UsageError,
            r"the choice 'width' has one option, range\(1, 4\); write choose\('width', \*opt",
        ),
        (alike, UsageError, "two options of the choice 'width' have one name; give each a name: width="),
        (
            asks_twice,
            UsageError,
            r"'width' is asked for twice with other options: first \[1, 2\], then \[1, 3\]",
        ),
        (
            endless,
            SpaceExhaustedError,
            "refused 100 random networks; the last: (more than 2,000|the recursion)",
        ),
        (keeps_state, UsageError, "keeps state: two calls share weights; make every layer inside of it"),
        (counts, UsageError, r"the builder .*:counts.* asks for 'width\d+', which is not among the answers"),
        (draws, UsageError, r"is not deterministic: the answers .* gave another network the second time"),
        (
            draws_from_a_generator,
            UsageError,
            r"the answers .* gave another network the second time; let it de",
        ),
        (asks_nothing, UsageError, "asks for nothing, so there is nothing to search; ask where there is a"),
        (many_sets, UsageError, "the choice 'inputs' has 1,048,575 sets of inputs, and at most 4,096 can be"),
        (no_name, UsageError, "a choice needs a name, a text, got 3"),
        (on_a_device, UsageError, "puts weights on meta; build on the CPU"),
        (wrong_shapes, UsageError, r"failed with the answers .*RuntimeError.*raise egraph.Unbuildable"),
        (3, UsageError, "a builder is a function of choose, got 3"),
    ],
)
def test_a_wrong_builder_is_refused_in_one_line(monkeypatch, build, error, reason):
    monkeypatch.setattr("egraph.spaces.builder._TRIES", 100)
    with pytest.raises(error, match=reason) as caught:
        from_builder(build, (5,), 3)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 900


class Waves(nn.Module):
    """Random features: numbers that are drawn and never trained."""

    def __init__(self, width):
        super().__init__()
        self.register_buffer("frequencies", torch.randn(5, width))
        self.phase, self.last = float(torch.rand(())), nn.Linear(width, 3)

    def forward(self, x):
        return self.last(torch.sin(x @ self.frequencies + self.phase))


def test_numbers_may_be_drawn():
    space = from_builder(lambda choose: Waves(choose("width", 4, 8)), (5,), 3, name="waves")
    architecture = space.from_answers({"width": 4})
    one, same, other = (space.network(architecture, (5,), 3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.frequencies, same.frequencies)
    assert not torch.equal(one.frequencies, other.frequencies)


def test_networks_that_fail_are_left_out_with_a_warning():
    space = from_builder(fail_sometimes, (5,), 3)
    with pytest.warns(PluginWarning, match=r'\{"width": 2\}: ValueError: no such width; .* are left out'):
        found = draw(space, 30)
    assert {dict(one.answers)["width"] for one in found} == {1, 3, 4}


GOOD = {"width": 4, "depth": 1, "layer0": "skip", "activation": "ReLU", "learning_rate": 0.1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"width": 5}, "the choice 'width' has no option 5; it has 4, 8"),
        (
            {"layer0": "conv7"},
            "the choice 'layer0' has no option 'conv7'; it has conv3, conv5, skip. Did you mean 'conv",
        ),
        ({"depth": 2}, "asks for 'layer1', which is not among the answers .*of another version"),
        ({"colour": 1}, "does not ask for 'colour' with the answers .*of another version"),
        ({"width": True}, "the choice 'width' has no option True"),
    ],
)
def test_answers_of_another_version_are_refused_by_the_name_of_the_choice(mine, change, reason):
    with pytest.raises(ArchitectureError, match=reason):
        mine.from_answers(GOOD | change)
    with pytest.raises(ArchitectureError, match=reason):
        mine.parse(json.dumps(GOOD | change))


def test_a_graph_that_the_builder_does_not_make_is_refused(mine):
    made = mine.from_answers(GOOD)
    with pytest.raises(ArchitectureError, match=r"makes another graph from the answers .*another version"):
        mine.validate(Architecture(made.ops[:-2] + made.ops[-1:], [(0, 1), (1, 2), (2, 3)], answers=GOOD))
    with pytest.raises(ArchitectureError, match=r"an architecture of mine has answers, got a graph without"):
        mine.validate(Architecture(made.ops, made.edges))
    assert mine.parse(made.to_json()) == made


def test_the_data_must_be_of_the_shape_of_the_space(mine):
    made = mine.from_answers(GOOD)
    with pytest.raises(UsageError, match=r"is for inputs of shape \(1, 8, 8\), not \(3, 8, 8\)"):
        mine.network(made, (3, 8, 8), 10)
    with pytest.raises(UsageError, match=r"give outputs of shape \(10,\), but there are 7 classes"):
        mine.network(made, (1, 8, 8), 7)


def test_a_builder_may_take_the_shape_of_the_data():
    space = from_builder(nets.joined, (7,), 4)
    assert space.network(draw(space, 1)[0], (7,), 4)(torch.zeros(2, 7)).shape == (2, 4)


def test_spaces_are_found_by_the_names_that_people_give(monkeypatch, tmp_path):
    monkeypatch.chdir(HERE.parent.parent)
    space = spaces.find("tests.spaces.nets:build@1x8x8,10")
    assert space.name == "tests.spaces.nets:build@1x8x8,10"
    assert space.key(draw(space, 1)[0]) == space.key(draw(from_builder(nets.build, (1, 8, 8)), 1)[0])
    assert spaces.find("tests.spaces.nets:build", (1, 8, 8), 10) == space
    assert spaces.find("nasbench201") is spaces.get("nasbench201")
    assert spaces.find(space) is space
    with pytest.raises(UsageError, match=r"not known here; add them: tests.spaces.nets:build@3x32x32,10"):
        spaces.find("tests.spaces.nets:build")
    with pytest.raises(UsageError, match=r"nets:counter is neither a search space nor a builder"):
        spaces.find("tests.spaces.nets:counter@1x8x8,10")
    with pytest.raises(UsageError, match="no module 'nowhere' in the current folder"):
        spaces.find("nowhere:build@1x8x8,10")
    with pytest.raises(UsageError, match=r"module 'tests.spaces.nets' has no function 'nothing'"):
        spaces.find("tests.spaces.nets:nothing")
    (tmp_path / "broken_nets.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FailedError, match="cannot import broken_nets: ZeroDivisionError"):
        spaces.find("broken_nets:build")
    with pytest.raises(UnknownNameError, match="unknown search space 'nets:build'"):
        spaces.get("nets:build")


def test_networks_of_a_builder_are_trained_by_their_settings(mine):
    trained = Training(mine, "digits", device="cpu")
    slow = trained.evaluate(mine.from_answers(GOOD | {"layer0": "conv3", "learning_rate": 0.01}))
    fast = trained.evaluate(mine.from_answers(GOOD | {"layer0": "conv3"}))
    assert slow.score != fast.score
    assert 0.1 < slow.score <= 1


def test_a_space_that_was_named_is_known_in_this_process(monkeypatch):
    monkeypatch.chdir(HERE.parent.parent)
    monkeypatch.setattr(spaces._registry.registry, "_things", dict(spaces._registry.registry._things))
    name = "tests.spaces.nets:joined@5,3"
    with pytest.raises(UnknownNameError, match="unknown search space"):
        spaces.get(name)
    assert spaces.find(name) is spaces.get(name) is spaces.find(name)
