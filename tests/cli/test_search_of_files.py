"""Commands that read measured networks in a file of the user's own."""

from pathlib import Path

import numpy as np
import pytest

from egraph import datasets


@pytest.fixture
def measured(table, tmp_path):
    """Forty networks with an accuracy and an error as CSV."""
    known = datasets.load(table)
    rows = known.to_frame()[["architecture", "accuracy"]]
    rows["error"] = 100 - rows["accuracy"]
    path = tmp_path / "mine.csv"
    rows.to_csv(path, index=False)
    return path, rows


def test_the_rows_of_a_file_are_searched_as_a_table_is(egraph, measured):
    path, rows = measured
    options = ["--space", "nasbench_macro", "--trials", "12", "--no-ranker", "--seed", "0"]
    found = egraph("search", "--data", str(path), "--metric", "accuracy", *options)
    assert "nothing is trained" not in found.output
    best = np.sort(rows["accuracy"].to_numpy())[::-1]
    assert any(f"{value:.2f}" in found.output for value in best[:12])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--metric", "accuracy"], r"--space"),
        (["--space", "nasbench_macro", "--metric", "speed"], r"speed"),
        (["--space", "nasbench_macro", "--metric", "accuracy", "--epochs", "3"], r"nothing is trained"),
    ],
)
def test_what_is_missing_is_told(egraph, measured, options, reason):
    path, _ = measured
    done = egraph("search", "--data", str(path), *options, code=2)
    assert reason in done.stderr
    assert "networks are trained" not in done.stderr


SPACE = ("--space", "nasbench_macro")


def test_the_direction_of_a_file_is_told_to_a_search_too(egraph, measured):
    path, _ = measured
    options = ["--data", path, *SPACE, "--metric", "error", "--trials", "12", "--no-ranker"]
    asked = egraph("search", *options, code=2)
    assert "--lower-is-better error" in asked.stderr
    found = egraph("search", *options, "--lower-is-better", "error")
    assert "scores are the negative of error" in found.stderr


def test_predictors_are_measured_on_a_file_and_again_when_it_changes(egraph, measured, read_json):
    path, rows = measured
    options = ["--benchmark", f"{path}:accuracy", "--predictor", "forest", "--samples", "20", "--seeds", "1"]
    first = egraph("bench", "predictors", *options, *SPACE, "--json")
    assert "mine: 40 rows, 40 distinct networks of the space nasbench_macro; accuracy, higher" in first.stderr
    found = read_json(first)
    assert found["data"][0]["metric"]["name"] == "accuracy"
    assert len(found["data"][0]["data"]["sha256"]) == 64
    assert found["results"][0]["tau"] > 0.5
    again = read_json(egraph("bench", "predictors", *options, *SPACE, "--json"))
    assert again["results"] == found["results"]
    rows["accuracy"] = rows["accuracy"].to_numpy()[::-1]
    rows.to_csv(path, index=False)
    other = read_json(egraph("bench", "predictors", *options, *SPACE, "--json"))["results"]
    assert other[0]["tau"] != found["results"][0]["tau"]
    assert len(Path("runs/bench.jsonl").read_text().splitlines()) == 2


def test_searchers_are_compared_on_a_file(egraph, measured, read_json):
    path, rows = measured
    options = ["--benchmark", f"{path}:error:accuracy", "--queries", "8", "--seeds", "1"]
    asked = egraph("bench", "searchers", *options, *SPACE, code=2)
    assert "--lower-is-better error" in asked.stderr
    done = egraph("bench", "searchers", *options, *SPACE, "--lower-is-better", "error", "--json")
    assert "error, lower is better" in done.stderr
    found = read_json(done)
    assert {row["optimum"] for row in found["results"]} == {rows["accuracy"].max()}
    assert [each["metric"]["name"] for each in found["data"]] == ["error", "accuracy"]
    assert "--space NAME" in egraph("bench", "searchers", *options, code=2).stderr


def test_epochs_of_a_file_are_told_with_its_metrics(egraph, measured, read_json):
    path, _ = measured
    command = ["bench", "epochs", "--table", path, *SPACE, "--resamples", "10"]
    unclear = egraph(
        *command, "--metric", "accuracy", "--metric", "error", "--higher-is-better", "error", code=2
    )
    assert "tell both, as in --metric accuracy=12:percent" in unclear.stderr
    metrics = ["--metric", "accuracy=12:percent", "--metric", "error=200:percent"]
    found = read_json(egraph(*command, *metrics, "--json"))
    plain = next(row for row in found["results"] if not row["rounded"])
    assert plain["epochs"] == [12, 200]
    assert plain["tau"] == pytest.approx(-1)
    alone = egraph(*command, "--metric", "accuracy=12:percent", code=2)
    assert "name at least two accuracies after different numbers of epochs, got accuracy" in alone.stderr
    for wrong in ("accuracy=12", "accuracy=0:percent", "accuracy=12:degrees"):
        done = egraph(*command, "--metric", wrong, code=2)
        assert "such as val=12:percent with one of the units fraction, percent; got" in done.stderr


def test_an_evolution_learns_from_a_file(egraph, measured):
    path, _ = measured
    small = ["--population", 2, "--sample", 2, "--filters", 4, "--train", 10, "--validation", 12]
    options = ["--workers", 1, "--cycles", 0, "--repeats", 1, "--no-full", "--storage", "x.db"]
    command = ["evolve", "--data", path, "--metric", "error", *small, *options]
    assert "--data-space NAME" in egraph(*command, code=2).stderr
    done = egraph(*command, "--data-space", "nasbench_macro", "--lower-is-better", "error")
    assert "error, lower is better" in done.stderr
    assert f"--data {path} --metric error --lower-is-better error --space nasbench_macro" in done.stdout


def test_metrics_of_a_file_are_shown_by_name(egraph, measured, read_json):
    path, _ = measured
    assert (
        "or name the metrics that you need with --metric"
        in egraph("data", "show", path, *SPACE, code=2).stderr
    )
    shown = read_json(egraph("data", "show", path, *SPACE, "--metric", "accuracy", "--json"))
    assert [each["metric"] for each in shown["metrics"]] == ["accuracy"]


def test_known_results_are_read_in_the_same_way(egraph, measured):
    path, rows = measured
    rows.drop(columns="accuracy").to_csv("known.csv", index=False)
    command = ["search", "--data", path, *SPACE, "--metric", "accuracy", "--trials", 4, "--no-ranker"]
    assert "--lower-is-better error" in egraph(*command, "--known", "known.csv", code=2).stderr
    done = egraph(*command, "--known", "known.csv", "--lower-is-better", "error")
    assert "known.csv: 40 known networks by error, 40 of them new" in done.stderr
