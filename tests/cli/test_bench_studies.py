"""``egraph bench epochs``, ``noise`` and ``retention``."""

from pathlib import Path

import numpy as np
import pytest

from egraph import datasets, spaces


@pytest.fixture
def budgets(tmp_path):
    """A table of random networks with accuracies after 4 and 12 epochs."""
    rng = np.random.default_rng(0)
    space = spaces.get("nasbench_macro")
    columns = {"val_4": rng.uniform(60, 80, 30), "val_12": rng.uniform(70, 90, 30)}
    metrics = {name: datasets.Metric("percent", "validation", int(name[4:])) for name in columns}
    datasets.Table(space, [space.sample(rng) for _ in range(30)], columns, metrics).save(
        tmp_path / "t.parquet"
    )
    return "t.parquet"


def test_epochs_of_a_table(egraph, budgets, read_json):
    done = egraph("bench", "epochs", "--table", budgets, "--resamples", 5, "--out", "e.jsonl")
    assert "tau between accuracies after different epochs, rounded to whole per cents" in done.stdout
    assert "wrote e.jsonl, e.md, e.svg" in done.stdout
    named = ("--metric", "val_4", "--metric", "val_12")
    again = egraph(
        "bench", "epochs", "--table", budgets, "--resamples", 5, *named, "--out", "e.jsonl", "--json"
    )
    assert [row["rounded"] for row in read_json(again)["results"]] == [False, True]
    assert len(Path("e.jsonl").read_text().splitlines()) == 2
    assert "'val_4'" in egraph("bench", "epochs", "--table", budgets, "--metric", "val4", code=2).stderr


def test_noise(egraph):
    few = ("--dimensions", "2", "--taus", "0.75", "--functions", 1, "--searches", 2)
    done = egraph("bench", "noise", *few, "--out", "n.jsonl")
    assert "2 dimensions, 100 points along each axis: per cent of points that are better" in done.stdout
    assert "wrote n.jsonl, n.md, n.svg" in done.stdout
    wrong = egraph("bench", "noise", "--taus", "high", code=2)
    assert "--taus are numbers with commas between them, such as 0.85,0.75; got 'high'" in wrong.stderr


def test_retention(egraph):
    few = ("--networks", 2, "--epochs", "1,2", "--channels", 4, "--batch-size", 128, "--space", "convnet")
    done = egraph("bench", "retention", *few, "--out", "r.jsonl")
    assert "Mean accuracy after epochs" in done.stdout
    assert "wrote r.jsonl, r.md, r.svg" in done.stdout
    assert "rising numbers" in egraph("bench", "retention", "--epochs", "2,1", code=2).stderr
    assert "r.md is the ending" in egraph("bench", "retention", "--out", "r.md", code=2).stderr


def test_differentiable_methods(egraph, read_json):
    small = (
        "bench", "darts", "--method", "gdas", "--method", "pc-darts", "--data", "digits",
        "--examples", 64, "--epochs", 1, "--channels", 4, "--batch-size", 16, "--seeds", 2,
        "--final-epochs", 2, "--out", "d.jsonl",
    )  # fmt: skip
    shown = egraph(*small).stdout
    for title in (
        "Graph edit distance, cell",
        "Kruskal-Wallis test that all lines have one distribution: p = ",
        "Validation accuracy of the derived architectures by recipe, %",
        "Kolmogorov-Smirnov p",
        "corrected by Benjamini and Hochberg",
        "wrote d.jsonl, d.md, d.svg",
    ):
        assert title in shown
    rows = read_json(egraph(*small, "--json"))["results"]
    found = [(row["method"], row["seed"]) for row in rows]
    assert found == [(method, seed) for seed in (0, 1) for method in ("gdas", "pc-darts", "random")]
    assert "'gdos'" in egraph("bench", "darts", "--method", "gdos", "--out", "x.jsonl", code=2).stderr
