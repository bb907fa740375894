"""Supernets as searchers: trained before the first trial, by a study that may be interrupted."""

import json
import runpy
import signal
import time

import copied
import numpy as np
import pytest
from torch import nn

import egraph
from egraph.errors import JournalError, UnknownNameError, UsageError
from egraph.evaluation import Training
from egraph.report import find
from egraph.study import PreparationStep, Prepared, Preparing, Study, open_journal
from egraph.supernets import SupernetSearcher
from egraph.supernets.searcher import training_part
from egraph.training import Recipe

RECIPE = Recipe(epochs=1, batch_size=256, channels=4, cells=1)


def build(choose):
    """Two layers of three kinds each, which all give 8 channels."""

    def layer(name):
        return choose.module(
            name,
            wide=lambda: nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()),
            narrow=lambda: nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU()),
            skip=nn.Identity,
        )

    return nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, 1), layer("first"), layer("second"), layer("third"),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10),
    )  # fmt: skip


MINE = egraph.spaces.from_builder(build, input_shape=(1, 8, 8), num_classes=10, name="mine")


def study(searcher="gdas:epochs=2,batch_size=256", storage=None, space=MINE, data="digits", **options):
    recipe = Recipe(epochs=1, batch_size=256)
    settings = {"ranker": False, "screen": False, "seed": 0, **options}
    return Study(space, Training(space, data, recipe), searcher=searcher, storage=storage, **settings)


def history(one):
    return [(trial.key, trial.score) for trial in one.journal.read_trials()]


def result(journal):
    (record,) = journal.settings["preparations"].values()
    return record


def without_seconds(record):
    epochs = [{**epoch, "seconds": 0} for epoch in record["result"]["epochs"]]
    return {**record, "seconds": 0, "result": {**record["result"], "epochs": epochs, "seconds": 0}}


def test_a_supernet_is_trained_first_and_its_probabilities_are_drawn_from():
    events = []
    with study() as one:
        one.run(trials=3, progress=events.append)
        kinds = [type(event).__name__ for event in events[:6]]
        assert kinds[:5] == ["RunStarted", "Preparing", "PreparationStep", "PreparationStep", "Prepared"]
        assert [(e.done, e.total) for e in events if isinstance(e, PreparationStep)] == [(1, 2), (2, 2)]
        (done,) = [event for event in events if isinstance(event, Prepared)]
        record = result(one.journal)
        assert record["seconds"] == done.seconds == sum(e["seconds"] for e in record["result"]["epochs"]) > 0
        best = max(record["result"]["epochs"], key=lambda epoch: epoch["validation"])
        (state,) = one.journal.settings["searcher state"]["searchers"].values()
        assert state["options"]["probabilities"] == best["probabilities"]
        assert set(one.trials["finder"]) == {"gdas:epochs=2,batch_size=256"}
        (told,) = find(one.journal).preparations
        mean = one.trials["seconds"].mean()
        assert told["trainings"] == pytest.approx(record["seconds"] / mean)
        assert find(one.journal).prepared[0].startswith("The supernet of gdas:epochs=2,batch_size=256 took ")
        events.clear()
        one.run(trials=4, progress=events.append)
        assert not any(isinstance(event, Preparing) for event in events)


def test_a_part_with_fixed_choices_is_searched_beside_random_architectures_of_it():
    part = egraph.spaces.Fixed(MINE, {"third": "skip"})
    training = Training(MINE, "digits", Recipe(epochs=1, batch_size=256))
    with Study(part, training, searcher="gdas:epochs=1,batch_size=256", ranker=False, screen=False) as one:
        one.run(trials=2)
        assert set(result(one.journal)["result"]["options"]) == {"first", "second"}
        trials = one.journal.read_trials()
        assert len(trials) >= 2
        assert {dict(trial.architecture.answers)["third"] for trial in trials} == {"skip"}


def test_a_search_that_ends_before_its_searcher_proposes_says_so():
    training = Training(MINE, "digits", Recipe(epochs=1, batch_size=256))
    with Study(MINE, training, searcher="gdas:epochs=1,batch_size=256", screen=False, seed=0) as one:
        one.run(trials=2)
        assert find(one.journal).prepared[1:] == [
            "No searcher has proposed a trial yet, since the first ones are random; take more --trials, or a "
            "smaller --initial."
        ]
    with study() as one:
        one.run(trials=1)
        assert len(find(one.journal).prepared) == 1


def test_it_sees_the_training_part_alone():
    data = egraph.datasets.images("digits")
    training = Training(MINE, "digits", Recipe(epochs=1, batch_size=256))
    inputs, targets = training_part(training)
    np.testing.assert_array_equal(inputs.numpy(), data.train[0])
    np.testing.assert_array_equal(targets.numpy(), data.train[1])


