"""The global space of convolutional networks: genes, mutation, crossover, notation, keys."""

import itertools
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import Architecture, operations, spaces
from egraph.canonical import live_vertices
from egraph.errors import ArchitectureError, UsageError
from egraph.spaces._genes import genes, insert_vertex, is_joined, toggle
from egraph.spaces.convnet import LAYERS, ConvNetSpace

SPACE = spaces.get("convnet")
SEEDS = st.integers(0, 2**32 - 1)


def chain(*ops, disabled=()):
    return Architecture(("input", *ops, "output"), [(i, i + 1) for i in range(len(ops) + 1)], disabled)


def walk(rng, steps, space=SPACE):
    """A genome that ``steps`` mutations have made."""
    architecture = space.sample(rng)
    for _ in range(steps):
        architecture = space.mutate(architecture, rng)
    return architecture


def single_mutations(a):
    """Every genome that one mutation can make of a genome with room to grow, written out from the rules."""
    found = set()
    for vertex in range(1, a.num_vertices - 1):
        for op in set(LAYERS) - {a.ops[vertex]}:
            found.add(Architecture((*a.ops[:vertex], op, *a.ops[vertex + 1 :]), a.edges, a.disabled))
    for gene in a.edges:
        without = [edge for edge in a.edges if edge != gene]
        candidate = Architecture(a.ops, without, [*a.disabled, gene])
        if candidate in SPACE:
            found.add(candidate)
    for gene in a.disabled:
        found.add(Architecture(a.ops, [*a.edges, gene], [edge for edge in a.disabled if edge != gene]))
    for gene, op in itertools.product(a.edges + a.disabled, LAYERS):
        found.add(insert_vertex(a, gene, op))
    return found


class TestLayers:
    def test_twelve_layers_of_table_6_1(self):
        assert set(LAYERS) == {f"CONV_{k}.{w}" for k in (2, 3, 5) for w in "HN"} | {
            f"POOL_{k}.{f}" for k in (2, 3, 5) for f in "AM"
        }
        assert SPACE.operations == LAYERS

    @pytest.mark.parametrize(
        ("name", "kind", "kernel", "stride", "width"),
        [
            ("CONV_2.H", "conv", 2, 1, 0.5),
            ("CONV_5.N", "conv", 5, 1, 1.0),
            ("POOL_3.A", "avg-pool", 3, 3, 1.0),
            ("POOL_5.M", "max-pool", 5, 5, 1.0),
        ],
    )
    def test_names_mean_what_the_table_says(self, name, kind, kernel, stride, width):
        operation = operations.get(name)
        assert (operation.kind, operation.kernel, operation.stride, operation.width) == (
            kind,
            kernel,
            stride,
            width,
        )
        assert not operation.shareable


FIRST = ConvNetSpace(walk=0)


class TestSample:
    @given(SEEDS)
    def test_four_live_layers(self, seed):
        architecture = FIRST.sample(np.random.default_rng(seed))
        SPACE.validate(architecture)
        assert architecture.num_vertices == 6
        assert len(genes(architecture)) == 9  # one to begin with, two more for each insertion
        assert len(live_vertices(6, architecture.edges)) == 6

    def test_every_layer_and_every_shape_occurs(self):
        rng = np.random.default_rng(0)
        sampled = [FIRST.sample(rng) for _ in range(1500)]
        assert {op for a in sampled for op in a.ops[1:-1]} == set(LAYERS)
        blank = [Architecture(("input", *["CONV_2.H"] * 4, "output"), a.edges) for a in sampled]
        assert len({SPACE.key(a) for a in blank}) == 14

    def test_number_of_first_layers_is_an_argument(self):
        space = ConvNetSpace(initial_layers=2, walk=0)
        assert space.sample(np.random.default_rng(0)).num_vertices == 4

    def test_walks_on_to_other_depths(self):
        rng = np.random.default_rng(0)
        depths = {SPACE.sample(rng).num_vertices - 2 for _ in range(300)}
        assert {4, 5, 6, 7} <= depths <= set(range(4, 11))


