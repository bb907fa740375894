"""Relaxations of builders: every path of the supernet is a network of the space."""

import builders
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stripes import draw_stripes

from egraph.errors import ArchitectureError, SpaceExhaustedError, UsageError
from egraph.spaces import BuilderSpace, Derivation, from_builder
from egraph.supernets import Settings, Supernet, methods, search, search_recipe

CHAIN = from_builder(builders.chain, (1, 6, 6), 2, name="chain")
NESTED = from_builder(builders.nested, (5,), 3, name="nested")
TWICE = from_builder(builders.twice, (5,), 3, name="twice")
RELAXED = {space.name: space.relaxation() for space in (CHAIN, NESTED, TWICE)}


def one_hot(relaxation, chosen, rest=0.1):
    probabilities = {}
    for name, position in relaxation.positions.items():
        values = np.full(len(position.options), rest)
        values[chosen.get(name, 0)] = 1
        probabilities[name] = values
    return probabilities


def test_positions_are_all_choices_of_modules():
    chain = RELAXED["chain"].positions
    assert {name: each.options for name, each in chain.items()} == {
        f"layer{i}": ("skip", "conv3", "conv5") for i in range(3)
    }
    assert chain["layer0"].skips == (True, False, False)
    nested = RELAXED["nested"].positions
    # The inner choices cannot hold two more.
    assert nested["kind"].options == ("dense", "tanh", "two")
    assert nested["a.kind"].options == nested["b.kind"].options == ("dense", "tanh")
    assert len(nested) == 3
    assert set(RELAXED["twice"].positions) == {"same", "other"}


@pytest.mark.parametrize("name", list(RELAXED))
def test_a_path_of_the_supernet_is_the_network_of_its_architecture(name):
    relaxation = RELAXED[name]
    space = relaxation.space
    supernet = Supernet(relaxation, space.input_shape, space.num_classes, seed=1)
    inputs = torch.randn(4, *space.input_shape, generator=torch.Generator().manual_seed(0))
    rng = np.random.default_rng(0)
    fixed = {"width": 8, "depth": 3, "activation": "ReLU", "learning_rate": 0.1, "outer": "first"}
    uniform = one_hot(relaxation, {}, 1.0)
    for _ in range(8):
        drawn = relaxation.draw(uniform, rng)
        chosen = relaxation.chosen(drawn)
        answers = {k: fixed.get(k, v) for k, v in drawn.answers}
        answers |= {f"layer{i}": "skip" for i in range(3) if name == "chain" and f"layer{i}" not in answers}
        network = space.network(space.from_answers(answers), space.input_shape, space.num_classes)
        copy_weights(supernet.network, network, relaxation, chosen)
        supernet.use_one(chosen)
        with torch.no_grad():
            torch.testing.assert_close(supernet(inputs), network.train()(inputs))


def copy_weights(mixed, network, relaxation, chosen):
    """Gives the network the weights of the chosen operations of a supernet."""

    def find(module):
        children = list(module.children())
        if type(module).__name__ == "Mixed":
            option = module.operations[chosen.get(module.position.name, 0)]
            return find(option)
        return [module] if not children else [leaf for child in children for leaf in find(child)]

    ones = [leaf for leaf in find(mixed) if list(leaf.parameters())]
    others = [leaf for leaf in find(network) if list(leaf.parameters())]
    assert [type(leaf) for leaf in ones] == [type(leaf) for leaf in others]
    for one, other in zip(ones, others, strict=True):
        for name, value in one.named_parameters():
            dict(other.named_parameters())[name].data.copy_(value.data)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(list(RELAXED)), st.integers(0, 2**32 - 1))
def test_what_is_derived_and_drawn_belongs_to_the_space(name, seed):
    relaxation, rng = RELAXED[name], np.random.default_rng(seed)
    probabilities = {
        key: rng.dirichlet(np.full(len(each.options), 0.3)) for key, each in relaxation.positions.items()
    }
    for architecture in (relaxation.derive(probabilities), relaxation.draw(probabilities, rng)):
        assert architecture in relaxation.space


@pytest.mark.parametrize("name", list(RELAXED))
def test_the_most_probable_architecture_is_the_one_with_those_options(name):
    relaxation, rng = RELAXED[name], np.random.default_rng(0)
    for _ in range(5):
        chosen = relaxation.chosen(relaxation.draw(one_hot(relaxation, {}, 1.0), rng))
        derived = relaxation.chosen(relaxation.derive(one_hot(relaxation, chosen)))
        assert {**derived, **chosen} == derived


