"""Tables of traced models."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from egraph import Ranker, datasets, spaces
from egraph.cli.main import main
from egraph.errors import ArchitectureError, DataError, FailedError, UsageError

NETS = """
import torch
from torch import nn

def build(width, blocks):
    layers = [nn.Conv2d(3, width, 3, 2, 1)]
    for _ in range(blocks):
        layers += [nn.Conv2d(width, width, 3, 1, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))

def refuses():
    raise RuntimeError("no such\\nlayer")

zoo = [
    {"model": f"net{w}x{b}", "build": lambda w=w, b=b: build(w, b), "input": [3, 16, 16],
     "accuracy": 50.5 + b + w, "recipe": "plain"}
    for w in (4, 8, 16) for b in (1, 2)
]
bad = [*zoo[:1], {"model": "bad", "build": refuses, "input": torch.zeros(1, 3, 16, 16), "accuracy": 1}]
only_bad = bad[1:]
wrong = [{"model": "x", "build": 3, "input": [3]}]
number = 3
"""


@pytest.fixture(autouse=True)
def nets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "traced_nets.py").write_text(NETS)
    monkeypatch.delitem(sys.modules, "traced_nets", raising=False)
    return tmp_path


def test_a_list_becomes_a_table_that_another_process_reads(nets):
    made = datasets.trace_models("traced_nets:zoo", "zoo.parquet")
    assert made.failures == ()
    table = datasets.load("zoo.parquet")
    assert (table.space.name, len(table), list(table.metrics)) == ("traced", 6, ["accuracy"])
    assert table.columns["network"].tolist()[:2] == ["net4x1", "net4x2"]
    assert set(table.columns["recipe"]) == {"plain"}
    assert len(set(table.keys)) == 6
    ranker = Ranker(members=1, epochs=2, folds=0).fit(table.architectures, table.scores("accuracy"))
    ranker.save("r.egraph")
    code = (
        "import egraph; t = egraph.datasets.load('zoo.parquet'); "
        "print(egraph.load('r.egraph').predict(t.architectures).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    np.testing.assert_allclose(json.loads(done.stdout), ranker.predict(table.architectures))


def test_an_interrupted_call_goes_on(nets):
    whole = datasets.trace_models("traced_nets:zoo", "zoo.parquet")
    lines = whole.traces.read_text().splitlines(keepends=True)
    expected = whole.table.texts()
    whole.traces.write_text("".join(lines[:3]) + lines[3][:20])  # killed while it wrote the fourth
    seen = []
    again = datasets.trace_models(
        "traced_nets:zoo", "zoo.parquet", progress=lambda done, total, name: seen.append((done, total, name))
    )
    assert seen == [(3, 6, "net8x2"), (4, 6, "net16x1"), (5, 6, "net16x2"), (6, 6, "")]
    assert again.table.texts() == expected
    assert whole.traces.read_text() == "".join(lines)


def test_labels_are_joined_by_name_and_size(nets):
    (nets / "labels.csv").write_text(
        "architecture,tag,img_size,top1\nnet4x1,a,16,70.5\nnet4x1,b,16,71\nnet8x1,a,16,72\nabsent,a,16,3\n"
    )
    made = datasets.trace_models("traced_nets:zoo", "t.parquet", labels="labels.csv")
    assert made.table.columns["tag"].tolist() == ["a", "b", "a"]
    assert made.table["top1"].tolist() == [70.5, 71, 72]
    assert len(set(made.table.keys)) == 2  # one graph of two recipes
    assert made.table.provenance["labels imported from"] == "labels.csv"


def test_failures_are_one_line_each_and_not_repeated(nets):
    made = datasets.trace_models("traced_nets:bad", "bad.parquet")
    assert made.failures == ("bad: RuntimeError: no such layer",)
    assert len(made.table) == 1
    assert datasets.trace_models("traced_nets:bad", "bad.parquet").failures == made.failures
    assert len(made.traces.read_text().splitlines()) == 2
    with pytest.raises(
        FailedError, match="no model of traced_nets:only_bad could be traced; the first: bad: R"
    ):
        datasets.trace_models("traced_nets:only_bad", "none.parquet")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"models": "resnets"}, UsageError, "those of timm, torchvision, or a list package.module:name"),
        ({"models": "traced_nets:number"}, UsageError, "must be a list of models, got int"),
        ({"models": "traced_nets:wrong"}, UsageError, r"expected a mapping with model .* at position 0"),
        ({"labels": "nothing.csv"}, DataError, "there are no labels nothing.csv; give a file, or its name"),
        ({"labels": "odd.csv"}, DataError, "odd.csv has no column architecture or model"),
        ({"metrics": ["recipe"]}, UsageError, "no label 'recipe' of numbers; known: accuracy"),
        ({"labels": "rank.csv"}, UsageError, r"name the labels that are metrics .*; known: place"),
        ({"out": "traced_nets.py/x.parquet"}, FailedError, r"cannot write .*; choose another place"),
    ],
)
def test_what_is_refused(nets, arguments, error, message):
    (nets / "odd.csv").write_text("name,top1\nnet4x1,70.5\n")
    (nets / "rank.csv").write_text("model,place\nnet4x1,1\n")
    with pytest.raises(error, match=message):
        datasets.trace_models(**{"models": "traced_nets:zoo", "out": "x.parquet"} | arguments)


def test_damaged_traces_are_refused(nets):
    (nets / "x.traces.jsonl").write_text("[" * 5000 + "\n")
    with pytest.raises(DataError, match=r"x.traces.jsonl, line 1 is no trace; delete the file to trace anew"):
        datasets.trace_models("traced_nets:zoo", "x.parquet")
    (nets / "x.traces.jsonl").write_text('{"size": 3}\n')
    with pytest.raises(DataError, match=r"x.traces.jsonl, line 1 is no trace; delete the file to trace anew"):
        datasets.trace_models("traced_nets:zoo", "x.parquet")


def test_a_package_that_is_absent_is_named(nets, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match=r"needs the package timm, .* install it with pip install timm"):
        datasets.trace_models("timm", "x.parquet")


def test_timm_is_traced_at_the_size_of_the_labels(nets):
    pytest.importorskip("timm")
    (nets / "labels.csv").write_text(
        "architecture,img_size,top1\nresnet18,64,70\nvit_tiny_patch16_224,64,71\n"
    )
    table = datasets.trace_models("timm", "t.parquet", labels="labels.csv").table
    assert len(table) == 2


def test_the_command(nets):
    call = ["data", "trace", "--models", "traced_nets:bad", "--out", "bad.parquet"]
    done = CliRunner().invoke(main, call)
    assert done.exit_code == 0, done.output
    assert "failed: bad: RuntimeError: no such layer" in done.output
    assert "wrote bad.parquet: 1 rows, 1 distinct networks, 1 failed" in done.output
    done = CliRunner().invoke(main, [*call, "--metric", "accuracy", "--json"])
    assert json.loads(done.stdout)["rows"] == 1
    os.remove("bad.traces.jsonl")


def test_the_space_of_traced_networks_has_no_moves():
    space, rng = spaces.get("traced"), np.random.default_rng(0)
    assert "traced" not in spaces.names()
    architecture = space.parse('{"ops": ["input", "add", "output"], "edges": [[0, 1], [1, 2]]}')
    assert space.parse(space.format(architecture)) == architecture
    moves = [
        lambda: space.sample(rng),
        lambda: space.mutate(architecture, rng),
        lambda: space.crossover(architecture, architecture, rng),
        lambda: space.neighbors(architecture),
    ]
    for move in moves:
        with pytest.raises(UsageError, match="traced networks cannot be varied; search among the rows"):
            move()
    with pytest.raises(ArchitectureError, match="nothing describes the operation 'warp'; give the arch"):
        space.parse('{"ops": ["input", "warp", "output"], "edges": [[0, 1], [1, 2]]}')


def test_a_part_of_each_model_is_traced(nets):
    """Traces of the whole models, in the same file, are others."""
    datasets.trace_models("traced_nets:bad", "zoo.parquet")
    done = CliRunner().invoke(
        main, ["data", "trace", "--models", "traced_nets:bad", "--out", "zoo.parquet", "--part", "0"]
    )
    assert done.exit_code == 0, done.output
    table = datasets.load("zoo.parquet")
    assert {a.num_vertices for a in table.architectures} == {3}
    assert table.provenance["part"] == "0"


def test_a_list_may_name_onnx_files(nets):
    onnx = pytest.importorskip("onnx")
    from onnx import helper

    graph = helper.make_graph(
        [helper.make_node("GlobalMaxPool", ["x"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", 1, [1, 3, 9, 9])],
        [helper.make_tensor_value_info("y", 1, None)],
    )
    onnx.save(helper.make_model(graph), nets / "net.onnx")
    (nets / "traced_files.py").write_text(
        'files = [{"model": "a", "build": "net.onnx", "accuracy": 3}, '
        '{"model": "b", "build": "none.onnx", "accuracy": 4}]\n'
    )
    made = datasets.trace_models("traced_files:files", "files.parquet")
    assert [op.split("#")[0] for op in made.table.architectures[0].ops][1] == "global-max-pool-3"
    assert made.failures == (
        "b: DataError: cannot read none.onnx: No such file or directory; from_onnx reads a file of a network",
    )
