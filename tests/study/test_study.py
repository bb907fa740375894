import math
from itertools import pairwise

import numpy as np
import pytest
from played import SPACE, Linear, Played, history, study

from egraph import Architecture, metrics, spaces
from egraph.errors import DataError, FailedError, JournalError, UnknownNameError, UsageError
from egraph.ranker import Ranker, load
from egraph.searchers import RandomSearch
from egraph.searchers.testing import ToySpace
from egraph.spaces import Limited
from egraph.study import (
    RankerFitted,
    RetrainStarted,
    RoundFinished,
    RoundStarted,
    RunFinished,
    RunStarted,
    Study,
    TrialFinished,
    TrialStarted,
)


class Perfect:
    """A ranker that is never wrong."""

    def __init__(self, space):
        self.space = space

    def fit(self, architectures, scores):
        return self

    def predict(self, architectures):
        return self.space.value(architectures)


def test_study_finds_the_optimum_that_random_search_does_not():
    one = study()
    one.run(trials=40, baseline=True)
    assert SPACE.format(one.best.architecture) == "4.4.4.4"
    assert one.best.score > one.baseline_best.score
    assert one.best.test_score == pytest.approx(one.best.score - 1)
    assert one.stopped == "40 trials are done"


def test_trials_are_recorded_with_all_they_gave():
    one = study()
    one.run(trials=10)
    trials = one.trials
    assert trials["number"].tolist() == list(range(10))
    assert trials["origin"].tolist() == ["initial"] * 8 + ["top", "far"]
    assert trials["round"].tolist() == [0] * 8 + [1] * 2
    assert set(trials["state"]) == {"complete"}
    assert trials["key"].is_unique
    assert trials["seed"].is_unique
    assert trials["predicted"].isna().tolist() == [True] * 8 + [False] * 2
    assert set(zip(trials["params"], trials["flops"], trials["source"], trials["seconds"], strict=True)) == {
        (7, 9, "played", 1.0)
    }
    assert (trials["finished"] >= trials["started"]).all()


def test_one_seed_gives_one_history_and_another_seed_another():
    histories = []
    for seed in (1, 1, 2):
        one = study(seed=seed)
        np.random.seed(len(histories))  # noqa: NPY002, must not matter
        one.run(trials=24, baseline=True)
        histories.append(history(one))
    assert histories[0] == histories[1]
    assert histories[0] != histories[2]


def test_a_run_can_be_lengthened():
    """The budget is that of the whole study; rounds that were full are as in one long run."""
    short, long = study(), study()
    short.run(trials=12)
    short.run(trials=20)
    long.run(trials=20)
    assert history(short) == history(long)
    short.run(trials=5)  # more than that is there already
    assert len(short.trials) == 20


def test_a_space_of_no_more_than_the_candidates_is_searched_whole():
    space = ToySpace(3, 3, 3)
    one = Study(space, space.value, ranker=Perfect(space), initial=4, batch=4, far=0, candidates=27)
    one.run(trials=27)
    scores = one.trials["score"].tolist()
    assert scores[4:] == sorted(scores[4:], reverse=True)
    assert one.rounds["candidates"].tolist() == [0, 23, 19, 15, 11, 7, 3]


def test_time_ends_a_run_and_what_runs_is_finished():
    one = study(evaluate=Played(seconds=0.02))
    one.run(seconds=0.05)
    assert one.stopped == "the time is over"
    states = one.trials["state"].value_counts()
    assert "queued" in states
    assert "running" not in states
    one.run(trials=8)
    assert set(one.trials["state"]) == {"complete"}


def test_tau_is_that_of_predictions_made_before_the_trials():
    one = study()
    one.run(trials=24, baseline=True)
    for _, row in one.rounds.iterrows():
        fresh = one.trials[one.trials["round"] == row["round"]]
        for column, rows in (
            ("tau", fresh[fresh["origin"] != "baseline"]),
            ("tau_baseline", fresh[fresh["origin"] == "baseline"]),
        ):
            if row["round"] == 0:
                assert math.isnan(row[column])
            else:
                before = one.trials[
                    (one.trials["round"] < row["round"]) & (one.trials["origin"] != "baseline")
                ]
                model = Linear().fit(_read(before), before["score"])
                assert rows["predicted"].to_numpy() == pytest.approx(model.predict(_read(rows)))
                assert row[column] == pytest.approx(metrics.kendall_tau(rows["score"], rows["predicted"]))


