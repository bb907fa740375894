import collections

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from egraph import operations, spaces
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, UsageError
from egraph.spaces import _channel_genes as genes
from egraph.spaces._channel_genes import CHANNELS
from egraph.spaces.concat_cell import LAYERS, ConcatCellSpace

SPACE = spaces.get("concat-cell")
NONE = "0|0|0|0|0|0|0|0"
TWO_NODES = "0|0|2|0|0|2|0|0 1|0|0|1|1|0|0|0 0|1|0|0|0|0|0|2"

genotypes = st.integers(1, 3).flatmap(
    lambda depth: st.lists(
        st.lists(st.sampled_from(CHANNELS), min_size=8, max_size=8),
        min_size=depth * (depth + 1) // 2,
        max_size=depth * (depth + 1) // 2,
    )
)
seeds = st.integers(0, 2**32)


def has_input(genotype):
    return all(any(map(any, genes.layer(genotype, n))) for n in range(1, genes.depth_of(genotype) + 1))


def text_of(genotype):
    return " ".join("|".join(map(str, block)) for block in genotype)


class TestNotation:
    @settings(deadline=None, max_examples=60)
    @given(genotypes)
    def test_genotypes_round_trip(self, genotype):
        assume(has_input(genotype))
        cell = SPACE.parse(text_of(genotype))
        assert SPACE.format(cell) == text_of(genotype)
        assert SPACE.parse(f"  {text_of(genotype)}  ") == cell

    def test_graph_of_two_nodes(self):
        cell = SPACE.parse(TWO_NODES)
        assert cell.ops == (
            "input", "sep_conv_7x7.2", "max_pool_3x3.2", "concat", "sep_conv_3x3.1", "conv_1x1.1",
            "avg_pool_3x3.1", "sep_conv_5x5.1", "gate_7x7.2", "output",
        )  # fmt: skip
        assert cell.edges == (
            (0, 1), (0, 2), (0, 4), (0, 5), (0, 6), (1, 3), (2, 3), (3, 7), (3, 8),
            (4, 9), (5, 9), (6, 9), (7, 9), (8, 9),
        )  # fmt: skip

    def test_encoding_is_the_genotype(self):
        options = SPACE.encode(SPACE.parse(f"0|0|2|0|0|16|0|0 {NONE} 1|0|0|0|0|0|0|32"))
        assert options[:24] == (0, 0, 2, 0, 0, 5, 0, 0, *(0,) * 8, 1, 0, 0, 0, 0, 0, 0, 6)
        assert options[24:] == (0,) * 24

    def test_channels_are_summed_by_operation(self):
        found = SPACE.channels(SPACE.parse("4|0|2|0|0|0|0|0 1|0|0|0|0|0|0|0 0|1|0|0|0|0|0|2"))
        assert {name: n for name, n in found.items() if n} == {
            "sep_conv_3x3": 5, "sep_conv_5x5": 1, "sep_conv_7x7": 2, "gate_7x7": 2,
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("text", "match"),
        [
            ("0|0|3|0|0|2|0|0", "expected blocks of 8 numbers, each of 0, 1, 2, 4, 8, 16, 32"),
            ("0|0|2|0|0|2|0", "not a genotype of concat-cell: '0|0|2|0|0|2|0'"),
            (f"0|0|2|0|0|2|0|0 {NONE}", "a concat-cell has 1, 3, 6 blocks, got 2"),
            (" ".join(["1|0|0|0|0|0|0|0"] * 10), "a concat-cell has 1, 3, 6 blocks, got 10"),
            (f"1|0|0|0|0|0|0|0 {NONE} {NONE}", "node 2 of the concat-cell has no input"),
        ],
    )
    def test_what_is_no_cell_is_refused(self, text, match):
        with pytest.raises(ArchitectureError, match=match.replace("|", r"\|")):
            SPACE.parse(text)

    def test_options_without_input_to_an_inner_node_are_refused(self):
        with pytest.raises(ArchitectureError, match="node 1 of the concat-cell has no input"):
            SPACE.decode([0] * 8 + [1] * 8 + [0] * 32)
        with pytest.raises(ArchitectureError, match="node 1 of the concat-cell has no input"):
            SPACE.decode([0] * 48)

    def test_another_order_of_vertices_is_refused(self):
        ops = ("input", "conv_1x1.4", "sep_conv_3x3.4", "output")
        with pytest.raises(ArchitectureError, match="in the order of its genotype"):
            SPACE.validate(Architecture(ops, [(0, 1), (0, 2), (1, 3), (2, 3)]))

    def test_other_edges_are_refused(self):
        for edges in ([(0, 1)], [(0, 1), (0, 2), (1, 2)], [(0, 2)]):
            with pytest.raises(ArchitectureError, match=r"order of its genotype|has no input"):
                SPACE.validate(Architecture(("input", "conv_1x1.4", "output"), edges))

    def test_operations_are_described_to_rankers(self):
        gate = operations.get("gate_7x7.32")
        assert (gate.kind, gate.kernel, gate.width) == ("attention", 7, 2.0)
        assert operations.get("concat").kind == "identity"
        assert len(SPACE.operations) == 8 * 6 + 1


