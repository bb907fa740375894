"""Brackets: where new networks enter, what that costs, and what is still promoted."""

import math
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from played import MODES, SPACE, Played, study

from egraph.errors import JournalError, UsageError
from egraph.evaluation import Evaluation
from egraph.metrics import kendall_tau
from egraph.searchers import RandomSearch
from egraph.study import Trial, open_journal
from egraph.study._brackets import add_up, enter, level
from egraph.study._rungs import Rungs

COSTS = (0.1, 0.3, 1.0)
SLACK = 1e-6


def make(number, fidelity, key, score=0.0, origin="top"):
    """A trial that is done; it failed if the score is NaN."""
    state = "failed" if math.isnan(score) else "complete"
    graph = SPACE.parse("0.0.0.0")
    measured = Evaluation(score)
    return Trial(number, 0, origin, state, key, graph, 7, evaluation=measured, fidelity=fidelity)


def enter_first(trials, brackets, left, most=100):
    return list(islice(enter(Rungs.of(trials, COSTS), brackets, left), most))


def test_networks_enter_where_least_was_spent_by_hand():
    """The cheaper one of equals: three at .1 cost as much as one at .3."""
    assert enter_first([], 3, math.inf, 17) == [0, 1, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 2]
    assert enter_first([], 2, math.inf, 7) == [0, 1, 0, 0, 0, 1, 0]
    assert enter_first([], 1, math.inf, 3) == [0, 0, 0]
    assert enter_first([make(0, 0.1, "a"), make(1, 0.3, "a", origin="promoted")], 3, math.inf, 4) == [
        1,
        2,
        1,
        0,
    ]


def test_what_entered_can_be_paid_by_hand():
    """A climb from .1 costs 1.3 more; what is left then pays for a whole one."""
    assert enter_first([], 3, 1.4) == [0]
    assert enter_first([], 3, 1.39) == [1]
    assert enter_first([], 3, 1.29) == []
    assert enter_first([], 3, 2.0) == [0, 1, 0, 0, 0]
    assert enter_first([make(0, 0.1, "a"), make(1, 0.3, "b")], 3, 2.0) == [2]
    assert enter_first([make(0, 0.1, "a"), make(1, 0.3, "b")], 3, 1.99, 1) == [0]


@given(st.floats(0.01, 0.9), st.floats(0, 30))
def test_one_bracket_is_all_that_the_climb_leaves(cost, left):
    costs = (cost, 1.0)
    expected = max(0, math.floor((left - 1) / cost + 1e-9))
    found = sum(1 for _ in enter(Rungs.of([], costs), 1, left))
    assert abs(found - expected) <= (abs((left - 1) / cost % 1 - 0.5) > 0.4999999)  # else rounding decides


def test_a_trial_belongs_to_the_bracket_in_which_its_network_entered():
    trials = [make(0, 0.1, "a"), make(1, 0.3, "b"), make(2, 1.0, "c"), make(3, 0.1, "d", math.nan)]
    trials += [make(4, 0.3, "a", origin="promoted"), make(5, 1.0, "b", origin="promoted")]
    trials += [make(6, 1.0, "e", origin="enqueued"), make(7, 1.0, "f", origin="known")]
    assert add_up(Rungs.of(trials, COSTS)) == [0.5, 1.3, 1]
    assert [trial.key for trial in Rungs.of(trials, COSTS).entered] == ["a", "d", "b", "c"]


def test_networks_that_entered_are_not_promoted_ones():
    """Of ten at .1 three are due, whatever entered at .3; of the four there one is."""
    trials = [make(n, 0.1, f"low {n}", n) for n in range(10)]
    trials += [make(10 + n, 0.3, f"middle {n}", n) for n in range(4)] + [make(14, 1.0, "high")]
    assert Rungs.of(trials, COSTS).count(math.inf) == [3, 1]


