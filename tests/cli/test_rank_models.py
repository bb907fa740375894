"""``egraph rank --model``: networks written in PyTorch."""

import json
from dataclasses import replace

import numpy as np
import pytest

from egraph import spaces
from egraph.baselines import predictors
from egraph.ranker import load

NETS = """
import torch
from torch import nn

def small():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))

def dense():
    return nn.Linear(7, 3), torch.zeros(2, 7)

class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 3)
    def forward(self, pixel_values):
        return self.layer(pixel_values)

def named():
    return Named(), {"pixel_values": torch.zeros(1, 1, 9, 9)}

class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 3), Branch()
    def forward(self, x):
        x = self.body(x)
        return x[x > 0], self.head(x)

class Branch(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x

def broken():
    raise KeyError("weights")

number = 3
def three():
    return 3
"""


@pytest.fixture
def nets(egraph, tmp_path, request):
    """A package in the current folder; of another name for each test, as Python remembers its imports."""
    name = f"nets_{abs(hash(request.node.name))}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "plain.py").write_text(NETS)
    (tmp_path / name / "faulty.py").write_text("import no_such_package\n")
    (tmp_path / name / "failing.py").write_text("1 / 0\n")
    return f"{name}.plain"


def test_models_are_ranked_with_interval_and_familiarity(egraph, ranker, nets):
    done = egraph("rank", ranker, "--model", f"{nets}:small", "--model", f"{nets}:dense")
    header, *rows = done.stdout.splitlines()
    assert " ".join(header.split()) == "rank score 80 % interval model, and what is unlike the training data"
    assert len(rows) == 2
    scores = [float(row.split()[1]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    for row in rows:
        low, high = map(float, row.split()[2:4])
        assert low <= float(row.split()[1]) <= high
        assert f" {nets}:" in row
        assert ": outside: " in row
    assert done.stderr == ""


def test_models_as_json_have_their_graph_and_its_operations(egraph, ranker, nets):
    done = egraph("rank", ranker, "--model", f"{nets}:small", "--input", "3x16x16", "--json")
    found = json.loads(done.stdout)
    assert found["model"] == f"{nets}:small"
    assert found["low"] <= found["score"] <= found["high"]
    assert found["architecture"]["edges"] == [[0, 1], [1, 2], [2, 3]]
    names = [operation["name"] for operation in found["operations"]]
    assert names == found["architecture"]["ops"]
    assert set(found["unknown_operations"]) == set(names[1:-1])
    first = found["operations"][1]
    assert (first["kind"], first["parameters"], first["flops"]) == ("conv", 8 * 28, 8 * 27 * 256)
    assert found["inside"] is False
    assert found["distance"] > 0


def test_an_example_may_name_the_arguments(egraph, ranker, nets):
    found = json.loads(egraph("rank", ranker, "--model", f"{nets}:named", "--json").stdout)
    assert found["operations"][1]["flops"] == 2 * 9 * 49


def test_the_interval_of_an_accuracy_ends_at_100_percent(egraph, ranker, nets, tmp_path):
    """The same ranker without a card, which names the metric's unit, does not know of percent."""
    bare = load(ranker)
    scaled = replace(bare.scale_, scores=bare.scale_.scores + 20 - bare.scale_.scores.max() % 1)
    for name, card in (("percent", load(ranker).card), ("bare", {})):
        bare.scale_ = scaled
        bare.save(tmp_path / f"{name}.egraph", card=card)
    high = {
        name: json.loads(egraph("rank", f"{name}.egraph", "--model", f"{nets}:small", "--json").stdout)[
            "high"
        ]
        for name in ("percent", "bare")
    }
    assert high["percent"] == 100 < high["bare"]


@pytest.mark.parametrize(
    ("function", "code", "message"),
    [
        ("absent", 2, "has no function 'absent', for --model"),
        ("number", 2, "has no function 'number', for --model"),
        ("three", 2, "three() must return a torch.nn.Module, or one and an example input, got int"),
        ("broken", 1, "broken() failed: KeyError: 'weights'"),
        ("Branch", 2, "line 31: `return x if x.sum() > 0 else -x`; an architecture has one path"),
    ],
)
def test_a_function_that_will_not_do_is_named(egraph, ranker, nets, function, code, message):
    done = egraph("rank", ranker, "--model", f"{nets}:{function}", code=code)
    assert message in done.stderr
    assert done.stdout == ""


def test_a_module_that_will_not_do_is_named(egraph, ranker, nets):
    package = nets.split(".")[0]
    missing = egraph("rank", ranker, "--model", f"{package}.absent:build", code=2)
    assert f"no module '{package}.absent' in the current folder or installed" in missing.stderr
    faulty = egraph("rank", ranker, "--model", f"{package}.faulty:build", code=1)
    assert f"cannot import {package}.faulty: ModuleNotFoundError: No module named 'no_such" in faulty.stderr
    failing = egraph("rank", ranker, "--model", f"{package}.failing:build", code=1)
    assert f"cannot import {package}.failing: ZeroDivisionError: division by zero" in failing.stderr


@pytest.mark.parametrize("name", ["plain", "plain:", ":build", "plain:two words"])
def test_a_name_that_is_none_is_refused(egraph, ranker, name):
    done = egraph("rank", ranker, "--model", name, code=2)
    assert "--model is PACKAGE.MODULE:FUNCTION, such as nets.resnet:build, got" in done.stderr


@pytest.mark.parametrize("shape", ["3x", "0x32x32", "3,32,32", ""])
def test_a_shape_that_is_none_is_refused(egraph, ranker, nets, shape):
    done = egraph("rank", ranker, "--model", f"{nets}:small", "--input", shape, code=2)
    assert "--input is the shape of one input, such as 3x224x224, got" in done.stderr


def test_a_file_or_models_are_ranked_and_not_both(egraph, ranker, nets):
    for arguments in ((), ("-", "--model", f"{nets}:small")):
        done = egraph("rank", ranker, *arguments, code=2, stdin="")
        assert "give a FILE of architectures, - for standard input, or --model, and only one" in done.stderr


def test_another_predictor_is_refused(egraph, nets, tmp_path):
    space, rng = spaces.get("nasbench_macro"), np.random.default_rng(0)
    graphs = [space.sample(rng) for _ in range(12)]
    predictors["forest"](seed=0).fit(graphs, np.arange(12.0)).save("other.egraph")
    done = egraph("rank", "other.egraph", "--model", f"{nets}:small", code=2)
    assert "--model needs a ranker that `egraph train` wrote, which other.egraph is not" in done.stderr


def test_a_part_of_a_model_is_traced_on_what_it_receives(egraph, ranker, nets):
    options = ("--model", f"{nets}:Whole", "--input", "3x9x9", "--part")
    assert "conv3x3-4" in egraph("draw", *options, "body").stdout
    [found] = map(json.loads, egraph("rank", ranker, *options, "body", "--json").stdout.splitlines())
    assert found["operations"][1]["flops"] == 4 * 27 * 49
    assert (
        "unknown part 'boy' in the Whole; known: body, head" in egraph("draw", *options, "boy", code=2).stderr
    )


def test_a_simplification_is_noted(egraph, nets, tmp_path):
    path = tmp_path / nets.split(".")[0] / "plain.py"
    path.write_text(NETS.replace("x[x > 0], self.head(x)", "x[x > 0]"))
    done = egraph("draw", "--model", f"{nets}:Whole")
    assert done.stderr == (
        f"egraph: {nets}:Whole: 1 selections by values are drawn as if they selected everything\n"
    )


def test_models_are_drawn(egraph, nets, tmp_path):
    done = egraph("draw", "--model", f"{nets}:small", "--model", f"{nets}:dense", "--ascii")
    assert "conv3x3-8" in done.stdout
    assert "linear-3" in done.stdout
    assert egraph("draw", "--model", f"{nets}:small", "--out", "a.svg").stdout == "wrote a.svg\n"
    many = egraph("draw", "--model", f"{nets}:small", "--model", f"{nets}:dense", "--out", "a.svg", code=2)
    assert "--model contains 2 architectures, and --out takes one" in many.stderr
    for arguments in ((), ("-", "--model", f"{nets}:small")):
        assert "or --model, and only one" in egraph("draw", *arguments, code=2, stdin="").stderr


@pytest.fixture
def onnx_file(tmp_path):
    torch, onnx = pytest.importorskip("torch"), pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", 1, ["batch", 3, "height", 9])],
        [helper.make_tensor_value_info("y", 1, None)],
        [numpy_helper.from_array(torch.zeros(6, 3, 3, 3).numpy(), "w")],
    )
    onnx.save(helper.make_model(graph), tmp_path / "net.onnx")
    return "net.onnx"


def test_onnx_files_are_read_where_models_are(egraph, ranker, onnx_file):
    for arguments in ((onnx_file,), ("--model", onnx_file)):
        assert "conv3x3-6" in egraph("draw", *arguments, "--input", "3x9x9").stdout
        done = egraph("rank", ranker, *arguments, "--input", "3x9x9", "--json")
        assert json.loads(done.stdout)["operations"][1]["parameters"] == 6 * 27


def test_onnx_files_that_cannot_be_read_are_refused(egraph, ranker, onnx_file):
    free = egraph("draw", onnx_file, code=2)
    assert "the input 'x' has a side 'height' of any length; give an example_input" in free.stderr
    part = egraph("draw", onnx_file, "--part", "body", code=2)
    assert "--part names a submodule of a PyTorch network, and net.onnx has none" in part.stderr
    assert "cannot read absent.onnx: No such file" in egraph("rank", ranker, "absent.onnx", code=1).stderr
    assert "only one" in egraph("draw", onnx_file, "--model", onnx_file, code=2).stderr
