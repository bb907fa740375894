"""``egraph export --network``."""

import json
import os
import runpy
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load
from torch import nn

from egraph import spaces
from egraph.evaluation import Recipe, Training, as_evaluator
from egraph.export import _winner
from egraph.study import Journal, Study, find_best, open_journal, split_retrains

BRIEF = Recipe(epochs=1, batch_size=128, learning_rate=1e-2, channels=4)


def write_study(path, evaluator, trials=2, confirm=False):
    with Study("nash", evaluator, storage=path, ranker=False, screen=False, initial=1, batch=2) as study:
        study.run(trials)
        if confirm:
            study.confirm(2, 1)
    return path


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    """A study on digits with two networks, one epoch each."""
    training = Training(spaces.get("nash"), "digits", BRIEF, device="cpu")
    return write_study(tmp_path_factory.mktemp("study") / "s.db", training, confirm=True)


def test_the_best_network_is_trained_again_and_measures_the_same(egraph, journal, tmp_path):
    done = egraph("export", journal, "best", "--network", "--device", "cpu")
    card = json.loads((tmp_path / "best" / "card.json").read_text())
    with open_journal(journal) as opened:
        retrains, trials = opened.retrains, opened.trials
    # the winner is the one with the better fresh score, the weights are those of its own trial
    winner = retrains.loc[retrains["score"].idxmax()]
    trial = trials[trials["key"] == winner["key"]].iloc[0]
    assert card["study"]["trial"] == trial["number"]
    assert card["study"]["seed"] == trial["seed"]
    assert card["architecture"] == json.loads(trial["architecture"])
    assert card["test_accuracy"] == pytest.approx(trial["test_score"], abs=1e-9)
    assert card["validation_accuracy"] == trial["score"]
    assert card["study"]["test_accuracies_of_other_seeds"] == [winner["test_score"]]
    assert card["recipe"] == BRIEF.to_dict()
    assert f"training the best network, trial {trial['number']}, again with its seed" in done.stderr
    for expected in (
        "wrote best",
        "network.py",
        "network.onnx",
        "in the journal has the same",
        "With other seeds",
    ):
        assert expected in done.stdout


def test_a_winner_with_a_final_training_is_written_as_that(egraph, journal, tmp_path, monkeypatch):
    """Here into a folder whose name is not UTF-8."""
    folder = tmp_path / os.fsdecode(b"d\xfc")
    folder.mkdir()
    path = tmp_path / "s.db"
    path.write_bytes(journal.read_bytes())
    finals = [
        Training(spaces.get("nash"), "digits", BRIEF.changed(epochs=n, channels=6), device="cpu")
        for n in (1, 3)
    ]
    training = Training(spaces.get("nash"), "digits", BRIEF, device="cpu")
    settings = {"ranker": False, "screen": False, "initial": 1, "batch": 2}
    with Study("nash", training, storage=path, **settings) as study:
        winner = find_best(study.trials, split_retrains(study.journal.retrains, training.describe())[0])[
            0
        ].trial
        done = [study.retrain(winner, 1, evaluate=final) for final in finals]
    best = max(done, key=lambda one: one.score)
    monkeypatch.chdir(folder)
    told = egraph("export", path, "best", "--network", "--device", "cpu").stdout
    card = json.loads((folder / "best" / "card.json").read_text())
    assert card["study"]["training"] == f"the final training of trial {winner.number}"
    assert card["recipe"] == finals[done.index(best)].recipe.to_dict()
    assert card["test_accuracy"] == pytest.approx(best.test_score, abs=1e-9)
    assert f"the final training of trial {winner.number} in the journal has the same" in told
    assert "By the recipe of the search, with other seeds, its trainings gave" in told


def test_another_accuracy_than_the_journal_s_is_told(egraph, journal, monkeypatch, read_json):
    best, origin = _winner.find_winner(journal)
    monkeypatch.setattr(_winner, "find_winner", lambda path: (best, replace(origin, test_score=0.5)))
    monkeypatch.setattr(_winner, "save_network", lambda *_: {"test_accuracy": 0.25, "parameters": 7})
    done = egraph("export", journal, "best", "--network", "--device", "cpu")
    assert "test 25.00 %, 7 parameters; trial" in done.stdout
    assert "in the journal has 50.00 %: another machine, device or release of PyTorch" in done.stdout
    assert read_json(egraph("export", journal, "best", "--network", "--json", "--device", "cpu")) == {
        "test_accuracy": 0.25,
        "parameters": 7,
    }


