"""Relaxations of spaces of independent choices: every path of the supernet is a network of the space."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, SpaceExhaustedError, UsageError
from egraph.operations import Operation, register
from egraph.spaces import ChoiceSpace, Derivation, get
from egraph.spaces.relaxation import ChoiceRelaxation
from egraph.supernets import Mixed, Sample, Supernet

for operation in (Operation("fork3", "conv", kernel=3), Operation("fork5", "conv", kernel=5)):
    register(operation)

SIZES = {"nasbench201": {"channels": 4, "cells": 2}, "nasbench_macro": {"channels": 4}}


def leaves(module, chosen):
    if isinstance(module, Mixed):
        return leaves(module.operations[chosen[module.position.name]], chosen)
    children = list(module.children())
    if not children:
        return [module] if list(module.parameters()) else []
    return [leaf for child in children for leaf in leaves(child, chosen)]


def live(space, rng):
    """An architecture without operations that lead nowhere, which networks leave out."""
    while True:
        architecture = space.sample(rng)
        if "none" not in architecture.ops:
            return architecture


@pytest.mark.parametrize("name", list(SIZES))
@pytest.mark.parametrize("seed", range(3))
def test_a_path_of_the_supernet_is_the_network_of_its_architecture(name, seed):
    space = get(name)
    relaxation, architecture = space.relaxation(), live(space, np.random.default_rng(seed))
    chosen = relaxation.chosen(architecture)
    supernet = Supernet(relaxation, (3, 9, 8), 5, seed=seed, **SIZES[name]).double()
    network = space.network(architecture, (3, 9, 8), 5, seed=9, **SIZES[name]).double()
    ones, others = leaves(supernet.network, chosen), leaves(network, {})
    assert [str(each).split("(")[0] for each in ones] == [str(each).split("(")[0] for each in others]
    for one, other in zip(ones, others, strict=True):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            b.data.copy_(a.data)
    supernet.use_one(chosen)
    images = torch.randn(4, 3, 9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(supernet.train()(images), network.train()(images))


def test_a_path_with_none_gives_what_the_simplified_cell_gives():
    """The convolution behind a zero has no bias, so its normalised result is zero, too."""
    space = get("nasbench201")
    architecture = space.parse("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|")
    relaxation = space.relaxation()
    supernet = Supernet(relaxation, (3, 8, 8), 5, channels=4, cells=1).double()
    network = space.network(architecture, (3, 8, 8), 5, channels=4, cells=1).double()
    chosen = relaxation.chosen(architecture)
    ones, others = leaves(supernet.network, chosen), leaves(network, {})
    for one, other in zip(ones, others, strict=True):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            b.data.copy_(a.data)
    supernet.use_one(chosen)
    images = torch.randn(4, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(supernet.train()(images), network.train()(images))


@pytest.mark.parametrize("name", list(SIZES))
def test_certain_options_are_derived(name):
    space, rng = get(name), np.random.default_rng(0)
    relaxation = space.relaxation()
    for _ in range(5):
        architecture = live(space, rng)
        certain = {
            key: np.eye(len(relaxation.positions[key].options))[number]
            for key, number in relaxation.chosen(architecture).items()
        }
        assert relaxation.derive(certain) == relaxation.draw(certain, rng) == architecture


def test_a_space_without_a_relaxation_names_those_that_have_one():
    with pytest.raises(UsageError, match="'convnet' has no relaxation, which a supernet needs"):
        get("convnet").relaxation()


class Fork(ChoiceSpace):
    """One operation, between some."""

    name = "fork"
    operations = ("fork3", "fork5")
    positions: ClassVar = {"here": operations}

    def build(self, options):
        return Architecture(("input", *options, "output"), [(0, 1), (1, 2)])


def mix_unequal(mix, input_shape, num_classes, *, seed=0):
    return mix("here", lambda option, _: nn.Conv2d(3, 4, 1, 1 if option == "fork3" else 2), 0)


def test_options_of_different_shapes_are_named():
    supernet = Supernet(ChoiceRelaxation(Fork(), mix_unequal, {}), (3, 8, 8), 4)
    supernet.use(Sample({"here": torch.full((2,), 0.5)}))
    with pytest.raises(
        ArchitectureError,
        match=r"'here' give results of different shapes, \(4, 8, 8\) and \(4, 4, 4\) \(from 'fork5'\)",
    ):
        supernet(torch.zeros(2, 3, 8, 8))


def test_a_space_without_choices_is_refused():
    class OneWay(Fork):
        positions: ClassVar = {"here": ("fork3",)}

    with pytest.raises(UsageError, match="no choices between operations, so a supernet has nothing to mix"):
        Supernet(ChoiceRelaxation(OneWay(), mix_unequal, {}), (3, 8, 8), 4)


class Never(Fork):
    name = "never"

    def build(self, options):
        raise ArchitectureError("not today")


def test_a_space_that_refuses_all_draws_is_told():
    relaxation = ChoiceRelaxation(Never(), mix_unequal, {})
    with pytest.raises(SpaceExhaustedError, match="can be built: not today"):
        relaxation.draw({"here": np.ones(2)}, np.random.default_rng(0))


def test_a_limit_that_only_skip_connections_could_keep_is_told():
    class Skips(Fork):
        operations = ("skip_connect",)
        positions: ClassVar = {"here": operations}

    with pytest.raises(UsageError, match="more positions than most_skips=0 can only be skip"):
        ChoiceRelaxation(Skips(), mix_unequal, {}).derive({"here": np.ones(1)}, Derivation(most_skips=0))
