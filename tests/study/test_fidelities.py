"""Cheaper evaluations first: what is promoted, what counts, and what it costs."""

import math
from dataclasses import replace

import numpy as np
import pytest
from played import MODES, SPACE, Played, history, study

from egraph import datasets, report, spaces
from egraph.errors import FailedError, JournalError, UsageError
from egraph.evaluation import Evaluation, Evaluator, Fidelity
from egraph.searchers.testing import ToySpace
from egraph.study import Study, Trial
from egraph.study._fidelities import _promote, rank
from egraph.study._guide import Guide
from egraph.study._rungs import Rungs

COSTS = (0.1, 0.3, 1.0)


def make(number, fidelity, key, score, origin="top"):
    """A trial that is done; it failed if the score is NaN."""
    state = "failed" if math.isnan(score) else "complete"
    return Trial(
        number,
        0,
        origin,
        state,
        key,
        SPACE.parse("0.0.0.0"),
        7,
        evaluation=Evaluation(score),
        fidelity=fidelity,
    )


def climb(rng, costs, limit):
    """Random results, promoted by the rule round by round until nothing can be; yields the rungs."""
    trials = []
    while True:
        rungs = Rungs.of(trials, costs)
        left = limit - sum(trial.fidelity for trial in trials)
        counts = rungs.count(left)
        yield rungs, counts, left
        chosen = [
            (one.key, costs[rung + 1])
            for rung, count in enumerate(counts)
            for one in sorted(rungs.ready(rung), key=lambda trial: -trial.score)[:count]
        ]
        left -= sum(cost for _, cost in chosen)
        if left >= sum(costs):
            chosen += [(f"{len(trials)}.{number}", costs[0]) for number in range(int(rng.integers(1, 7)))]
        if not chosen:
            return
        for key, cost in chosen:
            score = math.nan if rng.random() < 0.2 else float(rng.normal())
            trials.append(make(len(trials), cost, key, score, "top" if cost == costs[0] else "promoted"))


@pytest.mark.parametrize("seed", range(20))
def test_promotions_keep_the_share_and_the_limit(seed):
    rng = np.random.default_rng(seed)
    costs = (*np.sort(rng.uniform(0.02, 0.9, int(rng.integers(1, 4)))).tolist(), 1.0)
    limit = float(rng.uniform(2, 12))
    for rungs, counts, left in climb(rng, costs, limit):
        assert left >= -1e-9
        for rung, count in enumerate(counts):
            own, above = rungs.trials[rung], rungs.trials[rung + 1]
            share = costs[rung] / costs[rung + 1]
            assert len(above) + count <= max(len(above), len(own) * share + 1e-9)
            ready = rungs.ready(rung)
            assert 0 <= count <= len(ready)
            assert all(one.state == "complete" for one in ready)
            assert not {one.key for one in ready} & {one.key for one in above}
        for fidelity in rungs.trials:
            assert len({one.key for one in fidelity}) == len(fidelity), "evaluated twice"
        promoted = sum(count * cost for count, cost in zip(counts, costs[1:], strict=True))
        assert left - promoted >= min(left, 1) - 1e-9, "what pays for the last whole one is kept"


def test_counts_by_hand():
    """Ten at .1 allow three at .3, and each three of those one whole."""
    low = [make(n, 0.1, str(n), n) for n in range(10)]
    assert Rungs.of(low, COSTS).count(math.inf) == [3, 0]
    middle = [make(10 + n, 0.3, str(n), n, "promoted") for n in range(4)]
    assert Rungs.of(low + middle, COSTS).count(math.inf) == [0, 1]
    assert Rungs.of(low + middle, COSTS).count(1.9) == [0, 0]


def test_the_best_are_promoted_by_score_and_prediction():
    assert rank(np.array([1.0, 2.0, 3.0]), np.array([9.0, 1.0, 5.0])).tolist() == [2, 1.5, 2.5]
    assert rank(np.array([1.0, 3.0, 2.0]), np.full(3, math.nan)).tolist() == [1, 3, 2]
    ready = [make(n, 0.1, str(n), score) for n, score in enumerate((5.0, 9.0, 7.0))]
    chosen = _promote(ready, 2, 0.3, None)
    assert [(one.fidelity, one.seed, one.origin) for one in chosen] == [(0.3, 7, "promoted")] * 2
    assert not _promote(ready, 0, 0.3, None)


