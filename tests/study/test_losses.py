"""Evaluations during which the process of the study ends without a word: killed, out of memory, crashed."""

from dataclasses import replace

import pytest
import torch
from played import MODES, SPACE, Deadly, Played, history, run_in_a_process, study

from egraph.study import MOST_LOSSES, RunStarted, open_journal
from egraph.study._evaluating import evaluate, open_evaluation
from egraph.study._jobs import Job

REASON = "the process ended 3 times during this evaluation, perhaps out of memory; limit the size of networks"


def resume_until_it_ends(work):
    """Does the work again until it is not killed any more; returns the number of kills."""
    return next(kills for kills in range(100) if not run_in_a_process(work))


@pytest.mark.parametrize(
    ("workers", "mode", "trials"), [(1, "direct", 6), (1, "fidelities direct", 2), (2, "direct", 6)]
)
def test_an_evaluation_that_kills_its_process_counts_as_failed(tmp_path, workers, mode, trials):
    options = {"workers": workers, "synchronous": True, **MODES[mode]}

    def work():
        deadly = Deadly(tmp_path / "counts", times=99, parent=workers > 1)
        with study(tmp_path / "x.db", evaluate=deadly, **options) as one:
            one.run(trials=trials)

    kills = resume_until_it_ends(work)
    with study(evaluate=Played(fails_where_first_is=1), **MODES[mode]) as unbroken:
        unbroken.run(trials=trials)
        with open_journal(tmp_path / "x.db") as journal:
            assert history(journal, ["reason"]) == history(unbroken, ["reason"])
            failed = journal.read_trials(states=["failed"])
            assert not journal.losses
    assert failed
    assert all(trial.reason.startswith(REASON) for trial in failed)
    begun = (tmp_path / "counts").read_text().splitlines()
    assert len(begun) == kills == MOST_LOSSES * len(failed)


def test_a_study_that_is_killed_twice_in_each_trial_loses_none(tmp_path):
    options = {"ranker": False, "batch": 1}

    def work():
        with study(tmp_path / "x.db", evaluate=Deadly(tmp_path / "counts", times=2), **options) as one:
            one.run(trials=12)

    assert resume_until_it_ends(work) >= 2
    with study(**options) as unbroken, open_journal(tmp_path / "x.db") as journal:
        unbroken.run(trials=12)
        assert history(journal) == history(unbroken)


def test_fresh_evaluations_that_kill_their_process_count_as_failed(tmp_path):
    doomed, fine = SPACE.parse("1.2.3.4"), SPACE.parse("2.2.3.4")

    def work():
        with study(tmp_path / "x.db") as one:
            one.retrain_all([doomed, fine], 2, evaluate=Deadly(tmp_path / "counts", times=99))

    assert resume_until_it_ends(work) == 2 * MOST_LOSSES
    with open_journal(tmp_path / "x.db") as journal:
        states = journal.retrains.groupby("key")["state"].agg(set)
        reasons = set(journal.retrains["reason"])
    assert (states[SPACE.key(doomed)], states[SPACE.key(fine)]) == ({"failed"}, {"complete"})
    assert any(reason.startswith(REASON) for reason in reasons)


class Longer(Deadly):
    """The final training: another evaluator than that of the search."""

    def evaluate(self, architecture, *, seed=0):
        return replace(super().evaluate(architecture, seed=seed + 1), source="longer")

    def describe(self):
        return {"kind": "longer"}


@pytest.mark.parametrize("mode", ["direct", "fidelities direct"])
def test_killed_in_each_training_the_winner_is_the_same(tmp_path, mode):
    """In the trials, in those that choose the winner, and in its final ones; none that ended begins again."""

    def play(storage, **deadly):
        deadly = {"counts": tmp_path / "counts", "all_networks": True, **deadly}
        with study(storage, evaluate=Deadly(**deadly), **MODES[mode]) as one:
            one.run(trials=3, baseline=True)
            winners = one.confirm(most=2, repeats=2)
            last = one.retrain(winners.best.architecture, 2, evaluate=Longer(**deadly))
            retrains = one.journal.retrains.drop(columns="seconds")
            return history(one), retrains.to_json(), winners, last

    kills = resume_until_it_ends(lambda: play(tmp_path / "x.db", times=1))
    begun = (tmp_path / "counts").read_text().splitlines()
    assert len(begun) == 2 * kills
    assert {begun.count(line) for line in begun} == {2}, "killed once, and then done once"
    assert play(tmp_path / "x.db", times=1) == play(None, times=0)
    assert len((tmp_path / "counts").read_text().splitlines()) == 3 * kills, "the unbroken study's alone"


def test_a_run_tells_what_was_lost(tmp_path):
    def work():
        with study(tmp_path / "x.db", evaluate=Deadly(tmp_path / "counts", times=1), batch=1) as one:
            one.run(trials=12)

    assert run_in_a_process(work)
    told = []
    with study(tmp_path / "x.db", batch=1) as one:
        (number,) = (job[1] for job in one.journal.losses)
        one.run(trials=12, progress=told.append)
    assert isinstance(told[0], RunStarted)
    assert told[0].lost == {number: 1}


def test_an_interrupted_evaluation_is_not_lost(tmp_path):
    class Interrupted(Played):
        def evaluate(self, architecture, *, seed=0):
            raise KeyboardInterrupt("by hand")

    for _ in range(MOST_LOSSES + 1):
        with study(tmp_path / "x.db", evaluate=Interrupted()) as one:
            with pytest.raises(KeyboardInterrupt, match="by hand"):
                one.run(trials=1)
            assert not one.journal.losses


def test_lost_jobs_come_last_and_run_alone():
    executor = open_evaluation(Played(), 1)
    executor.capacity = 3
    events = []
    jobs = {name: Job(SPACE.parse("2.2.2.2"), 0) for name in "abcd"}
    for outcomes in evaluate(executor, jobs, {"a": 2, "b": 1}, begin=events.append):
        events.append(sorted(outcomes))
    assert events == ["c", "d", ["c"], ["d"], "b", ["b"], "a", ["a"]]


@pytest.mark.parametrize("allocate", [lambda: bytearray(2**60), lambda: torch.empty(2**50)])
def test_memory_that_runs_out_without_a_kill_is_one_failed_trial(tmp_path, allocate):
    """Python's error and PyTorch's. A resumed study does not repeat the trial."""
    begun = []

    def fitness(architecture):
        begun.append(architecture)
        return len(allocate())

    for trials in (1, 2):
        with study(tmp_path / "x.db", evaluate=fitness) as one:
            one.run(trials=trials)
            assert set(one.trials["state"].head(trials)) == {"failed"}
            assert one.trials["reason"].head(trials).str.contains("memory|MemoryError").all()
    assert len(begun) == 2
