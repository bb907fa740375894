import math
import signal
import time

import copied
import numpy as np
import pytest
from played import SPACE, Glimpse, Linear, Played, history, main, study

import egraph
from egraph import Architecture
from egraph.errors import DataError, JournalError, UnknownNameError, UsageError
from egraph.evaluation import Training, ZeroCost, fuse
from egraph.evaluation.training import preview as preview_networks
from egraph.searchers import RandomSearch
from egraph.study import NetworkScored, Screened, Screening, Study, open_journal
from egraph.study._screen import Screen, recall
from egraph.study._seeds import derive


class Previewed(Played):
    """Knows without evaluation what is good, but cannot tell where the last number is odd."""

    def screen(self):
        return preview


def preview(architectures):
    numbers = np.array([SPACE.numbers(a) for a in architectures])
    return np.where(numbers[:, -1] % 2, math.nan, SPACE.value(architectures))


def drawn(count, seed=0):
    """What a study with this seed draws to screen."""
    return RandomSearch(SPACE, seed=derive(seed, "screen")).ask(count)


def first_trials(**options):
    with study(**options) as one:
        one.run(trials=8)
        return [Architecture.from_json(text) for text in one.trials["architecture"]]


def screening(journal):
    return journal.settings["screening"]


def test_the_best_of_many_random_ones_are_chosen_and_those_without_a_score_come_last():
    scores = preview(drawn(96))
    expected = sorted(scores[~np.isnan(scores)], reverse=True)[:8]
    np.testing.assert_array_equal(preview(first_trials(screen=preview, screen_count=96)), expected)
    few = first_trials(screen=preview, screen_count=10)
    assert {SPACE.key(a) for a in few} < {SPACE.key(a) for a in drawn(10)}
    known = ~np.isnan(preview(drawn(10)))
    assert np.isnan(preview(few)).tolist() == [False] * known.sum() + [True] * (8 - known.sum())


@pytest.mark.parametrize("ranker", [None, Linear().fit(drawn(4), [0, 1, 2, 3])])
def test_fewer_scored_than_first_trials_do_not_end_the_search(ranker):
    options = {} if ranker is None else {"ranker": ranker}
    with study(screen=preview, screen_count=5, **options) as one:
        one.run(trials=12)
        assert one.stopped == "12 trials are done"
        origins = one.trials["origin"].tolist()
    assert origins[:5] == ["screened"] * 5
    assert "screened" not in origins[5:]


def test_without_any_score_the_choice_is_random():
    assert first_trials(screen=lambda many: np.full(len(many), math.nan)) == drawn(128)[:8]


@pytest.mark.usefixtures("copied_workers")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_evaluator_scores_in_the_workers_what_a_function_scores_at_once(workers):
    told = []
    with study(screen=Glimpse(), screen_count=30, screen_seconds=600, workers=workers) as one:
        one.run(trials=8, progress=told.append)
        record = screening(one.journal)
        keys = set(one.trials["key"])
    counts = [event.done for event in told if isinstance(event, NetworkScored)]
    assert counts == sorted(set(counts))
    assert counts[-1] == 30
    [end] = [event for event in told if isinstance(event, Screened)]
    assert (end.architectures, end.scored) == (30, 30)
    assert record["end"] == "all scored"
    assert record["seconds"] == end.seconds > 0
    scores = [math.nan if SPACE.numbers(a)[-1] == 3 else SPACE.value([a])[0] for a in drawn(30)]
    assert [value and value[0] for value in _values(record)] == [None if x != x else x for x in scores]
    best = np.argsort(-np.array(scores), kind="stable")[:8]
    assert keys == {SPACE.key(drawn(30)[row]) for row in best}


def _values(record):
    return [record["values"].get(str(row)) for row in range(record["count"])]


def test_the_time_is_bounded_and_the_end_by_the_clock_is_kept():
    told = []
    with study(screen=Glimpse(seconds=0.02), screen_seconds=0.1) as one:
        one.run(trials=3, progress=told.append)
        record = screening(one.journal)
        [end] = [event for event in told if isinstance(event, Screened)]
        assert record["end"] == "time over"
        assert 1 <= end.scored == len(record["values"]) < 20
        assert 0.1 <= end.seconds < 1
        one.run(trials=8, progress=told.append)
        assert screening(one.journal) == record, "the decision stands"
        assert len([event for event in told if isinstance(event, Screening)]) == 1
        known = [drawn(128)[int(row)] for row, value in record["values"].items() if value]
        best = sorted(known, key=lambda a: -SPACE.value([a])[0])[:8]
        assert set(one.trials["key"]) >= {SPACE.key(a) for a in best}
        assert set(one.trials["origin"]) == {"screened"}


def test_a_quarter_of_the_time_of_a_run_is_the_most():
    with study(screen=Glimpse(seconds=0.02)) as one:
        one.run(trials=1, seconds=0.4)
        assert screening(one.journal)["seconds"] < 0.4
        assert screening(one.journal)["end"] == "time over"
        assert len(one.trials.query("state == 'complete'")) == 1


