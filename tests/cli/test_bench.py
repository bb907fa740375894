import json
import re
import sys
from pathlib import Path

import pytest

from egraph.baselines import predictors


@pytest.fixture
def bench(egraph, table):
    def run(*args, **options):
        own = [
            "--benchmark",
            f"{table}:accuracy",
            "--predictor",
            "forest",
            "--samples",
            "10,20",
            "--seeds",
            2,
        ]
        return egraph("bench", "predictors", *own, *args, **options)

    return run


def test_the_help_names_every_predictor(egraph):
    # A line may end at the hyphen of a name.
    words = re.sub(r"-\s+", "-", egraph("bench", "predictors", "--help").stdout).replace(",", " ").split()
    assert set(predictors) <= set(words)


def test_a_predictor_of_ones_own_is_measured(bench, read_json):
    Path("my_predictors.py").write_text("from egraph.baselines import Forest as Mine\n")
    done = bench("--predictor", "my_predictors:Mine", "--samples", "10", "--json")
    taus = {row["predictor"]: row["tau"] for row in read_json(done)["results"] if row["seed"] == 0}
    assert taus["my_predictors:Mine"] == taus["forest"]
    done = bench("--predictor", "my_predictors:Yours", code=2)
    assert (
        "module 'my_predictors' has no function 'Yours', for --predictor my_predictors:Yours" in done.stderr
    )
    sys.modules.pop("my_predictors")


def test_measures_shows_and_writes_three_files(bench):
    done = bench("--out", "new/b.jsonl")
    assert "protocol key" in done.stdout
    assert "forest" in done.stdout
    assert "precision@10" in done.stdout
    assert "wrote new/b.jsonl, new/b.md, new/b.svg" in done.stdout
    rows = [json.loads(line) for line in Path("new/b.jsonl").read_text().splitlines()]
    assert [(row["samples"], row["seed"]) for row in rows] == [(10, 0), (10, 1), (20, 0), (20, 1)]
    assert Path("new/b.md").read_text(encoding="utf-8").count("| forest |") == 2
    assert "<svg" in Path("new/b.svg").read_text(encoding="utf-8")


def test_the_same_command_goes_on(bench, read_json):
    bench("--samples", "10")
    done = bench("--json", "--top", "10")
    assert "resuming: 2 of 4 are measured already" in done.stderr
    results = read_json(done)
    assert [row["samples"] for row in results["summary"]] == [10, 20]
    assert len(results["results"]) == 4
    assert len(Path("runs/bench.jsonl").read_text().splitlines()) == 4


def test_shuffled_labels_are_said_to_be_so(bench):
    assert "training labels shuffled" in bench("--shuffle-labels", "--samples", "10").stdout


def test_fits_that_fail_are_told_and_the_others_shown(bench):
    done = bench("--samples", "10,4000", code=1)
    assert "forest" in done.stdout
    assert "with 4000 labels, seed 1 failed: samples must be from 1 to 39" in done.stderr
    assert "2 of 4 fits failed" in done.stderr


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--samples", "ten"), "such as 78,156; got 'ten'"),
        (("--samples", "0,5"), "whole numbers of at least 1"),
        (("--predictor", "forrest"), "Did you mean 'forest'?"),
        (("--protocol", "pinnat"), "Did you mean 'pinat'?"),
        (("--out", "b.md"), "give --out a name such as bench.jsonl"),
        (("--benchmark", "nasbench999:x"), "nasbench999"),
    ],
)
def test_wrong_use_is_told_in_a_line(bench, args, text):
    done = bench(*args, code=2)
    assert text in done.stderr
    assert not Path("runs").exists()
