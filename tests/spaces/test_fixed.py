"""Spaces with fixed choices, for searchers and for supernets."""

import numpy as np
import pytest
import torch
from torch import nn

import egraph
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, SpaceExhaustedError, Unbuildable, UsageError
from egraph.searchers import Drawn, RandomSearch, RegularizedEvolution
from egraph.spaces import Derivation, Fixed, Limited, Rows, fixed, from_builder, get
from egraph.supernets import Mixed, Settings, Supernet, methods, search, search_recipe

DARTS, CELLS = get("darts"), get("nasbench201")
PAIRS = [("max_pool_3x3", 0), ("sep_conv_5x5", 1), ("skip_connect", 0), ("skip_connect", 2)] * 2


def build(choose):
    width = choose("width", 4, 8, 12)
    layers = [nn.Linear(3, width)]
    for number in range(choose("depth", 1, 2)):
        layers.append(
            choose.module(
                f"layer{number}",
                dense=lambda: nn.Sequential(nn.Linear(width, width), nn.ReLU()),
                skip=nn.Identity,
                bare=lambda: nn.Linear(width, width),
            )
        )
    if choose("odd", False, True) and width == 4:
        raise Unbuildable("too narrow")
    return nn.Sequential(*layers, nn.Linear(width, 2))


MINE = from_builder(build, (3,), 2, name="fixable")


def genotype(architecture):
    return DARTS.to_genotype(architecture)


@pytest.mark.parametrize(
    ("whole", "answers"),
    [
        (DARTS, {"reduce": "hand-made"}),
        (CELLS, {"0->1": "nor_conv_3x3", "2->3": "skip_connect"}),
        (MINE, {"layer0": "dense"}),
    ],
    ids=["darts", "nasbench201", "builder"],
)
def test_moves_stay_in_the_part_and_reach_the_rest(whole, answers):
    space, rng = Fixed(whole, answers), np.random.default_rng(0)
    some = [space.sample(rng) for _ in range(5)]
    some += [space.mutate(each, rng) for each in some]
    some += [space.crossover(*some[:2], rng), *space.neighbors(some[0])[:20]]
    for each in some:
        assert each in space
        assert each in whole
        assert space.parse(space.format(each)) == each
    assert len({space.key(each) for each in some}) > 5
    assert space.key(some[0]) not in {space.key(each) for each in space.neighbors(some[0])}
    outside = next(each for each in (whole.sample(rng) for _ in range(50)) if each not in space)
    assert space.mutate(outside, rng) in space
    with pytest.raises(ArchitectureError, match=f"other answers than the space '{whole.name}, "):
        space.validate(outside)
    for searcher in (RegularizedEvolution(space, seed=1), RandomSearch(space, seed=1)):
        for _ in range(2):
            asked = searcher.ask(4)
            assert all(each in space for each in asked)
            searcher.tell(asked, np.arange(len(asked)))


def test_a_cell_is_given_in_any_form():
    hand_made = Fixed(DARTS, {"reduce": "hand-made"})
    given = hand_made.sample(np.random.default_rng(0))
    cell = genotype(given)["reduce"]
    assert [op for op, _ in cell].count("max_pool_3x3") == 4
    for answer in (given, genotype(given), DARTS.format(given), cell, str(cell)):
        assert Fixed(DARTS, {"reduce": answer}).name == hand_made.name == "darts, reduce = hand-made"
    both = Fixed(Fixed(DARTS, {"reduce": cell}), {"normal": PAIRS})
    only = both.sample(np.random.default_rng(1))
    assert genotype(only) | {"normal": 0} == genotype(given) | {"normal": 0}
    assert both.mutate(only, np.random.default_rng(2)) == only  # it has no other
    assert not both.relaxation().positions
    with pytest.raises(UsageError, match="no choices between operations"):
        Supernet(both.relaxation(), (3, 8, 8), 4, channels=4, cells=3)


def train(relaxation, name, cells):
    data = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 2
    method = methods[name]()
    recipe = search_recipe(epochs=method.stages, batch_size=4, channels=4, cells=cells)
    return search(relaxation, method, data, 2, Settings(recipe))


def test_gdas_searches_normal_cells_beside_a_fixed_reduction_cell():
    space = Fixed(DARTS, {"reduce": "hand-made"})
    relaxation = space.relaxation()
    assert set(relaxation.positions) == {each for each in DARTS.relaxation().positions if "normal" in each}
    found = train(relaxation, "gdas", 3)
    assert found.architecture in space
    assert found.architecture not in Fixed(DARTS, {"reduce": PAIRS})


@pytest.mark.parametrize("name", list(methods))
def test_fixed_choices_combine_with_every_method(name):
    space = Fixed(CELLS, {"0->1": "nor_conv_3x3", "0->2": "skip_connect", "0->3": "none"})
    found = train(space.relaxation(), name, 1)
    assert set(found.probabilities) == {"1->2", "1->3", "2->3"}
    assert all(epoch.architecture in space for epoch in found.epochs)