def test_scores_of_other_fidelities_become_those_of_the_same_quantile():
    low = [make(n, 0.1, str(n), float(n)) for n in range(5)]
    high = [make(5 + n, 1.0, f"high {n}", score) for n, score in enumerate((0.7, 0.9, math.nan))]
    levelled = level([*low, *high])
    assert [trial.score for trial in levelled[:7]] == [0, 1, 2, 3, 4, 1, 3]
    assert levelled[7] == high[2]
    assert levelled[5] == replace(high[0], evaluation=replace(high[0].evaluation, score=1.0))
    assert level(low) == low
    assert level(high) == high
    assert level([*low, high[0]])[5].score == 2, "one alone is the median"


def test_searchers_are_told_scores_on_one_scale():
    """Those of `Played` are about 10 and more at lower fidelities alone."""
    told = []

    class Listener(RandomSearch):
        def tell(self, architectures, scores):
            told.extend(scores)
            super().tell(architectures, scores)

    options = {"searcher": Listener, "ranker": False, "batch": 3}
    with study(fidelities=(0.25, 1), brackets=2, **options) as one:
        one.run(trials=9)
        trials = one.trials
    entered = trials[trials["origin"] != "promoted"]
    whole = entered.loc[entered["fidelity"] == 1, "score"]
    assert len(whole) > 2
    assert max(whole) < 9.9 < min(told)
    assert len(entered) - 3 <= len(told) <= len(entered)


def check_rounds(trials, costs, limit, brackets):
    """Each round of a study of one worker keeps the rules, by the trials before it.

    What the limit leaves at the end goes to whole evaluations of networks from any rung.
    """
    largest = 0.0
    for number in sorted({trial.round for trial in trials}):
        before = [trial for trial in trials if trial.round < number]
        batch = [trial for trial in trials if trial.round == number]
        new = [trial for trial in batch if trial.origin != "promoted"]
        cost = sum(trial.fidelity for trial in batch)
        left = limit - sum(trial.fidelity for trial in before) - cost
        assert left >= -SLACK
        assert {trial.fidelity for trial in new} <= set(costs[:brackets])
        assert not {trial.key for trial in new} & {trial.key for trial in before}
        if not new and not any(Rungs.of(before, costs).count(left + cost)):
            assert {(trial.fidelity, trial.origin) for trial in batch} == {(1, "promoted")}
            continue
        assert left >= 1 - SLACK
        if new:
            assert left >= sum(costs[costs.index(min(trial.fidelity for trial in new)) + 1 :]) - SLACK
        check_promotions(before, [trial for trial in batch if trial.origin == "promoted"], costs)
        largest = max(largest, cost)
        spent = add_up(Rungs.of([*before, *batch], costs))[:brackets]
        if left > 1 + sum(costs):  # enough for all brackets
            within = 1 if len(costs) == 2 else len(costs)
            assert max(spent) - min(spent) <= within * largest + SLACK


def check_promotions(before, promoted, costs):
    for own, above in pairwise(costs):
        rising = [trial.key for trial in promoted if trial.fidelity == above]
        done = [trial for trial in before if trial.fidelity == own]
        risen = [trial for trial in before if trial.fidelity == above and trial.origin == "promoted"]
        assert set(rising) <= {trial.key for trial in done if trial.state == "complete"}
        assert not set(rising) & {trial.key for trial in before if trial.fidelity > own}
        if rising:
            assert len(risen) + len(rising) <= len(done) * own / above + SLACK


