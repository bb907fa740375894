"""Differentiable methods against one another."""

import itertools

import networkx as nx
import numpy as np
import pytest
from scipy import stats

from egraph import Architecture, spaces
from egraph.bench.studies import darts
from egraph.bench.studies._distances import cells_of, compare_curves, edit_distance, measure_distances
from egraph.errors import UnknownNameError, UsageError

NB201 = spaces.get("nasbench201")
SMALL = {"data": "digits", "examples": 64, "epochs": 2, "channels": 4, "batch_size": 16}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    out = tmp_path_factory.mktemp("darts") / "rows.jsonl"
    cells = darts.plan(["darts", "gdas"], [0, 1], final_epochs=2, **SMALL)
    found, failures = darts.run(cells, out=out)
    assert failures == []
    assert darts.run(cells, out=out)[0] == found  # nothing is measured twice
    return found


def test_each_method_and_random_architectures_have_a_row_for_each_seed(rows):
    assert [(row["method"], row["seed"]) for row in rows] == [
        (method, seed) for seed in (0, 1) for method in ("darts", "gdas", "random")
    ]
    for row in rows:
        NB201.parse(row["architecture"])
        assert len(row["history"]) == (0 if row["method"] == "random" else 2)
        assert all(len(curve) == 2 for curve in row["finals"].values())
        assert list(row["finals"]) == list(darts.RECIPES)


def test_tables_and_picture(rows, tmp_path):
    text = darts.to_markdown(rows)
    for title in ("Derived architectures", "Graph edit distance, cell", "by recipe", "Recipe sgd"):
        assert title in text
    darts.plot(rows, tmp_path / "x.svg")
    assert "entropy of the probabilities" in (tmp_path / "x.svg").read_text()


def test_scores_have_columns_where_they_are_looked_up(rows):
    looked_up = [row | {"table": "t", "metric": "acc", "score": 91.5} for row in rows]
    assert "| method | seeds | skips |" in darts.to_markdown(rows)
    text = darts.to_markdown(looked_up)
    assert "| method | seeds | acc, best epoch | last epoch | skips |" in text
    assert "| darts | 2 | 91.50 ± 0.00 |" in text


def test_another_operation_counts_two():
    rest = ("skip_connect", "avg_pool_3x3", "none", "none", "nor_conv_3x3")
    a, b = (NB201.build((op, *rest)) for op in ("nor_conv_3x3", "nor_conv_1x1"))
    assert edit_distance(a, b) == 2
    assert edit_distance(a, a) == 0


def test_distances_are_those_of_trying_all_assignments():
    rng = np.random.default_rng(0)
    for _ in range(4):
        graphs = []
        for _ in range(2):
            count = int(rng.integers(3, 6))
            edges = [(i, j) for i in range(count) for j in range(i + 1, count) if rng.random() < 0.6]
            graphs.append(Architecture(["input", *rng.choice(["a", "b"], count - 2), "output"], edges))
        assert edit_distance(*graphs) == _slow_distance(*graphs)


def _slow_distance(a, b):
    """The least cost over all partial assignments of the vertices of one graph to those of the other."""
    best = np.inf
    n, m = a.num_vertices, b.num_vertices
    for size in range(min(n, m) + 1):
        for ours in itertools.combinations(range(n), size):
            for theirs in itertools.permutations(range(m), size):
                to = dict(zip(ours, theirs, strict=True))
                cost = n + m - 2 * size + sum(2 for i, j in to.items() if a.ops[i] != b.ops[j])
                kept = sum((to[i], to[j]) in b.edges for i, j in a.edges if i in to and j in to)
                best = min(best, cost + len(a.edges) + len(b.edges) - 2 * kept)
    return best


def test_both_cells_of_darts_are_compared_apart():
    space = spaces.get("darts")
    cells = cells_of(space.sample(np.random.default_rng(0)))
    assert list(cells) == ["normal", "reduction"]
    for cell in cells.values():
        graph = nx.DiGraph(list(cell.edges))
        assert nx.is_weakly_connected(graph)
        assert cell.ops[1:3] == ("c_{k-2}", "c_{k-1}")


def test_groups_that_differ_are_told_from_groups_that_do_not():
    def cell(*ops):
        return NB201.build(ops)

    conv, pool = ["nor_conv_3x3"] * 6, ["avg_pool_3x3"] * 6
    apart = {
        "one": [cell(*conv[:5], "nor_conv_1x1"), cell(*conv), cell("nor_conv_1x1", *conv[1:])],
        "other": [cell(*pool[:5], "none"), cell(*pool), cell("none", *pool[1:])],
    }
    found = measure_distances(apart)
    assert max(found.within["one"] + found.within["other"]) < min(found.between["one", "other"])
    assert found.p_value == stats.kruskal(*found.within.values(), *found.between.values()).pvalue < 0.05
    assert np.isnan(measure_distances({"one": apart["one"][:2]}).p_value)


def test_curves_are_compared_without_their_first_tenth_and_corrected():
    rng = np.random.default_rng(0)
    same, same2 = rng.normal(0.9, 0.01, (2, 50))
    other = rng.normal(0.5, 0.01, 50)
    found = compare_curves({"a": same, "b": same2, "c": other})
    values = [stats.ks_2samp(x[5:], y[5:]).pvalue for x, y in ((same, same2), (same, other), (same2, other))]
    assert [p for *_, p, _ in found] == values
    # Benjamini and Hochberg by hand: the k-th smallest of m values times m / k, made monotone.
    ranked = sorted(values)
    by_hand = [min(3 / k * p for k, p in enumerate(ranked, 1) if p >= value) for value in values]
    np.testing.assert_allclose([corrected for *_, corrected in found], by_hand)
    assert found[0][3] > 0.05 > found[1][3]
    assert compare_curves({"a": same}) == []


def test_several_workers_are_a_group_of_their_own():
    cells = darts.plan(["darts"], [0], workers=[2], **SMALL)
    rows, failures = darts.run(cells[:1])
    assert failures == []
    assert rows[0]["workers"] == 2
    assert len(rows[0]["history"]) == 2
    assert "darts, 2 workers" in darts.to_markdown(rows)


def test_bad_input_is_refused():
    with pytest.raises(UnknownNameError, match="dats"):
        darts.plan(["dats"])
    with pytest.raises(UsageError, match="cannot be made"):
        darts.plan(["gdas:speed=3"])
    with pytest.raises(UsageError, match="give both, table and metric"):
        darts.plan(["gdas"], table="nasbench201")
    with pytest.raises(UsageError, match="has no relaxation"):
        darts.plan(["gdas"], space="nasbench101")
    cells = darts.plan(["darts"], [0], **SMALL | {"batch_size": 64})
    _, failures = darts.run(cells[:1])
    assert "a batch of 64 needs as many examples, but there are 32" in failures[0].reason