class TestInsertion:
    def test_splits_an_enabled_gene_and_keeps_it_disabled(self):
        child = insert_vertex(chain("CONV_2.H", "POOL_2.A"), (1, 2), "CONV_5.N")
        assert child == chain("CONV_2.H", "CONV_5.N", "POOL_2.A", disabled=[(1, 3)])

    def test_into_a_disabled_gene_gives_a_branch(self):
        parent = chain("CONV_2.H", "POOL_2.A", disabled=[(0, 2)])
        child = insert_vertex(parent, (0, 2), "CONV_5.N")
        assert child.ops == ("input", "CONV_5.N", "CONV_2.H", "POOL_2.A", "output")
        assert child.edges == ((0, 1), (0, 2), (1, 3), (2, 3), (3, 4))
        assert child.disabled == ((0, 3),)

    def test_then_enabling_the_old_gene_gives_a_skip_connection(self):
        child = insert_vertex(chain("CONV_2.H"), (0, 1), "POOL_2.M")
        skipping = toggle(child, (0, 2))
        assert skipping.edges == ((0, 1), (0, 2), (1, 2), (2, 3))
        assert skipping.disabled == ()
        assert toggle(skipping, (0, 2)) == child


class TestMutation:
    @settings(max_examples=60, deadline=None)
    @given(SEEDS, st.integers(0, 40))
    def test_is_always_valid_and_deterministic(self, seed, steps):
        first, second = (walk(np.random.default_rng(seed), steps) for _ in range(2))
        SPACE.validate(first)
        assert first == second

    def test_reaches_every_single_mutation_and_nothing_else(self):
        rng = np.random.default_rng(1)
        parent = walk(rng, 3)
        reached = {SPACE.mutate(parent, rng) for _ in range(9000)}
        assert reached == single_mutations(parent) | {parent}

    def test_probabilities_are_those_of_the_space(self):
        rng = np.random.default_rng(0)
        parent = insert_vertex(chain("CONV_2.H", "POOL_2.A", "CONV_3.N"), (0, 1), "CONV_3.N")
        kinds = Counter()
        for _ in range(8000):
            child = SPACE.mutate(parent, rng)
            if child == parent:
                kinds["identity"] += 1
            elif child.num_vertices > parent.num_vertices:
                kinds["node"] += 1
            elif child.ops != parent.ops:
                kinds["layer"] += 1
            else:
                kinds["connection"] += 1
        shares = {kind: count / 8000 for kind, count in kinds.items()}
        assert shares == pytest.approx(
            {"identity": 0.05, "node": 0.25, "layer": 0.35, "connection": 0.35}, abs=0.02
        )

    def test_only_toggles_that_leave_a_path(self):
        space = ConvNetSpace(p_identity=0, p_add=0)
        rng = np.random.default_rng(0)
        parent = chain("CONV_2.H", disabled=[(0, 2)])
        states = {space.mutate(parent, rng) for _ in range(200)}
        assert {a.edges for a in states if a.ops == parent.ops} == {((0, 1), (0, 2), (1, 2))}

    def test_a_chain_without_disabled_genes_changes_a_layer(self):
        space = ConvNetSpace(p_identity=0, p_add=0)
        rng = np.random.default_rng(0)
        children = {space.mutate(chain("CONV_2.H"), rng) for _ in range(300)}
        assert children == {chain(op) for op in LAYERS if op != "CONV_2.H"}

    def test_a_network_without_layers_grows(self):
        space = ConvNetSpace(p_identity=0, p_add=0)
        rng = np.random.default_rng(0)
        children = {space.mutate(chain(), rng) for _ in range(300)}
        assert children == {chain(op, disabled=[(0, 2)]) for op in LAYERS}

    @pytest.mark.parametrize("bound", [{"max_vertices": 6}, {"max_edges": 9}])
    def test_a_full_genome_does_not_grow(self, bound):
        space = ConvNetSpace(p_add=1, p_identity=0, walk=0, **bound)
        rng = np.random.default_rng(0)
        parent = space.sample(rng)
        for _ in range(50):
            child = space.mutate(parent, rng)
            assert child.num_vertices == 6
            assert child != parent

    def test_refuses_a_foreign_architecture(self):
        with pytest.raises(ArchitectureError, match="no operation 'conv3x3'"):
            SPACE.mutate(chain("conv3x3"), np.random.default_rng(0))