def test_another_score_is_computed_anew_and_the_same_is_not(tmp_path):
    path = tmp_path / "x.db"
    for screen, events in ((Glimpse(), 1), (Glimpse(), 0), (preview, 1)):
        told = []
        with study(path, screen=screen, screen_count=20) as one:
            one.run(trials=len(one.trials) + 2, progress=told.append)
        assert len([event for event in told if isinstance(event, Screening)]) == events


def test_an_error_that_all_share_stops_the_run_and_its_scores_are_lost_only_then():
    with (
        study(screen=Glimpse(fails_where_first_is=2)) as one,
        pytest.raises(DataError, match="the photographs are gone"),
    ):
        one.run(trials=4)


def test_killed_while_it_scores_the_history_is_the_same(tmp_path):
    path = tmp_path / "x.db"
    process = copied.start(main, path, 2, "screened")
    while not _scored(path) and process.is_alive():
        time.sleep(0.01)
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert 0 < _scored(path) < 30
    with open_journal(path) as journal:
        assert screening(journal)["end"] == ""
        assert not len(journal.trials)
    process = copied.start(main, path, 2, "screened")
    process.join(120)
    assert process.exitcode == 0
    with study(screen=Glimpse(), screen_count=30) as unbroken, open_journal(path) as journal:
        unbroken.run(trials=10, baseline=True)
        assert history(journal) == history(unbroken)
        assert screening(journal)["values"] == screening(unbroken.journal)["values"]


def _scored(path):
    try:
        with open_journal(path) as journal:
            return len(journal.settings.get("screening", {"values": ()})["values"])
    except JournalError:
        return 0


def test_with_a_fitted_ranker_its_predictions_are_fused_with_the_score():
    pool = RandomSearch(SPACE, seed=5).ask(60)
    ranker = Linear().fit(pool, SPACE.value(pool))
    with study(ranker=ranker, screen=Glimpse(), screen_count=20, candidates=100) as one:
        one.run(trials=8)
        trials = one.trials
    many = drawn(100)
    predicted = ranker.predict(many)
    rows = np.argsort(-predicted, kind="stable")[:20]
    kept, by_ranker = [many[row] for row in rows], predicted[rows]
    scores = [math.nan if SPACE.numbers(a)[-1] == 3 else SPACE.value([a])[0] for a in kept]
    order = np.argsort(-fuse(by_ranker, np.array(scores)[:, None]), kind="stable")[:8]
    assert trials["key"].tolist() == [SPACE.key(kept[row]) for row in order]
    assert trials["predicted"].tolist() == pytest.approx(by_ranker[order])
    with study(ranker=ranker, evaluate=Previewed()) as one:
        one.run(trials=4)
        assert "screened" not in set(one.trials["origin"]), "by default the ranker chooses alone"


def test_a_study_begins_with_what_its_evaluator_recommends():
    events = []
    one = study(evaluate=Previewed())
    one.run(trials=12, baseline=True, progress=events.append)
    trials = one.trials
    own = trials[trials["origin"] != "baseline"]
    assert own["origin"].tolist()[:8] == ["screened"] * 8
    assert own["predicted"][:8].isna().all()
    assert (trials["origin"] == "baseline").sum() == 12, "random search chooses nothing, and shares nothing"
    random = trials.loc[trials["origin"] == "baseline", "score"]
    assert own["score"][:8].mean() > random.mean() + random.std()
    [begin] = [event for event in events if isinstance(event, Screening)]
    assert begin.architectures == 128
    assert one.journal.settings["settings"]["screen"]["function"].endswith("preview")


def test_the_choice_is_the_same_in_runs_that_were_broken_off():
    short, long = study(evaluate=Previewed()), study(evaluate=Previewed())
    for trials in (3, 7, 8):
        short.run(trials=trials)
    long.run(trials=14)
    assert short.trials["key"].tolist() == long.trials["key"].tolist()[:8]
    again = study(evaluate=Previewed())
    again.run(trials=14)
    assert history(again) == history(long)


def test_a_screen_can_be_given_or_left_out():
    without = study(evaluate=Previewed(), screen=False)
    without.run(trials=8)
    assert set(without.trials["origin"]) == {"initial"}
    given = study(screen=preview)
    given.run(trials=8)
    assert set(given.trials["origin"]) == {"screened"}
    assert set(study(evaluate=Previewed(), screen="none").journal.settings["settings"]) >= {"screen"}
    with pytest.raises(
        UsageError, match="screen must be a fitness, a proxy's name, or False for none, got 3"
    ):
        study(screen=3)
    with pytest.raises(UsageError, match="screen_count is 10, but this search screens nothing; leave it out"):
        study(screen=False, screen_count=10)
    with pytest.raises(UsageError, match="screen_count must be a whole number of at least 1, got 0"):
        study(screen=preview, screen_count=0)
    with pytest.raises(UsageError, match="screen_seconds must be a number above 0, got -1"):
        study(screen=preview, screen_seconds=-1)


