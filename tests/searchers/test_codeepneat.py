import json
import math

import numpy as np
import pytest

from egraph import spaces
from egraph.errors import UsageError
from egraph.searchers import CoDeepNEAT, RandomSearch, run
from egraph.searchers._blueprints import (
    OWN,
    Blueprint,
    assemble,
    blueprint_distance,
    module_distance,
    read_blueprint,
    write_blueprint,
)
from egraph.searchers._codeepneat import credit
from egraph.searchers._innovations import Innovations
from egraph.searchers.testing import ToySpace

TOY = ToySpace(6, 6, 6, 6, 6, 6)
FREE = spaces.get("convnet")


def wide(architectures):
    """Full convolutions are good, vertices cost a little."""
    return np.array([sum(op.endswith("N") for op in a.ops) - 0.2 * a.num_vertices for a in architectures])


def blueprint(numbers, pointers):
    return Blueprint(Innovations().found(TOY.make(numbers)), tuple(pointers))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"blueprints": 1}, "blueprints must be a whole number of at least 2, got 1"),
        ({"modules": 1}, "modules must be a whole number of at least 2, got 1"),
        ({"layers": 0}, "layers must be a whole number of at least 1, got 0"),
        ({"threshold": -0.5}, "threshold must be a number of at least 0, got -0.5"),
    ],
)
def test_impossible_options_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        CoDeepNEAT(TOY, **options)


def test_modules_fill_the_runs_that_point_to_them():
    filled = assemble(TOY, TOY.make([0] * 6), [("op1", "op2"), None, ("op1", "op2")])
    assert TOY.format(filled) == "1.2.0.0.1.2"


def test_what_sticks_out_of_the_graph_is_cut_off():
    filled = assemble(TOY, TOY.make([0] * 6), [("op1", "op2", "op3", "op4"), ("op1", "op2", "op3", "op4")])
    assert TOY.format(filled) == "1.2.3.4.1.2"


def test_an_operation_that_the_space_refuses_leaves_the_vertex_as_it_is():
    space = ToySpace(2, 6, 2, 6)
    filled = assemble(space, space.make([0] * 4), [("op5", "op4"), ("op1", "op3")])
    assert space.format(filled) == "0.4.1.3"


def test_a_module_is_worth_the_mean_of_its_five_best_networks():
    assert credit([1.0, 9.0, 2.0, math.nan, 3.0, 4.0, 5.0]) == (9 + 5 + 4 + 3 + 2) / 5
    assert credit([1.0, 2.0]) == 1.5
    assert math.isnan(credit([]))
    assert math.isnan(credit([math.nan]))


def test_distances_by_hand():
    assert blueprint_distance(blueprint([0] * 6, [1, 2, 3]), blueprint([5] * 6, [1, 2, 4])) == pytest.approx(
        5 / 3
    )
    assert module_distance(("a", "b"), ("a", "c")) == 2.5


def test_blueprints_round_trip():
    one = blueprint([0, 1, 2, 3, 4, 5], [0, OWN, 2])
    assert read_blueprint(json.loads(json.dumps(write_blueprint(one)))) == one


def test_each_module_is_credited_with_the_networks_that_it_is_part_of():
    searcher = CoDeepNEAT(TOY, seed=0, blueprints=100, modules=6)
    asked = searcher.ask(12)
    used = {tuple(network["ops"]): modules for network, _, modules, _ in searcher.state_dict()["pending"]}
    searcher.tell(asked, np.arange(12.0))
    expected = [[float(k) for k, a in enumerate(asked) if place in used[a.ops]] for place in range(6)]
    assert searcher.state_dict()["scores"] == expected
    # Each is drawn before any of its species is drawn again.
    species = [number for number, _ in searcher.state_dict()["current"]]
    for number in set(species):
        uses = [len(scores) for scores, own in zip(expected, species, strict=True) if own == number]
        assert max(uses) - min(uses) <= 1


def test_modules_give_way_to_their_children_when_a_generation_ends():
    searcher = CoDeepNEAT(TOY, seed=0, blueprints=10, modules=6)
    late = searcher.ask(2)
    run(searcher, TOY.value, 9)
    before = searcher.state_dict()
    run(searcher, TOY.value, 1)
    after = searcher.state_dict()
    assert (before["generation"], after["generation"]) == (1, 2)
    assert before["current"] != after["current"]
    best = [members[0][0] for _, members, _ in after["modules"]["species"]]
    assert [module for _, module in after["current"]][: len(best)] == best
    searcher.tell(late, [1.0, 2.0])  # networks of modules that have left
    assert searcher.state_dict()["scores"] == [[] for _ in range(6)]


def test_prior_knowledge_keeps_its_layers():
    searcher = CoDeepNEAT(TOY, blueprints=4)
    searcher.tell([TOY.make([1, 2, 3, 4, 5, 0])], [1.0])
    ((content, score),) = searcher.state_dict()["blueprints"]["fresh"]
    assert read_blueprint(content).pointers == (OWN, OWN, OWN)
    assert score == 1.0


def test_state_holds_modules_and_what_is_outstanding():
    searcher, again = (CoDeepNEAT(FREE, seed=seed, blueprints=8, modules=6) for seed in (0, 1))
    run(searcher, lambda many: np.where(wide(many) > 0, wide(many), np.nan), 21)
    outstanding = searcher.ask(5)
    again.load_state_dict(json.loads(json.dumps(searcher.state_dict(), allow_nan=False)))
    for one in (searcher, again):
        one.tell(outstanding, wide(outstanding))
    assert run(again, wide, 20).history == run(searcher, wide, 20).history
    assert again.state_dict() == searcher.state_dict()


def test_it_beats_random_search_among_chains():
    found = [run(CoDeepNEAT(TOY, seed=s), TOY.value, 150).best_score for s in range(6)]
    drawn = [run(RandomSearch(TOY, seed=s), TOY.value, 150).best_score for s in range(6)]
    assert np.mean(found) > np.mean(drawn) + 1


def test_it_beats_random_search_among_free_graphs():
    found = [run(CoDeepNEAT(FREE, seed=s), wide, 120).best_score for s in range(4)]
    drawn = [run(RandomSearch(FREE, seed=s), wide, 120).best_score for s in range(4)]
    assert np.mean(found) > np.mean(drawn) + 0.5


def test_cells_without_a_vertex_between_input_and_output_are_searched_too():
    """One sample in ten is the edge from input to output alone, which has no run to cut a module from."""
    cells = spaces.get("nasbench101")

    def small(architectures):
        return [-a.num_vertices for a in architectures]

    for seed in range(3):
        searcher = CoDeepNEAT(cells, seed=seed, blueprints=6, modules=12)
        result = run(searcher, small, 40)
        assert len(result.history) == 40
        assert result.best.num_vertices == 2
        modules = [module for _, module in searcher.state_dict()["current"]]
        assert all(len(module) == 2 and set(module) <= set(cells.operations) for module in modules)
