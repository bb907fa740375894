import collections

import numpy as np
import pytest

from egraph import Architecture, spaces
from egraph.errors import ArchitectureError, UnknownNameError, UsageError
from egraph.spaces.graphsage import (
    AGGREGATORS,
    HYPERPARAMETERS,
    GraphSageSpace,
    register_aggregator,
    register_option,
)

SOURCE, WIDE = spaces.get("graphsage"), spaces.get("graphsage-wide")


def test_the_genes_are_those_of_the_source():
    assert SOURCE.layers == (
        "SAGE_LSTM.H", "SAGE_LSTM.N", "SAGE_LSTM.D", "SAGE_POOL.H", "SAGE_POOL.N", "SAGE_POOL.D",
    )  # fmt: skip
    assert SOURCE.hyperparameters == {
        "READOUT": ("READOUT_MAX", "READOUT_MEAN", "READOUT_SORT1", "READOUT_SORT2", "READOUT_SORT3")
    }
    assert len(WIDE.layers) == 12
    assert list(WIDE.hyperparameters) == list(HYPERPARAMETERS)


def test_first_individuals_have_one_layer_and_any_read_out():
    rng = np.random.default_rng(0)
    found = [SOURCE.sample(rng) for _ in range(400)]
    assert all(a.num_vertices == 4 and a.edges == ((0, 1), (1, 2), (2, 3)) for a in found)
    assert len({SOURCE.key(a) for a in found}) == 6 * 5


def test_mutations_come_as_often_as_they_should():
    rng = np.random.default_rng(0)
    parent = SOURCE.parse("SAGE_LSTM.N;0>1,1>2,!0>2;READOUT_MAX")
    kinds = collections.Counter()
    for _ in range(4000):
        child = SOURCE.mutate(parent, rng)
        kinds["grown"] += child.num_vertices > parent.num_vertices
        kinds["same"] += child == parent
        kinds["read-out"] += child.ops[-2] != parent.ops[-2]
    assert kinds["grown"] / 4000 == pytest.approx(0.25, abs=0.03)
    assert kinds["same"] / 4000 == pytest.approx(0.75**2, abs=0.03)
    assert kinds["read-out"] / 4000 == pytest.approx(0.25 / 3, abs=0.02)


def test_every_gene_can_be_reached_by_mutation():
    rng = np.random.default_rng(0)
    seen = set()
    architecture = WIDE.sample(rng)
    for _ in range(1500):
        architecture = WIDE.mutate(architecture, rng)
        seen |= set(architecture.ops)
    assert set(WIDE.operations) <= seen


def test_the_bounds_hold_however_long_it_grows():
    space = GraphSageSpace("small", max_vertices=4, max_edges=6)
    rng = np.random.default_rng(0)
    architecture = space.sample(rng)
    for _ in range(300):
        architecture = space.mutate(architecture, rng)
        space.validate(architecture)
    assert max(space.split(space.mutate(architecture, rng))[0].num_vertices for _ in range(20)) <= 4


def test_crossover_takes_each_hyper_parameter_from_a_parent():
    rng = np.random.default_rng(0)
    a, b = WIDE.sample(rng), WIDE.sample(rng)
    for _ in range(30):
        _, child = WIDE.split(WIDE.crossover(a, b, rng))
        assert all(
            gene in pair for gene, *pair in zip(child, WIDE.split(a)[1], WIDE.split(b)[1], strict=True)
        )


def wide(layers, connections, **other):
    hyper = {gene: options[0] for gene, options in WIDE.hyperparameters.items()} | other
    return WIDE.key(WIDE.parse(f"{layers};{connections};{','.join(hyper.values())}"))


def test_hyper_parameters_without_effect_do_not_count():
    on = {"RESIDUAL": "RESIDUAL_ON"}
    chain = "0>1,1>2,2>3"
    assert wide("SAGE_SUM.N,SAGE_SUM.N", chain) != wide("SAGE_SUM.N,SAGE_SUM.N", chain, **on)
    assert wide("SAGE_SUM.N,SAGE_SUM.H", chain) == wide("SAGE_SUM.N,SAGE_SUM.H", chain, **on)
    # The input is narrower than any layer: a sum with it is as wide as the other summand.
    skip = "0>1,1>2,0>2,2>3"
    assert wide("SAGE_SUM.N,SAGE_SUM.N", skip) != wide("SAGE_SUM.N,SAGE_SUM.N", skip, **on)
    bare = "0>1,0>2,!1>2"
    for gene, option in (("FLOW", "FLOW_BOTH"), ("NORM", "NORM_ON"), ("RESIDUAL", "RESIDUAL_ON")):
        assert wide("SAGE_SUM.N", bare) == wide("SAGE_SUM.N", bare, **{gene: option})
    assert wide("SAGE_SUM.N", bare) != wide("SAGE_SUM.N", bare, FEATURES="FEATURES_ON")