@pytest.mark.parametrize("mode", ["fidelities", "fidelities direct"])
def test_whole_trials_alone_decide(mode):
    """At lower fidelities the scores of `Played` are ten higher."""
    with study(**MODES[mode]) as one:
        with pytest.raises(FailedError, match="no trial has succeeded yet"):
            one.best  # noqa: B018
        one.run(trials=8, baseline=True)
        trials = one.trials
        whole = trials[trials["fidelity"] == 1]
        own = whole[whole["origin"] != "baseline"]
        assert set(own["origin"]) == {"promoted"}
        assert one.best.score == own["score"].max() < trials["score"].max()
        assert one.baseline_best.score == whole.loc[whole["origin"] == "baseline", "score"].max()
        confirmed = one.confirm(most=2, repeats=2)
        assert confirmed.best.score < 20
        found = report.find(one.journal)
        assert found.best[0].trial.number in set(own["number"])
        assert set(found.complete["number"]) == set(own["number"])
        assert (found.baseline["fidelity"] == 1).all()
        assert np.nanmax([finder.best for finder in found.finders]) == own["score"].max()


def test_the_cost_is_counted_in_whole_trials():
    with study(**MODES["fidelities"]) as one:
        one.run(trials=6, baseline=True)
        trials = one.trials
        own = trials[trials["origin"] != "baseline"]["fidelity"].sum()
        assert 5 < own <= 6 + 1e-9
        assert one.stopped == f"as much as {own:.4g} whole trials are done"
        assert (trials["origin"] == "baseline").sum() == round(own)
        one.run(trials=8, baseline=True)
        more = one.trials
        assert len(more) > len(trials)
        assert "at 0.1" in report.find(one.journal).spent
        assert "whole trainings" in report.find(one.journal).spent


@pytest.mark.parametrize(("fidelities", "first"), [((0.25, 1), 4), ((0.1, 0.3, 1), 3), ((0.1, 1), 10)])
def test_the_first_promotion_does_not_wait_for_all_first_networks(fidelities, first):
    """As soon as the share of the next fidelity allows one; without a ranker for it, by the score."""
    with study(fidelities=fidelities, initial=12) as one:
        one.run(trials=6)
        trials = one.trials
        promoted = trials[trials["origin"] == "promoted"].iloc[0]
        before = trials[trials["number"] < promoted["number"]]
        assert len(before) == first
        assert promoted["key"] == before["key"][before["score"].idxmax()]


def test_seeds_of_a_network_are_the_same_at_all_fidelities():
    with study(**MODES["fidelities"]) as one:
        one.run(trials=6)
        assert (one.trials.groupby("key")["seed"].nunique() == 1).all()
        assert one.trials.groupby("key")["fidelity"].nunique().max() == 3


def test_a_failed_trial_is_not_promoted():
    with study(evaluate=Played(fails_where_first_is=4), **MODES["fidelities"]) as one:
        one.run(trials=6)
        trials = one.trials
        failed = set(trials.loc[trials["state"] == "failed", "key"])
        assert failed
        assert not failed & set(trials.loc[trials["origin"] == "promoted", "key"])


class Sized(Evaluator):
    """The number of different operations, at any fidelity."""

    def evaluate(self, architecture, *, seed=0):
        return Evaluation(float(len(set(architecture.ops))))

    def describe(self):
        return {"kind": "sized"}

    def at(self, fidelity):
        return Fidelity(fidelity, float(fidelity), self)


def test_an_exhausted_space_is_evaluated_whole():
    """What is left when there are no new networks goes to the best that there are."""
    space = ToySpace(2, 3, 2)
    with Study(space, Sized(), ranker=False, fidelities=(0.25, 1), batch=3) as one:
        one.run(trials=2000)
        whole = one.trials[one.trials["fidelity"] == 1]
        assert len(whole) == 12
        assert one.stopped.startswith("the space")


@pytest.mark.usefixtures("copied_workers")
def test_workers_do_not_change_the_history():
    histories = []
    for workers in (1, 2):
        with study(workers=workers, synchronous=True, **MODES["fidelities"]) as one:
            one.run(trials=3, baseline=True)
            histories.append(history(one))
    assert histories[0] == histories[1]


