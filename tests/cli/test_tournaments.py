"""``egraph search`` with the three scores and tournaments of cells, and ``egraph combine``."""

import json

import numpy as np
import pytest

CELLS = "0|0|0|4|0|0|0|0\n4|0|0|0|0|0|0|0\n"
SEARCH = (
    "search", "--space", "concat-cell", "--data", "small.npz", "--proxy", "naswot", "--cost", "ntk",
    "--cost", "gradient-correlation", "--no-ranker", "--no-baseline", "--channels", 4, "--batch-size", 8,
    "--searcher", "pareto-evolution:population=2,children=3,choose=supernet:examples=32+channels=4",
    "--device", "cpu",
)  # fmt: skip


@pytest.fixture
def small(egraph, tmp_path):
    rng = np.random.default_rng(0)
    classes = np.arange(60) % 3
    images = rng.random((60, 6, 6), dtype=np.float32) * 0.5 + classes[:, None, None] / 6
    np.savez(tmp_path / "small.npz", x=images.astype(np.float32), y=classes)
    return egraph


def test_a_search_by_three_scores_writes_its_population(small, tmp_path):
    told = json.loads(small(*SEARCH, "--trials", 10, "--json").stdout)
    assert set(told["best"]["costs"]) == {"ntk", "gradient-correlation"}
    assert told["files"]["population"] == "runs/concat-cell-small-0.population.txt"
    population = (tmp_path / told["files"]["population"]).read_text()
    assert len(population.splitlines()) == 2
    again = small(*SEARCH, "--trials", 11)
    assert "egraph combine runs/concat-cell-small-0.population.txt --data DATA" in again.stdout
    done = small(
        "combine", told["files"]["population"], "--data", "small.npz", "--epochs", 1, "--channels", 4
    )
    assert "row of 2 cells" in done.stdout
    assert "rows of 2 random cells" in done.stdout


def test_a_proxy_trains_nothing(small):
    refused = small(*SEARCH, "--epochs", 3, "--fidelities", "0.1,1", code=2)
    assert "--epochs, --fidelities: nothing is trained with --proxy; leave this out" in refused.stderr
    table = small("search", "--data", "nasbench_macro", "--proxy", "naswot", code=2)
    assert "--proxy scores networks on data to train on, which 'nasbench_macro' is not" in table.stderr
    own = small("search", "--space", "concat-cell", "--train", "nets:fit", "--proxy", "naswot", code=2)
    assert "--proxy: nets:fit of --train decides how to train; leave this out" in own.stderr
    unknown = small("search", "--space", "concat-cell", "--data", "small.npz", "--proxy", "naswott", code=2)
    assert "unknown zero-cost proxy 'naswott'" in unknown.stderr


def test_a_row_is_told_and_written(small, tmp_path):
    (tmp_path / "cells.txt").write_text(CELLS)
    options = ("--data", "small.npz", "--epochs", 1, "--channels", 4, "--repeats", 2, "--device", "cpu")
    told = json.loads(small("combine", "cells.txt", *options, "--out", "net", "--json").stdout)
    assert told["cells"] == CELLS.split()
    assert [len(told["own"]), len(told["random"])] == [2, 2]
    assert told["recipe"]["epochs"] == 1
    card = json.loads((tmp_path / "net" / "card.json").read_text())
    assert card["cells"] == CELLS.split()
    assert card["test_accuracy"] == told["own"][0]["test_score"]
    full = small("combine", "cells.txt", *options, "--out", "net", code=2)
    assert "net" in full.stderr
    piped = small("combine", "-", *options, stdin=CELLS)
    assert "test " in piped.stdout


def test_a_row_of_what_is_no_cell_is_refused(small, tmp_path):
    (tmp_path / "cells.txt").write_text(CELLS + "1|2\n")
    refused = small("combine", "cells.txt", "--data", "small.npz", code=2)
    assert "line 3 of cells.txt: not a genotype of concat-cell" in refused.stderr
    other = small("combine", "cells.txt", "--data", "small.npz", "--space", "convnet", code=2)
    assert "are those of the space 'concat-cell'; networks of 'convnet' are built" in other.stderr
