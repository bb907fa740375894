"""Search of measured networks in a file of the user's own."""

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
