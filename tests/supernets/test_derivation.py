"""Architectures of a trained supernet."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from stripes import BEST, OneEdge, build_mixed, draw_stripes

from egraph.architecture import Architecture
from egraph.errors import SpaceExhaustedError, UsageError
from egraph.spaces import ChoiceSpace, Derivation, Limited, get
from egraph.spaces.relaxation import ChoiceRelaxation
from egraph.supernets import Run, Settings, methods, search_recipe
from egraph.supernets.derivation import derive_by_removal, removal_strengths, sample_candidates

QUICK = Settings(search_recipe(epochs=6, batch_size=32, learning_rate=0.1, channels=8), rate=0.1, decay=0.0)
NB201 = get("nasbench201")


def trained(relaxation, rules=None, **options):
    run = Run(relaxation, methods["darts"](**options), draw_stripes(), 2, QUICK, rules=rules)
    while not run.is_over:
        run.train_epoch()
    return run


@pytest.fixture(scope="module")
def misled():
    """A trained supernet whose probabilities favour the skip connection."""
    run = trained(OneEdge().relaxation())
    with torch.no_grad():
        run.supernet.logits["0->1"].copy_(torch.tensor([0.0, 2.0, 0.0, 1.0]))
    return run


def test_an_operation_is_worth_what_its_removal_costs(misled):
    relaxation = misled.relaxation
    assert relaxation.chosen(relaxation.derive(misled.probabilities())) == {"0->1": 1}
    strengths = removal_strengths(misled)
    assert relaxation.chosen(derive_by_removal(misled)) == {"0->1": BEST}
    assert strengths["0->1"][BEST] == 1
    assert strengths["0->1"][0] == 0  # none
    assert sorted(strengths["0->1"])[1:3] == [1 / 3, 1 / 2]
    assert misled.supernet.training


def test_the_weights_change_only_where_they_are_tuned(misled):
    before = [each.clone() for each in misled.supernet.parameters()]
    derive_by_removal(misled, batches=1)
    assert all(torch.equal(a, b) for a, b in zip(before, misled.supernet.parameters(), strict=True))
    rate = misled.step.recipe.rate_at(misled.step.steps - 1, misled.step.steps)
    derive_by_removal(misled, batches=1, tune=2)
    assert misled.step._optimizer.param_groups[0]["lr"] == rate
    assert not all(torch.equal(a, b) for a, b in zip(before, misled.supernet.parameters(), strict=True))


class TwoEdges(ChoiceSpace):
    """Two edges in a row, one of which can tell the classes apart."""

    name = "two-edges"
    operations = ("skip_connect", "nor_conv_1x1", "nor_conv_3x3")
    positions: ClassVar = {"weak": ("skip_connect", "nor_conv_1x1"), "0->1": ("skip_connect", "nor_conv_3x3")}

    def build(self, options):
        return Architecture(("input", *options, "output"), [(0, 1), (0, 2), (1, 3), (2, 3)])

    def relaxation(self):
        relaxation = ChoiceRelaxation(self, self.mixed, {"channels": 8}, {"weak": "1", "0->1": "1"})
        relaxation.selects = True
        return relaxation

    def mixed(self, mix, *args, **options):
        class Both(torch.nn.Module):
            def __init__(self, make, width):
                super().__init__()
                self.a, self.b = mix("weak", make, width), mix("0->1", make, width)

            def forward(self, x):
                return self.a(x) + self.b(x)

        return build_mixed(lambda name, make, width: Both(make, width), *args, **options)


def test_positions_into_a_node_are_ranked_where_some_are_selected():
    strengths = removal_strengths(trained(TwoEdges().relaxation()), batches=2)
    assert strengths["0->1"].tolist() == [0.5, 1]
    assert sorted(strengths["weak"]) == [0.25, 0.5]


def test_candidates_are_different_and_follow_the_probabilities():
    relaxation, rng = NB201.relaxation(), np.random.default_rng(0)
    probabilities = {name: np.array([0, 0.01, 0.01, 0.97, 0.01]) for name in relaxation.positions}
    found = sample_candidates(relaxation, NB201, probabilities, 20, rng)
    assert len({NB201.key(each) for each in found}) == len(found) == 20
    assert all(each.ops.count("nor_conv_3x3") >= 4 for each in found)
    assert all("none" not in each.ops for each in found)


def test_a_certain_distribution_is_flattened_until_there_are_enough():
    relaxation, rng = NB201.relaxation(), np.random.default_rng(0)
    certain = {name: np.eye(5)[3] for name in relaxation.positions}
    found = sample_candidates(relaxation, NB201, certain, 10, rng)
    assert len({NB201.key(each) for each in found}) == 10
    assert found[0].ops[1:-1] == ("nor_conv_3x3",) * 6


def test_a_small_space_gives_all_it_has():
    space = OneEdge()
    probabilities = {"0->1": np.full(4, 1 / 4)}
    rng = np.random.default_rng(0)
    assert len(sample_candidates(space.relaxation(), space, probabilities, 9, rng)) == 3
    found = sample_candidates(space.relaxation(), space, probabilities, 9, rng, Derivation(empties=True))
    assert len(found) == 4


def test_candidates_are_within_limits():
    limited = Limited(NB201, {"wide": lambda each: each.ops.count("nor_conv_3x3")}, {"wide": 1})
    uniform = {name: np.full(5, 1 / 5) for name in limited.relaxation().positions}
    rng = np.random.default_rng(0)
    found = sample_candidates(limited.relaxation(), limited, uniform, 5, rng)
    assert len(found) == 5
    assert all(each in limited for each in found)


def test_bad_input_is_refused_in_one_line(misled):
    relaxation, rng = NB201.relaxation(), np.random.default_rng(0)
    uniform = {name: np.full(5, 1 / 5) for name in relaxation.positions}
    with pytest.raises(UsageError, match="k must be a whole number of at least 1, got 0"):
        sample_candidates(relaxation, NB201, uniform, 0, rng)
    with pytest.raises(SpaceExhaustedError, match="none of 700 draws is an architecture of 'convnet'"):
        sample_candidates(relaxation, get("convnet"), uniform, 1, rng)
    with pytest.raises(UsageError, match="batches must be a whole number of at least 1, got 0"):
        derive_by_removal(misled, batches=0)
    with pytest.raises(UsageError, match="tune must be a whole number of at least 0, got -1"):
        derive_by_removal(misled, tune=-1)


def test_choices_of_a_chain_are_limited_in_skip_connections():
    relaxation = NB201.relaxation()
    values = {
        name: np.array([0, 0.5 + 0.05 * number, 0.2, 0.3, 0])
        for number, name in enumerate(relaxation.positions)
    }
    rules = Derivation(most_skips=2)
    derived = relaxation.derive(values, rules)
    assert derived.ops[1:-1] == ("nor_conv_3x3",) * 4 + ("skip_connect",) * 2
    rng = np.random.default_rng(0)
    assert all(relaxation.draw(values, rng, rules).ops.count("skip_connect") <= 2 for _ in range(20))
    only = {name: np.eye(5)[1] for name in relaxation.positions}
    assert relaxation.derive(only, replace(rules, most_skips=0)).ops.count("skip_connect") == 0
