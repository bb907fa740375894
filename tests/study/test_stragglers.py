"""Trials that take long: given up, or repeated on an idle worker; each has one result."""

import math
import signal
import time
from concurrent.futures import Future
from dataclasses import replace

import copied
import pytest
from played import SPACE, Played, study
from straggling import main

from egraph.errors import UsageError
from egraph.study import _stragglers, open_journal
from egraph.study._copies import Copies
from egraph.study._jobs import Job, Outcome
from egraph.study._stragglers import Patience, Usual, read_patience
from egraph.study._trial import Trial

pytestmark = pytest.mark.usefixtures("copied_workers")

GRAPH = SPACE.make([0, 0, 0, 0])


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(_stragglers, "_FIRST_SECONDS", 0.5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((None, None, None), (None, Patience())),
        ((5, None, None), (5.0, Patience())),
        (("5", "2x", None), (5.0, Patience(backup=2.0))),
        (("5x", None, None), (None, Patience(timeout=5.0))),
        (("2.5x", "1.5x", 60), (60.0, Patience(2.5, 1.5))),
    ],
)
def test_limits_are_seconds_or_multiples(given, expected):
    assert read_patience(*given) == expected


@pytest.mark.parametrize("timeout", ["x", "1x", "0.5x", "", "soon", 0, -1, math.nan, math.inf, True, [5]])
def test_other_timeouts_are_refused(timeout):
    with pytest.raises(UsageError, match="timeout must be seconds, such as 600, or a multiple of the usual"):
        study(timeout=timeout)


@pytest.mark.parametrize("backup", ["2", 2, "1x", "soon", 0.5])
def test_other_backups_are_refused(backup):
    with pytest.raises(UsageError, match="backup must be a multiple of the usual time above 1, such as '2x'"):
        study(backup=backup)


def test_two_limits_in_seconds_are_refused():
    with pytest.raises(UsageError, match="timeout in seconds and trial_seconds are one limit"):
        study(timeout=5, trial_seconds=6)


def test_workers_that_cannot_end_a_training_are_refused():
    with study(timeout="5x") as one, pytest.raises(UsageError, match="use worker processes"):
        one.run(trials=4)


def test_the_usual_time_is_the_median_of_a_fidelity_once_five_are_known():
    trial = Trial(0, 0, "top", "complete", "a", GRAPH, 0, started=10.0, finished=12.0)
    usual = Usual(Patience(timeout=5, backup=2), [trial, replace(trial, state="failed", finished=99.0)])
    for seconds in (1.0, 3.0, 2.0):
        usual.learn(1.0, seconds)
    assert usual.duration(1.0) == math.inf
    usual.learn(1.0, 100.0)
    usual.learn(1.0, math.nan)
    assert usual.duration(1.0) == 2.0
    assert (usual.limit(1.0), usual.lateness(1.0)) == (10.0, 4.0)
    assert usual.limit(0.1) == math.inf
    for _ in range(5):
        usual.learn(0.1, 0.001)
    assert usual.limit(0.1) == 0.5, "nothing is late in its first moment"


class Clock:
    """An executor whose jobs end when the test says so."""

    capacity = 2

    def __init__(self):
        self.seconds, self.dropped, self.ended, self.waits = {}, [], [], []

    def submit(self, job):
        future = Future()
        self.seconds[future] = 0.0
        return future

    def wait(self, seconds=None):
        self.waits.append(seconds)
        done, self.ended = self.ended, []
        return done

    def elapsed(self, future):
        return self.seconds[future]

    def drop(self, future):
        self.dropped.append(future)

    def close(self):
        pass

    def end(self, future, **outcome):
        future.set_result(Outcome(self.seconds[future], **outcome))
        self.ended.append(future)


def late(patience):
    """Copies of one job that has run for nine seconds, of which one is usual; and the executor."""
    usual, clock = Usual(patience), Clock()
    for _ in range(5):
        usual.learn(1.0, 1.0)
    copies = Copies(clock, Future.result, usual)
    copies.submit("a", Job(GRAPH, 0))
    (first,) = clock.seconds
    clock.seconds[first] = 9.0
    return copies, clock, first


MEASURED = replace(Trial(0, 0, "top", "complete", "a", GRAPH, 0).evaluation, score=1.0)