def test_a_folder_with_something_in_it_is_refused_before_the_training(egraph, journal, tmp_path):
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "mine").touch()
    done = egraph("export", journal, "best", "--network", code=2)
    assert "best exists; a network is written to a new or empty folder" in done.stderr
    assert "training" not in done.stderr


def test_other_images_than_the_study_s_are_refused(egraph, journal):
    done = egraph("export", journal, "best", "--network", "--data", "noise-8", code=1)
    assert "the images 'noise-8' are not those of the study: their digest is" in done.stderr


def test_an_absent_journal_is_told(egraph):
    assert "no journal at absent.db" in egraph("export", "absent.db", "best", "--network", code=1).stderr


def test_a_study_without_a_result_is_told(egraph, tmp_path):
    with Journal(tmp_path / "s.db") as journal:
        journal.describe({"space": "nash", "evaluator": {"kind": "training"}})
    assert (
        "no trial in s.db has succeeded yet" in egraph("export", "s.db", "best", "--network", code=1).stderr
    )


def test_a_study_that_trained_nothing_is_told_what_to_do(egraph, tmp_path):
    write_study(tmp_path / "s.db", as_evaluator(lambda architectures: [len(a.ops) for a in architectures]))
    done = egraph("export", "s.db", "best", "--network", code=2)
    assert "the study's evaluation is 'function', which trains no network; one that trains on" in done.stderr


def give(input_shape, num_classes):
    """A network whose weights were trained elsewhere."""
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, num_classes)]
    return nn.Sequential(*layers)


def test_the_winner_among_variants_is_written_with_what_it_inherits(egraph, tmp_path, monkeypatch):
    space = spaces.around(give, (1, 8, 8), 10, name="variants of give")
    monkeypatch.setitem(spaces._registry.registry._things, space.name, space)
    wide = space.from_answers(dict(space.given.answers) | {"width.0": 8})
    training = Training(space, "digits", Recipe(epochs=1, batch_size=128), device="cpu")
    with Study(space, training, storage="s.db", ranker=False) as study:
        study.add([wide], [1.0])
        study.run(trials=1)
        study.add([wide], [2.0])
    weights = {name: torch.ones_like(tensor) for name, tensor in give((1, 8, 8), 10).state_dict().items()}
    torch.save(weights, "given.pt")
    done = egraph("export", "s.db", "best", "--network", "--device", "cpu", "--inherit", "given.pt")
    assert "weights inherited from the given network; tensors: 1 all, 3 part, 0 fresh" in done.stdout
    card = json.loads((tmp_path / "best" / "card.json").read_text())
    assert set(card["inherited"]) == set(load((tmp_path / "best" / "network.safetensors").read_bytes()))
    began = load((tmp_path / "best" / "inherited.safetensors").read_bytes())
    [name] = [name for name, share in card["inherited"].items() if share == "all"]
    assert began[name].tolist() == [1.0] * 10
    # Four channels of one at 64 pixels, and the bias; the new channels are read with zeros.
    network = runpy.run_path(str(tmp_path / "best" / "network.py"))["load"](
        tmp_path / "best" / "inherited.safetensors"
    )
    assert network(torch.zeros(1, 1, 8, 8)).tolist() == [[257.0] * 10]


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (None, 1, "cannot read weights from w.pt: FileNotFoundError; they are a state_dict in a file of"),
        (b"no weights", 1, "cannot read weights from w.pt: "),
        ([1, 2], 1, "w.pt has no weights by name; save module.state_dict()"),
        (
            {"x": torch.zeros(1)},
            2,
            "the space 'nash' is about no given network; use one that is (egraph.spaces",
        ),
    ],
)
def test_what_cannot_be_inherited_is_told_before_the_training(egraph, journal, tmp_path, content, code, text):
    if isinstance(content, bytes):
        (tmp_path / "w.pt").write_bytes(content)
    elif content is not None:
        torch.save(content, tmp_path / "w.pt")
    done = egraph("export", journal, "best", "--network", "--inherit", "w.pt", code=code)
    assert text in done.stderr
    assert "training the best" not in done.stderr


def test_options_of_the_other_kind_are_refused(egraph, journal):
    done = egraph("export", journal, "best", "--network", "--precision", "int8", code=2)
    assert "--precision int8 is for rankers; leave it out with --network" in done.stderr
    done = egraph("export", "r.egraph", "r.onnx", "--device", "cpu", code=2)
    assert "--device is for networks; add --network, or leave it out" in done.stderr