class TestCrossover:
    @settings(max_examples=60, deadline=None)
    @given(SEEDS, st.integers(0, 25), st.integers(0, 25))
    def test_is_always_valid_and_deterministic(self, seed, steps_a, steps_b):
        rng = np.random.default_rng(seed)
        a, b = walk(rng, steps_a), walk(rng, steps_b)
        child, again = (SPACE.crossover(a, b, np.random.default_rng(seed)) for _ in range(2))
        SPACE.validate(child)
        assert child == again
        assert set(child.ops) <= set(a.ops) | set(b.ops)

    @given(SEEDS)
    @settings(deadline=None)
    def test_of_equal_parents_gives_the_parent(self, seed):
        rng = np.random.default_rng(seed)
        parent = walk(rng, 10)
        assert SPACE.crossover(parent, parent, rng) == parent

    def test_homologous_layers_come_from_either_parent(self):
        rng = np.random.default_rng(0)
        a, b = chain("CONV_2.H", "POOL_2.A"), chain("CONV_3.N", "POOL_5.M")
        children = {SPACE.crossover(a, b, rng).ops[1:-1] for _ in range(200)}
        assert children == set(itertools.product(("CONV_2.H", "CONV_3.N"), ("POOL_2.A", "POOL_5.M")))

    def test_an_inserted_layer_is_recognised_as_disjoint(self):
        rng = np.random.default_rng(0)
        parent = chain("CONV_2.H", "POOL_2.A", "CONV_5.N")
        grown = insert_vertex(parent, (0, 1), "CONV_3.H")
        children = {SPACE.crossover(parent, grown, rng).ops[1:-1] for _ in range(100)}
        assert children == {parent.ops[1:-1], grown.ops[1:-1]}

    def test_a_gene_disabled_in_one_parent_mostly_stays_disabled(self):
        rng = np.random.default_rng(0)
        a = chain("CONV_2.H", disabled=[(0, 2)])
        b = toggle(a, (0, 2))
        disabled = [SPACE.crossover(a, b, rng) == a for _ in range(4000)]
        assert np.mean(disabled) == pytest.approx(0.75, abs=0.03)

    def test_states_that_break_every_path_are_not_inherited(self):
        a = Architecture(("input", "CONV_2.H", "output"), [(0, 1), (1, 2)], [(0, 2)])
        b = Architecture(("input", "CONV_2.H", "output"), [(0, 2)], [(0, 1), (1, 2)])
        rng = np.random.default_rng(0)
        assert all(SPACE.crossover(a, b, rng) in SPACE for _ in range(300))

    def test_falls_back_to_one_parent_when_no_draw_joins_input_and_output(self):
        class AllDisabled(np.random.Generator):
            def random(self, *args, **kwargs):
                return 0.0

        a = Architecture(("input", "CONV_2.H", "output"), [(0, 1), (1, 2)], [(0, 2)])
        b = Architecture(("input", "CONV_2.H", "output"), [(0, 2)], [(0, 1), (1, 2)])
        children = {SPACE.crossover(a, b, AllDisabled(np.random.PCG64(seed))) for seed in range(30)}
        both = Architecture(("input", "CONV_2.H", "output"), [(0, 1), (0, 2), (1, 2)])
        assert children == {a, b, both}

    def test_never_exceeds_the_bounds(self):
        space = ConvNetSpace(max_vertices=7, max_edges=11)
        rng = np.random.default_rng(0)
        for _ in range(200):
            space.validate(space.crossover(walk(rng, 8, space), walk(rng, 8, space), rng))

    def test_with_mutation_reaches_every_graph(self):
        """Insertion alone never gives the complete graph; crossover does."""
        space = ConvNetSpace(initial_layers=2, walk=0, max_vertices=4, max_edges=6)
        rng = np.random.default_rng(0)
        population = [space.sample(rng) for _ in range(20)]
        seen = set()
        for step in range(6000):
            a, b = (population[rng.integers(20)] for _ in range(2))
            population[step % 20] = child = space.mutate(space.crossover(a, b, rng), rng)
            seen.add(child.edges)
        possible = list(itertools.combinations(range(4), 2))
        subsets = itertools.chain.from_iterable(itertools.combinations(possible, n) for n in range(1, 7))
        assert seen == {edges for edges in subsets if is_joined(4, edges)}

    def test_refuses_a_foreign_architecture(self):
        rng = np.random.default_rng(0)
        with pytest.raises(ArchitectureError, match="no operation 'gcn'"):
            SPACE.crossover(SPACE.sample(rng), chain("gcn"), rng)