def test_a_path_of_the_supernet_is_the_network_with_the_fixed_options():
    space = Fixed(CELLS, {"0->1": "nor_conv_1x1", "1->3": "skip_connect"})
    supernet = Supernet(space.relaxation(), (3, 8, 8), 4, channels=4, cells=1)
    assert sum(isinstance(module, Mixed) for module in supernet.modules()) == 3 * 4  # stages x edges left
    drawn = Drawn(space, seed=0).ask(5)
    assert all(each in space for each in drawn)
    supernet.use_one(space.relaxation().chosen(drawn[0]))
    network = CELLS.network(drawn[0], (3, 8, 8), 4, channels=4, cells=1)
    live = [each for each in network.modules() if isinstance(each, nn.Conv2d)]
    assert len(live) <= sum(isinstance(each, nn.Conv2d) for each in supernet.modules())
    names = list(space.relaxation().positions)
    assert names == ["0->2", "1->2", "0->3", "2->3"]
    certain = {name: np.eye(5)[number] for number, name in enumerate(names, 1)}
    derived = space.relaxation().derive(certain, Derivation(empties=True))
    assert dict(zip(CELLS.positions, CELLS.encode(derived), strict=True)) == {
        "0->1": 2, "0->2": 1, "1->2": 2, "0->3": 3, "1->3": 1, "2->3": 4
    }  # fmt: skip


def test_answers_of_a_builder_are_those_of_its_supernet():
    space = Fixed(MINE, {"width": 8, "depth": 2, "layer1": "skip"})
    relaxation = space.relaxation()
    assert list(relaxation.positions) == ["layer0"]
    derived = relaxation.derive({"layer0": np.array([0.2, 0.3, 0.5])})
    assert dict(derived.answers) | {"odd": None} == {
        "width": 8, "depth": 2, "layer0": "bare", "layer1": "skip", "odd": None
    }  # fmt: skip
    assert derived in space


def test_what_a_builder_refuses_is_drawn_again(monkeypatch):
    monkeypatch.setattr(fixed, "_SAMPLES", 30)
    space, rng = Fixed(MINE, {"odd": True}), np.random.default_rng(0)
    assert {dict(space.sample(rng).answers)["width"] for _ in range(6)} <= {8, 12}
    narrow = MINE.from_answers({"width": 4, "depth": 1, "layer0": "skip", "odd": False})
    assert narrow not in space
    assert dict(space.mutate(narrow, rng).answers)["odd"] is True
    assert dict(space.crossover(narrow, narrow, rng).answers)["odd"] is True
    assert all(dict(each.answers)["odd"] for each in space.neighbors(narrow))
    with pytest.raises(SpaceExhaustedError, match=r"none of 30 .* of 'fixable, odd = True, width = 4'"):
        Fixed(MINE, {"odd": True, "width": 4}).sample(rng)


def test_it_combines_with_limits_and_episodes():
    cells = Fixed(CELLS, {"0->1": "none"})
    limited = Limited(cells, {"skips": lambda a: a.ops.count("skip_connect")}, {"skips": 2})
    assert limited.sample(np.random.default_rng(0)) in cells
    few = Limited(CELLS, {"pools": lambda a: a.ops.count("avg_pool_3x3")}, {"pools": 1})
    within = Fixed(few, {"0->1": "none"})
    assert within.sample(np.random.default_rng(0)).ops.count("avg_pool_3x3") <= 1
    assert CELLS.encode(cells.decode((4, 1, 1, 1, 1, 1)))[0] == 0
    assert cells.relaxation().positions == limited.relaxation().positions
    with pytest.raises(TypeError, match="a part that is not enumerated"):
        len(cells)


def test_a_study_searches_the_part():
    space = Fixed(CELLS, {"2->3": "avg_pool_3x3"})
    fitness = lambda archs: [a.ops.count("nor_conv_3x3") for a in archs]  # noqa: E731
    study = egraph.Study(space, fitness, ranker=False, seed=0)
    study.run(trials=4)
    assert all(trial.architecture in space for trial in study.journal.read_trials())


@pytest.mark.parametrize(
    ("whole", "answers", "error", "text"),
    [
        (CELLS, {}, UsageError, "needs at least one answer"),
        (CELLS, {"0->9": "none"}, UsageError, "'nasbench201' has no position '0->9'; known: 0->1, "),
        (CELLS, {"0->1": "conv"}, UsageError, "'0->1' of 'nasbench201' has no option 'conv'; it has none, "),
        (DARTS, {"stem": "none"}, UsageError, "darts has no choice 'stem' to fix; known: normal, reduce"),
        (DARTS, {"reduce": "simple"}, ArchitectureError, "to be 'hand-made', a list of .* got 'simple'"),
        (DARTS, {"reduce": PAIRS[:6]}, ArchitectureError, "nodes 2 to 5; got 6, without node 5$"),
        (DARTS, {"normal": {"reduce": PAIRS}}, ArchitectureError, "expected normal to be a list of 8 pairs"),
        (DARTS, {"reduce": [("conv", 0)] * 8}, ArchitectureError, "of darts in reduce: .* got 'conv'"),
        (MINE, {"depht": 2}, UsageError, "fixable does not ask for 'depht'; it asks for width, depth"),
        (MINE, {"width": 5}, UsageError, "the choice 'width' has no option 5; it has 4, 8, 12"),
        (get("nasbench101"), {"a": 1}, UsageError, "'nasbench101' has no choices by name"),
    ],
)  # fmt: skip
def test_bad_answers_are_refused_in_one_line(whole, answers, error, text):
    with pytest.raises(error, match=text):
        Fixed(whole, answers)


def test_listed_rows_and_other_relaxations_are_refused():
    rows = Rows(CELLS, [CELLS.sample(np.random.default_rng(0))], "one")
    with pytest.raises(UsageError, match=r"choices of the listed architectures .* cannot be fixed"):
        Fixed(rows, {"0->1": "none"})
    with pytest.raises(UsageError, match="the supernet of this space has no fixed choices"):
        get("concat-cell").relaxation().fix({"0->1": "none"})
    with pytest.raises(ArchitectureError, match="unknown operation"):
        Fixed(DARTS, {"reduce": Architecture(["input", "a", "output"], [(0, 1), (1, 2)])})
