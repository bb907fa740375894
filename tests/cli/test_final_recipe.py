"""The final training of DARTS from the command line."""

import json

import numpy as np

FINAL = """
epochs = 2
batch_size = 8
channels = 4
cells = 3
optimizer = "sgd"
learning_rate = 0.025
weight_decay = 3e-4
schedule = "cosine"
clip_norm = 5.0
auxiliary = 0.4
drop_path = 0.2

[augment]
shift = 0.125
flip = true
cutout = 0.5
"""


def test_the_winner_has_an_auxiliary_head_and_dropped_paths_in_its_last_training(egraph, tmp_path):
    rng = np.random.default_rng(0)
    parts = {}
    for name in ("train", "val", "test"):
        parts[f"y_{name}"] = np.arange(16) % 2
        parts[f"x_{name}"] = rng.random((16, 3, 8, 8))
    np.savez(tmp_path / "mine.npz", **parts)
    (tmp_path / "final.toml").write_text(FINAL)
    (tmp_path / "short.toml").write_text("epochs = 1\nchannels = 2\ncells = 3\n")
    (tmp_path / "more.toml").write_text("auxiliary = 0.4\n")
    args = (
        "search", "--space", "darts", "--data", "mine.npz", "--trials", 1, "--no-ranker", "--screen", "none",
        "--no-baseline", "--workers", 1, "--recipe", "short.toml", "--storage", "x.db", "--json",
    )  # fmt: skip
    done = egraph(*args, "--final-recipe", "final.toml")
    (final,) = json.loads(done.stdout)["finals"]
    assert final["changes"]["auxiliary"] == 0.4
    assert final["changes"]["drop_path"] == 0.2
    assert len(final["test scores"]) == 1
    refused = egraph("search", "--data", "mine.npz", "--final-recipe", "more.toml", "--trials", 1, code=2)
    assert "'convnet' offer no auxiliary; leave it out of the recipe" in refused.stderr
