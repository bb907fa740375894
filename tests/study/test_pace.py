"""Sizes of the rounds of several workers that do not wait for one another."""

from dataclasses import replace

import pytest
from played import SPACE, Linear, study

from egraph.evaluation import Evaluation
from egraph.study._pace import Pace
from egraph.study._proposals import Situation
from egraph.study._trial import Trial

PACE = Pace(workers=8, initial=16, most=8)


def situation(done, running, *, seconds=100.0, pause=0.0):
    """The state of a study with so many trials."""
    graph, measured = SPACE.make([0, 0, 0, 0]), Evaluation(1.0, seconds=seconds)
    one = Trial(0, 0, "top", "complete", "a", graph, 0, evaluation=measured)
    trials = [replace(one, number=n) for n in range(done)]
    trials += [replace(one, number=done + n, state="running") for n in range(running)]
    return Situation(trials, 3, 1000, None, print, None, pause=pause)


@pytest.mark.parametrize(
    ("done", "running", "early"), [(8, 8, True), (13, 3, True), (14, 2, False), (13, 2, False), (0, 0, False)]
)
def test_the_first_choice_waits_for_most_of_the_first_results(done, running, early):
    assert PACE.is_early(situation(done, running)) is early


def test_a_ranker_that_was_fitted_before_waits_for_nothing():
    assert not replace(PACE, initial=0).is_early(situation(0, 8))


@pytest.mark.parametrize(
    ("done", "running", "pause", "size"),
    [
        (14, 2, 0.0, 6),  # one for each free worker
        (20, 7, 0.0, 1),
        (20, 8, 0.0, 1),
        (
            80,
            7,
            2.0,
            4,
        ),  # four results come in 50 s, of which 2 s are less than a twentieth
        (800, 7, 60.0, 8),
    ],
)
def test_a_round_is_as_large_as_its_proposal_takes_time(done, running, pause, size):
    assert PACE.size(situation(done, running, pause=pause)) == size


def test_without_known_durations_it_is_full():
    assert PACE.size(situation(40, 8, seconds=float("nan"))) == 8


def test_two_of_eight_trials_in_a_row_are_different_ones():
    sizes, before, far = [1, 2, 1, 3, 1, 8, 5, 3], 0, []
    for size in sizes:
        far.append(PACE.far(size, before, 2))
        before += size
    assert sum(far) == sum(sizes) * 2 // 8
    assert all(0 <= one <= size for one, size in zip(far, sizes, strict=True))
    assert PACE.far(8, 0, 2) == 2


def test_a_given_size_is_kept_and_so_is_one_worker_s():
    for options in ({"batch": 4, "workers": 2}, {"workers": 1}, {"workers": 2, "synchronous": True}):
        with study(**{"batch": None, "ranker": Linear(), **options}) as one:
            one.run(trials=24)
            assert set(one.rounds["trials"][1:-1]) == {options.get("batch") or 8}
