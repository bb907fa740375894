"""Relaxations of spaces of independent choices: every path of the supernet is a network of the space."""

import numpy as np
import pytest
import torch

from egraph.errors import UsageError
from egraph.spaces import get
from egraph.supernets import Mixed, Supernet

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