def test_the_ranker_learns_from_all_fidelities_as_groups():
    """Offsets between fidelities do not matter, and failures count as the worst of their own."""

    class Recorder:
        def fit(self, architectures, scores, groups=None):
            self.scores, self.groups = scores.tolist(), groups
            return self

        def predict(self, architectures):
            return np.zeros(len(architectures))

    trials = [make(n, 0.1, str(n), 10.0 + n) for n in range(3)] + [make(3, 0.1, "3", math.nan)]
    trials += [make(4 + n, 1.0, str(n), 1.0 + n) for n in range(2)]
    model, learned = Guide(Recorder(), 2).fit(trials)
    assert learned == 6
    assert model.scores == [10, 11, 12, 10, 1, 2]
    assert model.groups == ["0.1"] * 4 + ["1"] * 2

    class Plain(Recorder):
        def fit(self, architectures, scores):
            return super().fit(architectures, scores)

    scaled = Guide(Plain(), 2).fit(trials)[0].scores
    shifted = [
        replace(one, evaluation=Evaluation(one.score + 5)) if one.fidelity == 1 else one for one in trials
    ]
    assert Guide(Plain(), 2).fit(shifted)[0].scores == pytest.approx(scaled)
    # A single whole score orders nothing.
    assert Guide(Recorder(), 2).fit(trials[:5])[0].groups is None


def test_a_journal_is_of_one_set_of_fidelities(tmp_path):
    with study(tmp_path / "x.db", **MODES["fidelities"]) as one:
        one.run(trials=2)
    with pytest.raises(JournalError, match=r"a study with fidelities 0.1, 0.3, 1, not none"):
        study(tmp_path / "x.db")
    with pytest.raises(JournalError, match=r"a study with fidelities 0.1, 0.3, 1, not 0.5, 1"):
        study(tmp_path / "x.db", fidelities=(0.5, 1))
    with study(tmp_path / "y.db") as one:
        one.run(trials=2)
    with pytest.raises(JournalError, match=r"a study with fidelities none, not 0.1, 0.3, 1"):
        study(tmp_path / "y.db", **MODES["fidelities"])


def test_the_table_of_a_journal_has_whole_trials(tmp_path, monkeypatch):
    monkeypatch.setitem(spaces._registry.registry._things, SPACE.name, SPACE)
    with study(tmp_path / "x.db", **MODES["fidelities"]) as one:
        one.run(trials=6, baseline=True)
        assert len(datasets.load(tmp_path / "x.db")) == (one.trials["fidelity"] == 1).sum()


def test_the_page_of_such_a_study():
    with study(**MODES["fidelities"]) as one:
        one.run(trials=5, baseline=True)
        page = report._page.render(one.journal)
    assert "cost in whole trainings" in page
    assert "<th>fidelity</th>" in page
    assert "Predicted and measured" not in page


@pytest.mark.parametrize(
    ("fidelities", "text"),
    [
        ((0.3, 0.1, 1), r"each fidelity must cost more than the one before it, got 0.3 \(costs 0.3\), 0.1"),
        ((0.1, 0.1, 1), "each fidelity must cost more than the one before it"),
        ((0.1, 0.5), "the last fidelity must be the whole evaluation, which costs 1, got 0.1"),
        ((1,), r"fidelities must be at least two, the last one whole, got 1 \(costs 1\)"),
        ((), "fidelities must be at least two, the last one whole, got none"),
        ((-0.1, 1), "each fidelity must cost more than the one before it"),
        ("0.1,1", r"fidelities must be a list such as \[0.1, 0.3, 1\], got '0.1,1'"),
    ],
)
def test_fidelities_that_are_none(fidelities, text):
    with pytest.raises(UsageError, match=text):
        study(fidelities=fidelities)


def test_an_evaluation_in_one_way_only():
    with pytest.raises(UsageError, match="FunctionEvaluator measures in one way only; fidelities are for"):
        study(evaluate=SPACE.value, fidelities=(0.1, 1))


def test_a_budget_that_pays_for_no_network():
    with study(**MODES["fidelities"]) as one:
        with pytest.raises(UsageError, match=r"trials=1 whole trials do not pay for one network .* 1.4"):
            one.run(trials=1)
        with pytest.raises(UsageError, match="trials must be a number above 0"):
            one.run(trials=-1)
        one.run(trials=1.5)
        assert one.best.fidelity == 1
