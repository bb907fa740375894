"""Searches that train by a function of the user's, in a module of the current folder."""

import os
import signal
import sys
import time

import copied
import pytest

from egraph.study import open_journal

MODULE = '''
"""A builder, and a training that is no training: its score is known without one."""

import time

import torch
from egraph.evaluation import Evaluation, Evaluator
from torch import nn


def build(choose):
    width = choose("width", 2, 3, 4, 5, 6, 7, 8, 9)
    layer = choose.module("layer", tanh=lambda: nn.Tanh(), relu=lambda: nn.ReLU())
    return nn.Sequential(nn.Linear(4, width), layer, nn.Linear(width, 3))


def fit(module, trial):
    import {name}  # what a function imports when it is called is found, too

    time.sleep({name}.SECONDS)
    width = module[0].weight.shape[0]
    return width * trial.fidelity + torch.rand(()).item() / 100


SECONDS = 0.0


def use_data(module, trial):
    return len(trial.data.train[0])


def without_a_score(module, trial):
    return {{"accuracy": 1}}


def alone(module):
    return 1.0


class Width(Evaluator):
    def evaluate(self, architecture, *, seed=0):
        return Evaluation(dict(architecture.answers)["width"])

    def describe(self):
        return {{"evaluator": "width"}}


width = Width()
'''
SEARCH = ["search", "--no-ranker", "--batch", "4", "--trials", "8"]


@pytest.fixture
def nets(tmp_path, request):
    """The name of the module, another one for each test."""
    name = f"nets_{request.node.name.partition('[')[0]}"
    (tmp_path / f"{name}.py").write_text(MODULE.format(name=name))
    yield name
    sys.modules.pop(name, None)


def options(nets, function="fit"):
    return ["--space", f"{nets}:build", "--train", f"{nets}:{function}", "--input", "4", "--classes", "3"]


def read(path):
    with open_journal(path) as journal:
        return journal.trials[["key", "origin", "fidelity", "seed", "state", "score"]].to_dict()


@pytest.mark.usefixtures("copied_workers")
def test_own_code_is_found_by_worker_processes_and_gives_what_one_process_gives(egraph, nets, read_json):
    first = read_json(egraph(*SEARCH, *options(nets), "--workers", 1, "--storage", "a.db", "--json"))
    assert first["best"]["score"] > 6
    assert first["random search"]
    egraph(*SEARCH, *options(nets), "--workers", 2, "--storage", "b.db")
    assert read("a.db") == read("b.db")
    with open_journal("a.db") as journal:
        assert len(journal.retrains) >= 15, "the best of both searches were trained again"


def test_fidelities_and_limits_go_with_it(egraph, nets):
    egraph(
        *SEARCH, *options(nets), "--fidelities", "0.3,1", "--max-params", 60, "--trial-seconds", 60,
        "--workers", 1, "--storage", "a.db",
    )  # fmt: skip
    with open_journal("a.db") as journal:
        trials = journal.trials
    assert set(trials["fidelity"]) == {0.3, 1}
    assert trials["params"].max() <= 60
    assert os.path.isdir("a.checkpoints")


def test_an_evaluator_of_ones_own_measures(egraph, nets, read_json):
    done = egraph(*SEARCH, *options(nets, "width"), "--workers", 1, "--json")
    assert read_json(done)["best"]["score"] in range(5, 10)


def test_with_data_the_function_finds_them_in_its_trial(egraph, nets):
    own = ["--space", "convnet", "--train", f"{nets}:use_data", "--data", "digits", "--workers", 1]
    done = egraph(*SEARCH, "--trials", 1, "--no-baseline", *own)
    assert "images of 1 x 8 x 8" in done.stderr
    with open_journal("runs/convnet-digits-0.db") as journal:
        assert journal.trials["score"][0] > 500


@pytest.mark.parametrize(
    ("function", "more", "code", "text"),
    [
        ("missing", [], 2, "has no function 'missing', for --train"),
        ("without_a_score", [], 2, "without_a_score returned {'accuracy': 1}; it must return the score of"),
        ("alone", [], 2, r"called as fit(module, trial), but"),
        ("Width", [], 2, "Width is a class; give an evaluator made of it, such as my_width = Width()"),
        (
            "SECONDS",
            [],
            2,
            "expected a function fit(module, trial) or an egraph.evaluation.Evaluator, got 0.0",
        ),
        ("width", ["--data", "digits"], 2, "has data of its own; leave --data out"),
        ("fit", ["--epochs", "3"], 2, "--epochs: "),
        ("fit", ["--metric", "a"], 2, "--metric: "),
        ("fit", ["--data", "digits"], 2, "leave input_shape and num_classes out"),
        ("fit", ["--data", "nasbench201"], 2, "'nasbench201' is not data to train on; leave one of them out"),
        ("fit", ["--input", "4xA"], 2, "expected a shape such as 1x28x28, got '4xA'"),
        ("fit", ["--space", "dense", "--input", "4x4"], 2, "read features, not signals of shape (4, 4)"),
    ],
)
def test_wrong_use_is_told_in_one_line(egraph, nets, function, more, code, text):
    done = egraph(*SEARCH, *options(nets, function), "--workers", 1, *more, code=code)
    assert text in done.stderr.splitlines()[-1]


def test_a_shape_goes_with_a_function_and_a_function_with_a_space(egraph, nets):
    done = egraph(*SEARCH, "--data", "digits", "--input", "1x8x8", code=2)
    assert "--input goes with --train; the data have a shape" in done.stderr
    done = egraph(*SEARCH, "--train", f"{nets}:fit", code=2)
    assert "--train needs --space, such as --space nets:build" in done.stderr


def test_killed_inside_of_the_function_and_run_again_the_history_is_the_same(egraph, nets, tmp_path):
    egraph(*SEARCH, *options(nets), "--workers", 1, "--storage", "whole.db")
    text = (tmp_path / f"{nets}.py").read_text()
    (tmp_path / f"{nets}.py").write_text(text.replace("SECONDS = 0.0", "SECONDS = 0.3"))
    command = [*SEARCH, *options(nets), "--workers", "1", "--storage", "x.db"]
    process = copied.start_command(tmp_path, *command)
    while not _is_begun(tmp_path / "x.db"):
        assert process.is_alive()
        time.sleep(0.05)
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert len(read("x.db")["key"]) < len(read("whole.db")["key"])
    process = copied.start_command(tmp_path, *command)
    process.join(120)
    assert process.exitcode == 0
    assert read("x.db") == read("whole.db")


def _is_begun(path):
    if not path.exists():
        return False
    try:
        return "complete" in set(read(path)["state"].values())
    except Exception:  # noqa: BLE001 - it is being made
        return False
