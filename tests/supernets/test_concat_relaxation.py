"""The relaxation of cells that concatenate channels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from egraph.errors import UsageError
from egraph.spaces import Derivation, get
from egraph.spaces.concat_cell import LAYERS
from egraph.supernets import Mixed, Supernet

SPACE = get("concat-cell")
RELAXATION = SPACE.relaxation()
OPTIONS = ("none", *(f"{name}.16" for name in LAYERS))


def random_probabilities(seed, spread=0.3):
    rng = np.random.default_rng(seed)
    return {name: rng.dirichlet(np.full(9, spread)) for name in RELAXATION.positions}


def test_positions_are_the_blocks_of_the_deepest_cell():
    assert list(RELAXATION.positions) == ["0->1", "0->2", "1->2", "0->3", "1->3", "2->3"]
    for name, position in RELAXATION.positions.items():
        assert position.options == OPTIONS
        assert position.node == name[-1]
        assert position.empties == (True, *(False,) * 8)
        assert not any(position.skips)


def leaves(module, chosen):
    if isinstance(module, Mixed):
        return leaves(module.operations[chosen[module.position.name]], chosen)
    children = list(module.children())
    if not children:
        return [module] if list(module.parameters()) else []
    return [leaf for child in children for leaf in leaves(child, chosen)]


@pytest.mark.parametrize("seed", range(4))
def test_a_path_of_the_supernet_is_the_network_of_its_architecture(seed):
    architecture = RELAXATION.draw(random_probabilities(seed, 1), np.random.default_rng(seed))
    chosen = RELAXATION.chosen(architecture)
    assert all(chosen.values())
    supernet = Supernet(RELAXATION, (3, 9, 8), 5, channels=4, cells=2, seed=seed).double()
    network = SPACE.network(architecture, (3, 9, 8), 5, channels=4, cells=2, seed=9).double()
    ones, others = leaves(supernet.network, chosen), leaves(network, {})
    assert [str(each).split("(")[0] for each in ones] == [str(each).split("(")[0] for each in others]
    for one, other in zip(ones, others, strict=True):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            b.data.copy_(a.data)
    supernet.use_one(chosen)
    for module in (*supernet.modules(), *network.modules()):
        if isinstance(module, nn.Dropout2d):
            module.p = 0.0
    images = torch.randn(4, 3, 9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(supernet.train()(images), network.train()(images))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_what_is_derived_and_drawn_belongs_to_the_space(seed, empties):
    rules, probabilities = Derivation(empties=empties), random_probabilities(seed)
    probabilities["0->1"][0] = probabilities["0->3"][0] = 5
    rng = np.random.default_rng(seed)
    for architecture in (RELAXATION.derive(probabilities, rules), RELAXATION.draw(probabilities, rng, rules)):
        SPACE.validate(architecture)
        chosen = RELAXATION.chosen(architecture)
        assert empties or all(chosen.values())
        certain = {name: np.eye(9)[number] for name, number in chosen.items()}
        if all(chosen.values()):
            assert RELAXATION.derive(certain) == architecture
        assert RELAXATION.derive(certain, Derivation(empties=True)) == architecture


def test_a_node_without_input_gets_its_strongest_operation():
    probabilities = {name: np.array([0.9, *[0.0] * 8]) for name in RELAXATION.positions}
    probabilities["1->3"][4] = 0.1
    derived = RELAXATION.derive(probabilities, Derivation(empties=True))
    assert {name: number for name, number in RELAXATION.chosen(derived).items() if number} == {
        "0->1": 1,
        "0->2": 1,
        "1->3": 4,
    }


def test_of_several_operations_in_a_block_the_widest_counts():
    architecture = SPACE.parse("0|0|2|0|0|16|0|0 1|0|0|1|1|0|0|0 0|0|0|0|0|0|0|0")
    assert RELAXATION.chosen(architecture) == {
        "0->1": 6, "0->2": 1, "1->2": 0, "0->3": 0, "1->3": 0, "2->3": 0,
    }  # fmt: skip


def test_bad_input_is_refused_in_one_line():
    with pytest.raises(UsageError, match="3 parts need operations whose channels are a multiple"):
        Supernet(RELAXATION, (3, 8, 8), 4, parts=3)
    with pytest.raises(UsageError, match="cells must be at least 1, got 0"):
        Supernet(RELAXATION, (3, 8, 8), 4, cells=0)