class TestNeighbors:
    @pytest.mark.parametrize("seed", range(3))
    def test_are_the_other_networks_one_mutation_away(self, seed):
        parent = walk(np.random.default_rng(seed), 6)
        keys = [SPACE.key(neighbor) for neighbor in SPACE.neighbors(parent)]
        assert len(keys) == len(set(keys))
        assert set(keys) == {SPACE.key(child) for child in single_mutations(parent)} - {SPACE.key(parent)}

    def test_come_in_a_fixed_order(self):
        parent = walk(np.random.default_rng(0), 6)
        assert SPACE.neighbors(parent) == SPACE.neighbors(parent)

    def test_of_a_full_genome_do_not_grow(self):
        space = ConvNetSpace(max_vertices=6, walk=0)
        parent = space.sample(np.random.default_rng(0))
        assert all(neighbor.num_vertices == 6 for neighbor in space.neighbors(parent))


class TestKey:
    def test_ignores_disabled_genes_and_dead_layers(self):
        plain = chain("CONV_2.H", "POOL_2.M")
        dead = Architecture(
            ("input", "CONV_2.H", "CONV_5.N", "POOL_2.M", "output"),
            [(0, 1), (1, 2), (1, 3), (3, 4)],
            [(0, 4)],
        )
        assert SPACE.key(plain) == SPACE.key(dead)

    def test_ignores_numbering(self):
        one = Architecture(("input", "CONV_2.H", "POOL_2.M", "output"), [(0, 1), (0, 2), (1, 3), (2, 3)])
        other = Architecture(("input", "POOL_2.M", "CONV_2.H", "output"), [(0, 1), (0, 2), (1, 3), (2, 3)])
        assert SPACE.key(one) == SPACE.key(other)

    def test_counts_equal_pools_on_one_input_as_one(self):
        ops = ("input", "POOL_2.M", "POOL_2.M", "CONV_2.H", "CONV_3.N", "output")
        two = Architecture(ops, [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)])
        one = Architecture(
            ("input", "POOL_2.M", "CONV_2.H", "CONV_3.N", "output"),
            [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)],
        )
        assert SPACE.key(two) == SPACE.key(one)

    def test_counts_two_pools_into_one_sum_twice(self):
        two = Architecture(
            ("input", "POOL_2.M", "POOL_2.M", "output"),
            [(0, 1), (0, 2), (1, 3), (2, 3)],
        )
        assert SPACE.key(two) != SPACE.key(chain("POOL_2.M"))

    def test_keeps_two_pools_apart_whose_size_matches_are_trained(self):
        """Inputs of different width reach each pool through 1x1 convolutions of its own."""
        ops = ("input", "CONV_2.H", "CONV_2.N", "POOL_2.M", "POOL_2.M", "CONV_2.H", "CONV_3.N", "output")
        stem = [(0, 1), (0, 2), (1, 3), (2, 3)]
        two = Architecture(ops, [*stem, (1, 4), (2, 4), (3, 5), (4, 6), (5, 7), (6, 7)])
        one = Architecture(
            (*ops[:4], *ops[5:]),
            [*stem, (3, 4), (3, 5), (4, 6), (5, 6)],
        )
        assert SPACE.key(two) != SPACE.key(one)

    def test_keeps_two_equal_convolutions_apart(self):
        two = Architecture(
            ("input", "CONV_2.H", "CONV_2.H", "output"),
            [(0, 1), (0, 2), (1, 3), (2, 3)],
        )
        assert SPACE.key(two) != SPACE.key(chain("CONV_2.H"))

    def test_agrees_with_a_slow_independent_identification(self):
        """Random graphs of four layers; the other side tries every naming of the trained layers."""
        rng = np.random.default_rng(0)
        classes, keys = {}, {}
        for _ in range(1500):
            a = random_graph(rng)
            slow, key = slow_identity(a), SPACE.key(a)
            assert classes.setdefault(slow, key) == key, SPACE.format(a)
            assert keys.setdefault(key, slow) == slow, SPACE.format(a)
        assert 300 < len(keys) < 1200

    def test_a_pool_written_twice_is_told_apart_exactly_when_it_is_trained_twice(self):
        rng = np.random.default_rng(0)
        outcomes = Counter()
        for _ in range(4000):
            a = random_graph(rng)
            pool = int(rng.integers(2, 4))
            inputs, uses = (sum(edge[end] == pool for edge in a.edges) for end in (1, 0))
            if a.ops[pool] != "POOL_2.M" or inputs < 2 or uses < 2:
                continue
            b = split_pool(a, pool, rng)
            same = SPACE.key(a) == SPACE.key(b)
            assert same == (slow_identity(a) == slow_identity(b)), SPACE.format(b)
            outcomes[same] += 1
        assert min(outcomes[True], outcomes[False]) > 20


