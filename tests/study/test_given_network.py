"""Studies of the variants of a network, which they evaluate first."""

import os
import signal

import numpy as np
import pytest
from torch import nn

from egraph import report, spaces
from egraph.errors import JournalError
from egraph.spaces import Limited, around
from egraph.study import Study, open_journal

from .played import history, run_in_a_process


@pytest.fixture(scope="module")
def space():
    return around(
        nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)),
        (5,),
        name="mlp",
    )


def sizes(architectures):
    return [float(sum(map(len, one.ops)) + one.num_vertices) for one in architectures]


def study(space, fitness=sizes, **how):
    return Study(space, fitness, seed=1, **{"ranker": False, "batch": 3, "searcher": "random"} | how)


def test_the_given_network_is_the_first_trial(space):
    with study(space) as one:
        assert (one.trials["origin"].tolist(), one.trials["state"].tolist()) == (["given"], ["queued"])
        one.run(trials=5)
        assert one.trials["key"][0] == space.key(space.given)
        assert one.trials["key"].is_unique
        assert len(one.trials) == 5
    with study(space, None) as one:
        assert [trial.architecture for trial in one.ask(trials=4)] == [space.given]


def test_with_a_ranker_too(space):
    with study(space, ranker=None, searcher=None, initial=2, candidates=8, screen=False) as one:
        one.run(trials=4)
        assert one.trials["architecture"][0] == space.given.to_json()


def test_fewer_candidates_are_scored_where_their_networks_are_built(space):
    def candidates(space, **how):
        with study(space, **how) as one:
            return one.journal.settings["settings"]["candidates"]

    assert [candidates(space), candidates(narrow(space, 9.0)), candidates("convnet")] == [300, 300, 2000]
    assert candidates(space, candidates=7) == 7


def narrow(space, share):
    return Limited(space, {"width": lambda one: float(dict(one.answers)["width.0"])}, {"width": share})


@pytest.mark.parametrize(
    "how", [{}, {"ranker": None, "searcher": None, "initial": 2, "candidates": 8, "screen": False}]
)
def test_a_given_network_beyond_the_limits_is_a_reference(space, how):
    best = lambda architectures: [9e9 if one == space.given else 1.0 for one in architectures]  # noqa: E731
    with study(narrow(space, "0.9x"), best, **how) as one:
        one.run(trials=5)
        assert one.trials["origin"].tolist().count("reference") == 1
        assert one.trials["score"].tolist() == [9e9, 1, 1, 1, 1]
        assert one.best.score == 1
        assert report.find(one.journal).best[0].score == 1
        assert "reference" not in set(report.find(one.journal).within["origin"])
        assert one.confirm(2, 1).best.scores == (1,)


def test_of_limits_that_it_keeps_it_is_a_part(space, tmp_path):
    with study(narrow(space, "1x"), storage=tmp_path / "x.db") as one:
        one.run(trials=2)
        assert one.trials["origin"][0] == "given"
    with pytest.raises(
        JournalError, match=r"is of a study with space mlp, width <= 1x, not mlp, width <= 0.9x"
    ):
        study(narrow(space, "0.9x"), storage=tmp_path / "x.db")
    with study(narrow(space, "0.9x"), storage=tmp_path / "y.db") as one:
        one.run(trials=2)
    study(narrow(space, "0.8x"), storage=tmp_path / "y.db", force_resume=True).close()
    with study(spaces.get("convnet")) as one:
        assert one.trials.empty


def test_killed_anywhere_the_history_is_the_same(space, tmp_path):
    with study(space) as one:
        one.run(trials=7)
        whole = history(one)
    calls = []

    def dies(architectures):
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return sizes(architectures)

    dies.__qualname__ = sizes.__qualname__

    def work():
        with study(space, dies, storage=tmp_path / "x.db") as one:
            one.run(trials=7)

    kills = next(count for count in range(20) if not run_in_a_process(work))
    assert kills > 1
    with open_journal(tmp_path / "x.db") as journal:
        assert history(journal) == whole
        assert np.isfinite(journal.trials["score"]).all()
