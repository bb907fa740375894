"""What is read out of a journal."""

import dataclasses
import json
import math

import pandas as pd
import pytest

from egraph.evaluation import Evaluation
from egraph.report import find, render, show_amount
from egraph.report._lead import Lead, find_lead


def test_search_and_random_search_are_told_apart(journal):
    found = find(journal)
    assert len(found.trials) == 6 + 4 + 4
    assert len(found.baseline) == 6 + 4 + 4, "the random start counts for both"
    assert found.has_baseline
    # Scores grow with the number of the trial: 17 is the last of the search, 21 the last of the baseline.
    assert [best.trial.number for best in found.best] == [17, 16, 15, 14, 9]
    assert found.random_best.trial.number == 21


def test_failed_trials_are_kept_with_their_reason(journal):
    failed = find(journal).failed
    assert list(failed["number"]) == [8]
    assert list(failed["reason"]) == ["the loss became NaN <b>&"]


def test_fresh_trials_are_those_predicted_and_measured(journal):
    assert list(find(journal).rounds["fresh"]) == [0, 3, 4]


def test_retrained_scores_take_the_place_of_the_trial_s_own(journal):
    best = find(journal).best[0]
    assert best.final_score == pytest.approx(0.917 - 0.01)
    for repeat, score in enumerate([0.8, 0.9, math.nan]):
        add_retrain(journal, "key 17", repeat, best.trial.architecture, score)
    best = find(journal).best[0]
    assert best.retrained == (0.8, 0.9)
    assert best.repeats == 2
    assert best.final_score == pytest.approx(0.85)
    assert best.chosen_by == pytest.approx(0.85)


def test_finalists_are_ordered_by_their_confirmed_scores_once_all_have_them(journal):
    fresh = {17: 0.91, 16: 0.95, 15: 0.93, 14: math.nan, 9: 0.92}
    for number, score in fresh.items():
        assert [best.trial.number for best in find(journal).best] == list(fresh), "not before all are there"
        add_retrain(journal, f"key {number}", 0, find(journal).best[0].trial.architecture, score)
    found = find(journal)
    assert [best.trial.number for best in found.best] == [16, 15, 9, 17, 14]
    assert found.best[0].confirmed == pytest.approx(0.95)
    assert math.isnan(found.best[-1].confirmed)
    assert found.random_best.trial.number == 21


def test_one_network_stands_only_once_among_the_best(tmp_path, write_journal):
    with write_journal(tmp_path / "twice.db") as journal:
        with journal._file.transaction():
            journal._db.execute("UPDATE trial SET key = 'same' WHERE number IN (16, 17)")
        assert [best.trial.number for best in find(journal).best] == [17, 15, 14, 9, 8]


def test_a_network_that_came_again_counts_by_the_mean_of_its_scores(tmp_path, write_journal):
    with write_journal(tmp_path / "again.db") as journal:
        with journal._file.transaction():
            # The best score of all and the worst one, which make a mean of (.917 + .9) / 2.
            journal._db.execute("UPDATE trial SET key = 'same' WHERE number IN (0, 17)")
        best = find(journal, most=10).best
    assert [one.trial.number for one in best] == [16, 15, 14, 9, 17, 8, 7, 6, 5, 4]
    assert best[4].score == pytest.approx(0.9085)


def test_scores_of_training_are_shown_in_percent_and_others_as_they_are(tmp_path, journal, write_journal):
    assert find(journal).show(0.9534) == "95.34 %"
    assert find(journal).show(math.nan) == "–"
    with write_journal(tmp_path / "table.db", kind="table") as table:
        assert find(table).show(94.371) == "94.37"


def test_the_front_has_the_best_of_each_size(journal):
    numbers = {0: (900, 0.80), 1: (400, 0.70), 2: (600, 0.70), 3: (900, 0.90), 4: (2000, 0.90), 5: (0, 0.99)}
    for number, (params, score) in numbers.items():
        journal.finish(number, "complete", Evaluation(score, params=params))
    # all others have 1,000 parameters, the best of them 0.917; 18 to 21 are of random search
    assert list(find(journal).front["number"]) == [1, 3, 17]


def test_a_front_of_unknown_sizes_is_empty(journal):
    for trial in journal.read_trials():
        journal.finish(
            trial.number, trial.state, dataclasses.replace(trial.evaluation, params=0), trial.reason
        )
    assert find(journal).front.empty