def random_graph(rng):
    """Four layers of few kinds, with a path, every possible edge present half the time."""
    while True:
        edges = [pair for pair in itertools.combinations(range(6), 2) if rng.random() < 0.5]
        if is_joined(6, edges):
            layers = rng.choice(["CONV_2.H", "CONV_2.N", "POOL_2.M"], 4, p=[0.2, 0.2, 0.6])
            return Architecture(("input", *layers, "output"), edges)


def split_pool(a, pool, rng):
    """Writes a pool a second time, next to the first, and divides its uses between the two at random."""
    twin = pool + 1
    edges = set()
    for i, j in ((i + (i >= twin), j + (j >= twin)) for i, j in a.edges):
        if j == pool:
            edges |= {(i, pool), (i, twin)}
        else:
            edges.add((twin if i == pool and rng.random() < 0.5 else i, j))
    return Architecture((*a.ops[:twin], a.ops[pool], *a.ops[twin:]), edges)


def slow_identity(a):
    """The least of all expressions for the output, over all namings of the vertices that bear weights."""
    live = live_vertices(a.num_vertices, a.edges)
    sources = {v: [i for i, j in a.edges if j == v and i in live] for v in live}
    mixed = set()
    for image_channels in (1, 4, 5, 8, 9):  # of layers with 4 or 8 channels
        width = {0: image_channels}
        for v in live[1:]:
            widths = [width[i] for i in sources[v]]
            if len(set(widths)) > 1:
                mixed.add(v)
            width[v] = {"CONV_2.H": 4, "CONV_2.N": 8}.get(a.ops[v], min(widths))
    trained = [v for v in live if a.ops[v].startswith("CONV") or (v in mixed and a.ops[v] != "output")]

    def expression(names):
        value = {0: "x"}
        for v in live[1:]:
            inputs = "+".join(sorted(value[i] for i in sources[v]))
            value[v] = f"{a.ops[v]}{names.get(v, '')}({inputs})"
        return value[live[-1]]

    orders = itertools.permutations(range(len(trained)))
    return min(expression(dict(zip(trained, order, strict=True))) for order in orders)


class TestNotation:
    def test_example(self):
        a = chain("CONV_3.N", "POOL_2.M", disabled=[(0, 2)])
        assert SPACE.format(a) == "CONV_3.N,POOL_2.M;0>1,1>2,2>3,!0>2"
        assert SPACE.parse(" CONV_3.N, POOL_2.M ; 0>1, 1 > 2, !0>2, 2>3") == a

    def test_of_a_network_without_layers(self):
        assert SPACE.format(chain()) == ";0>1"
        assert SPACE.parse(";0>1") == chain()

    @settings(deadline=None)
    @given(SEEDS)
    def test_round_trip(self, seed):
        a = walk(np.random.default_rng(seed), 12)
        assert SPACE.parse(SPACE.format(a)) == a
        assert Architecture.from_json(a.to_json()) == a

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("CONV_3.N 0>1", "with one ';', got 'CONV_3.N 0>1'"),
            ("CONV_3.N;0-1", "such as '0>1' or '!0>1', got '0-1'"),
            ("CONV_3.N;0>1,1>2;", "got '1>2;'"),
            ("CONV_3.N;", "got ''"),
            (f"CONV_3.N;0>{'9' * 5000}", "expected a connection"),
            ("CONV_3.N;0>1,1>7", r"edge \(1, 7\) names a vertex outside 0 to 2"),
            ("CONV_4.N;0>1,1>2", "no operation 'CONV_4.N'"),
            (",;0>1,1>2,2>3", "no operation ''"),
            ("CONV_3.N;0>1,!1>2", "no path of enabled edges leads from input to output"),
        ],
    )
    def test_refuses_what_it_cannot_read(self, text, message):
        with pytest.raises(ArchitectureError, match=message):
            SPACE.parse(text)


