"""Trials that are handed out, and whose scores are told: the history is that of a run with a function."""

import os
import signal

import fits_later
import pytest
from played import COSTS, SPACE, Played, history, run_in_a_process, study

from egraph.errors import JournalError, ScoreLaterError, UsageError
from egraph.evaluation import Evaluation, Outside
from egraph.study import Study, open_journal

MODES = {
    "ranker": {},
    "direct": {"ranker": False, "batch": 3},
    "costs": {"costs": COSTS},
    "fidelities": {"fidelities": [0.25, 1]},
}
TRIALS = 18
SOURCES = ["source", "evaluator"]


def outside(storage=None, **options):
    return study(storage, evaluate=Outside(), **options)


def measure(trial):
    return Played(share=trial.fidelity).evaluate(trial.architecture, seed=trial.seed)


@pytest.mark.parametrize("mode", MODES)
def test_told_scores_make_the_history_of_a_function(mode):
    with study(evaluate=Played(), **MODES[mode]) as one, outside(**MODES[mode]) as other:
        one.run(trials=TRIALS, baseline=True)
        while asked := other.ask(trials=TRIALS, baseline=True):
            for trial in reversed(asked):
                other.tell(trial, measure(trial))
        assert history(other) == history(one)
        assert other.stopped == one.stopped


def test_a_few_at_a_time_and_in_any_order_it_is_the_same(tmp_path):
    one = study()
    one.run(trials=TRIALS)
    open_ones = []
    while True:
        with outside(tmp_path / "x.db") as other:  # a new process each time
            asked = other.ask(3, trials=TRIALS)
            assert len(asked) <= 3
            assert not {t.number for t in asked} & {t.number for t in open_ones}
            open_ones += asked
            if not open_ones:
                break
            other.tell(open_ones[-1].number, measure(open_ones.pop()))
    with open_journal(tmp_path / "x.db") as journal:
        assert history(journal) == history(one)


def test_killed_between_any_two_calls_the_history_is_the_same(tmp_path):
    one = study()
    one.run(trials=12)

    def step():
        """One call of ask or tell, and then the end."""
        with outside(tmp_path / "x.db") as other:
            trials = other.journal.read_trials(states=["asked"])
            if trials:
                other.tell(trials[-1], measure(trials[-1]))
            elif not other.ask(trials=12):
                return
            os.kill(os.getpid(), signal.SIGKILL)

    for _ in range(40):
        if not run_in_a_process(step):
            break
    with open_journal(tmp_path / "x.db") as journal:
        assert history(journal) == history(one)


def test_a_round_waits_for_its_scores_and_run_does_not_take_what_was_handed_out():
    with study(ranker=False, batch=4) as one:
        asked = one.ask(2)
        assert [trial.state for trial in asked] == ["asked"] * 2
        one.run(trials=8)
        assert one.stopped == "waiting for the scores of 2 trials"
        assert one.trials["state"].tolist() == ["asked", "asked", "complete", "complete"]
        assert one.ask() == []
        one.tell(asked[0], 3.5)
        told = one.tell(asked[1].number, None, "the node is down")
        assert (told.state, told.reason) == ("failed", "the node is down")
        one.run(trials=8)
        assert one.stopped == "8 trials are done"
        assert one.trials["source"][0] == "told"


def test_handed_out_trials_count_in_the_budget():
    with outside(ranker=False, batch=8) as one:
        assert len(one.ask(3, trials=20)) == 3
        assert one.ask(trials=3) == []


def test_what_cannot_be_told_is_refused():
    with outside(ranker=False, batch=4) as one:
        first, second = one.ask(2)
        one.tell(first, 1.0)
        assert one.tell(first, 1.0).score == 1.0, "told twice is told once"
        with pytest.raises(UsageError, match="trial 0 is done, it has the score 1; a result is not changed"):
            one.tell(first, 2.0)
        one.tell(second, None)
        with pytest.raises(UsageError, match="trial 1 is done, it failed: told without a score; a result is"):
            one.tell(second, 2.0)
        with pytest.raises(UsageError, match="there is no trial 99 in this study"):
            one.tell(99, 2.0)
        with pytest.raises(UsageError, match="a score must be finite, got nan; tell a failure without"):
            one.tell(2, float("nan"))
        with pytest.raises(UsageError, match="a score must be a number, got 'good'"):
            one.tell(2, "good")
        told = one.tell(2, Evaluation(0.5, test_score=0.4, source="cluster"))
        assert (told.score, told.test_score, told.source) == (0.5, 0.4, "cluster")
        with pytest.raises(UsageError, match="most must be a whole number of at least 1, got 0"):
            one.ask(0)
        with pytest.raises(UsageError, match="cannot be repeated here: this study evaluates nothing itself"):
            one.retrain(first)


def test_a_function_may_return_none_and_its_score_is_told_later(tmp_path):
    def own(function):
        path = tmp_path / f"{function.__name__}.db"
        evaluator = fits_later.make(function)
        return Study(evaluator.space, evaluator, storage=path, ranker=False, batch=3)

    with own(fits_later.fit) as one, own(fits_later.submit) as other:
        one.run(trials=6)
        for _ in range(2):
            other.run(trials=6)
            assert other.stopped == "waiting for the scores of 3 trials"
            for trial in other.journal.read_trials(states=["asked"]):
                other.tell(trial, fits_later.make(fits_later.fit).evaluate(trial.architecture).score)
        other.run(trials=6)
        assert other.stopped == one.stopped
        same = ["key", "round", "seed", "score", "state"]
        assert other.trials[same].to_dict() == one.trials[same].to_dict()


def test_outside_evaluates_nothing():
    with pytest.raises(ScoreLaterError, match="hand trials out by ask, and tell their scores"):
        Outside().evaluate(SPACE.parse("1.2.3.4"))
    with Study(SPACE, None, ranker=False) as one:
        assert len(one.ask(1)) == 1
        assert one.journal.settings["evaluator"] == {"kind": "outside"}


def test_a_writer_can_wait_for_another_one(tmp_path):
    with outside(tmp_path / "x.db"), pytest.raises(JournalError, match="held by another process"):
        open_journal(tmp_path / "x.db", read_only=False, wait=0.2)
    with open_journal(tmp_path / "x.db", read_only=False, wait=5) as journal:
        assert len(journal.trials) == 0
    with pytest.raises(JournalError, match="no journal at"):
        open_journal(tmp_path / "y.db", read_only=False, wait=5)
