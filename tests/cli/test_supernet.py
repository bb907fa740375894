"""``egraph supernet``."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import egraph as egraph_package

SMALL = (
    "--space", "supernets:build", "--data", "digits", "--method", "gdas:batch_size=256",
    "--epochs", 2, "--random", 1, "--final-epochs", 1,
)  # fmt: skip


NETS = """
from torch import nn


def build(choose):
    def layer(name):
        return choose.module(
            name,
            wide=lambda: nn.Conv2d(8, 8, 3, padding=1),
            narrow=lambda: nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU()),
            skip=nn.Identity,
        )

    return nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, 1), layer("first"), layer("second"), layer("third"),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10),
    )
"""


@pytest.fixture
def nets(tmp_path):
    """A file with a builder."""
    (tmp_path / "supernets.py").write_text(NETS)


def test_trains_tells_draws_and_resumes(egraph, nets, tmp_path, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    first = egraph("supernet", *SMALL, "--out", "gdas")
    numbers = re.findall(r"^[* ] +(\d) +[\d.]+ +[\d.]+ +[\d.]+ +\d", first.stdout, re.MULTILINE)
    assert numbers == ["1", "2"]
    told = r"the supernet took [\d.]+ s, as much as [\d.]+ trainings, with [\d.]+ MB for a backward pass; "
    assert re.search(told, first.stdout)
    assert "of the supernet  test " in first.stdout
    assert "1 random         test " in first.stdout
    page = (tmp_path / "gdas" / "supernet.html").read_text()
    assert page.count("<svg") in (3, 4), "two charts, and one drawing for each derived architecture"
    kept = json.loads((tmp_path / "gdas" / "supernet.json").read_text())
    again = json.loads(egraph("supernet", *SMALL, "--out", "gdas", "--json").stdout)
    assert again["files"] == {"result": "gdas/supernet.json", "report": "gdas/supernet.html"}
    assert {**again, "files": None} == {**kept, "files": None}, "nothing is trained again, seconds included"
    assert [epoch["number"] for epoch in kept["epochs"]] == [1, 2]
    assert sum(kept["epochs"][0]["probabilities"]["first"]) == pytest.approx(1)
    monkeypatch.setenv("COLUMNS", "60")
    narrow = egraph("supernet", *SMALL, "--out", "gdas").stdout.splitlines()
    assert [len(line) for line in narrow[1:3]] == [60, 60]
    assert narrow[1].removesuffix("...") == first.stdout.splitlines()[1][:57]
    refused = egraph("supernet", *SMALL, "--epochs", 3, "--out", "gdas", code=2)
    assert "gdas/supernet.pt is of another supernet" in refused.stderr.splitlines()[-1]


def test_two_workers_train_one_supernet(egraph, nets, tmp_path):
    more = [*SMALL, "--method", "gdas:batch_size=64", "--json"]
    command = ["--standalone", "--nproc-per-node", 2, "-m", "egraph", "supernet", *more, "--out", "two"]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *map(str, command)],
        cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    two = json.loads(done.stdout)  # by the first worker alone
    assert two["files"] == {"result": "two/supernet.json", "report": "two/supernet.html"}
    more[more.index("gdas:batch_size=64")] = "gdas:batch_size=128"
    one = json.loads(egraph("supernet", *more, "--out", "one").stdout)
    assert two["epochs"][1]["validation_loss"] == pytest.approx(one["epochs"][1]["validation_loss"], abs=2e-3)
    assert two["random"][0]["notation"] == one["random"][0]["notation"]


def test_a_choice_is_fixed_in_supernet_and_random_architectures(egraph, nets, tmp_path):
    command = ("supernet", *SMALL, "--fix", "third=skip", "--derive", "drawn=2", "--derive", "removal")
    found = json.loads(egraph(*command, "--out", "fixed", "--json").stdout)
    assert found["space"] == "supernets:build@1x8x8,10, third = skip"
    assert set(found["options"]) == {"first", "second"}
    notations = [each["notation"] for each in (*found["epochs"], *found["random"])]
    assert len(notations) == 3
    assert [len(rows) for rows in found["further"].values()] == [2, 1]
    further = [each for rows in found["further"].values() for each in rows]
    assert further[0]["notation"] != further[1]["notation"]
    notations += [each["notation"] for each in further]
    shown = egraph(*command, "--out", "fixed").stdout
    assert re.search(r"^  drawn=2 +test .*\n  removal +test .*\n  1 random +test", shown, re.MULTILINE)
    assert all(json.loads(each)["third"] == "skip" for each in notations)


def test_choices_of_listed_networks_are_not_fixed(egraph, tmp_path):
    space = egraph_package.spaces.get("nasbench201")
    cells = [space.format(space.sample(np.random.default_rng(seed))) for seed in range(6)]
    rows = [f"{cell},{number}" for number, cell in enumerate(cells)]
    (tmp_path / "own.csv").write_text("\n".join(["architecture,score", *rows]))
    search = ("search", "--data", "own.csv", "--space", "nasbench201", "--metric", "score")
    assert (
        "cannot be fixed; list fewer" in egraph(*search, "--fix", "0->1=none", code=2).stderr.splitlines()[-1]
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("--derive", "ranks"), "an architecture is derived by ranks=3,4, drawn=8 or removal, got 'ranks'"),
        (("--derive", "ranks=3,3"), "ranks must be different whole numbers"),
        (("--derive", "ranks=1,2"), "a node does not select among its inputs, so there are no ranks"),
        (("--fix", "third"), "--fix is NAME=ANSWER, such as reduce=hand-made, got 'third'"),
        (("--fix", "first=skip", "--fix", "first=wide"), "--fix first= is given twice; leave one out"),
        (("--fix", "first=conv"), "the choice 'first' has no option 'conv'; it has wide, narrow, skip"),
        (("--space", "convnet"), "the space 'convnet' has no relaxation"),
        (("--method", "gdos"), "unknown differentiable method 'gdos'; known: "),
        (("--method", "gdas:speed=1"), "has no option 'speed'; known: "),
        (("--method", "gdas:batch_size=900"), "a batch of 900 needs as many examples, but there are "),
        (("--data", "nasbench201"), "nasbench201"),
    ],
)
def test_wrong_use_is_told_in_one_line(egraph, nets, change, text):
    done = egraph("supernet", *SMALL, *change, "--out", "gdas", code=2)
    assert text in done.stderr.splitlines()[-1]


def test_the_help_has_an_example(egraph):
    assert "Example: egraph supernet --space" in " ".join(egraph("supernet", "--help").stdout.split())