def test_proxies_by_name():
    def screen_of(space, evaluate, name):
        with Study(space, evaluate, screen=name, initial=2) as one:
            return one.journal.settings["settings"]["screen"]

    convnet = egraph.spaces.get("convnet")
    trained = screen_of(convnet, Training(convnet, "digits", device="cpu"), "swap+ntk")
    assert (trained["proxies"], trained["data"], trained["count"]) == (["swap", "ntk"], "digits", 32)
    other = screen_of("nasbench201", lambda many: [0.0] * len(many), "swap")
    assert (other["proxies"], other["data"], other["channels"]) == (["swap"], "photographs-16", 8)
    with pytest.raises(UnknownNameError, match=r"unknown zero-cost proxy 'swop'.*'swap'"):
        screen_of(convnet, lambda many: [0.0] * len(many), "swop")
    with pytest.raises(UsageError, match="the space 'nasbench_graph' builds no networks"):
        screen_of("nasbench_graph", lambda many: [0.0] * len(many), "swap")


@pytest.mark.parametrize("name", ["nasbench101", "nasbench_macro", "darts", "concat-cell"])
def test_any_space_that_builds_networks_can_be_screened(name):
    space = egraph.spaces.get(name)
    [score] = preview_networks(space, lambda many: [0.0] * len(many), ["params"])(
        [space.sample(np.random.default_rng(3))]
    )
    assert score > 0


def test_photographs_cannot_screen_a_space_for_features():
    with pytest.raises(UsageError, match=r"read photographs, but .*'dense' reads features; give .*ZeroCost"):
        preview_networks(egraph.spaces.get("dense"), lambda many: [0.0] * len(many), ["params"])


def test_several_proxies_are_ranked_together_though_each_network_is_scored_alone():
    space = egraph.spaces.get("convnet")
    scores = ZeroCost(space, ["params", "synflow"], channels=8, device="cpu")
    with Study(space, lambda many: [0.0] * len(many), screen=scores, screen_count=12, initial=3) as one:
        one.run(trials=3)
        keys = one.trials["key"].tolist()
    pool = RandomSearch(space, seed=derive(0, "screen")).ask(12)
    best = np.argsort(-scores(pool), kind="stable")[:3]
    assert keys == [space.key(pool[row]) for row in best]


def test_what_trains_recommends_networks_that_can_learn():
    """Of random networks on images of 8 x 8 pixels most pool everything away."""
    space = egraph.spaces.get("convnet")
    training = Training(space, "digits", device="cpu")
    scores = training.screen()(RandomSearch(space, seed=0).ask(32))
    assert np.isnan(scores).mean() > 0.5
    assert training.screen().describe()["channels"] == 16
    assert training.screen("swap").proxies == ("swap",)


def test_what_was_screened_is_recalled_with_the_scores_and_failures_as_the_least():
    screen = Screen(Glimpse(), 30, 600.0)
    with study(screen=Glimpse(), screen_count=30, screen_seconds=600) as one:
        assert recall(one.journal, screen, SPACE, one.seed) is None
        one.run(trials=1)
        architectures, scores = recall(one.journal, screen, SPACE, one.seed)
        other = recall(one.journal, Screen(lambda many: [0.0] * len(many), 30, 600.0), SPACE, one.seed)
    assert architectures == drawn(30)
    values = [math.nan if SPACE.numbers(a)[-1] == 3 else SPACE.value([a])[0] for a in drawn(30)]
    np.testing.assert_array_equal(scores, np.nan_to_num(values, nan=np.nanmin(values)))
    assert other is None


def test_architectures_that_there_was_no_time_for_are_not_recalled():
    with study(screen=Glimpse(seconds=0.02), screen_seconds=0.1) as one:
        one.run(trials=1)
        scored = len(screening(one.journal)["values"])
        architectures, scores = recall(one.journal, Screen(Glimpse(seconds=0.02), 128, 0.1), SPACE, one.seed)
    assert len(architectures) == len(scores) == scored < 128


@pytest.mark.usefixtures("copied_workers")
def test_networks_that_wait_are_evaluated_before_the_screening():
    """With several workers, which take jobs of both kinds."""
    options = {"evaluate": Played(seconds=0.2), "screen": Glimpse(), "screen_count": 12, "workers": 2}
    with study(**options) as one:
        one.enqueue([SPACE.parse(f"{first}.2.3.4") for first in range(3)])
        one.run(trials=13)
        origins = one.trials["origin"].tolist()
        assert origins[:8] == ["enqueued"] * 3 + ["screened"] * 5
        assert set(one.trials["state"]) == {"complete"}
