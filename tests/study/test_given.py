"""Results that a study is given, and networks that it is asked to try."""

import contextlib
import math

import numpy as np
import pytest
from played import SPACE, Linear, Played, history, study

from egraph.errors import ArchitectureError, UsageError
from egraph.searchers.testing import ToySpace
from egraph.study import Study, TrialStarted


def draw(count, seed=9):
    rng = np.random.default_rng(seed)
    return [SPACE.sample(rng) for _ in range(count)]


def test_known_results_cost_nothing_and_teach_the_ranker():
    graphs = draw(20)
    scores = SPACE.value(graphs)
    with study() as one:
        new = len({SPACE.key(graph) for graph in graphs})
        assert one.add(graphs, scores) == new
        one.run(trials=8)
        trials = one.trials
        known = trials[trials["origin"] == "known"]
        assert set(known["state"]) == {"complete"}
        assert dict(zip(known["key"], known["score"], strict=True)) == {
            SPACE.key(graph): score for graph, score in zip(graphs, scores, strict=True)
        }
        assert set(known["source"]) == {"measured before"}
        others = trials[trials["origin"] != "known"]
        assert len(others) == 8, "the budget is for evaluations"
        assert set(others["origin"]) <= {"top", "far"}, "the known ones stand for the random start"
        assert one.rounds["learned_from"].tolist()[1] == len(known) == new
        assert one.best.score >= max(scores)


def test_wishes_are_evaluated_first_and_within_the_budget():
    wished = draw(3)
    with study() as one:
        assert one.enqueue(wished) == 3
        assert one.enqueue(wished) == 0
        one.run(trials=6)
        assert one.trials["origin"].tolist()[:3] == ["enqueued"] * 3
        assert one.trials["key"].tolist()[:3] == [SPACE.key(a) for a in wished]
        assert set(one.trials["state"]) == {"complete"}
        assert len(one.trials) == 6


@pytest.mark.parametrize("baseline", [False, True])
def test_a_resumed_study_with_the_same_gifts_has_the_same_history(tmp_path, baseline):
    graphs, wished = draw(6), draw(2, seed=10)

    def run(path, *stops):
        for stop in stops:

            def interrupt(event, stop=stop):
                if isinstance(event, TrialStarted) and event.trial.number == stop:
                    raise KeyboardInterrupt

            with study(path) as one:
                one.add(graphs, SPACE.value(graphs))
                one.enqueue(wished)
                with contextlib.suppress(KeyboardInterrupt):
                    one.run(trials=14, baseline=baseline, progress=interrupt)
                found = history(one)
        return found

    assert run(tmp_path / "a.db", 6, 8, 13, None) == run(tmp_path / "b.db", None)


@pytest.mark.parametrize("options", [{"ranker": False}, {"fidelities": [0.25, 1]}])
def test_searchers_alone_and_fidelities_take_them_too(options):
    with Study(SPACE, Played(), **{"ranker": Linear(), "initial": 4, **options}) as one:
        one.add(draw(5), SPACE.value(draw(5)))
        one.enqueue(draw(2, seed=10))
        one.run(trials=8)
        assert set(one.trials["state"]) == {"complete"}
        assert (one.trials["origin"] == "enqueued").sum() == 2
        spent = one.trials.query("origin != 'known'")["fidelity"].sum()
        assert 7 < spent <= 8


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ([1.0], r"scores must be one for each of 2 architectures, got shape \(1,\)"),
        ([1.0, math.nan], "scores must be finite, got nan for architecture 1; leave it out"),
        (["a", "b"], r"scores must be numbers, got \['a', 'b'\]"),
    ],
)
def test_scores_that_cannot_be_are_refused(scores, told):
    with study() as one, pytest.raises(UsageError, match=told):
        one.add(draw(2), scores)


def test_networks_of_another_space_are_refused():
    foreign = ToySpace(9, 9, 9, 9, 9, 9).sample(np.random.default_rng(0))
    with study() as one:
        with pytest.raises(ArchitectureError, match="architecture 1: "):
            one.add([*draw(1), foreign], [1.0, 2.0])
        with pytest.raises(ArchitectureError, match="architecture 0: "):
            one.enqueue([foreign])
        assert one.trials.empty
