"""The tables that are part of egraph."""

import json
from pathlib import Path

import numpy as np
import pytest

from egraph import datasets

FOLDER = Path(datasets.__file__).parent / "data"
NAMES = sorted(path.stem for path in FOLDER.glob("*.parquet"))


def test_all_are_small_and_explained():
    assert NAMES == ["fashion_convnet8", "mnist1d_convnet"]
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000
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