def test_baseline_is_as_long_shares_the_beginning_and_is_random():
    one = study()
    one.run(trials=25, baseline=True)
    trials = one.trials
    own, extra = trials[trials["origin"] != "baseline"], trials[trials["origin"] == "baseline"]
    assert len(own) == 25
    assert len(extra) == 25 - 8
    random = [*trials.loc[trials["origin"] == "initial", "key"], *extra["key"]]
    assert len(set(random)) == 25
    # It is a sequence of its own: without a baseline the study is the same.
    alone = study()
    alone.run(trials=25)
    assert alone.trials["key"].tolist() == own["key"].tolist()


def test_baseline_can_catch_up_later():
    one = study()
    one.run(trials=20)
    one.run(trials=20, baseline=True)
    assert one.trials["origin"].value_counts()["baseline"] == 12
    together = study()
    together.run(trials=20, baseline=True)
    keys = [s.trials.loc[s.trials["origin"] == "baseline", "key"].tolist() for s in (one, together)]
    assert keys[0] == keys[1]


def test_without_ranker_the_searcher_sees_real_scores():
    one = study(ranker=False)
    one.run(trials=150, baseline=True)
    own = one.trials[one.trials["origin"] == "search"]
    assert len(own) == 150
    assert own["predicted"].isna().all()
    assert own["score"][100:].mean() > own["score"][:100].mean() + 1  # the first hundred are random
    assert one.ranker is None
    assert one.rounds["tau"].isna().all()
    assert one.trials["origin"].value_counts()["baseline"] == 150


def test_searcher_is_given_by_name_or_class():
    named, made = study(searcher="random"), study(searcher=RandomSearch)
    for one in (named, made):
        one.run(trials=12)
    assert history(named) == history(made)
    assert named.journal.settings["settings"]["searcher"]["searcher"] == "random"


def test_exhausted_space_ends_the_study_and_says_so():
    space = ToySpace(4, 5)
    one = Study(space, space.value, ranker=Counting(), initial=4, candidates=50)
    one.run(trials=100, baseline=True)
    assert one.stopped == "the space 'toy' is exhausted after 20 trials"
    assert one.trials.loc[one.trials["origin"] != "baseline", "key"].nunique() == 20
    assert SPACE.format(one.best.architecture) == "3.4"
    direct = Study(space, space.value, ranker=False, batch=7)
    direct.run(trials=100)
    assert len(direct.trials) == 20


def test_failures_are_recorded_and_avoided():
    one = study(evaluate=Played(fails_where_first_is=4), seed=3)
    one.run(trials=48)
    trials = one.trials
    failed = trials["state"] == "failed"
    assert set(trials.loc[failed, "reason"]) == {"no path to the output"}
    assert trials.loc[failed, "score"].isna().all()
    assert failed[:8].any()
    assert failed[-16:].mean() < 0.2  # the true score is best just there
    assert SPACE.numbers(one.best.architecture)[0] == 3


def test_any_exception_fails_one_trial_and_names_its_place():
    one = study(evaluate=Played(fails_where_first_is=1, how="bug"))
    one.run(trials=12)
    failed = one.trials[one.trials["state"] == "failed"]
    assert failed["reason"].str.fullmatch(r"ZeroDivisionError: by zero \(played\.py:\d+\)").all()
    assert len(failed)


def test_score_that_is_no_number_fails_the_trial():
    one = Study(SPACE, Broken(), ranker=Linear())
    one.run(trials=2)
    assert one.trials["reason"].tolist() == ["the score is nan", "the score is inf"]
    with pytest.raises(FailedError, match="no trial has succeeded yet"):
        one.best  # noqa: B018


