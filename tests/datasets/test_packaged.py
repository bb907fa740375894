"""The tables that are part of egraph."""

import json
from pathlib import Path

import numpy as np
import pytest

from egraph import datasets, operations

FOLDER = Path(datasets.__file__).parent / "data"
TRACED = ["timm"]
NAMES = sorted({path.stem for path in FOLDER.glob("*.parquet")} - {*TRACED})


def test_all_are_small_and_explained():
    assert NAMES == ["fashion_convnet8", "mnist1d_convnet"]
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 4_000_000
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"`{name}`" in text
        command = datasets.load(FOLDER / f"{name}.parquet").provenance["command"]
        assert command.partition(" --workers")[0] in text.replace(" \\\n    ", " ")


@pytest.mark.parametrize("name", NAMES)
def test_each_is_found_by_name_and_has_what_it_says(name, nowhere):
    table = datasets.load(name)
    assert len(table) >= 300
    assert len(set(table.keys)) == len(table)
    assert (table.columns["runs"] > 1).sum() >= 60
    assert table.default_metric() == "score"
    told = json.loads(table.provenance["evaluator"])
    assert told["digest"]
    assert told["recipe"]["epochs"] == table.metrics["score"].budget
    runs = np.stack([table[column] for column in datasets.find_runs(table.metrics)["test_score"]], axis=1)
    assert datasets.estimate_noise(runs).tau.value > 0.5


def test_the_traced_models_are_read_and_told_apart(nowhere):
    table = datasets.load("timm")
    assert "`timm`" in (FOLDER / "README.md").read_text(encoding="utf-8")
    assert table.space.name == "traced"
    assert list(table.metrics) == ["top1", "top5"]
    networks = table.columns["network"]
    assert len(set(networks)) >= 500
    assert len(set(table.keys)) > 0.95 * len(set(networks))
    parameters = {
        name: sum(operations.get(op).parameters for op in architecture.ops)
        for name, architecture in zip(networks, table.architectures, strict=True)
    }
    # Some buffers and scales behind the last layer are not those of a vertex, and figures are rounded.
    off = [abs(parameters[n] / 1e6 - m) / m for n, m in zip(networks, table.numbers("params_m"), strict=True)]
    assert np.mean(np.array(off) < 0.01) > 0.8