def test_trainings_by_another_recipe_are_kept_apart(journal):
    best = find(journal).best[0]
    key, shape = best.trial.key, best.trial.architecture
    add_retrain(journal, key, 0, shape, 0.8)
    add_retrain(journal, key, 0, shape, 0.9, '{"recipe": {"epochs": 60}}')
    add_retrain(journal, key, 0, shape, math.nan, '{"recipe": {"epochs": 90}}')
    add_retrain(journal, "another", 0, shape, 0.95, '{"recipe": {"epochs": 60}}')
    found = find(journal)
    assert found.best[0].retrained == (0.8,)
    longer, failed = found.finals
    assert (longer.changes, longer.scores, longer.test_scores) == ({"epochs": 60}, (0.9,), (0.9,))
    assert (failed.changes, failed.scores, failed.reasons) == ({"epochs": 90}, (), ("it diverged",))
    page = render(journal)
    assert "The winner, trained by other recipes" in page
    assert "epochs 60" in page
    assert "failed: it diverged" in page


def add_retrain(journal, key, repeat, architecture, score, evaluator=None):
    """One evaluation with a fresh seed; failed where the score is NaN."""
    journal.add_retrain(
        key,
        repeat,
        evaluator=evaluator or json.dumps(journal.settings["evaluator"]),
        architecture=architecture,
        seed=repeat,
        state="failed" if math.isnan(score) else "complete",
        evaluation=Evaluation(score, score, seconds=1.0),
        reason="it diverged" if math.isnan(score) else "",
    )


def test_fronts_of_costs_have_what_no_other_trial_dominates(tmp_path, write_journal):
    with write_journal(tmp_path / "costs.db") as journal:
        journal.describe({"costs": {"a": "f", "b": "g"}})
        with journal._file.transaction():
            journal._db.execute('UPDATE trial SET score = 0.1, costs = \'{"a": 9, "b": 9}\'')
            for number, score, a, b in ((1, 0.5, 3, 3), (2, 0.4, 2, 4), (3, 0.4, 4, 4), (4, 0.9, "null", 1)):
                values = (score, f'{{"a": {a}, "b": {b}}}', number)
                journal._db.execute("UPDATE trial SET score = ?, costs = ? WHERE number = ?", values)
        found = find(journal)
    assert found.costs == ("a", "b")
    assert found.front["number"].tolist() == [2, 1]  # 3 is dominated; a cost of 4 is unknown
    assert found.front_of("a")["number"].tolist() == [2, 1]
    assert found.front_of("b")["number"].tolist() == [4]
    shown = [show_amount(value) for value in (12345.6, 1.23456, math.nan, None)]
    assert shown == ["12,346", "1.235", "–", "–"]


def frame(scores: list[float], fidelity: float | list[float] = 1.0) -> pd.DataFrame:
    """Trials in their order; NaN for one that failed."""
    states = ["failed" if math.isnan(score) else "complete" for score in scores]
    return pd.DataFrame({"score": scores, "state": states, "fidelity": fidelity})


@pytest.mark.parametrize(
    ("own", "random", "expected"),
    [
        ([0.5, 0.7, 0.8], [0.6, 0.7, 0.1], Lead(0.7, random=2, own=2, spent=3)),
        ([math.nan, 0.9], [0.6, math.nan, 0.7, 0.7], Lead(0.7, random=3, own=2, spent=2)),
        ([0.1, 0.2], [0.6], Lead(0.6, random=1, own=None, spent=2)),
        ([math.nan], [0.6], None),
        ([0.6], [], None),
    ],
)
def test_a_lead_counts_the_trainings_until_random_search_is_reached(own, random, expected):
    assert find_lead(frame(own), frame(random)) == expected


def test_a_lead_counts_cheaper_trainings_by_their_cost_and_not_their_scores():
    own = frame([0.9, 0.9, 0.6, 0.8], [0.25, 0.25, 1.0, 1.0])
    assert find_lead(own, frame([0.7, 0.5])) == Lead(0.7, random=1, own=2.5, spent=2.5)


def test_the_comparison_is_a_sentence(journal):
    found, reached = find(journal), "validation accuracy"
    assert found.comparison == (
        f"egraph did not reach in 14 trainings what random search had after 14: {reached} 92.10 %."
    )
    behind = dataclasses.replace(found, trials=found.baseline, baseline=found.baseline.iloc[[0, -4]])
    assert behind.comparison == (
        f"Random search needed 2 trainings for what egraph had after 11: {reached} 91.80 %."
    )
    alone = dataclasses.replace(found, baseline=found.baseline.iloc[:3])
    assert (alone.lead, alone.comparison) == (None, "")
