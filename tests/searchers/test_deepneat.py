import json

import numpy as np
import pytest

from egraph import spaces
from egraph.architecture import Architecture
from egraph.errors import UsageError
from egraph.searchers import DeepNEAT, RandomSearch, run
from egraph.searchers._deepneat import cross_valid
from egraph.searchers._innovations import Genome
from egraph.searchers.testing import ToySpace

TOY = ToySpace(6, 6, 6, 6, 6, 6)
FREE = spaces.get("convnet")


def wide(architectures):
    """Full convolutions are good, vertices cost a little."""
    return np.array([sum(op.endswith("N") for op in a.ops) - 0.2 * a.num_vertices for a in architectures])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"population": 1}, "population must be a whole number of at least 2, got 1"),
        ({"threshold": -1}, "threshold must be a number of at least 0, got -1"),
        ({"p_crossover": 2}, "p_crossover must be a probability, got 2"),
    ],
)
def test_impossible_options_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        DeepNEAT(TOY, **options)


def test_species_form_where_graphs_differ():
    searcher = DeepNEAT(FREE, seed=0, population=12)
    run(searcher, wide, 12)
    assert len(searcher.state_dict()["living"]["species"]) > 2


def test_one_species_holds_all_where_the_threshold_is_large():
    searcher = DeepNEAT(FREE, seed=0, population=12, threshold=1e9)
    run(searcher, wide, 24)
    assert len(searcher.state_dict()["living"]["species"]) == 1


def test_children_keep_the_history_of_their_parents():
    searcher = DeepNEAT(FREE, seed=0, population=8)
    run(searcher, wide, 40)
    species = searcher.state_dict()["living"]["species"]
    marks = [genome["marks"] for _, members, _ in species for genome, _ in members]
    assert any(max(each) > 0 for each in marks)  # inserted vertices
    assert searcher.state_dict()["innovations"]["last"] >= max(map(max, marks))


def test_state_holds_history_and_what_is_outstanding():
    searcher, again = (DeepNEAT(FREE, seed=seed, population=8) for seed in (0, 1))
    run(searcher, wide, 21)
    outstanding = searcher.ask(5)
    again.load_state_dict(json.loads(json.dumps(searcher.state_dict(), allow_nan=False)))
    for one in (searcher, again):
        one.tell(outstanding, wide(outstanding))
    assert run(again, wide, 20).history == run(searcher, wide, 20).history
    assert again.state_dict() == searcher.state_dict()


def test_crossed_genes_that_leave_the_space_give_way_to_the_fitter_parent():
    narrow, broad = ToySpace(2, 2), ToySpace(6, 6)
    fitter = Genome(narrow.make([0, 1]), (0, -3, -2, -1))
    other = Genome(broad.make([5, 5]), (0, -3, -2, -1))
    rng = np.random.default_rng(0)
    found = {cross_valid(narrow, fitter, other, rng).architecture for _ in range(20)}
    assert found == {fitter.architecture}
    assert isinstance(found.pop(), Architecture)


def test_it_beats_random_search_among_chains():
    found = [run(DeepNEAT(TOY, seed=s, population=12), TOY.value, 150).best_score for s in range(8)]
    drawn = [run(RandomSearch(TOY, seed=s), TOY.value, 150).best_score for s in range(8)]
    assert np.mean(found) > np.mean(drawn) + 1


def test_it_beats_random_search_among_free_graphs():
    found = [run(DeepNEAT(FREE, seed=s, population=15), wide, 120).best_score for s in range(4)]
    drawn = [run(RandomSearch(FREE, seed=s), wide, 120).best_score for s in range(4)]
    assert np.mean(found) > np.mean(drawn) + 1