def test_error_that_all_would_meet_stops_the_run_and_loses_nothing():
    one = study(evaluate=Played(fails_where_first_is=4, how="fatal"))
    with pytest.raises(DataError, match="the images are gone"):
        one.run(trials=30)
    assert set(one.trials["state"]) <= {"complete", "queued"}


def test_too_many_failures_in_succession_stop_the_run():
    one = Study(SPACE, lambda many: 1 / 0, ranker=Linear(), max_failures=4, initial=20)
    with pytest.raises(
        FailedError, match=r"5 trials failed in succession, the last because: .*ZeroDivisionError.*"
    ):
        one.run(trials=20)
    assert one.trials["state"].value_counts()["failed"] == 5


def test_too_few_successes_for_a_fit_are_filled_up_at_random():
    one = Study(SPACE, Constant(), ranker=Linear(), initial=4, batch=4)
    one.run(trials=12)
    assert one.trials["origin"].tolist() == ["initial"] * 4 + ["random"] * 8
    assert one.trials["key"].is_unique
    assert one.ranker is None


def count_wide(architectures):
    return np.array([sum(op.startswith("mbconv5x5") for op in a.ops) for a in architectures], dtype=float)


def test_fitted_ranker_guides_from_the_first_round_and_stays_the_prior():
    space = spaces.get("nasbench_macro")
    known = RandomSearch(space, seed=1).ask(30)
    before = Ranker(members=1, width=8, epochs=3).fit(known, count_wide(known))
    opinions = before.predict(known)
    one = Study(space, count_wide, ranker=before, batch=4, far=1, candidates=100)
    one.run(trials=16, baseline=True)
    own = one.trials[one.trials["origin"] != "baseline"]
    assert set(own["origin"]) == {"top", "far"}
    assert one.rounds["learned_from"].tolist() == [0, 4, 8, 12]
    first = [Architecture.from_json(text) for text in own["architecture"][:4]]
    assert own["predicted"][:4].to_numpy() == pytest.approx(before.predict(first))
    assert one.trials["origin"].value_counts()["baseline"] == 16
    assert (before.predict(known) == opinions).all()
    after = one.ranker
    assert (after.members, after.prior) == (1, before)
    assert 0 < after.prior_share_ < 1
    described = one.journal.settings["settings"]["ranker"]
    assert described["prior"]["ranker"] == described["ranker"] == "egraph.ranker.ranker.Ranker"


def test_the_saved_ranker_contains_its_prior(tmp_path):
    space = spaces.get("nasbench_macro")
    known = RandomSearch(space, seed=1).ask(30)
    before = Ranker(members=1, width=8, epochs=3).fit(known, count_wide(known))
    one = Study(space, count_wide, ranker=before, candidates=100)
    one.run(trials=8)
    one.ranker.save(tmp_path / "x.egraph")
    again = load(tmp_path / "x.egraph")
    np.testing.assert_allclose(again.predict(known), one.ranker.predict(known), rtol=1e-6)
    assert again.prior_share_ == one.ranker.prior_share_ > 0


@pytest.mark.parametrize("fits", [False, True])
def test_a_fitted_model_of_any_kind_is_the_prior_of_a_default_ranker(fits):
    class Knowing:
        predict = staticmethod(count_wide)

    class Fitted(Knowing):
        def __init__(self):
            self.weights_ = None

        def fit(self, architectures, scores):
            raise AssertionError("it was fitted before")

    given = (Fitted if fits else Knowing)()
    one = Study("nasbench_macro", count_wide, ranker=given, candidates=100)
    assert one.ranker is given
    one.run(trials=8)
    trials = one.trials
    assert set(trials["origin"]) == {"top", "far"}
    graphs = [Architecture.from_json(text) for text in trials["architecture"]]
    assert trials["predicted"].to_numpy() == pytest.approx(count_wide(graphs))
    assert type(one.ranker) is Ranker
    assert one.ranker.prior is given
    assert one.ranker.prior_share_ > 0
    described = one.journal.settings["settings"]["ranker"]
    assert described["ranker"] == "egraph.ranker.ranker.Ranker"
    assert described["prior"]["ranker"].endswith(type(given).__name__)


