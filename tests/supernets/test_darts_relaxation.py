"""The relaxation of DARTS cells: paths of the supernet are networks of the space; rules of derivation."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from egraph.errors import ArchitectureError, UsageError
from egraph.networks import mix_darts
from egraph.spaces import Derivation, get
from egraph.spaces.darts import LAYERS
from egraph.supernets import Mixed, Supernet

SPACE = get("darts")
RELAXATION = SPACE.relaxation()
OPTIONS = ("none", *LAYERS)
SKIP, SEP, MAX = OPTIONS.index("skip_connect"), OPTIONS.index("sep_conv_3x3"), OPTIONS.index("max_pool_3x3")


def random_probabilities(seed, spread=0.3):
    rng = np.random.default_rng(seed)
    return {name: rng.dirichlet(np.full(8, spread)) for name in RELAXATION.positions}


def flat(**changes):
    """Equal probabilities, but for some positions, named like ``normal_0_2``."""
    found = {name: np.full(8, 1 / 8) for name in RELAXATION.positions}
    for name, values in changes.items():
        kind, source, node = name.split("_")
        each = np.full(8, 0.01)
        for option, value in values.items():
            each[option] = value
        found[f"{kind}/{source}->{node}"] = each
    return found


def steps(architecture, kind, node):
    pairs = SPACE.to_genotype(architecture)[kind]
    return [tuple(pair) for pair in pairs[2 * (node - 2) : 2 * (node - 1)]]


def test_positions_are_the_edges_of_both_cells():
    names = [
        f"{kind}/{source}->{node}"
        for kind in ("normal", "reduce")
        for node in range(2, 6)
        for source in range(node)
    ]
    assert list(RELAXATION.positions) == names
    assert len(names) == 28
    for name, position in RELAXATION.positions.items():
        assert position.options == OPTIONS
        assert position.node == f"{name.split('/')[0]}/{name[-1]}"
        assert position.empties == (True, *(False,) * 7)
        strided = name.startswith("reduce") and name[7] in "01"
        assert position.skips[SKIP] is not strided


def leaves(module, chosen):
    """The layers with weights, in order; of mixed layers those of the chosen operation."""
    if isinstance(module, Mixed):
        number = chosen.get(module.position.name, 0)
        pool = module.position.options[number].endswith("pool_3x3")
        return [] if pool else leaves(module.operations[number], chosen)
    children = list(module.children())
    if not children:
        return [module] if list(module.parameters()) else []
    return [leaf for child in children for leaf in leaves(child, chosen)]


@pytest.mark.parametrize("seed", range(3))
def test_a_path_of_the_supernet_is_the_network_of_its_architecture(seed):
    architecture = SPACE.sample(np.random.default_rng(seed))
    chosen = RELAXATION.chosen(architecture)
    supernet = Supernet(RELAXATION, (3, 9, 8), 5, channels=4, cells=4, seed=seed).double()
    for module in supernet.modules():  # derived networks have no normalisation after pools
        if isinstance(module, nn.Sequential) and isinstance(module[0], nn.MaxPool2d | nn.AvgPool2d):
            module[1] = nn.Identity()
    network = SPACE.network(architecture, (3, 9, 8), 5, channels=4, cells=4, seed=9).double()
    ones, others = leaves(supernet.network, chosen), leaves(network, {})
    assert [str(each).split("(")[0] for each in ones] == [str(each).split("(")[0] for each in others]
    for one, other in zip(ones, others, strict=True):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            b.data.copy_(a.data)
    supernet.use_one(chosen)
    images = torch.randn(4, 3, 9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(supernet.train()(images), network.train()(images))


def test_the_supernet_of_the_paper_has_as_many_parameters():
    def mix(_, make, width):
        layer = nn.ModuleList(make(option, width) for option in OPTIONS)
        for module in layer.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)
        return layer

    with torch.device("meta"):
        network = mix_darts(mix, (3, 32, 32), 10, channels=16, cells=8)
    # "param size = 1.930618MB" in logs of the search.
    assert sum(each.numel() for each in network.parameters() if each.requires_grad) == 1_930_618


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([(1, 2), (2, 3), (3, 4)]))
def test_what_is_derived_and_drawn_belongs_to_the_space(seed, distinct, ranks):
    rules = Derivation(ranks=ranks, distinct=distinct, most_skips=seed % 3)
    probabilities = random_probabilities(seed)
    drawn = RELAXATION.draw(probabilities, np.random.default_rng(seed), rules)
    for architecture in (RELAXATION.derive(probabilities, rules), drawn):
        SPACE.validate(architecture)
        chosen = RELAXATION.chosen(architecture)
        for kind in ("normal", "reduce"):
            skips = [RELAXATION.positions[n].skips[c] for n, c in chosen.items() if n.startswith(kind)]
            assert sum(skips) <= rules.most_skips


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_certain_options_are_derived(seed):
    architecture = SPACE.sample(np.random.default_rng(seed))
    chosen = RELAXATION.chosen(architecture)
    certain = {name: np.eye(8)[chosen.get(name, 0)] for name in RELAXATION.positions}
    assert RELAXATION.derive(certain) == architecture
    assert RELAXATION.draw(certain, np.random.default_rng(0)) == architecture


def test_the_strongest_two_inputs_are_those_of_a_slow_search():
    for seed in range(20):
        probabilities = random_probabilities(seed)
        derived = RELAXATION.derive(probabilities)
        for kind, node in itertools.product(("normal", "reduce"), range(2, 6)):
            # The pair of inputs and operations with the largest sum, among all.
            best = max(
                itertools.combinations(itertools.product(range(node), range(1, 8)), 2),
                key=lambda pair: (
                    pair[0][0] != pair[1][0],
                    sum(probabilities[f"{kind}/{i}->{node}"][op] for i, op in pair),
                ),
            )
            assert steps(derived, kind, node) == [(OPTIONS[op], i) for i, op in best]


def test_none_never_wins_but_weakens_its_edge():
    probabilities = flat(
        normal_0_3={0: 0.9, SEP: 0.05},
        normal_1_3={SEP: 0.5},
        normal_2_3={MAX: 0.3},
    )
    assert steps(RELAXATION.derive(probabilities), "normal", 3) == [
        ("sep_conv_3x3", 1),
        ("max_pool_3x3", 2),
    ]
    nothing = {name: np.eye(8)[0] for name in RELAXATION.positions}
    assert RELAXATION.derive(nothing) in SPACE
    assert RELAXATION.draw(nothing, np.random.default_rng(0)) in SPACE


def test_weights_of_edges_decide_which_inputs_are_taken():
    probabilities = flat(
        normal_0_3={SEP: 0.9},
        normal_1_3={SEP: 0.5},
        normal_2_3={MAX: 0.3},
    )
    shares = {"normal/0->3": 0.1, "normal/1->3": 0.3, "normal/2->3": 0.6}
    weighed = {name: shares.get(name, 1) * each for name, each in probabilities.items()}
    assert [source for _, source in steps(RELAXATION.derive(probabilities), "normal", 3)] == [0, 1]
    assert [source for _, source in steps(RELAXATION.derive(weighed), "normal", 3)] == [1, 2]


def test_ranks_take_weaker_inputs():
    probabilities = flat(
        normal_0_5={SEP: 0.9, MAX: 0.7},
        normal_1_5={MAX: 0.8},
        normal_2_5={SEP: 0.6},
        normal_3_5={MAX: 0.5},
        normal_4_5={SEP: 0.4},
        normal_0_2={SEP: 0.9, MAX: 0.5},
        normal_1_2={SEP: 0.8},
    )

    def sources(ranks, distinct=True, node=5):
        derived = RELAXATION.derive(probabilities, Derivation(ranks=ranks, distinct=distinct))
        return steps(derived, "normal", node)

    sep, pool = "sep_conv_3x3", "max_pool_3x3"
    assert sources((1, 2)) == [(sep, 0), (pool, 1)]
    assert sources((2, 3)) == [(pool, 1), (sep, 2)]
    assert sources((3, 4)) == [(sep, 2), (pool, 3)]
    # The first node has two inputs, so its weakest are both.
    assert sources((3, 4), node=2) == [(sep, 0), (sep, 1)]
    # Ranks of all pairs of input and operation: 0 sep, 1 max, 0 max, 2 sep, 3 max, 4 sep.
    assert sources((2, 3), distinct=False) == [(pool, 0), (pool, 1)]
    assert sources((1, 3), distinct=False) == [(sep, 0), (sep, 2)]  # not the input 0 twice
    assert sources((3, 4), distinct=False) == [(pool, 0), (sep, 2)]
    assert sources((2, 3), distinct=False, node=2) == [(pool, 0), (sep, 1)]


def test_a_limit_on_skip_connections_replaces_the_weakest():
    probabilities = flat(
        normal_0_2={SKIP: 0.9, SEP: 0.05},
        normal_1_2={SKIP: 0.8, MAX: 0.1},
        normal_0_3={SKIP: 0.7, SEP: 0.2},
        normal_1_3={MAX: 0.6},
        normal_2_3={MAX: 0.3},
        reduce_0_2={SKIP: 0.9},
        reduce_1_2={SKIP: 0.9},
    )
    one = RELAXATION.derive(probabilities, Derivation(most_skips=1))
    assert steps(one, "normal", 2) == [("skip_connect", 0), ("max_pool_3x3", 1)]
    # Without its skip connection the input 0 is weaker than the input 2.
    assert steps(one, "normal", 3) == [("max_pool_3x3", 1), ("max_pool_3x3", 2)]
    # With stride 2 it is a convolution.
    assert steps(one, "reduce", 2) == [("skip_connect", 0), ("skip_connect", 1)]


def test_inputs_are_drawn_in_proportion_to_their_strength():
    probabilities = flat(
        normal_0_3={SEP: 0.6},
        normal_1_3={SEP: 0.3},
        normal_2_3={SEP: 0.1},
    )
    rng = np.random.default_rng(0)
    draws = [steps(RELAXATION.draw(probabilities, rng), "normal", 3) for _ in range(300)]
    both = np.mean([[source for _, source in each] == [0, 1] for each in draws])
    # Without replacement: 0 then 1, or 1 then 0.
    expected = 0.6 * 0.3 / 0.4 + 0.3 * 0.6 / 0.7
    assert abs(both - expected) < 4 * np.sqrt(expected * (1 - expected) / 300)


def test_a_given_reduction_cell_is_kept_in_supernet_and_architectures():
    given_one = SPACE.sample(np.random.default_rng(5))
    relaxation = SPACE.relaxation(reduction=given_one)
    assert len(relaxation.positions) == 14
    derived = relaxation.derive(random_probabilities(1))
    assert SPACE.to_genotype(derived)["reduce"] == SPACE.to_genotype(given_one)["reduce"]
    assert (
        SPACE.to_genotype(derived)["normal"]
        == SPACE.to_genotype(RELAXATION.derive(random_probabilities(1)))["normal"]
    )
    assert set(relaxation.chosen(derived)) <= set(relaxation.positions)
    supernet = Supernet(relaxation, (3, 8, 8), 4, channels=4, cells=3)
    assert sum(isinstance(module, Mixed) for module in supernet.modules()) == 14
    supernet.use_one(relaxation.chosen(derived))
    assert supernet(torch.zeros(2, 3, 8, 8)).shape == (2, 4)


def test_partial_channels_keep_the_shapes():
    supernet = Supernet(RELAXATION, (3, 9, 9), 4, parts=4, channels=4, cells=3)
    supernet.use_one({})
    assert supernet(torch.zeros(2, 3, 9, 9)).shape == (2, 4)


def test_bad_input_is_refused_in_one_line():
    with pytest.raises(UsageError, match=r"one probability for each of none, max_pool.*got \[0.5, 0.5\]"):
        RELAXATION.derive({**flat(), "normal/0->2": np.array([0.5, 0.5])})
    with pytest.raises(UsageError, match="position 'reduce/4->5' needs one probability"):
        RELAXATION.derive({name: each for name, each in flat().items() if name != "reduce/4->5"})
    with pytest.raises(UsageError, match="ranks are two numbers"):
        RELAXATION.derive(flat(), Derivation(ranks=(1, 2, 3)))
    for ranks in ((0, 1), (1, 1), (), (1.5, 2)):
        with pytest.raises(UsageError, match="ranks must be different whole numbers"):
            Derivation(ranks=ranks)
    with pytest.raises(UsageError, match="most_skips must be a whole number of at least 0, got -1"):
        Derivation(most_skips=-1)
    with pytest.raises(UsageError, match="cells must be at least 3"):
        Supernet(RELAXATION, (3, 8, 8), 4, cells=2)
    genotype = SPACE.to_genotype(SPACE.sample(np.random.default_rng(0)))
    with pytest.raises(ArchitectureError, match="normal to be a list of 8 pairs"):
        SPACE.from_genotype({**genotype, "normal": genotype["normal"][:6]})
    with pytest.raises(ArchitectureError, match="got 'sep_conv_9x9'"):
        SPACE.from_genotype({**genotype, "normal": [("sep_conv_9x9", 0), *genotype["normal"][1:]]})
    with pytest.raises(ArchitectureError, match="unknown operation"):
        SPACE.relaxation(reduction=get("nasbench201").sample(np.random.default_rng(0)))