@settings(max_examples=20)
@given(
    costs=st.lists(st.integers(10, 90), min_size=1, max_size=3, unique=True),
    brackets=st.integers(1, 4),
    more=st.floats(0, 5),
    seed=st.integers(0, 99),
    batch=st.integers(2, 6),
)
def test_budget_shares_and_climbs_are_kept(costs, brackets, more, seed, batch):
    costs = [cost / 100 for cost in sorted(costs)] + [1.0]
    brackets, limit = min(brackets, len(costs)), math.fsum(costs) + more
    options = {"searcher": "random", "ranker": False, "batch": batch, "initial": 1, "seed": seed}
    with study(
        evaluate=Played(fails_where_first_is=1), fidelities=costs, brackets=brackets, **options
    ) as one:
        one.run(trials=limit)
        trials = one.journal.read_trials()
    check_rounds(trials, costs, limit, brackets)
    if any(Rungs.of(trials, costs).ready(rung) for rung in range(len(costs) - 1)):
        assert limit - sum(trial.fidelity for trial in trials) < 1, "a whole evaluation is left"


def test_all_brackets_cost_about_the_same():
    with study(**MODES["brackets"], ranker=False, searcher="random") as one:
        one.run(trials=36)
        trials = one.journal.read_trials()
    check_rounds(trials, list(COSTS), 36, 3)
    spent = add_up(Rungs.of(trials, COSTS))
    assert spent == pytest.approx([12, 12, 12], abs=2)
    assert sum(spent) == pytest.approx(36, abs=1)


def test_predictions_are_judged_at_one_fidelity():
    """At lower fidelities the scores of `Played` are ten higher, which orders networks by their bracket."""
    with study(**MODES["brackets"]) as one:
        one.run(trials=8)
        rounds, trials = one.rounds, one.trials
    judged = 0
    for number, tau in zip(rounds["round"], rounds["tau"], strict=True):
        batch = trials[(trials["round"] == number) & (trials["origin"] != "promoted")]
        own = batch[(batch["fidelity"] == 0.1) & batch["predicted"].notna()]
        if own["score"].nunique() > 1:
            assert tau == pytest.approx(kendall_tau(own["score"], own["predicted"]), nan_ok=True)
            judged += batch["fidelity"].nunique() > 1
    assert judged > 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"brackets": 0}, "brackets must be a whole number of at least 1, got 0"),
        ({"brackets": 1.5}, "brackets must be a whole number of at least 1, got 1.5"),
        ({"brackets": True}, "brackets must be a whole number of at least 1, got True"),
        ({"brackets": "all"}, "brackets must be a whole number of at least 1, got 'all'"),
        ({"brackets": 4}, r"brackets=4 is more than the 3 fidelities 0.1, 0.3, 1, .* at most 3"),
        ({"brackets": 2, "fidelities": None}, r"brackets=2 needs fidelities such as \[0.1, 0.3, 1\]; leave"),
    ],
)
def test_brackets_that_are_none(options, text):
    with pytest.raises(UsageError, match=text):
        study(**{"fidelities": COSTS, **options})


def test_a_journal_is_of_one_number_of_brackets(tmp_path):
    with study(tmp_path / "x.db", **MODES["brackets"]) as one:
        one.run(trials=2)
    with pytest.raises(JournalError, match=r"a study with brackets 3, not 2; use the same arguments"):
        study(tmp_path / "x.db", **MODES["brackets"] | {"brackets": 2})
    with study(tmp_path / "x.db", **MODES["fidelities"], force_resume=True) as one:
        assert one.journal.settings["brackets"] == 1
        before = one.trials
        assert set(before["fidelity"]) > {0.1}
        one.run(trials=4)
        after = one.trials[len(before) :]
        assert set(after.loc[after["origin"] != "promoted", "fidelity"]) == {0.1}


def test_a_journal_that_says_nothing_has_one_bracket(tmp_path):
    with study(tmp_path / "x.db", **MODES["fidelities"]) as one:
        one.run(trials=2)
        assert "brackets" not in one.journal.settings
    with pytest.raises(JournalError, match="a study with brackets 1, not 3"):
        study(tmp_path / "x.db", **MODES["brackets"])
    with study(tmp_path / "x.db", **MODES["fidelities"], brackets=np.int64(1)) as one:
        one.run(trials=3)
    with open_journal(tmp_path / "x.db") as journal:
        assert "brackets" not in journal.settings