class TestKey:
    def test_dead_nodes_do_not_count(self):
        """Node 1 is not read: what leads there does not matter, and node 2 is the whole cell."""
        dead = SPACE.parse(f"4|8|0|0|0|0|0|0 2|0|0|0|0|0|0|0 {NONE}")
        assert SPACE.key(dead) == SPACE.key(SPACE.parse("2|0|0|0|0|0|0|0"))

    def test_channels_count(self):
        assert SPACE.key(SPACE.parse("2|0|0|0|0|0|0|0")) != SPACE.key(SPACE.parse("4|0|0|0|0|0|0|0"))

    def test_nodes_side_by_side_may_change_places(self):
        """Input to 1 by one operation, to 2 by another, both to 3."""
        one, two, on = "2|0|0|0|0|0|0|0", "0|4|0|0|0|0|0|0", "0|0|8|0|0|0|0|0"
        a = SPACE.parse(f"{one} {two} {NONE} {NONE} {on} {on}")
        b = SPACE.parse(f"{two} {one} {NONE} {NONE} {on} {on}")
        assert a != b
        assert SPACE.key(a) == SPACE.key(b)


class TestGenes:
    def test_depth_follows_from_the_number_of_blocks(self):
        assert [genes.depth_of([[]] * n) for n in (1, 3, 6, 10, 15)] == [1, 2, 3, 4, 5]

    def test_a_crowded_first_block_loses_its_narrowest(self):
        crowded = [[4, 2, 8, 2, 16, 0, 0, 0], [1] * 8, [1] * 8]
        genes.thin(crowded)
        assert crowded == [[4, 0, 8, 2, 16, 0, 0, 0], [1] * 8, [1] * 8]

    def test_a_first_block_that_is_half_full_is_left(self):
        half = [[4, 2, 8, 2, 0, 0, 0, 0]]
        genes.thin(half)
        assert half == [[4, 2, 8, 2, 0, 0, 0, 0]]

    def test_growth_is_attracted_by_what_has_the_operation(self):
        """Block 1 is drawn with 1/6, blocks 0 and 2 with 1/6 + 1/4; with 0.7 block 1 takes their place."""
        rng = np.random.default_rng(0)
        where = collections.Counter()
        for _ in range(4000):
            genotype = [[0, 4], [1, 0], [0, 4]]
            genes.grow(genotype, [1, 0], rng)
            where[0 if genotype[0][0] else 2 if genotype[2][0] else 1] += 1
        assert where[1] / 4000 == pytest.approx(0.7 + 0.3 / 6, abs=0.025)
        assert where[0] / 4000 == pytest.approx(0.3 * (1 / 6 + 1 / 4), abs=0.025)

    def test_growth_follows_the_odds_and_never_narrows(self):
        rng = np.random.default_rng(1)
        seen = collections.Counter()
        for _ in range(3000):
            genotype = [[0, 8, 0]]
            genes.grow(genotype, [1, 2, 1], rng)
            seen[genotype[0][0]] += 1
            assert genotype[0][1] >= 8
        # A fourth goes to the first operation: each of the six widths as often as the others.
        assert all(seen[channels] / 3000 == pytest.approx(1 / 24, abs=0.02) for channels in CHANNELS[1:])

    def test_swap_moves_the_first_block(self):
        genotype = [[1], [2], [4]]
        genes.swap(genotype, np.random.default_rng(0))
        assert genotype in ([[2], [1], [4]], [[4], [2], [1]])
        alone = [[1]]
        genes.swap(alone, np.random.default_rng(0))
        assert alone == [[1]]

    def test_a_new_layer_hangs_on_the_last_node(self):
        genotype = [[1, 0]]
        genes.add_layer(genotype, 1)
        assert genotype == [[1, 0], [0, 0], [0, 16]]

    def test_a_dropped_layer_is_half_absorbed_now_and_then(self):
        """(4 + 32) / 2 is 18, of which 16 stay; (0 + 1) / 2 nothing; (2 + 4) / 2 is 3, of which 2 stay."""
        rng = np.random.default_rng(0)
        absorbed = 0
        for _ in range(2000):
            genotype = [[4, 0, 2], [32, 1, 4], [32, 1, 4]]
            genes.drop_layer(genotype, rng)
            assert genotype in ([[4, 0, 2]], [[16, 0, 2]])
            absorbed += genotype[0][0] == 16
        assert absorbed / 2000 == pytest.approx(0.3, abs=0.03)

    def test_the_only_layer_is_not_dropped(self):
        genotype = [[4, 0, 2]]
        genes.drop_layer(genotype, np.random.default_rng(0))
        assert genotype == [[4, 0, 2]]

    def test_uniform_crossover_takes_each_gene_and_the_depth_from_either(self):
        rng = np.random.default_rng(0)
        taken, deep = np.zeros(2), 0
        for _ in range(1000):
            child = genes.uniform([[1, 1]], [[2, 2], [4, 4], [8, 8]], rng)
            assert child[1:] in ([], [[4, 4], [8, 8]])
            deep += len(child) == 3
            taken += np.array(child[0]) == 1
        assert deep / 1000 == pytest.approx(0.5, abs=0.05)
        assert taken / 1000 == pytest.approx([0.5, 0.5], abs=0.05)

    def test_minimum_is_as_deep_as_the_shallower(self):
        assert genes.minimum([[1, 8, 0], [1, 1, 1], [1, 1, 1]], [[4, 2, 2]]) == [[1, 2, 0]]

    def test_repair_drops_empty_layers_at_the_end_and_fills_others(self):
        rng = np.random.default_rng(0)
        for _ in range(20):
            genotype = [[0, 0], [4, 0], [0, 0], [0, 0], [0, 0], [0, 0]]
            genes.repair(genotype, rng)
            assert genotype[1:] == [[4, 0], [0, 0]]
            assert sorted(genotype[0]) in ([0, 1], [0, 2], [0, 4])

    @settings(deadline=None, max_examples=60)
    @given(genotypes, seeds)
    def test_repaired_genotypes_are_cells_and_cells_need_no_repair(self, genotype, seed):
        repaired = genes.copied(genotype)
        genes.repair(repaired, np.random.default_rng(seed))
        cell = SPACE.parse(text_of(repaired))
        assert cell in SPACE
        if has_input(genotype):
            assert repaired == genotype