@pytest.mark.parametrize(
    ("ops", "edges", "disabled", "expected"),
    [
        (["SAGE_POOL.N"], [(0, 1), (1, 2)], [], "has its gene READOUT .* at position 1 of the 1 before"),
        (["READOUT_MAX", "SAGE_POOL.N"], [(0, 1), (1, 2), (2, 3)], [], "has its gene READOUT"),
        (["READOUT_MAX", "READOUT_MAX"], [(0, 1), (1, 2), (2, 3)], [], "has no operation 'READOUT_MAX'"),
        (["READOUT_MAX"], [(0, 1), (1, 2), (0, 2)], [], "are a chain that ends in the output"),
        (["READOUT_MAX"], [(0, 1)], [(1, 2)], "are a chain that ends in the output"),
        (["SAGE_SUM.N", "READOUT_MAX"], [(0, 1), (1, 2), (2, 3)], [], "no operation 'SAGE_SUM.N'"),
        (["SAGE_POOL.N", "READOUT_MAX"], [(0, 1), (2, 3)], [], "no path of enabled edges"),
        (
            ["SAGE_POOL.N", "READOUT_MAX"], [(0, 1), (1, 2), (2, 3)], [(0, 1)],
            "both enabled and disabled",
        ),
    ],
)  # fmt: skip
def test_foreign_graphs_are_refused(ops, edges, disabled, expected):
    with pytest.raises(ArchitectureError, match=expected):
        SOURCE.validate(Architecture(["input", *ops, "output"], edges, disabled))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"hyperparameters": {"HEAD": ("HEAD_UTILITY",)}}, "must have the gene READOUT"),
        ({"hyperparameters": {"READOUT": ("READOUT_MEDIAN",)}}, "options of gene 'READOUT' must be some of"),
        ({"hyperparameters": {"READOUT": ()}}, "options of gene 'READOUT'"),
        ({"hyperparameters": {"READOUT": ("READOUT_MAX",), "COLOUR": ("RED",)}}, "gene 'COLOUR'"),
        ({"layers": ()}, "layers must be some of"),
        ({"layers": ("CONV_3.N",)}, "layers must be some of"),
        ({"max_vertices": 2}, "one layer needs 3 vertices"),
        ({"p_add": 1.5}, "must be probabilities"),
    ],
)
def test_wrong_settings_are_refused(options, expected):
    with pytest.raises(UsageError, match=expected):
        GraphSageSpace("other", **options)


def test_a_space_with_nothing_to_choose_still_mutates():
    space = GraphSageSpace(
        "one", layers=("SAGE_SUM.N",), hyperparameters={"READOUT": ("READOUT_MAX",)}, max_vertices=3
    )
    rng = np.random.default_rng(0)
    architecture = space.sample(rng)
    assert len({space.key(space.mutate(architecture, rng)) for _ in range(200)}) == 2
    assert set(AGGREGATORS) > set(space.layers)


def test_a_space_can_be_narrowed_to_some_aggregators():
    space = WIDE.narrow(["pool", "mean"])
    assert space.name == "graphsage-wide (pool, mean)"
    assert {op.split(".")[0] for op in space.layers} == {"SAGE_POOL", "SAGE_MEAN"}
    assert space.sample(np.random.default_rng(0)) in WIDE
    with pytest.raises(UsageError, match="aggregators of graphsage are lstm, pool; got sum"):
        SOURCE.narrow(["sum"])


def test_a_space_can_begin_at_a_genome():
    wide = spaces.get("graphsage-wide").narrow(["mean", "sum"])
    start = wide.mutate(wide.sample(np.random.default_rng(1)), np.random.default_rng(2))
    around = wide.begin_at(start)
    assert around.name == f"graphsage-wide (sum, mean) around {wide.format(start)}"
    assert around.operations == wide.operations
    rng = np.random.default_rng(0)
    found = [around.sample(rng) for _ in range(200)]
    assert start in found
    assert len({around.key(genome) for genome in found}) > 20
    assert max(genome.num_vertices for genome in found) <= start.num_vertices + 3
    with pytest.raises(ArchitectureError, match=r"has no operation 'SAGE_LSTM\.H'"):
        wide.begin_at(spaces.get("graphsage").parse("SAGE_LSTM.H;0>1,1>2;READOUT_MAX"))


def test_junk_is_told_what_was_expected():
    with pytest.raises(ArchitectureError, match="with two ';'"):
        SOURCE.parse("SAGE_POOL.N;0>1,1>2")
    with pytest.raises(ArchitectureError, match="expected a connection such as"):
        SOURCE.parse("SAGE_POOL.N;0-1;READOUT_MAX")


def test_layer_genes_of_an_aggregator_are_registered_once():
    with pytest.raises(UsageError, match="the aggregator 'pool' has layer genes already"):
        register_aggregator("pool")


def test_options_are_registered_once_and_for_genes_that_exist():
    with pytest.raises(UsageError, match="a gene has an option 'NORM_ON' already"):
        register_option("READOUT", "NORM_ON", {"norm": True})
    with pytest.raises(UnknownNameError, match=r"unknown gene 'READOTU'; .*Did you mean 'READOUT'"):
        register_option("READOTU", "READOUT_MIN", {"readout": ("min",)})
