import collections
import functools

import numpy as np
import pytest

from egraph import operations, spaces
from egraph.errors import ArchitectureError, UsageError
from egraph.evaluation import Recipe, Training
from egraph.searchers import CoDeepNEAT, DeepNEAT, RandomSearch, run
from egraph.spaces.deepneat import BLOCKS, HYPERPARAMETERS, Block, DeepNeatSpace, _perturb

SPACE = spaces.get("deepneat")
GLOBALS = "LR_1E-2,MOMENTUM_0.9,NESTEROV_ON,HUE_15,SHIFT_0.25,SCALE_0.0,CROP_28,ZOOM_0.1,FLIP_ON,VARIANCE_OFF"
PARENT = SPACE.parse(f"BLOCK_64.K3.D35.S100.N;0>1,1>2,!0>2;{GLOBALS}")


def blocks(architecture):
    return [BLOCKS[op] for op in architecture.ops if op in BLOCKS]


def fitness(architectures):
    """Filters are good, blocks cost a little, and so does a small learning rate."""
    return np.array(
        [
            sum(block.filters / 64 - 1 for block in blocks(a)) + np.log10(SPACE.settings(a)["learning_rate"])
            for a in architectures
        ]
    )


def test_blocks_lie_in_the_ranges_of_the_source():
    assert len(BLOCKS) == 4 * 2 * 3 * 3 * 2
    assert {block.kernel for block in BLOCKS.values()} == {1, 3}
    assert min(block.filters for block in BLOCKS.values()) == 32
    assert max(block.filters for block in BLOCKS.values()) == 256
    assert all(0 <= block.dropout <= 0.7 and 0 < block.scale <= 2 for block in BLOCKS.values())
    assert list(HYPERPARAMETERS) == [
        "LR", "MOMENTUM", "NESTEROV", "HUE", "SHIFT", "SCALE", "CROP", "ZOOM", "FLIP", "VARIANCE",
    ]  # fmt: skip


def test_a_block_is_described_to_rankers():
    operation = operations.get(Block(128, 3, 0.35, 2.0, True).name)
    assert operation.name == "BLOCK_128.K3.D35.S200.M"
    assert (operation.kind, operation.kernel, operation.stride, operation.width) == ("conv", 3, 2, 2.0)


def test_settings_are_fields_of_a_recipe():
    settings = SPACE.settings(PARENT)
    assert settings == {
        "optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.0,
        "augment": {
            "hue": 15, "color_shift": 0.25, "color_scale": 0.0, "crop": 28 / 32, "zoom": 0.1, "flip": True,
        },
    }  # fmt: skip
    assert Recipe(**settings).augmentation.crop == 0.875


def test_every_option_of_a_global_gene_is_one_that_a_recipe_takes():
    for place, (gene, options) in enumerate(HYPERPARAMETERS.items()):
        for option in options:
            chain = GLOBALS.split(",")
            chain[place] = option
            settings = SPACE.settings(SPACE.parse(f";0>1;{','.join(chain)}"))
            assert Recipe(**settings), gene


def test_networks_of_deepneat_read_digits():
    genes = (
        GLOBALS.replace("LR_1E-2", "LR_1E-1").replace("CROP_28", "CROP_32").replace("ZOOM_0.1", "ZOOM_0.0")
    )
    genes = genes.replace("FLIP_ON", "FLIP_OFF").replace("SHIFT_0.25", "SHIFT_0.0")
    two = SPACE.parse(f"BLOCK_64.K3.D0.S100.M,BLOCK_128.K3.D0.S100.N;0>1,1>2,2>3,1>3;{genes}")
    recipe = Recipe(epochs=15, batch_size=32, channels=16)
    result = Training(SPACE, "digits", recipe, device="cpu").evaluate(two)
    # 16 x 9 + 16, then 32 x 16 x 9 + 32, and a head on 48 channels
    assert result.params == 160 + 4640 + 490
    assert min(result.score, result.test_score) > 0.7


