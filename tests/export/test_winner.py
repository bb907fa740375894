"""The winner of a study is trained again as it was, or the error says why it cannot be."""

import pytest
import torch
from safetensors.torch import save

from egraph import spaces
from egraph.errors import DataError, JournalError, UsageError
from egraph.evaluation import InheritedTraining, Recipe, Training
from egraph.export import _winner, export_winner
from egraph.export._winner import read_weights
from egraph.study import Journal

BRIEF = Recipe(epochs=1, batch_size=128, learning_rate=1e-2, channels=4)


def test_a_journal_without_a_winner_is_refused(tmp_path):
    with pytest.raises(JournalError, match=r"no journal at .*absent\.db"):
        export_winner(tmp_path / "absent.db", tmp_path / "best")
    with Journal(tmp_path / "s.db") as journal:
        journal.describe({"space": "nash", "evaluator": {"kind": "training"}})
    with pytest.raises(JournalError, match=r"no trial in .*s\.db has succeeded yet, so there is no best"):
        export_winner(tmp_path / "s.db", tmp_path / "best")


def repeat(**evaluator):
    return _winner.repeat_training(evaluator, data=None, root=None, device="cpu")


def test_what_cannot_be_trained_again_is_told():
    with pytest.raises(
        UsageError, match="looked its scores up in the table 'nasbench201' and trained nothing"
    ):
        repeat(kind="table", table="nasbench201", space="nasbench201")
    training = InheritedTraining(spaces.get("nash"), "digits", BRIEF, device="cpu")
    with pytest.raises(
        UsageError, match="inherited weights from one another, which its journal does not keep"
    ):
        repeat(**training.describe())
    usual = Training(spaces.get("nash"), "digits", BRIEF, device="cpu").describe()
    with pytest.raises(UsageError, match="the study's space is not known here: unknown search space 'mine'"):
        repeat(**{**usual, "space": "mine"})
    with pytest.raises(UsageError, match=r"unknown image data 'mine'.*; give the study's images as data"):
        repeat(**{**usual, "data": "mine"})


def test_other_images_than_the_study_s_are_refused():
    usual = Training(spaces.get("nash"), "digits", BRIEF, device="cpu").describe()
    with pytest.raises(
        DataError, match=r"'digits' are not those of the study.*, not 0123; give the study's images as data"
    ):
        repeat(**{**usual, "digest": "0123"})


def test_weights_of_both_kinds_of_files_are_read(tmp_path):
    weights = {"layer.weight": torch.arange(6.0).reshape(2, 3)}
    torch.save(weights, tmp_path / "w.pt")
    (tmp_path / "w.safetensors").write_bytes(save(weights))
    for name in ("w.pt", "w.safetensors"):
        assert read_weights(tmp_path / name)["layer.weight"].equal(weights["layer.weight"])
