import os
from pathlib import Path

import numpy as np
import pytest

from egraph import spaces
from egraph.architecture import Architecture
from egraph.canonical import canonical_form, simplify
from egraph.errors import ArchitectureError
from egraph.spaces.nasbench_graph import LINKS, OPERATIONS

SPACE = spaces.get("nasbench_graph")


def published_rows():
    path = Path(os.environ.get("EGRAPH_DATA") or "nowhere", "nasbench_graph_cora.parquet")
    if not path.is_file():
        pytest.skip("needs nasbench_graph_cora.parquet in the folder that $EGRAPH_DATA names")
    import pandas

    return pandas.read_parquet(path, columns=["hash", "link", "ops"]).sort_values("hash")


def test_enumeration_is_the_published_table_row_by_row():
    table = published_rows()
    texts = [f"{link} {ops}" for link, ops in zip(table["link"], table["ops"], strict=True)]
    assert [SPACE.format(a) for a in SPACE] == texts
    assert len(texts) == len(SPACE) == 26_206


def test_every_spelling_has_the_key_of_one_published_row():
    representatives = {SPACE.key(a) for a in SPACE}
    assert len(representatives) == 26_206
    spellings = list(SPACE.spellings())
    assert len(spellings) == len(set(spellings)) == 9 * 9**4 - 9
    assert {canonical_form(simplify(a)) for a in spellings[::7]} <= representatives


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("0000 gcn,gat,fc,gin", "0000 gin,gcn,gat,fc"),  # the order of branches
        ("0012 gcn,gat,fc,gin", "0012 gat,gcn,gin,fc"),
        ("0123 gcn,skip,gat,fc", "0123 skip,gcn,gat,fc"),  # a skip that hands on what it reads
        ("0123 gcn,gat,fc,skip", "0123 skip,gcn,gat,fc"),
        ("0000 skip,gcn,gat,fc", "0111 skip,gcn,gat,fc"),  # the raw input is not joined to the output
        ("0000 gcn,skip,skip,skip", "0123 skip,skip,skip,gcn"),
    ],
)
def test_twins(a, b):
    assert SPACE.key(SPACE.parse(a)) == SPACE.key(SPACE.parse(b))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("0123 gcn,gat,fc,gin", "0123 gat,gcn,fc,gin"),
        ("0011 gcn,gat,fc,skip", "0122 skip,gcn,gat,fc"),
        ("0122 skip,gcn,fc,skip", "0123 skip,skip,gcn,fc"),  # gcn is joined beside fc, or not
        ("0111 gcn,skip,skip,skip", "0122 skip,gcn,skip,skip"),  # three copies, or two
    ],
)
def test_no_twins(a, b):
    assert SPACE.key(SPACE.parse(a)) != SPACE.key(SPACE.parse(b))


def test_graph_of_a_link():
    assert SPACE.parse("0012 gcn,gat,skip,fc") == Architecture(
        ["input", "gcn", "gat", "skip", "fc", "output"], [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)]
    )


def test_a_skip_of_the_raw_input_that_feeds_nothing_is_not_joined():
    architecture = SPACE.parse("0001 skip,gat,gcn,skip")
    assert architecture.edges == ((0, 1), (0, 2), (0, 3), (1, 4), (2, 5), (3, 5))
    assert SPACE.format(architecture) == "0001 skip,gat,gcn,skip"


def test_mutation_changes_link_or_one_operation_and_reaches_every_choice():
    start = SPACE.parse("0012 gcn,gat,skip,fc")
    rng = np.random.default_rng(0)
    mutants = {SPACE.format(SPACE.mutate(start, rng)) for _ in range(2000)}
    assert len(mutants) == 8 + 4 * 8


def test_mutation_never_makes_four_skips():
    start = SPACE.parse("0123 skip,skip,gcn,skip")
    rng = np.random.default_rng(0)
    mutants = {SPACE.format(SPACE.mutate(start, rng)) for _ in range(2000)}
    assert len(mutants) == 8 + 4 * 8 - 1


def test_crossover_and_sampling_never_make_four_skips():
    rng = np.random.default_rng(0)
    a, b = SPACE.parse("0123 skip,skip,gcn,skip"), SPACE.parse("0000 gcn,gcn,skip,gcn")
    children = {SPACE.format(SPACE.crossover(a, b, rng)) for _ in range(1000)}
    assert len(children) == 2 * (2**4 - 1)


def test_neighbors_are_all_links_and_all_operations_without_twins():
    neighbors = {SPACE.format(a) for a in SPACE.neighbors(SPACE.parse("0123 gcn,gcn,gcn,gcn"))}
    assert {text[:4] for text in neighbors} == {"".join(map(str, link)) for link in LINKS}
    assert {f"0123 gcn,gcn,gcn,{op}" for op in OPERATIONS[:-1] if op != "gcn"} <= neighbors
    assert len(neighbors) == 8 + 4 * 8 - 3  # a skip at any of the four places is one network


GOOD = SPACE.parse("0012 gcn,gat,skip,fc")


@pytest.mark.parametrize(
    ("architecture", "text"),
    [
        (Architecture(["input", "gcn", "output"], [(0, 1), (1, 2)]), "has 6 vertices .*, got 3"),
        (Architecture(GOOD.ops, GOOD.edges[:-1]), "of no nasbench_graph link"),
        (Architecture(["input", *["skip"] * 4, "output"], GOOD.edges), "no architecture of four skips"),
        (Architecture(["input", "gcn2", *GOOD.ops[2:]], GOOD.edges), "unknown operation 'gcn2' of vertex 1"),
        (Architecture(GOOD.ops, GOOD.edges, [(0, 5)]), "no disabled edges"),
        ("0012 gcn,gat,skip,fc", "takes egraph.Architecture objects, got str"),
    ],
)
def test_foreign_architectures_are_refused(architecture, text):
    with pytest.raises(ArchitectureError, match=text):
        SPACE.key(architecture)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0012", "not a NAS-Bench-Graph architecture: '0012'; expected .*0012 gcn,gat,skip,fc"),
        ("0012 gcn,gat", "not a NAS-Bench-Graph architecture"),
        ("0021 gcn,gat,skip,fc", "unknown link '0021'; nasbench_graph has 0000, 0001"),
        ("0012 gcn,gat,skip,mlp", "unknown operation 'mlp'; nasbench_graph has gat"),
        ("0012 skip,skip,skip,skip", "is four skips"),
    ],
)
def test_malformed_notation_is_refused(text, reason):
    with pytest.raises(ArchitectureError, match=reason):
        SPACE.parse(text)