class TestValidate:
    @pytest.mark.parametrize(
        ("architecture", "message"),
        [
            (chain(*["CONV_2.H"] * 13), "has at most 14 vertices, got 15"),
            (
                Architecture(
                    ("input", *["CONV_2.H"] * 9, "output"), list(itertools.combinations(range(11), 2))[:41]
                ),
                "has at most 40 edges, disabled ones included, got 41",
            ),
            (chain("conv3x3-bn-relu"), r"no operation 'conv3x3-bn-relu' \(vertex 1\); known: CONV_2.H, "),
            (
                Architecture(("input", "CONV_2.H", "CONV_2.N", "output"), [(0, 2), (2, 1), (1, 3)]),
                r"edge \(2, 1\) points backward",
            ),
            (
                Architecture(("input", "CONV_2.H", "output"), [(0, 1), (1, 2)], [(0, 1)]),
                r"edge \(0, 1\) is both enabled and disabled",
            ),
            (
                Architecture(("input", "CONV_2.H", "output"), [(0, 1)], [(0, 2)]),
                r"no path .* enabled: \[\(0, 1\)\]",
            ),
        ],
    )
    def test_says_what_is_wrong(self, architecture, message):
        with pytest.raises(ArchitectureError, match=message):
            SPACE.validate(architecture)
        with pytest.raises(ArchitectureError, match=message):
            SPACE.key(architecture)
        assert architecture not in SPACE


class TestSpace:
    def test_refuses_bounds_too_small_for_a_first_individual(self):
        with pytest.raises(UsageError, match=r"4 initial layers need .* 6 vertices .* max_vertices=5"):
            ConvNetSpace(max_vertices=5)
        with pytest.raises(UsageError, match=r"9 edges, got .* max_edges=8"):
            ConvNetSpace(max_edges=8)
        with pytest.raises(UsageError, match="at least 1 layer"):
            ConvNetSpace(initial_layers=0)
        with pytest.raises(UsageError, match="walk must be at least 0 mutations, got -1"):
            ConvNetSpace(walk=-1)

    def test_refuses_impossible_probabilities(self):
        with pytest.raises(UsageError, match=r"sum to at most 1, got 0.5, 0.6"):
            ConvNetSpace(p_identity=0.5, p_add=0.6)
        with pytest.raises(UsageError, match="probabilities"):
            ConvNetSpace(p_identity=-0.1)

    def test_pickles(self):
        assert pickle.loads(pickle.dumps(SPACE)) == SPACE

    def test_is_not_finite(self):
        with pytest.raises(TypeError, match="not finite"):
            len(SPACE)

    def test_builds_networks_of_its_own_width(self):
        narrow = ConvNetSpace(channels=6).network(chain("CONV_3.N"), (1, 8, 8), 10)
        assert narrow.stages[1].shape == (6, 6, 6)
        wide = SPACE.network(chain("CONV_3.N"), (1, 8, 8), 10, channels=10)
        assert wide.stages[1].shape == (10, 6, 6)

    def test_the_space_of_three_layers_has_the_widths_of_its_source(self):
        small = spaces.get("convnet8")
        a = small.parse("CONV_1.H,CONV_3.N,POOL_2.M;0>1,1>2,2>3,3>4")
        network = small.network(a, (1, 28, 28), 10)
        assert [stage.shape for stage in network.stages] == [
            (1, 28, 28), (16, 28, 28), (32, 26, 26), (32, 13, 13), (32, 13, 13),
        ]  # fmt: skip
        assert [layer.out_features for layer in network.head if hasattr(layer, "out_features")] == [
            1352,
            676,
            10,
        ]
        assert "channels" not in small.network_options
        with pytest.raises(ArchitectureError, match="has at most 8 vertices"):
            small.validate(
                Architecture(["input", *["POOL_2.M"] * 7, "output"], [(i, i + 1) for i in range(8)])
            )

    def test_a_pool_of_a_single_pixel_sees_it_enlarged(self):
        """Six pools would shrink 28 pixels to less than one."""
        a = chain(*["POOL_2.M"] * 6)
        stages = spaces.get("convnet8").network(a, (1, 28, 28), 10).stages
        assert [stage.joined[1] for stage in stages[1:]] == [28, 14, 7, 3, 2, 2, 1]
        assert [stage.shape[1] for stage in stages[1:]] == [14, 7, 3, 1, 1, 1, 1]

    def test_builds_only_its_own_architectures(self):
        with pytest.raises(ArchitectureError, match="no operation 'gcn'"):
            SPACE.network(chain("gcn"))