def test_ranker_is_fitted_to_all_trials_of_the_search():
    one = study()
    one.run(trials=16, baseline=True)
    own = one.trials[one.trials["origin"] != "baseline"]
    assert one.ranker.weights_ == pytest.approx(Linear().fit(_read(own), own["score"]).weights_)


def test_events_tell_the_whole_story():
    told = []
    one = study()
    one.run(trials=16, baseline=True, progress=told.append)
    assert told[0] == RunStarted(0, 0, 0, trials=16, seconds=None, baseline=True)
    assert isinstance(told[-1], RunFinished)
    assert sum(isinstance(event, TrialStarted) for event in told) == 24
    finished = [event for event in told if isinstance(event, TrialFinished)]
    assert [event.trial.number for event in finished] == list(range(24))
    assert (finished[-1].finished, finished[-1].baseline_finished) == (16, 8)
    rounds = [type(event) for event in told if isinstance(event, RankerFitted | RoundStarted | RoundFinished)]
    assert rounds == [RoundStarted, RoundFinished] + [RankerFitted, RoundStarted, RoundFinished] * 2
    started = [event for event in told if isinstance(event, RoundStarted)]
    assert [(e.trials, e.baseline_trials, e.candidates) for e in started] == [
        (8, 0, 0),
        (4, 4, 100),
        (4, 4, 100),
    ]


def test_study_prints_nothing(capfd):
    study().run(trials=12)
    assert capfd.readouterr() == ("", "")


def test_retraining_repeats_with_fresh_seeds_and_only_once():
    one = study()
    one.run(trials=8)
    told = []
    result = one.retrain(one.best, repeats=3, progress=told.append)
    assert len(set(result.scores)) == 3
    assert result.score == pytest.approx(sum(result.scores) / 3)
    assert result.test_score == pytest.approx(result.score - 1)
    assert told[0] == RetrainStarted(3)
    assert [(event.done, event.total) for event in told[1:]] == [(1, 3), (2, 3), (3, 3)]
    assert one.retrain(one.best, repeats=3, progress=told.append) == result
    assert len(told) == 4
    longer = one.retrain(one.best.architecture, repeats=4)
    assert longer.scores[:3] == result.scores
    assert not set(one.journal.retrains["seed"]) & set(one.trials["seed"])


@pytest.mark.usefixtures("copied_workers")
@pytest.mark.parametrize("workers", [1, 2])
def test_retraining_several_at_once_gives_what_one_after_another_gives(workers):
    one, other = study(workers=workers), study()
    networks = [SPACE.make([0, 1, 2, 3]), SPACE.make([3, 2, 1, 0]), SPACE.make([0, 1, 2, 3])]
    told = []
    several = one.retrain_all(networks, repeats=2, progress=told.append)
    assert several == [other.retrain(network, repeats=2) for network in networks]
    assert told[0] == RetrainStarted(4)
    assert [(event.done, event.total) for event in told[1:]] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert one.retrain_all([]) == []


def test_a_function_without_a_seed_is_not_repeated():
    one = study(evaluate=valued)
    one.run(trials=8)
    text = r"^repeats need a seed: .*valued takes none, so that .*; give your function .* or use repeats=1$"
    with pytest.raises(UsageError, match=text):
        one.confirm()
    assert one.journal.retrains.empty
    assert one.confirm(most=1, repeats=1).best.score == one.best.score


def valued(architectures):
    return SPACE.value(architectures)


