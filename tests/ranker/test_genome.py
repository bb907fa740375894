import json

import numpy as np
import pytest
from sklearn.base import clone

from egraph import Architecture, spaces
from egraph.errors import ArchitectureError, ModelError, UsageError
from egraph.ranker import (
    AGGREGATORS,
    HEADS,
    READOUTS,
    Genome,
    Layer,
    Ranker,
    from_genome,
    load,
    shipped_genomes,
)
from egraph.ranker.parameters import make_shape
from egraph.spaces import graphsage
from egraph.spaces.graphsage import HYPERPARAMETERS

SOURCE, WIDE = spaces.get("graphsage"), spaces.get("graphsage-wide")
SHORT = {"members": 2, "tabular": None, "folds": 0, "epochs": 2}


def predictions(ranker, toy_data):
    graphs, scores = toy_data
    return ranker.fit(graphs[:40], scores[:40]).predict(graphs[40:60])


def test_a_chain_of_genes_is_the_chain_network(toy_data):
    genome = SOURCE.parse("SAGE_POOL.N,SAGE_POOL.N;0>1,1>2,2>3;READOUT_MAX")
    by_hand = Ranker(
        layers=("pool", "pool"), width=8, readout=("max",), head="pairwise", bidirectional=False,
        analytic=False, norm=False, residual=False, learning_rate=1e-3, seed=3, **SHORT,
    )  # fmt: skip
    evolved = from_genome(genome, filters=8, seed=3, **SHORT)
    np.testing.assert_array_equal(predictions(evolved, toy_data), predictions(by_hand, toy_data))


def test_the_network_made_by_hand_is_a_genome_of_the_wide_space(toy_data):
    text = (
        "SAGE_MEAN.N,SAGE_MEAN.N,SAGE_MEAN.N;0>1,1>2,2>3,3>4;READOUT_OUTPUT_SUM_MAX,FLOW_BOTH,RESIDUAL_ON,"
        "NORM_ON,HEAD_UTILITY,RATE_2E-3,FEATURES_ON"
    )
    by_hand = Ranker(
        layers=("mean",) * 3, width=8, readout=("output", "sum", "max"), head="utility", bidirectional=True,
        analytic=True, norm=True, residual=True, learning_rate=2e-3, **SHORT,
    )  # fmt: skip
    evolved = from_genome(WIDE.parse(text), filters=8, **SHORT)
    np.testing.assert_array_equal(predictions(evolved, toy_data), predictions(by_hand, toy_data))


@pytest.mark.parametrize("op", WIDE.operations)
def test_every_gene_makes_a_ranker(op, toy_data):
    hyper = [options[0] for options in WIDE.hyperparameters.values()]
    layer = op if op in WIDE.layers else "SAGE_SUM.N"
    for place, options in enumerate(WIDE.hyperparameters.values()):
        if op in options:
            hyper[place] = op
    genome = WIDE.parse(f"{layer},SAGE_MEAN.H;0>1,1>2,0>2,2>3;{','.join(hyper)}")
    found = predictions(from_genome(genome, filters=8, **SHORT), toy_data)
    assert np.isfinite(found).all()
    assert len(np.unique(found)) > 1


def test_layers_read_what_their_genes_say():
    genome = SOURCE.parse("SAGE_LSTM.H,SAGE_POOL.D,SAGE_POOL.N;0>1,0>2,1>3,2>3,2>4,3>4,!0>4;READOUT_SORT2")
    ranker = from_genome(genome, filters=10)
    assert ranker.layers == (
        Layer("lstm", 5, (0,)),
        Layer("pool", 20, (0,)),
        Layer("pool", 10, (1, 2)),
    )
    assert ranker.reads == (2, 3)
    assert ranker.readout == ("sort2",)
    assert ranker.get_params()["head"] == "pairwise"


def test_layers_without_effect_are_left_out():
    genome = SOURCE.parse("SAGE_LSTM.H,SAGE_POOL.N;0>1,0>2,2>3,!1>3;READOUT_MEAN")
    assert from_genome(genome).layers == (Layer("pool", 300, (0,)),)


def test_the_input_alone_can_be_read_out(toy_data):
    genome = SOURCE.parse("SAGE_POOL.N;0>1,0>2,!1>2;READOUT_MAX")
    ranker = from_genome(genome, filters=8, analytic=True, **SHORT)
    assert ranker.layers == ()
    assert np.isfinite(predictions(ranker, toy_data)).all()


def test_an_evolved_ranker_is_an_ordinary_one(toy_data, tmp_path):
    genome = WIDE.sample(np.random.default_rng(0))
    ranker = from_genome(genome, filters=6, seed=5, **SHORT)
    again = clone(ranker)
    expected = predictions(ranker, toy_data)
    np.testing.assert_array_equal(predictions(again, toy_data), expected)
    ranker.save(tmp_path / "r.egraph")
    loaded = load(tmp_path / "r.egraph")
    np.testing.assert_allclose(loaded.predict(toy_data[0][40:60]), expected, atol=1e-6)
    np.testing.assert_array_equal(predictions(clone(loaded), toy_data), expected)


