"""Broken off at any moment and run again, a study ends as an unbroken one does."""

import random
import resource
import shutil
import signal
import time

import copied
import pytest
from played import MODES, SMALLER, Reading, history, main, run_in_a_process, study

import egraph
from egraph.errors import DataError, JournalError
from egraph.study import TrialStarted, open_journal


@pytest.mark.parametrize(
    ("mode", "first"),
    [
        ("ranker", 0),
        ("direct", 3),
        ("several", 1),
        ("costs", 2),
        ("fidelities", 4),
        ("fidelities direct", 5),
        ("brackets", 3),
    ],
)
def test_every_state_of_the_file_leads_to_the_same_end(tmp_path, mode, first):
    """The files as they are after each transaction are what any kill can leave behind."""
    copies, options, trials = [], MODES[mode], min(17, SMALLER.get(mode, 17) - 4)

    def copy(event):
        folder = tmp_path / str(len(copies))
        folder.mkdir()
        for file in tmp_path.glob("x.db*"):
            shutil.copy(file, folder)
        copies.append((folder / "x.db", event))

    with study(tmp_path / "x.db", **options) as one:
        one.run(trials=trials, baseline=True, progress=copy)
        expected = history(one)
    assert len(copies) > 30
    for path, event in copies[first::6]:
        with study(path, **options) as one:
            done = one.trials[one.trials["state"] == "complete"]
            told = []
            one.run(trials=trials, baseline=True, progress=told.append)
            assert history(one) == expected, f"broken off at {event}"
            again = {e.trial.number for e in told if isinstance(e, TrialStarted)}
            assert not again & set(done["number"]), "a trial that was complete ran again"


@pytest.mark.parametrize(
    ("workers", "mode"),
    [
        (1, "ranker"),
        (2, "several"),
        (1, "costs direct"),
        (2, "brackets"),
    ],
)
def test_killed_again_and_again_the_history_is_the_same(tmp_path, workers, mode):
    chance = random.Random(workers)
    path = tmp_path / "x.db"
    killed = 0
    for count in (5, 32, None):
        process = copied.start(main, path, workers, mode)
        if count is None:
            process.join(120)
            assert process.exitcode == 0
            break
        while _count(path) < count and process.is_alive():
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.join(60)
        killed += process.exitcode == -signal.SIGKILL
    assert killed >= 1
    with study(**MODES[mode]) as unbroken, open_journal(path) as journal:
        unbroken.run(trials=SMALLER.get(mode, 36), baseline=True)
        result = unbroken.retrain(unbroken.best, repeats=2)
        assert history(journal) == history(unbroken)
        state = journal.settings["searcher state"]  # with the fronts of searchers that weigh costs
        assert state == unbroken.journal.settings["searcher state"]
        assert journal.retrains["score"].tolist() == pytest.approx(list(result.scores))


def test_interrupt_leaves_nothing_that_looks_as_if_it_ran(tmp_path):
    def interrupt(event):
        if isinstance(event, TrialStarted) and event.trial.number == 10:
            raise KeyboardInterrupt("by hand")

    with study(tmp_path / "x.db") as one:
        with pytest.raises(KeyboardInterrupt, match="by hand"):
            one.run(trials=12, progress=interrupt)
        assert one.trials["state"].tolist() == ["complete"] * 10 + ["queued"] * 2
        one.run(trials=12)
        with study() as unbroken:
            unbroken.run(trials=12)
            assert history(one) == history(unbroken)


def test_running_trials_of_a_dead_process_are_counted(tmp_path):
    with study(tmp_path / "x.db") as one:
        one.run(trials=3)
        one.journal._db.execute("UPDATE trial SET state = 'running' WHERE number > 0")
    told = []
    with study(tmp_path / "x.db") as one:
        one.run(trials=3, progress=told.append)
    assert (told[0].requeued, told[0].finished) == (2, 1)


def test_default_ranker_continues_identically(tmp_path):
    """With the graph networks themselves, in a benchmark's space: their fits come out the same, too."""

    def fitness(many):
        return [
            sum(op == "nor_conv_3x3" for op in a.ops) + 0.1 * sum(op == "none" for op in a.ops) for a in many
        ]

    def make(storage=None):
        ranker = egraph.Ranker(members=2, epochs=5, width=8)
        return egraph.Study("nasbench201", fitness, storage=storage, ranker=ranker, candidates=100)

    with make() as unbroken:
        unbroken.run(trials=32)
        expected = history(unbroken)
    for trials in (16, 24, 32):
        with make(tmp_path / "x.db") as one:
            one.run(trials=trials)
            resumed = history(one)
    assert resumed == expected


@pytest.mark.parametrize("mode", ["direct", "fidelities direct"])
@pytest.mark.parametrize("room", [150_000, 400_000])
def test_a_file_that_cannot_grow_stops_the_run_and_more_room_continues_it(tmp_path, room, mode):
    """As on a full disk, each write beyond the limit fails. All that was told before is in the file."""
    path, told = tmp_path / "x.db", tmp_path / "told"

    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        with study(path, **MODES[mode]) as one, told.open("w") as file:
            done = lambda: print(sum(one.trials["state"] == "complete"), file=file, flush=True)  # noqa: E731
            try:
                one.run(trials=30, progress=lambda event: done())
            except JournalError as error:
                print(error, file=file, flush=True)

    assert not run_in_a_process(work)
    *counts, error = told.read_text().splitlines()
    assert error.startswith(f"cannot use {path}: ")
    assert error.endswith("; make room or choose another file (nothing written is lost)")
    with open_journal(path) as journal:
        assert sum(journal.trials["state"] == "complete") >= int(counts[-1]) > 0
    with study(path, **MODES[mode]) as one, study(**MODES[mode]) as unbroken:
        one.run(trials=30)
        unbroken.run(trials=30)
        assert history(one) == history(unbroken)


@pytest.mark.parametrize("mode", ["ranker", "direct", "fidelities direct"])
def test_data_that_are_gone_stop_the_run_and_their_return_continues_it(tmp_path, mode):
    (tmp_path / "data").touch()

    def lose(event):
        if isinstance(event, TrialStarted) and event.trial.number == 10:
            (tmp_path / "data").unlink()

    options = {"evaluate": Reading(tmp_path / "data"), **MODES[mode]}
    for progress in (lose, None):
        with (
            study(tmp_path / "x.db", **options) as one,
            pytest.raises(DataError, match="data does not exist"),
        ):
            one.run(trials=12, progress=progress)
        with open_journal(tmp_path / "x.db") as journal:
            states = journal.trials["state"].tolist()
        assert states[:10] == ["complete"] * 10
        assert set(states[10:]) <= {"queued"}
    (tmp_path / "data").touch()
    with study(tmp_path / "x.db", **options) as one, study(**options) as unbroken:
        one.run(trials=12)
        unbroken.run(trials=12)
        assert history(one) == history(unbroken)


def _count(path):
    """Trials that are done."""
    try:
        with open_journal(path) as journal:
            return int((journal.trials["state"] == "complete").sum())
    except JournalError:
        return 0