def test_the_winner_is_the_best_of_the_finalists_by_the_mean_of_fresh_scores():
    one = study()
    one.run(trials=16, baseline=True)
    told = []
    best, baseline = one.confirm(most=3, repeats=2, progress=told.append)
    trials = one.trials.sort_values("score", ascending=False, kind="stable")
    for winner, origins in ((best, {"initial", "top", "far"}), (baseline, {"initial", "baseline"})):
        finalists = trials[trials["origin"].isin(origins)]["architecture"].head(3).map(Architecture.from_json)
        means = {a: one.retrain(a, repeats=2).score for a in finalists}
        assert winner.score == max(means.values())
        assert means[winner.architecture] == winner.score
    assert len(told) - 1 == told[-1].total == len(one.journal.retrains), "nothing was evaluated twice"
    assert told[0] == RetrainStarted(told[-1].total)
    one.confirm(most=3, repeats=2, progress=lambda event: pytest.fail(f"{event}, and nothing is left to do"))


def test_without_a_baseline_only_the_search_has_a_winner():
    one = study()
    one.run(trials=8)
    assert one.confirm(most=1, repeats=1).baseline is None


def test_a_winner_needs_a_success():
    with pytest.raises(FailedError, match="no trial has succeeded yet"):
        study().confirm()
    one = study()
    one.run(trials=8)
    one._runner.evaluator = Played(fails_where_first_is=SPACE.numbers(one.best.architecture)[0])
    with pytest.raises(FailedError, match="each fresh evaluation of the best networks failed"):
        one.confirm(most=1)


def test_retraining_that_fails_is_left_out():
    one = study(evaluate=Played(fails_where_first_is=0))
    result = one.retrain(SPACE.make([0, 1, 2, 3]))
    assert result.scores == ()
    assert math.isnan(result.score)
    assert math.isnan(result.test_score)
    assert one.journal.retrains["reason"].tolist() == ["no path to the output"] * 3


def test_retraining_with_another_evaluation_is_kept_apart():
    one = study()
    one.run(trials=8)
    same, other = one.retrain(one.best), one.retrain(one.best, evaluate=Constant())
    assert other.scores == (1.0, 1.0, 1.0)
    assert same.scores != other.scores


def test_fatal_error_ends_retraining():
    one = study(evaluate=Played(fails_where_first_is=0, how="fatal"))
    with pytest.raises(DataError, match="the images are gone"):
        one.retrain(SPACE.make([0, 1, 2, 3]))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"workers": 0}, "workers must be a whole number of at least 1, got 0"),
        ({"trial_seconds": 0}, "trial_seconds must be a number above 0, got 0"),
        ({"initial": 1.5}, "initial must be a whole number of at least 1, got 1.5"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"far": True}, "far must be a whole number of at least 0, got True"),
        ({"batch": 0}, "batch must be a whole number of at least 1, got 0"),
        ({"ranker": 3}, "ranker must have predict, and fit if it can learn, or be False for none, got 3"),
        ({"searcher": 3}, "searcher must be a name or a class, such as 'random', got 3"),
        ({"searcher": ["random", 3]}, "searcher must be a name or a class, such as 'random', got 3"),
        ({"searcher": []}, "searcher must name at least one, such as 'random', got none"),
        ({"searcher": ["random", "random"]}, "searcher 'random' is given twice; leave one out"),
        ({"searcher": ["random", RandomSearch]}, "searcher 'random' is given twice"),
        ({"shares": (60, 30)}, r"shares must be three percentages that sum to 100, .* got \(60, 30\)"),
        ({"shares": (60, 30, 20)}, r"such as \(60, 30, 10\), got \(60, 30, 20\)"),
        ({"shares": (120, -30, 10)}, "shares must be three percentages"),
        ({"shares": "60,30,10"}, "shares must be three percentages"),
        ({"shares": 60}, "shares must be three percentages"),
        ({"searcher": RandomSearch(SPACE)}, "searcher must be a name or a class"),
        ({"evaluate": "x"}, "an evaluator must be an Evaluator or a function"),
    ],
)
def test_wrong_argument_is_refused(options, text):
    with pytest.raises(UsageError, match=text):
        study(**options)


def test_integers_of_numpy_give_the_same_study():
    one, other = study(seed=np.int64(3), batch=np.int32(4)), study(seed=3, batch=4)
    assert one.journal.settings["settings"] == other.journal.settings["settings"]
    one.run(trials=10)
    other.run(trials=10)
    assert one.trials["key"].tolist() == other.trials["key"].tolist()