class TestOperators:
    @settings(deadline=None, max_examples=60)
    @given(genotypes, genotypes, seeds)
    def test_children_are_cells_of_genes_of_their_parents(self, one, two, seed):
        assume(has_input(one) and has_input(two))
        rng = np.random.default_rng(seed)
        a, b = SPACE.parse(text_of(one)), SPACE.parse(text_of(two))
        options = list(zip(SPACE.encode(a), SPACE.encode(b), strict=True))
        child = SPACE.encode(SPACE.crossover(a, b, rng))
        filled = sum(gene not in pair for gene, pair in zip(child, options, strict=True))
        assert filled <= 3  # one gene of each node that had to be repaired
        smaller = SPACE.encode(SPACE.minimum(a, b, rng))
        assert sum(gene > min(pair) for gene, pair in zip(smaller, options, strict=True)) <= 3

    def test_nodes_come_and_go_as_often_as_they_should(self):
        """At its own size a cell gains a node with 1 / 1.75, and else loses one with 0.75 / 2."""
        space = ConcatCellSpace("resizing", p_resize=1.0, p_swap=0.0)
        parent = space.parse(TWO_NODES)
        rng = np.random.default_rng(0)
        blocks = collections.Counter(
            len(space.format(space.mutate(parent, rng)).split()) for _ in range(2000)
        )
        assert blocks[6] / 2000 == pytest.approx(1 / 1.75, abs=0.03)
        assert blocks[1] / 2000 == pytest.approx((1 - 1 / 1.75) * 0.375, abs=0.03)

    def test_large_cells_shrink_and_small_ones_grow(self):
        parent = SPACE.parse(TWO_NODES)

        def mean_blocks(size):
            rng = np.random.default_rng(0)
            return np.mean(
                [len(SPACE.format(SPACE.mutate(parent, rng, size=size)).split()) for _ in range(400)]
            )

        assert mean_blocks(1.0) < mean_blocks(None) < mean_blocks(1000.0)

    def test_the_deepest_cells_shrink(self):
        deepest = SPACE.parse(" ".join(["4|4|4|0|0|0|0|0"] * 6))
        rng = np.random.default_rng(0)
        depths = [len(SPACE.format(SPACE.mutate(deepest, rng)).split()) for _ in range(200)]
        assert depths.count(3) > 20
        assert set(depths) == {3, 6}

    def test_mutation_heeds_odds(self):
        rng = np.random.default_rng(0)
        parent = SPACE.parse("4|0|0|0|0|0|0|0")
        space = ConcatCellSpace("still", p_swap=0.0, p_resize=0.0)
        odds = [0.0] * 7 + [1.0]
        for _ in range(20):
            found = space.channels(space.mutate(parent, rng, odds=odds))
            assert [name for name, n in found.items() if n] == ["sep_conv_3x3", "gate_7x7"]

    def test_neighbors_by_count(self):
        """One place of six other widths, without the empty cell; then a node more by each operation."""
        found = SPACE.neighbors(SPACE.parse("4|0|0|0|0|0|0|0"))
        assert len(found) == (6 - 1) + 7 * 6 + 8
        keys = {SPACE.key(other) for other in SPACE.neighbors(SPACE.parse(TWO_NODES))}
        assert SPACE.key(SPACE.parse("0|0|2|0|0|2|0|0")) in keys

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({"max_depth": 0}, "max_depth and walk must be at least 1, got max_depth=0 and walk=8"),
            ({"walk": 0}, "max_depth and walk must be at least 1, got max_depth=3 and walk=0"),
            ({"p_swap": 1.1}, "p_swap and p_resize must be probabilities, got 1.1 and 0.55"),
            ({"p_resize": -1}, "p_swap and p_resize must be probabilities, got 0.2 and -1"),
        ],
    )
    def test_impossible_options_are_refused(self, options, match):
        with pytest.raises(UsageError, match=match):
            ConcatCellSpace("impossible", **options)


def test_its_layers_are_the_eight_of_the_source():
    assert len(LAYERS) == 8
    assert {operations.get(f"{layer}.1").kind for layer in LAYERS} == {
        "separable-conv", "conv", "avg-pool", "max-pool", "attention",
    }  # fmt: skip