def test_isomorphic_inputs_score_the_same(toy_data, renumber):
    graphs, scores = toy_data
    genome = WIDE.sample(np.random.default_rng(1))
    ranker = from_genome(genome, filters=6, **SHORT).fit(graphs[:40], scores[:40])
    rng = np.random.default_rng(2)
    others = [renumber(a, rng) for a in graphs[:20]]
    assert others != graphs[:20]
    np.testing.assert_array_equal(ranker.predict(graphs[:20]), ranker.predict(others))


def test_parameters_go_over_genes():
    genome = SOURCE.parse("SAGE_POOL.N;0>1,1>2;READOUT_MAX")
    ranker = from_genome(genome, head="utility", epochs=7, seed=4)
    assert (ranker.head, ranker.epochs, ranker.seed) == ("utility", 7, 4)


def test_a_genome_round_trips_with_its_provenance(tmp_path):
    genome = Genome(WIDE.sample(np.random.default_rng(2)), 40, {"seed": 2})
    genome.save(tmp_path / "g.json")
    assert Genome.load(tmp_path / "g.json") == genome
    assert from_genome(tmp_path / "g.json").get_params() == from_genome(genome).get_params()
    assert from_genome(genome).width == 40
    assert from_genome(genome, filters=20).width == 20


def test_the_json_of_an_architecture_is_a_genome(tmp_path):
    architecture = SOURCE.sample(np.random.default_rng(0))
    (tmp_path / "a.json").write_text(architecture.to_json())
    assert Genome.load(tmp_path / "a.json") == Genome(architecture)


@pytest.mark.parametrize("name", shipped_genomes())
def test_shipped_genomes_make_rankers_and_say_where_they_come_from(name):
    genome = Genome.load(name)
    assert genome.architecture in SOURCE or genome.architecture in WIDE
    assert genome.provenance
    make_shape(from_genome(name), 10, 10)


def test_the_genome_of_the_source_is_shipped():
    assert from_genome("thesis-nasbench101").layers == (Layer("lstm", 150, (0,)), Layer("lstm", 150, (1,)))


def test_the_evolved_genome_is_the_default_ranker(toy_data):
    graphs, scores = toy_data
    settings = {"members": 1, "epochs": 2, "seed": 5}
    expected = Ranker(**settings).fit(graphs[:24], scores[:24]).predict(graphs)
    found = from_genome("four-tables", **settings).fit(graphs[:24], scores[:24]).predict(graphs)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "text", ["", "junk", "[" * 5000, "[]", "{}", '{"genome": {"ops": ["input", "output"]}}', "3"]
)
def test_a_file_without_a_genome_is_refused(text, tmp_path):
    (tmp_path / "g.json").write_text(text)
    with pytest.raises(ModelError, match=r"g\.json holds no genome of a ranker"):
        Genome.load(tmp_path / "g.json")


def test_a_missing_file_is_told_with_what_there_is():
    with pytest.raises(ModelError, match=r"no genome at thesis: .*shipped are .*thesis-nasbench101"):
        from_genome("thesis")


@pytest.mark.parametrize(
    ("ops", "edges", "expected"),
    [
        (["SAGE_POOL.N"], [(0, 1), (1, 2)], "ends with one READOUT gene"),
        (["READOUT_MAX", "READOUT_MAX"], [(0, 1), (1, 2), (2, 3)], "ends with one READOUT gene"),
        (["READOUT_MAX", "SAGE_POOL.N"], [(0, 1), (1, 2), (2, 3)], "ends with one READOUT gene"),
        (["CONV_3.N", "READOUT_MAX"], [(0, 1), (1, 2), (2, 3)], "unknown layer 'CONV_3.N'"),
        (["SAGE_POOL.N", "READOUT_MAX"], [(0, 1), (1, 2), (2, 3), (1, 3)], "must be a chain"),
        (["SAGE_POOL.N", "READOUT_MAX"], [(0, 1), (2, 3)], "no path of enabled edges"),
    ],
)
def test_what_is_no_genome_is_refused(ops, edges, expected):
    with pytest.raises(ArchitectureError, match=expected):
        from_genome(Architecture(["input", *ops, "output"], edges))


@pytest.mark.parametrize("filters", [0, 2.5, True, 10**400])
def test_filters_must_be_a_whole_number(filters):
    with pytest.raises(UsageError, match=r"filters must be (a whole number|at most 1048576)"):
        from_genome("thesis-nasbench101", filters=filters)


def test_provenance_is_json(tmp_path):
    Genome(SOURCE.sample(np.random.default_rng(0)), 300, {"tau": [0.5]}).save(tmp_path / "g.json")
    assert json.loads((tmp_path / "g.json").read_text())["provenance"] == {"tau": [0.5]}


def test_every_part_of_a_ranker_has_a_gene():
    said = [parameters for options in HYPERPARAMETERS.values() for parameters in options.values()]
    assert set(graphsage.AGGREGATORS.values()) == set(AGGREGATORS)
    assert {name for parameters in said for name in parameters.get("readout", ())} == set(READOUTS)
    assert {parameters["head"] for parameters in said if "head" in parameters} == set(HEADS)
