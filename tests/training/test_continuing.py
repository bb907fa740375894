"""A training that goes on from a shorter one gives the same network, bit for bit."""

import resource

import pytest
import torch
from torch import nn

from egraph.training import Checkpoint, Recipe, fit, seeded

DATA = (torch.rand(40, 1, 6, 6, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 2)
BASE = Recipe(epochs=5, batch_size=16, schedule="constant", augment="shift")


def train(recipe, checkpoint=None, seed=3):
    """The weights after a training, and the number of epochs that it took."""
    epochs = []
    with seeded(seed, torch.device("cpu")):
        module = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, 2)
        )
        fit(module, DATA, recipe, seed=seed, progress=lambda *now: epochs.append(now), checkpoint=checkpoint)
    return module.state_dict(), len(epochs)


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "sgd", "learning_rate": 0.05},
        {"optimizer": "adagrad"},
        {"ema": 0.9},
        {"mixup": 0.4, "clip_norm": 1.0, "label_smoothing": 0.1, "stop_loss": 50.0},
    ],
)
def test_going_on_equals_a_training_from_scratch(tmp_path, changes):
    recipe, file = BASE.changed(**changes), Checkpoint(tmp_path / "x" / "a.pt")
    whole, _ = train(recipe)
    assert train(recipe.changed(epochs=1), file)[1] == 1
    assert train(recipe.changed(epochs=3), file)[1] == 2
    found, epochs = train(recipe, Checkpoint(file.path, last=True))
    assert epochs == 2
    assert same(found, whole)
    assert not file.path.exists(), "no longer training follows"


@pytest.mark.parametrize("changes", [{"schedule": "one-cycle"}, {"schedule": "cosine"}, {"warmup": 0.2}])
def test_where_it_would_not_be_exact_nothing_is_kept(tmp_path, changes):
    file = Checkpoint(tmp_path / "a.pt")
    train(BASE.changed(epochs=2, **changes), file)
    assert not file.path.exists()
    assert train(BASE.changed(**changes), file)[1] == 5


def test_a_checkpoint_for_which_there_is_no_room_changes_nothing(tmp_path):
    whole, _ = train(BASE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # as on a full disk, further writes fail
    try:
        train(BASE.changed(epochs=2), Checkpoint(tmp_path / "a.pt"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
    assert same(train(BASE, Checkpoint(tmp_path / "a.pt", last=True))[0], whole)


def test_a_file_of_another_training_or_a_damaged_one_is_ignored(tmp_path):
    file = Checkpoint(tmp_path / "a.pt")
    train(BASE.changed(epochs=2), file)
    content = file.path.read_bytes()
    for other, seed in ((BASE.changed(learning_rate=0.1), 3), (BASE, 4), (BASE.changed(epochs=1), 3)):
        file.path.write_bytes(content)
        found, epochs = train(other, file, seed)
        assert epochs == other.epochs
        assert same(found, train(other, seed=seed)[0])
    file.path.write_bytes(content[: len(content) // 2])
    assert train(BASE, file)[1] == 5


def test_a_checkpoint_that_cannot_be_written_is_left_out(tmp_path):
    (tmp_path / "x").write_text("a file, where a folder should be")
    file = Checkpoint(tmp_path / "x" / "a.pt")
    assert same(train(BASE, file)[0], train(BASE)[0])
