"""A trained network as a folder: written whole, read back without egraph, or not at all."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from egraph import spaces
from egraph.datasets import ImageData
from egraph.errors import FailedError, MissingExtraError, UsageError
from egraph.evaluation import Recipe, Training
from egraph.export import _network_saving as module
from egraph.export import check_target, save_network
from egraph.export._network_onnx import nearest, write_onnx


def part(count):
    rng = np.random.default_rng(count)
    return rng.random((count, 1, 4, 4), dtype=np.float32), np.arange(count) % 3


@pytest.fixture(scope="module")
def data():
    return ImageData(part(30), part(15), part(21), name="noise")


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


READER = """
import sys
sys.modules["egraph"] = sys.modules["onnxruntime"] = None
import numpy as np, torch, network
x = torch.from_numpy(np.load("../x.npy"))
np.save("../y.npy", network.load()(x).detach().numpy())
"""


def test_the_folder_is_read_without_egraph(network, data, tmp_path):
    (tmp_path / "deep").mkdir()
    folder = tmp_path / "deep" / "best"
    card = save_network(network.train(), folder, data, {"space": "none"})
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == dict.fromkeys(
        ("card.json", "network.onnx", "network.py", "network.safetensors"), oct(0o644)
    )
    assert list((tmp_path / "deep").iterdir()) == [folder]
    assert json.loads((folder / "card.json").read_text()) == card

    x, y = data.test
    expected = network.eval()(torch.from_numpy(x)).detach().numpy()
    np.save(tmp_path / "deep" / "x.npy", x)
    subprocess.run([sys.executable, "-B", "-c", READER], cwd=folder, check=True)
    assert np.array_equal(np.load(tmp_path / "deep" / "y.npy"), expected)

    assert card["space"] == "none"
    assert card["test_accuracy"] == pytest.approx((expected.argmax(1) == y).mean())
    assert card["parameters"] == (9 * 4 + 4) + 8 + (16 * 3 + 3)
    assert card["input"]["shape"] == ["batch", 1, 4, 4]
    assert card["input"]["mean"] == pytest.approx([data.train[0].mean()])
    assert card["input"]["sd"] == pytest.approx([data.train[0].std()])
    assert card["difference"]["source"] == 0
    assert card["difference"]["onnx"] < 1e-5
    assert "A network for noise" in (folder / "network.py").read_text()


@pytest.mark.parametrize(
    ("name", "shape", "kind"), [("convnet", (2, 21), "signals"), ("dense", (9,), "features")]
)
def test_signals_and_features_are_exported_too(name, shape, kind, tmp_path):
    """A graph with maps that are enlarged, and inputs of any scale."""
    rng = np.random.default_rng(0)
    parts = [(rng.normal(5, 3, (30, *shape)), np.arange(30) % 3) for _ in range(3)]
    data = ImageData(*parts, kind=kind)
    space = spaces.get(name)
    graph = "CONV_5.N,POOL_5.M,CONV_3.H;0>1,1>2,2>3,0>3,3>4" if name == "convnet" else "DENSE.N;0>1,0>2,1>2"
    network = space.network(space.parse(graph), shape, 3, channels=4)
    network(torch.from_numpy(data.train[0]))  # moves the statistics
    card = save_network(network, tmp_path / "best", data)
    assert card["input"]["shape"] == ["batch", *shape]
    assert card["input"]["scale"] == "as in the data, not standardised"
    over = (0, *range(2, len(shape) + 1))
    assert card["input"]["mean"] == pytest.approx(data.train[0].mean(axis=over), abs=1e-4)
    assert card["difference"]["source"] == 0
    assert card["difference"]["onnx"] < 1e-5
    assert f"logits = network({kind})" in (tmp_path / "best" / "network.py").read_text()


def test_a_regression_is_exported_with_its_scale(tmp_path):
    rng = np.random.default_rng(0)
    data = ImageData(*[(x := rng.normal(size=(30, 5)), 50 + x[:, 0]) for _ in range(3)], target="regression")
    training = Training(spaces.get("dense"), data, Recipe(epochs=9, batch_size=10, channels=8), device="cpu")
    evaluation, network = training.train(training.space.parse("DENSE.N;0>1,1>2"))
    card = save_network(network, tmp_path / "best", data)
    assert card["test_r2"] == pytest.approx(evaluation.test_score, abs=1e-5)
    assert (card["target"], "classes" in card, card["parameters"]) == ("regression", False, evaluation.params)
    assert "predictions = network(features)" in (tmp_path / "best" / "network.py").read_text()
    assert "in units of the target" in (tmp_path / "best" / "network.py").read_text()


def test_a_network_that_is_another_one_is_not_left_behind(network, data, tmp_path, monkeypatch):
    usual = module_source()

    def other(*args):
        source = usual(*args)
        return source._replace(weights={name: tensor + 0.01 for name, tensor in source.weights.items()})

    monkeypatch.setattr("egraph.export._source.to_source", other)
    with pytest.raises(FailedError, match=r"network.py as written is another network: its outputs differ by"):
        save_network(network, tmp_path / "best", data)
    assert not list(tmp_path.iterdir())


def test_a_network_that_needs_egraph_is_not_left_behind(network, data, tmp_path, monkeypatch):
    usual = module_source()

    def needing(*args):
        source = usual(*args)
        return source._replace(
            text=source.text.replace("from torch import", "import egraph\nfrom torch import")
        )

    monkeypatch.setattr("egraph.export._source.to_source", needing)
    with pytest.raises(
        FailedError, match=r"cannot be read back .*import of egraph halted.*no folder was written"
    ):
        save_network(network, tmp_path / "best", data)
    assert not list(tmp_path.iterdir())


def module_source():
    from egraph.export._source import to_source

    return to_source


def test_what_is_there_already_is_left_alone(network, data, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        UsageError, match=r"exists; a network is written to a new or empty folder: give another one"
    ):
        save_network(network, tmp_path, data)
    with pytest.raises(UsageError, match=r"notes.txt exists"):
        check_target(tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    check_target(tmp_path / "empty")


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_extra_is_named(package, tmp_path, monkeypatch):
    usual = importlib.util.find_spec
    monkeypatch.setattr(
        module.importlib.util, "find_spec", lambda name: None if name == package else usual(name)
    )
    with pytest.raises(MissingExtraError, match=rf"this needs {package}: pip install 'egraph\[onnx\]'"):
        check_target(tmp_path / "best")


def test_a_folder_that_cannot_be_made_is_told(network, data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedError, match=r"cannot write .*file/best: .*; choose another place$"):
        save_network(network, tmp_path / "file" / "best", data)


@pytest.mark.parametrize("pool", [nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d])
@pytest.mark.parametrize("size", [3, (2, 5), 1], ids=str)
def test_pools_of_any_size_are_written_for_any_batch(pool, size, tmp_path):
    """ONNX itself has them for sides that are divided evenly only; here 7 x 8 pixels become others."""
    network = nn.Sequential(pool(size), nn.Flatten())
    write_onnx(network, (2, 7, 8), tmp_path / "x.onnx")
    assert_runs(tmp_path / "x.onnx", network, (2, 7, 8))


def assert_runs(path, network, shape):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        images = torch.rand(batch, *shape)
        found = session.run(["logits"], {"images": images.numpy()})[0]
        assert found == pytest.approx(network(images).numpy(), abs=1e-6)


def test_the_nearest_pixels_are_those_that_pytorch_takes():
    for side in range(1, 33):
        pixels = torch.arange(side, dtype=torch.float32)[None, None]
        for want in range(1, 49):
            assert nearest(side, want) == nn.functional.interpolate(pixels, want)[0, 0].int().tolist()


def test_resized_maps_are_written_for_any_batch(tmp_path):
    network = nn.Upsample((28, 11))
    write_onnx(network, (2, 25, 26), tmp_path / "x.onnx")
    assert_runs(tmp_path / "x.onnx", network, (2, 25, 26))
