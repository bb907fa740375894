import signal
import time

import copied
import evolving
import numpy as np
import pytest
from evolving import TRIALS, history, study

from egraph.errors import FailedError, JournalError, UsageError
from egraph.evolve import RankerEvaluator, choose, compare, make_study, split_table
from egraph.metrics import kendall_tau
from egraph.ranker import Genome, Ranker
from egraph.study import open_journal


def test_killed_and_resumed_it_ends_the_same(tmp_path, unbroken):
    path = tmp_path / "x.db"
    process = copied.start(evolving.main, path)
    while _count(path) < 5 and process.is_alive():
        time.sleep(0.1)
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with study(path) as resumed:
        resumed.run(trials=TRIALS)
        assert history(resumed) == history(unbroken)


def test_the_first_population_has_one_layer_and_evolution_goes_on_from_there(unbroken):
    trials = unbroken.trials
    sizes = [text.count("SAGE_") for text in trials["architecture"]]
    assert len(trials) == TRIALS
    assert sizes[:6] == [1] * 6
    assert (trials["state"] == "complete").all()
    assert (trials["params"] > 0).all()
    assert trials["test_score"].isna().all()


def test_a_journal_of_another_split_is_refused(tmp_path):
    with study(tmp_path / "x.db"):
        pass
    other = split_table(evolving.table(), "accuracy", train=16, validation=20, seed=1)
    with pytest.raises(JournalError, match=r"x\.db is of a study with evaluator"):
        make_study("graphsage", RankerEvaluator(other, filters=4), storage=tmp_path / "x.db")


def test_finalists_are_measured_again_and_ordered_by_that(unbroken):
    told = []
    finalists = choose(unbroken, finalists=3, repeats=2, progress=lambda *at: told.append(at))
    means = unbroken.trials.groupby("key")["score"].mean().sort_values(ascending=False)
    assert sorted((f.found for f in finalists), reverse=True) == pytest.approx(list(means[:3]))
    assert all(len(f.scores) == 2 for f in finalists)
    assert [f.score for f in finalists] == sorted((f.score for f in finalists), reverse=True)
    assert told == [(done, 6) for done in range(7)]
    again = choose(unbroken, finalists=3, repeats=2)
    assert again == finalists


def test_there_must_be_something_to_choose_from(unbroken):
    with study() as empty, pytest.raises(FailedError, match="no genome has been evaluated"):
        choose(empty)
    with pytest.raises(UsageError, match="finalists, repeats and least must be at least 1"):
        choose(unbroken, repeats=0)


def test_a_finalist_was_evaluated_often_enough(unbroken):
    sizes = unbroken.trials.groupby("key")["score"].agg(["mean", "size"])
    most = int(sizes["size"].max())
    assert most > 1
    finalists = choose(unbroken, finalists=9, repeats=1, least=most)
    assert {f.found for f in finalists} == set(sizes[sizes["size"] == most]["mean"])
    assert all(f.evaluations == most for f in finalists)
    with pytest.raises(UsageError, match=f"no genome was evaluated 99 times, the most often {most} times"):
        choose(unbroken, least=99)


def test_both_rankers_learn_from_the_same_and_are_measured_on_the_test_part(unbroken, split, monkeypatch):
    short = Ranker.fit

    def fit(self, architectures, scores, **other):
        self.members, self.epochs = min(self.members, 2), min(self.epochs or 3, 3)
        return short(self, architectures, scores, **other)

    monkeypatch.setattr(Ranker, "fit", fit)
    genome = Genome(unbroken.best.architecture, 4)
    rows = compare(genome, split, seeds=(0, 1))
    assert [(row.ranker, row.training, row.labels) for row in rows] == [
        ("evolved", "search", 16),
        ("default", "search", 16),
        ("evolved", "full", 36),
        ("default", "full", 36),
    ]
    by_hand = Ranker(seed=1).fit(
        split.train.architectures + split.validation.architectures,
        np.concatenate([split.train["accuracy"], split.validation["accuracy"]]),
    )
    expected = kendall_tau(split.test["accuracy"], by_hand.predict(split.test.architectures))
    assert rows[3].taus[1] == pytest.approx(expected)
    assert rows[3].tau == pytest.approx(np.mean(rows[3].taus))
    assert len(compare(genome, split, seeds=(0,), full=False)) == 2
    assert {row.table for row in rows} == {"small"}
    assert len(compare(genome, split, split, seeds=(0,), full=False)) == 4


def _count(path):
    try:
        with open_journal(path) as journal:
            return int((journal.trials["state"] == "complete").sum())
    except JournalError:
        return 0