def test_other_questions_have_the_largest_or_the_given_answers():
    uniform = one_hot(RELAXED["chain"], {}, 1.0)
    answers = dict(RELAXED["chain"].derive(uniform).answers)
    expected = {"width": 8, "depth": 3, "activation": "ReLU", "learning_rate": 0.1}
    assert {**answers, **expected} == answers
    fixed = {"width": 4, "depth": 2, "activation": "GELU", "layer1": "conv5"}
    relaxation = CHAIN.relaxation(fixed=fixed)
    assert list(relaxation.positions) == ["layer0"]
    derived = relaxation.derive({"layer0": np.array([0.1, 0.2, 0.7])})
    assert dict(derived.answers) == {**fixed, "layer0": "conv5", "learning_rate": 0.1}
    rng = np.random.default_rng(0)
    drawn = [dict(relaxation.draw({"layer0": np.ones(3)}, rng).answers) for _ in range(20)]
    assert all({**each, **fixed} == each for each in drawn)
    assert {each["learning_rate"] for each in drawn} == {0.1, 0.2}
    free = [dict(RELAXED["chain"].draw(uniform, rng).answers) for _ in range(30)]
    assert {each["depth"] for each in free} == {1, 2, 3}


def test_a_combination_that_the_builder_refuses_gives_way_to_the_next_most_probable():
    relaxation = RELAXED["twice"]
    probabilities = {"same": np.array([0.2, 0.8]), "other": np.array([0.7, 0.3])}
    assert relaxation.chosen(relaxation.derive(probabilities)) == {"same": 1, "other": 1}
    rng = np.random.default_rng(0)
    drawn = [relaxation.chosen(relaxation.draw(probabilities, rng)) for _ in range(30)]
    assert {"same": 1, "other": 0} not in drawn
    with pytest.raises(SpaceExhaustedError, match="refused 1,000 draws by the probabilities"):
        relaxation.draw({"same": np.array([0.0, 1.0]), "other": np.array([1.0, 0.0])}, rng)


def test_a_builder_that_refuses_what_is_probable_is_told(monkeypatch):
    monkeypatch.setattr("egraph.spaces._builder_relaxation._TRIES", 50)
    relaxation = from_builder(builders.few, (5,), 3, name="few").relaxation()
    wanted = {name: np.array([0.4, 0.6]) for name in relaxation.positions}
    wanted["layer0"] = np.array([1.0, 0.0])
    with pytest.raises(SpaceExhaustedError, match="refused 50 of the most probable combinations"):
        relaxation.derive(wanted)


def test_a_limit_on_skip_connections_replaces_the_weakest():
    relaxation = RELAXED["chain"]
    probabilities = {
        "layer0": np.array([0.5, 0.3, 0.2]),
        "layer1": np.array([0.9, 0.0, 0.1]),
        "layer2": np.array([0.6, 0.1, 0.3]),
    }
    assert relaxation.chosen(relaxation.derive(probabilities)) == {"layer0": 0, "layer1": 0, "layer2": 0}
    derived = relaxation.derive(probabilities, Derivation(most_skips=1))
    assert relaxation.chosen(derived) == {"layer0": 1, "layer1": 0, "layer2": 2}


def test_a_supernet_of_a_builder_is_trained():
    found = search(
        RELAXED["chain"],
        methods["gdas"](),
        draw_stripes(64),
        2,
        Settings(search_recipe(epochs=2, batch_size=16)),
    )
    assert found.architecture in CHAIN


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: from_builder(builders.widths, (5,), 4, name="w").relaxation(),
            ArchitectureError,
            r"'hidden' give results of different shapes, \(4,\) from 'small' and \(8,\) from 'large'",
        ),
        (
            lambda: from_builder(builders.plain, (5,), 3, name="p").relaxation(),
            UsageError,
            r"asks for no choose.module\(...\) outside of fixed answers",
        ),
        (
            lambda: BuilderSpace(builders.pairs, (5,), 5, name="t").relaxation(),
            ArchitectureError,
            "the option 'two' of 'both' gives tuple and no tensor",
        ),
        (
            lambda: BuilderSpace(builders.never, (5,), 5, name="n").relaxation(),
            UsageError,
            "none of the options of 'part' can be built",
        ),
        (
            lambda: BuilderSpace(builders.changing, (5,), 5, name="c").relaxation(),
            UsageError,
            "the choice 'same' has other options in another place",
        ),
        (lambda: CHAIN.relaxation(fixed={"hight": 3}), UsageError, "does not ask for 'hight'"),
        (lambda: CHAIN.relaxation(fixed={"width": 5}), UsageError, "'width' has no option 5"),
        (
            lambda: TWICE.relaxation(fixed={"same": "skip", "other": "skip"}),
            UsageError,
            "refuses the answers of its supernet: nothing but skip",
        ),
        (
            lambda: from_builder(builders.endless, (5,), 5, name="e").relaxation(),
            UsageError,
            "nested more than 8 deep",
        ),
        (
            lambda: Supernet(RELAXED["chain"], (1, 8, 8), 2),
            UsageError,
            r"is for inputs of shape \(1, 6, 6\)",
        ),
        (lambda: Supernet(RELAXED["chain"], (1, 6, 6), 3), UsageError, "but there are 3 classes"),
        (lambda: Supernet(RELAXED["chain"], (1, 6, 6), 2, cells=2), UsageError, "no option 'cells'"),
    ],
)
def test_bad_input_is_refused_in_one_line(make, error, text):
    with pytest.raises(error, match=text) as caught:
        make()
    assert "\n" not in str(caught.value)