def test_a_study_with_too_little_time_ends_cleanly_and_goes_on(tmp_path):
    with study(storage=tmp_path / "whole.db") as whole:
        whole.run(trials=3)
        record, expected = result(whole.journal), history(whole)
    with study(storage=tmp_path / "x.db") as one:
        one.run(trials=3, seconds=1e-6)
        assert one.stopped == (
            "the time is over: training the supernet of gdas:epochs=2,batch_size=256 has done 1 of 2 epochs; "
            "run the same command again to go on"
        )
        assert len(one.trials) == 0
        assert "(1 of 2 epochs)" in find(one.journal).prepared[0]
    begun = []
    with study(storage=tmp_path / "x.db") as one:
        one.run(trials=3, progress=lambda e: begun.append(e) if isinstance(e, Preparing) else None)
        assert [(event.done, event.total) for event in begun] == [(1, 2)]
        assert without_seconds(result(one.journal)) == without_seconds(record)
        assert history(one) == expected
    assert [path.name for path in (tmp_path / "x.supernet").iterdir()] == ["gdas-batch_size=256-epochs=2"]


CODE = """
from test_supernets import study
if __name__ == "__main__":
    with study("gdas:epochs=8,batch_size=16", storage={storage!r}) as one:
        one.run(trials=2)
"""


def test_killed_while_the_supernet_is_trained_the_history_is_the_same(tmp_path):
    def start(name):
        script = tmp_path / f"{name}.py"
        script.write_text(CODE.format(storage=str(tmp_path / name)))
        return copied.start(runpy.run_path, str(script), {}, "__main__")

    def done():
        try:
            with open_journal(tmp_path / "x.db") as journal:
                return result(journal)["done"]
        except (JournalError, KeyError):
            return 0

    running = start("x.db")
    while done() < 2 and running.is_alive():
        time.sleep(0.01)
    running.kill()
    running.join(60)
    assert running.exitcode == -signal.SIGKILL
    assert done() < 8
    for running in (start("x.db"), start("y.db")):
        running.join(120)
        assert running.exitcode == 0
    with open_journal(tmp_path / "x.db") as broken, open_journal(tmp_path / "y.db") as unbroken:
        assert without_seconds(result(broken)) == without_seconds(result(unbroken))
        keys = [list(journal.trials[["key", "score"]].itertuples()) for journal in (broken, unbroken)]
    assert keys[0] == keys[1]


def test_the_cells_of_a_benchmark_are_searched_with_a_ranker():
    space = egraph.spaces.get("nasbench201")
    training = Training(space, "digits", RECIPE)
    options = {"initial": 6, "batch": 2, "candidates": 40, "screen": False, "seed": 0}
    searcher = SupernetSearcher("gdas", epochs=1, channels=4, cells=1)
    with Study(space, training, searcher=searcher, **options) as one:
        one.run(trials=8)
        assert "gdas:epochs=1,channels=4,cells=1" in set(one.trials["finder"][6:])
        assert json.loads(one.rounds["supplied"].iloc[-1])["gdas:epochs=1,channels=4,cells=1"] > 10


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: SupernetSearcher("gdos"), "unknown differentiable method 'gdos'"),
        (lambda: SupernetSearcher("gdas", speed=3), "'gdas:speed=3' has no option 'speed'; known: "),
        (
            lambda: SupernetSearcher("gdas", preset="slow"),
            "preset must be one of quick, published; got",
        ),
        (lambda: SupernetSearcher("gdas", epochs=0), "epochs must be a whole number of at least 1"),
        (lambda: SupernetSearcher("gdas", hottest=0), "hottest must be a number above 0"),
        (lambda: SupernetSearcher("gdas")(MINE), "'gdas' trains a supernet first, so it needs data"),
        (lambda: study("gdas:cells=3"), "has no choice of cells; leave it out"),
        (lambda: study("gdas:batch_size=2000").run(trials=1), "a batch of 2000 needs as many examples"),
        (lambda: study(space="convnet"), "the space 'convnet' has no relaxation"),
        (
            lambda: Study("nasbench201", lambda archs: [0.0] * len(archs), searcher="gdas"),
            "'gdas' trains a supernet on images first, and this evaluation has none",
        ),
        (lambda: Study("nasbench201", None, searcher="gdas"), "and this evaluation has none"),
    ],
)
def test_what_cannot_work_is_told_in_one_line(make, text):
    with pytest.raises(UsageError, match=text):
        make()


def test_an_unknown_searcher_is_told_with_the_methods():
    with pytest.raises(UnknownNameError, match=r"unknown searcher 'gdaz'.*gdas.*Did you mean"):
        egraph.study.find_searcher("gdaz")
    assert isinstance(egraph.study.find_searcher("gdas"), SupernetSearcher)


def test_a_regression_is_refused():
    rng = np.random.default_rng(0)
    data = egraph.datasets.from_dataset((rng.random((80, 1, 8, 8), dtype=np.float32), rng.random(80)))
    with pytest.raises(UsageError, match=r"trains a classifier, but .* is a regression"):
        SupernetSearcher("gdas").bind(MINE, Training(MINE, data), seed=0, journal=None)


def test_the_folder_of_another_supernet_is_refused(tmp_path):
    with study(storage=tmp_path / "x.db") as one:
        one.run(trials=1)
    (tmp_path / "x.db").unlink()
    with study(storage=tmp_path / "x.db", seed=1) as one, pytest.raises(UsageError, match="is of another"):
        one.run(trials=1)