def test_unknown_space_and_searcher_are_refused():
    with pytest.raises(UnknownNameError, match="unknown search space 'nowhere'"):
        Study("nowhere", Played())
    with pytest.raises(UnknownNameError, match="unknown searcher 'nobody'"):
        study(searcher="nobody")


def test_run_needs_a_budget():
    with pytest.raises(UsageError, match="a run needs a budget: trials=60, or seconds=300, or both"):
        study().run()
    with pytest.raises(UsageError, match="trials must be a whole number of at least 1, got 0"):
        study().run(trials=0)
    with pytest.raises(UsageError, match="seconds must be a number above 0, got -1"):
        study().run(seconds=-1)
    for seconds in ("300", [300], float("nan"), 10**400):
        with pytest.raises(UsageError, match="seconds must be a number above 0, got "):
            study().run(seconds=seconds)
    with pytest.raises(UsageError, match="baseline must be true or false, got 3"):
        study().run(trials=8, baseline=3)
    with pytest.raises(UsageError, match="trials must be at most 9223372036854775808, got "):
        study().run(trials=10**400)
    with pytest.raises(UsageError, match="recalibrate must be 'every=N' trials"):
        study(ranker=False, recalibrate=np.int64(3))
    with pytest.raises(UsageError, match="force_resume must be true or false, got 'no'"):
        study(force_resume="no")
    with pytest.raises(UsageError, match=r"fidelities must be a list such as .*, got 3"):
        study(fidelities=np.array(3))
    with pytest.raises(UsageError, match="repeats must be a whole number of at least 1, got 0"):
        study().retrain(SPACE.make([0, 0, 0, 0]), repeats=0)


def test_best_so_far_never_falls():
    one = study()
    one.run(trials=20)
    curve = one.trials["score"].cummax()
    assert all(a <= b for a, b in pairwise(curve))


class Constant(Played):
    def evaluate(self, architecture, *, seed=0):
        return type(super().evaluate(architecture))(1.0)

    def describe(self):
        return {"kind": "constant"}


class Broken(Played):
    def evaluate(self, architecture, *, seed=0):
        self.calls = getattr(self, "calls", 0) + 1
        return type(super().evaluate(architecture))(math.nan if self.calls == 1 else math.inf)


class Counting(Linear):
    """For chains of any length; has no features of its own."""

    features = property()

    def fit(self, architectures, scores):
        self.fitted_ = True
        return self

    def predict(self, architectures):
        return SPACE.value(architectures)


def _read(frame):
    from egraph import Architecture

    return [Architecture.from_json(text) for text in frame["architecture"]]


def test_a_searcher_is_named_with_options():
    one = study(searcher="regularized-evolution:population=5,sample=2")
    assert one.journal.settings["settings"]["searcher"]["population"] == 5
    with pytest.raises(UsageError, match="'random:size=3' has no option 'size'; known: distinct"):
        study(searcher="random:size=3")
    with pytest.raises(UsageError, match="population must be a whole number of at least 1, got 'x'"):
        study(searcher="regularized-evolution:population=x")
    with pytest.raises(TypeError, match="my own"):
        study(searcher=_own_mistake)


def _own_mistake(space, *, seed):
    raise TypeError("my own")


def test_a_study_keeps_to_a_limited_space_and_refuses_the_journal_of_another_limit(tmp_path):
    def limited(limit):
        return Limited(SPACE, {"sum": lambda a: sum(SPACE.numbers(a))}, {"sum": limit})

    def run(limit):
        with Study(limited(limit), Played(), storage=tmp_path / "s.db", ranker=Linear(), initial=8) as one:
            one.run(trials=20, baseline=True)
            return one.journal.read_trials()

    trials = run(9)
    assert max(sum(SPACE.numbers(trial.architecture)) for trial in trials) == 9
    with pytest.raises(JournalError, match="is of a study with space toy, sum <= 9, not toy, sum <= 8"):
        run(8)