def test_mutations_come_as_often_as_they_should():
    rng = np.random.default_rng(0)
    space = DeepNeatSpace("other", p_add=0.2, p_connect=0.3)
    parent = space.parse(f"BLOCK_64.K3.D35.S100.N,BLOCK_64.K3.D35.S100.N;0>1,1>2,2>3;{GLOBALS}")
    kinds = collections.Counter()
    for _ in range(3000):
        child = space.mutate(parent, rng)
        kinds["added"] += child.num_vertices > parent.num_vertices
        kinds["connected"] += len(child.edges) > len(parent.edges) and child.ops == parent.ops
        kinds["block"] += child.num_vertices == parent.num_vertices and blocks(child) != blocks(parent)
    assert kinds["added"] / 3000 == pytest.approx(0.2, abs=0.03)
    assert kinds["connected"] / 3000 == pytest.approx(0.3, abs=0.03)
    assert kinds["block"] / 3000 == pytest.approx(0.5 / 3, abs=0.03)


def test_a_perturbed_number_mostly_goes_one_step():
    rng = np.random.default_rng(0)
    steps = collections.Counter(_perturb(2, 7, rng) - 2 for _ in range(4000))
    assert steps[0] == 0
    # Up or down with 0.9, and each of the six others with 0.1 / 6.
    assert steps[1] / 4000 == pytest.approx(0.45 + 0.1 / 6, abs=0.03)
    assert steps[4] / 4000 == pytest.approx(0.1 / 6, abs=0.01)
    assert {_perturb(0, 2, rng) for _ in range(50)} == {1}


def test_a_perturbed_block_differs_in_one_parameter():
    rng = np.random.default_rng(0)
    for _ in range(300):
        child = SPACE.mutate(PARENT, rng)
        if len(blocks(child)) == 1 and blocks(child) != blocks(PARENT):
            assert sum(a != b for a, b in zip(blocks(child)[0], blocks(PARENT)[0], strict=True)) == 1


def test_neighbors_by_count():
    """Block: 3 + 1 + 2 + 2 + 1 of one; state: the skip; globals: the other options; a plain block more."""
    options = sum(len(options) - 1 for options in HYPERPARAMETERS.values())
    found = SPACE.neighbors(PARENT)
    assert len(found) == 9 + 1 + options + 3 * 8
    toggled = SPACE.parse(f"BLOCK_64.K3.D35.S100.N;0>1,1>2,0>2;{GLOBALS}")
    assert SPACE.key(toggled) in {SPACE.key(other) for other in found}


def test_mutants_are_among_the_neighbors():
    rng = np.random.default_rng(1)
    known = {SPACE.key(other) for other in SPACE.neighbors(PARENT)} | {SPACE.key(PARENT)}
    assert all(SPACE.key(SPACE.mutate(PARENT, rng)) in known for _ in range(200))


def test_the_bounds_hold_however_long_it_grows():
    space = DeepNeatSpace("small", max_vertices=4, max_edges=5)
    rng = np.random.default_rng(0)
    architecture = space.sample(rng)
    for _ in range(300):
        architecture = space.mutate(architecture, rng)
        space.validate(architecture)


def test_a_missing_global_gene_is_refused():
    with pytest.raises(ArchitectureError, match=r"its gene LR \(LR_1E-4, .* at position 1 of the 10"):
        SPACE.parse("BLOCK_64.K3.D35.S100.N;0>1,1>2;LR_1E-2")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_vertices": 2}, "one block needs 3 vertices and 3 edges, got max_vertices=2"),
        ({"max_edges": 2}, "one block needs 3 vertices and 3 edges, got max_vertices=10 and max_edges=2"),
        ({"walk": -1}, "walk must be at least 0 mutations, got -1"),
        ({"p_add": 0.6, "p_connect": 0.6}, "p_add and p_connect must be probabilities that sum to at most 1"),
    ],
)
def test_impossible_options_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        DeepNeatSpace("impossible", **options)


@pytest.mark.parametrize(
    "make",
    [
        functools.partial(DeepNEAT, population=15),
        functools.partial(CoDeepNEAT, blueprints=15, modules=10),
    ],
    ids=["deepneat", "codeepneat"],
)
def test_its_searchers_beat_random_search(make):
    found = [run(make(SPACE, seed=seed), fitness, 120).best_score for seed in range(3)]
    drawn = [run(RandomSearch(SPACE, seed=seed), fitness, 120).best_score for seed in range(3)]
    assert np.mean(found) > np.mean(drawn) + 1