def test_of_two_copies_the_first_result_counts_and_the_other_is_ended():
    for winner in (0, 1):
        copies, clock, _ = late(Patience(backup=2))
        copies.back_up()
        copies.back_up()
        assert len(copies) == 2, "there is one copy more, not two"
        both = list(clock.seconds)
        clock.end(both[winner], evaluation=MEASURED)
        assert copies.wait() == {"a": both[winner].result()}
        assert clock.dropped == [both[1 - winner]]
        assert len(copies) == 0
        clock.end(both[1 - winner], evaluation=MEASURED)
        assert copies.wait() == {}, "a result that comes too late is none"


def test_both_results_at_once_are_one():
    copies, clock, _ = late(Patience(backup=2))
    copies.back_up()
    for future in list(clock.seconds):
        clock.end(future, evaluation=MEASURED)
    assert list(copies.wait()) == ["a"]


def test_a_copy_that_fails_leaves_it_to_the_other():
    copies, clock, first = late(Patience(backup=2))
    copies.back_up()
    second = list(clock.seconds)[1]
    clock.end(first, reason="its process died")
    assert copies.wait() == {}
    clock.end(second, reason="too large")
    assert copies.wait()["a"].reason == "too large"


def test_a_job_in_time_and_one_that_was_lost_before_get_no_copy():
    copies, clock, _ = late(Patience(backup=20))
    copies.back_up()
    assert len(copies) == 1
    usual = Usual(Patience(backup=2))
    for _ in range(5):
        usual.learn(1.0, 1.0)
    alone = Copies(clock, Future.result, usual)
    alone.submit("b", Job(GRAPH, 0), single=True)
    clock.seconds[list(clock.seconds)[-1]] = 9.0
    alone.back_up()
    assert len(alone) == 1


def test_it_waits_until_the_next_job_is_late():
    copies, clock, first = late(Patience(timeout=20, backup=12))
    copies.wait()
    assert clock.waits == [3.0]
    clock.seconds[first] = 13.0
    copies.back_up()
    copies.wait()
    assert clock.waits == [3.0, 7.0]
    clock.seconds[first] = 20.5
    reason = "not finished after 20.5 s, 20 times the usual 1 s; given up (timeout)"
    assert copies.wait()["a"].reason == reason
    assert len(clock.dropped) == 2


def test_a_hung_training_is_given_up_and_the_study_goes_on(tmp_path):
    main(tmp_path / "x.db", "timeout")
    with open_journal(tmp_path / "x.db") as journal:
        trials = journal.trials
        failed = trials[trials["state"] == "failed"]
        assert len(failed) == 1
        assert failed["reason"].str.contains(r"4 times the usual .* given up \(timeout\)").all()
        assert (trials["state"] == "complete").sum() == 15
        assert journal.settings["settings"]["timeout"] == "4x"


@pytest.mark.parametrize("mode", ["backup", "backup asynchronous"])
def test_an_idle_worker_repeats_the_straggler_and_its_result_counts_once(tmp_path, mode):
    began = time.monotonic()
    main(tmp_path / "x.db", mode)
    assert time.monotonic() - began < 50, "the first copy sleeps for a minute"
    with open_journal(tmp_path / "x.db") as journal:
        assert set(journal.trials["state"]) == {"complete"}
        assert len(journal.trials) == 16
        assert journal.losses == {}
        again = [Played().evaluate(one.architecture, seed=one.seed) for one in journal.read_trials()]
        assert [one.score for one in journal.read_trials()] == [one.score for one in again]
    assert len(list(tmp_path.glob("begun-*"))) == 17, "one training was begun twice"


def test_killed_while_two_copies_run_it_resumes_with_one_result(tmp_path):
    process = copied.start(main, tmp_path / "x.db", "backup", True)
    until = time.monotonic() + 60
    while len(list(tmp_path.glob("begun-*"))) < 17 and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    with open_journal(tmp_path / "x.db") as journal:
        before = {one.number: one.score for one in journal.read_trials(states=["complete"])}
        assert len(journal.read_trials(states=["running"])) == 1
    main(tmp_path / "x.db", "backup")
    with open_journal(tmp_path / "x.db") as journal:
        after = {one.number: one.score for one in journal.read_trials(states=["complete"])}
    assert len(after) == 16
    assert before.items() <= after.items()
