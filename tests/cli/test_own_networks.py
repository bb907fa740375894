"""Search of a builder that stands in a module of the user's."""

import json
from pathlib import Path

NETS = """
from torch import nn


def build(choose, input_shape, num_classes):
    width = choose("width", 2, 3, 4)
    layers = [nn.Conv2d(input_shape[0], width, 3)]
    for i in range(choose("depth", 1, 2, 3)):
        layers.append(choose.module(f"layer{i}", conv=lambda: nn.Conv2d(width, width, 1), tanh=nn.Tanh))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes))
"""


def test_a_builder_in_a_module_is_searched_and_its_network_exported(egraph, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_nets_of_a_test.py").write_text(NETS)
    space = "own_nets_of_a_test:build"
    options = (
        "--data digits --epochs 1 --trials 4 --initial 4 --workers 1 --no-ranker --screen none --no-baseline"
    )
    done = egraph("search", "--space", space, *options.split())
    journal = "runs/own_nets_of_a_test-build-digits-0.db"
    assert f"egraph export {journal} best --network --space {space}@1x8x8,10" in done.output
    assert "(trained again 3 times" in done.output
    best = json.loads(Path(journal.replace(".db", ".best.json")).read_text())
    assert set(best["answers"]) >= {"width", "depth", "layer0"}
    exported = egraph("export", journal, "best", "--network", "--space", f"{space}@1x8x8,10")
    assert "A process without egraph read network.py" in exported.output
