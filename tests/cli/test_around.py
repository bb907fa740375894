"""Searches of the variants of a network, on the command line."""

import sys

import pytest

from egraph.study import open_journal

MODULE = """
from torch import nn


def model(input_shape, num_classes):
    return nn.Sequential(nn.Linear(*input_shape, 8), nn.ReLU(), nn.Linear(8, num_classes))


def fit(module, trial):
    return module[0].out_features + trial.seed / 2**40
"""
OWN = ["--space", "around:{}:model", "--train", "{}:fit", "--input", "4", "--classes", "3", "--workers", 1]
SEARCH = ["search", "--screen", "none", "--no-baseline", "--trials", 3]


@pytest.fixture
def own(tmp_path):
    """Options that name the module, which is another one for each test."""
    name = f"nets_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    yield [str(each).format(name) for each in OWN]
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("limits", "first"),
    [
        (["--max-params", "1.5x", "--max-latency", "1000x", "--max", "flops=2x"], "given"),
        (["--max-flops", "0.8x"], "reference"),
    ],
)
def test_limits_are_relative_to_the_given_network(egraph, own, limits, first):
    done = egraph(*SEARCH, *own, *limits, "--storage", "x.db")
    with open_journal("x.db") as journal:
        trials = journal.trials
    assert trials["origin"][0] == first
    if first == "given":
        assert trials["params"][0] == 4 * 8 + 8 + 8 * 3 + 3
    else:
        assert "so that it is a reference and cannot win: flops 56, at most 44.8" in done.stderr
        assert trials["flops"][0] == 56
        assert trials["flops"][1:].max() <= 0.8 * 56


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["--max-params", "0.8x"], "limit 0.8x of 'params' is relative to a given network, and the space"),
        (["--max-params", "0.8y"], "expected a whole number above 0, or a share such as 0.8x, got '0.8y'"),
        (["--max-params", "1.5"], "expected a whole number above 0, or a share such as 0.8x, got '1.5'"),
        (["--max-latency", "-1x"], "expected a number above 0, or a share such as 0.8x, got '-1x'"),
        (
            ["--max", "params=x"],
            "a limit is NAME=NUMBER, a positive number such as params=1e6, got 'params=x'; or",
        ),
        (["--space", "around:nowhere:model"], "no module 'nowhere'"),
    ],
)
def test_wrong_use_is_told_in_one_line(egraph, args, text):
    assert text in egraph("search", "--data", "digits", "--trials", 2, *args, code=2).stderr.splitlines()[-1]
