import collections
import itertools
import json
import math

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import operations, spaces
from egraph.architecture import Architecture
from egraph.canonical import simplify
from egraph.errors import ArchitectureError
from egraph.spaces.darts import LAYERS

SPACE = spaces.get("darts")

# As the authors printed them: https://arxiv.org/abs/1806.09055, first and second order.
DARTS_V1 = (
    "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1), "
    "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], "
    "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
    "('max_pool_3x3', 0), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
    "('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, 5])"
)
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
    "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
    "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
    "('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)

SEP, DIL, MAX, AVG, SKIP = "sep_conv_3x3", "dil_conv_5x5", "max_pool_3x3", "avg_pool_3x3", "skip_connect"
PLAIN = [(SEP, 0), (SEP, 1)] * 4


@st.composite
def cells(draw, layers=LAYERS):
    pairs = []
    for node in range(2, 6):
        sources = draw(st.permutations(range(node)))[:2]
        pairs += [(draw(st.sampled_from(layers)), source) for source in sources]
    return pairs


def both(cell, other=None):
    """The architecture of two cells, by default equal ones."""
    return SPACE.from_genotype({"normal": cell, "reduce": other or cell})


def key(cell, other=None):
    return SPACE.key(both(cell, other))


class TestNotation:
    @pytest.mark.parametrize("text", [DARTS_V1, DARTS_V2])
    def test_published_genotypes_are_read(self, text):
        architecture = SPACE.parse(text)
        written = SPACE.format(architecture)
        assert SPACE.parse(written) == architecture
        names = ("normal", "reduce")
        fields = {n: eval(text, {"Genotype": dict})[n] for n in names}
        again = {n: eval(written, {"Genotype": dict})[n] for n in names}
        for name in names:
            for place in range(0, 8, 2):
                assert sorted(fields[name][place : place + 2]) == sorted(again[name][place : place + 2])

    def test_graph_of_a_genotype(self):
        """Node 2 of the normal cell is 3, 4 and 5, node 3 reads it, node 4 reads both, node 5 neither."""
        normal = [(SEP, 0), (MAX, 1), (SKIP, 2), (DIL, 0), (SEP, 3), (AVG, 2), (SEP, 0), (SEP, 1)]
        architecture = both(normal, PLAIN)
        assert architecture.ops == (
            "input", "c_{k-2}", "c_{k-1}",
            SEP, MAX, "node", DIL, SKIP, "node", AVG, SEP, "node", SEP, SEP, "node",
            "c_{k-2}", "c_{k-1}", *[f"{SEP}-s2", f"{SEP}-s2", "node"] * 4, "output",
        )  # fmt: skip
        assert architecture.edges == (
            (0, 1), (0, 2), (0, 15), (1, 3), (1, 6), (1, 12), (2, 4), (2, 13),
            (3, 5), (3, 7), (3, 9), (4, 5), (4, 7), (4, 9), (5, 16),
            (6, 8), (6, 10), (7, 8), (7, 10), (8, 16), (9, 11), (10, 11), (11, 16),
            (12, 14), (13, 14), (14, 16),
            (15, 17), (15, 20), (15, 23), (15, 26), (16, 18), (16, 21), (16, 24), (16, 27),
            (17, 19), (18, 19), (19, 29), (20, 22), (21, 22), (22, 29),
            (23, 25), (24, 25), (25, 29), (26, 28), (27, 28), (28, 29),
        )  # fmt: skip

    @settings(deadline=None, max_examples=50)
    @given(cells(), cells())
    def test_all_spellings_of_a_genotype_are_one(self, normal, reduce):
        content = {"normal": normal, "reduce": reduce}
        architecture = SPACE.from_genotype(content)
        genotype = SPACE.to_genotype(architecture)
        assert sorted(map(tuple, genotype["normal"])) == sorted(normal)
        assert list(genotype) == ["normal", "normal_concat", "reduce", "reduce_concat"]
        spelled = (
            f"Genotype(reduce={reduce}, normal=({', '.join(map(str, normal))},), normal_concat=range(2, 6))",
            f"\n Genotype( normal = {normal},\n  reduce = {reduce}, reduce_concat=(2, 3, 4, 5), )\n",
            json.dumps(content),
            json.dumps(genotype, indent=2),
            SPACE.format(architecture).replace("'", '"'),
        )
        assert [SPACE.parse(text) for text in spelled] == [architecture] * len(spelled)

    @pytest.mark.parametrize(
        ("old", "new", "match"),
        [
            ("sep_conv_3x3', 0", "conv_3x3', 0", r"an operation of darts in normal: .* got 'conv_3x3'"),
            ("sep_conv_3x3', 0", "none', 0", "got 'none'"),
            (
                "max_pool_3x3', 0",
                "max_pool_3x3', 2",
                "expected node 2 of reduce to read one of 0 to 1, got 2",
            ),
            (
                "dil_conv_3x3', 2",
                "dil_conv_3x3', 0",
                "two inputs of node 5 of normal, got 0 twice; change one",
            ),
            ("dil_conv_3x3', 2", "dil_conv_3x3', '2'", "to read one of 0 to 4, got '2'"),
            (", ('dil_conv_3x3', 2)", ", 'dil'", r"pairs such as \('sep_conv_3x3', 0\), got 'dil'"),
            (", ('dil_conv_3x3', 2)", ", (2, 'dil')", r"pairs such as .*, got \(2, 'dil'\)"),
            (
                "normal_concat=[2, ",
                "normal_concat=[",
                r"normal_concat to be \[2, 3, 4, 5\], .* got \[3, 4, 5\]",
            ),
            ("reduce_concat=[2, 3, 4, 5]", "reduce_concat=range(2, 10000000)", r"got range\(2, 10000000\)"),
            ("('sep_conv_3x3', 0), ", "", "expected normal to be a list of 8 pairs .* got 7;"),
            ("reduce_concat=", "reduce=", "not a DARTS genotype: .*; expected Genotype"),
            ("reduce_concat=", "range=", "expected the fields normal, normal_concat, .* got 'range'"),
            ("Genotype(", "range(", "not a DARTS genotype"),
            ("normal=", "", "not a DARTS genotype"),
            ("concat=[2, 3, 4, 5]", "concat=range(range(2))", "not a DARTS genotype"),
            ("concat=[2, 3, 4, 5]", "concat=range([2])", "not a DARTS genotype"),
            ("concat=[2, 3, 4, 5]", "concat=range", "not a DARTS genotype"),
        ],
    )
    def test_what_is_no_genotype_is_refused(self, old, new, match):
        text = DARTS_V2.replace(old, new, 1)
        assert text != DARTS_V2
        with pytest.raises(ArchitectureError, match=match):
            SPACE.parse(text)

    @pytest.mark.parametrize(
        ("content", "match"),
        [
            ([], r"expected a DARTS genotype with the fields normal, .*, got \[\]"),
            ({}, r"expected normal to be a list of 8 pairs .*, got None"),
            ({"normal": PLAIN}, "expected reduce to be a list"),
            ({"normal": PLAIN, "reduce": PLAIN, 3: 4}, "expected the fields .* got 3"),
            ({"normal": [*PLAIN[:7], (SEP, True)], "reduce": PLAIN}, "to read one of 0 to 4, got True"),
            ({"normal": PLAIN, "reduce": PLAIN, "normal_concat": None}, "normal_concat to be .* got None"),
            ({"normal": PLAIN, "reduce": PLAIN, "reduce_concat": np.arange(2, 6)}, r"got array\(\[2, 3"),
            ({"normal": "sep_conv", "reduce": PLAIN}, "list of 8 pairs .* got 'sep_conv'"),
        ],
    )
    def test_what_is_no_genotype_as_an_object_is_refused(self, content, match):
        with pytest.raises(ArchitectureError, match=match):
            SPACE.from_genotype(content)

    @pytest.mark.parametrize(
        "text",
        [
            "__import__('os').getcwd()",
            "Genotype(normal=__import__('os').getcwd())",
            "Genotype(**{})",
            "Genotype(normal=[x for x in range(9)])",
            "Genotype(normal=" + "[" * 1000,
            "Genotype(normal=" + "(" * 150 + ")" * 150 + ")",
            '{"normal":' + "[" * 3000,
            '{"normal":' * 900,
            '{"normal":' + "[" * 1500 + "]" * 1500 + "}",
            "Genotype(normal=" + "9" * 3900 + ")",
            '{"normal": ' + "9" * 3900 + "}",
            '{"normal": NaN, "reduce": Infinity}',
            "Genotype" * 400,
            "not " * 900 + "0",
            "-" * 3000 + "1",
        ],
    )  # fmt: skip
    def test_nothing_is_executed_and_nesting_is_no_trouble(self, text):
        with pytest.raises(ArchitectureError, match="expected"):
            SPACE.parse(text)

    def test_the_original_named_tuple_is_read(self):
        genotype = collections.namedtuple("Genotype", "normal normal_concat reduce reduce_concat")
        read = eval(DARTS_V1, {"Genotype": genotype})
        assert SPACE.from_genotype(read._asdict()) == SPACE.parse(repr(read)) == SPACE.parse(DARTS_V1)


class TestGraph:
    def test_operations_are_described_to_rankers(self):
        described = {name: operations.get(name) for name in SPACE.operations}
        assert len(described) == 2 * 7 + 3
        assert {name for name, op in described.items() if op.stride == 2} == {f"{name}-s2" for name in LAYERS}
        assert {name for name, op in described.items() if op.kind == "identity"} == {"skip_connect"}
        assert {name for name, op in described.items() if op.shareable} == {
            "max_pool_3x3", "avg_pool_3x3", "max_pool_3x3-s2", "avg_pool_3x3-s2",
        }  # fmt: skip

    def test_another_order_of_vertices_is_refused(self):
        architecture = both(PLAIN)
        order = [0, 1, 2, 6, 7, 8, 3, 4, 5, *range(9, 30)]
        place = {vertex: number for number, vertex in enumerate(order)}
        other = Architecture(
            [architecture.ops[v] for v in order], [(place[i], place[j]) for i, j in architecture.edges]
        )
        assert other == architecture  # the nodes are alike
        order[3:5] = order[4:2:-1]
        place = {vertex: number for number, vertex in enumerate(order)}
        swapped = Architecture(architecture.ops, [(place[i], place[j]) for i, j in architecture.edges])
        with pytest.raises(ArchitectureError, match=r"order of its genotype; make it with parse, from_g"):
            SPACE.validate(swapped)

    @pytest.mark.parametrize("edge", both(PLAIN).edges)
    def test_a_missing_edge_is_refused(self, edge):
        architecture = both(PLAIN)
        without = Architecture(architecture.ops, set(architecture.edges) - {edge})
        with pytest.raises(ArchitectureError, match="in the order of its genotype"):
            SPACE.validate(without)

    def test_two_operations_on_one_input_are_refused(self):
        architecture = both(PLAIN)
        edges = (set(architecture.edges) - {(2, 4)}) | {(1, 4)}
        with pytest.raises(ArchitectureError, match="in the order of its genotype"):
            SPACE.validate(Architecture(architecture.ops, edges))

    def test_other_numbers_of_vertices_are_refused(self):
        with pytest.raises(ArchitectureError, match=r"a darts architecture has 30 vertices, .* got 3"):
            SPACE.validate(Architecture(["input", SEP, "output"], [(0, 1), (1, 2)]))

    def test_the_ranker_sees_16_to_30_vertices(self):
        """Without identities and copies of pools; of the least normal cell 2 inputs and 4 nodes are left."""
        least = both([(SKIP, 0), (SKIP, 1)] * 4, [(MAX, 0), (MAX, 1)] * 4)
        assert len(simplify(least).ops) == 2 + (2 + 4) + (2 + 2 + 4) == 16
        assert len(simplify(both(PLAIN)).ops) == 30
        rng = np.random.default_rng(0)
        sizes = [len(simplify(SPACE.sample(rng)).ops) for _ in range(300)]
        assert 16 < min(sizes) < 27 < np.median(sizes) <= 28 < max(sizes) <= 30

    def test_strides_belong_to_the_reduction_cell(self):
        architecture = both(PLAIN)
        for name in (f"{SEP}-s2", "node", "c_{k-1}"):
            ops = [*architecture.ops[:3], name, *architecture.ops[4:]]
            with pytest.raises(ArchitectureError, match="in the order of its genotype"):
                SPACE.validate(architecture.relabel(ops))


class TestKey:
    def test_order_of_inputs_makes_no_difference(self):
        turned = [step for place in range(0, 8, 2) for step in PLAIN[place : place + 2][::-1]]
        assert both(turned) == both(PLAIN)

    def test_nodes_may_change_places(self):
        one = [(SEP, 0), (SEP, 1), (MAX, 0), (DIL, 1), (AVG, 2), (SEP, 3), (SEP, 0), (SEP, 2)]
        two = [(MAX, 0), (DIL, 1), (SEP, 0), (SEP, 1), (AVG, 3), (SEP, 2), (SEP, 0), (SEP, 3)]
        assert both(one) != both(two)
        assert key(one) == key(two)

    def test_the_two_cells_before_are_not_interchangeable(self):
        one = [(SEP, 0), (MAX, 1)] * 4
        two = [(MAX, 0), (SEP, 1)] * 4
        assert key(one, PLAIN) != key(two, PLAIN)
        assert key(PLAIN, one) != key(PLAIN, two)

    def test_normal_and_reduction_cells_are_not_interchangeable(self):
        other = [(DIL, 0), (SEP, 1), *PLAIN[2:]]
        assert key(PLAIN, other) != key(other, PLAIN)

    def test_which_terms_meet_before_they_are_joined_counts(self):
        """The same four operations on the same inputs, in other pairs."""
        one = [(SEP, 0), (SEP, 1), (DIL, 0), (DIL, 1), *PLAIN[4:]]
        two = [(SEP, 0), (DIL, 1), (DIL, 0), (SEP, 1), *PLAIN[4:]]
        assert key(one, PLAIN) != key(two, PLAIN)

    def test_detours_of_identities_are_one_sum(self):
        """Nodes: a + b, 2a + b, a + 2b; the last sums to 2a + 2b by way of the second or of the third."""
        first = [(SKIP, 0), (SKIP, 1), (SKIP, 2), (SKIP, 0), (SKIP, 2), (SKIP, 1)]
        one = [*first, (SKIP, 3), (SKIP, 1)]
        two = [*first, (SKIP, 4), (SKIP, 0)]
        three = [*first, (SKIP, 3), (SKIP, 0)]  # 3a + b
        assert both(one) != both(two)
        assert key(one, PLAIN) == key(two, PLAIN) != key(three, PLAIN)

    def test_skips_of_inputs_of_the_reduction_cell_have_weights(self):
        """There the nodes are r(a) + s(b) and so on, each reduction with weights of its own."""
        first = [(SKIP, 0), (SKIP, 1), (SKIP, 2), (SKIP, 0), (SKIP, 2), (SKIP, 1)]
        assert key(PLAIN, [*first, (SKIP, 3), (SKIP, 1)]) != key(PLAIN, [*first, (SKIP, 4), (SKIP, 0)])

    def test_skips_between_nodes_of_the_reduction_cell_are_identities(self):
        """Pools have no weights: p + q, then 2p + q and p + 2q, then 2p + 2q in two ways."""
        first = [(MAX, 0), (MAX, 1), (SKIP, 2), (MAX, 0), (SKIP, 2), (MAX, 1)]
        one, two = [*first, (SKIP, 3), (MAX, 1)], [*first, (SKIP, 4), (MAX, 0)]
        assert key(PLAIN, one) == key(PLAIN, two)
        assert key(one, PLAIN) == key(two, PLAIN)

    @pytest.mark.parametrize(("layer", "same"), [(MAX, True), (AVG, True), (SEP, False), (DIL, False)])
    def test_equal_pools_of_one_input_are_one_and_convolutions_are_two(self, layer, same):
        """Node 4 reads node 3, which is as node 2 but for copies of its own; both are read once more."""
        first = [(layer, 0), (layer, 1), (layer, 0), (layer, 1)]
        one = [*first, (SKIP, 2), (SEP, 3), (SKIP, 2), (DIL, 3)]
        two = [*first, (SKIP, 2), (SEP, 3), (SKIP, 3), (DIL, 2)]
        assert (key(one, PLAIN) == key(two, PLAIN)) is same

    @pytest.mark.parametrize("reduces", [False, True])
    def test_keys_are_equal_just_where_an_independent_reading_gives_isomorphic_graphs(self, reduces):
        rng = np.random.default_rng(0)
        outcomes = collections.Counter()
        for _ in range(120):
            one = random_cell(rng, (SKIP, MAX, SEP))
            two = permuted(one, rng)
            if rng.random() < 0.8:
                two = changed(two, rng, (SKIP, MAX, SEP))
            keys = [key(PLAIN, cell) if reduces else key(cell, PLAIN) for cell in (one, two)]
            graphs = [read_naively(cell, reduces) for cell in (one, two)]
            same = networkx.is_isomorphic(
                *graphs, node_match=lambda a, b: a == b, edge_match=lambda a, b: a == b
            )
            assert (keys[0] == keys[1]) is same
            outcomes[same] += 1
        assert min(outcomes[True], outcomes[False]) >= 30

    def test_published_genotypes_differ(self):
        assert SPACE.key(SPACE.parse(DARTS_V1)) != SPACE.key(SPACE.parse(DARTS_V2))


def random_cell(rng, layers):
    return [
        (layers[rng.integers(len(layers))], int(source))
        for node in range(2, 6)
        for source in rng.choice(node, 2, replace=False)
    ]


def permuted(cell, rng):
    """The cell with its nodes in another order, if only one in which each reads earlier ones."""
    nodes = [cell[place : place + 2] for place in range(0, 8, 2)]
    while True:
        order = rng.permutation(4).tolist()
        number = {0: 0, 1: 1} | {2 + old: 2 + new for new, old in enumerate(order)}
        moved = [(op, number[source]) for old in order for op, source in nodes[old]]
        if all(source < 2 + place // 2 for place, (_, source) in enumerate(moved)):
            return moved


def changed(cell, rng, layers):
    """The cell with another operation or other inputs of a node."""
    cell = list(cell)
    place = int(rng.integers(8))
    if rng.random() < 0.5:
        cell[place] = (layers[rng.integers(len(layers))], cell[place][1])
    else:
        free = set(range(2 + place // 2)) - {cell[place ^ 1][1]}
        cell[place] = (cell[place][0], int(rng.choice(sorted(free))))
    return cell


def read_naively(cell, reduces):
    """What a cell computes as a graph: a node is a bag of terms, equal pools of equal bags are one term."""
    graph = networkx.DiGraph()
    graph.add_nodes_from([("before last", {"op": "0"}), ("last", {"op": "1"}), ("end", {"op": "end"})])
    bags = [collections.Counter(["before last"]), collections.Counter(["last"])]
    for place in range(0, 8, 2):
        bag = collections.Counter()
        for turn, (op, source) in enumerate(cell[place : place + 2]):
            strided = reduces and source < 2
            if op == SKIP and not strided:
                bag.update(bags[source])
                continue
            term = (op, strided, frozenset(bags[source].items()), None if op == MAX else (place, turn))
            graph.add_node(term, op=f"{op} {strided}")
            graph.add_edges_from((before, term, {"times": n}) for before, n in bags[source].items())
            bag[term] += 1
        bags.append(bag)
        graph.add_node(place, op="node")
        graph.add_edges_from((term, place, {"times": n}) for term, n in bag.items())
        graph.add_edge(place, "end", times=1)
    return graph


class TestMoves:
    def test_a_million_million_million_genotypes(self):
        """Of each node 1, 3, 6 or 10 pairs of inputs and 49 of operations."""
        assert math.prod(SPACE.choices) == 1_037_664_180**2 == (1 * 3 * 6 * 10 * 49**4) ** 2
        assert len(SPACE.choices) == 22

    def test_samples_are_uniform_over_inputs_and_operations(self):
        rng = np.random.default_rng(0)
        drawn = np.array([SPACE.encode(SPACE.sample(rng)) for _ in range(1000)])
        for place, size in enumerate(SPACE.choices):
            share = np.bincount(drawn[:, place], minlength=size) / len(drawn)
            assert np.abs(share - 1 / size).max() < 5 * math.sqrt(1 / size / len(drawn))

    def test_mutation_changes_one_operation_or_one_input(self):
        rng = np.random.default_rng(1)
        kinds = collections.Counter()
        for _ in range(400):
            before = SPACE.sample(rng)
            after = SPACE.mutate(before, rng)
            lost, gained = (steps_of(a) - steps_of(b) for a, b in ((before, after), (after, before)))
            assert lost.total() == gained.total() == 1
            (one, *_), (two, *_) = lost, gained
            assert one[:2] == two[:2]  # of one cell and node
            kinds["op" if one[3] == two[3] else "input"] += 1
            assert (one[2] == two[2]) != (one[3] == two[3])
        assert 150 < kinds["op"] < 250

    def test_children_have_each_node_of_a_parent(self):
        rng = np.random.default_rng(2)
        a, b = SPACE.sample(rng), SPACE.sample(rng)
        origins = set()
        for _ in range(100):
            child = SPACE.crossover(a, b, rng)
            nodes = [nodes_of(each) for each in (a, b, child)]
            assert all(new in (one, other) for one, other, new in zip(*nodes, strict=True))
            origins.add(tuple(new == one for one, _, new in zip(*nodes, strict=True)))
        assert len(origins) > 50  # of 256

    def test_neighbors_are_counted(self):
        """Six other operations at 16 places; other inputs of 2 operations in 1, 2 and 3 ways a cell."""
        architecture = both([(SEP, 0), (DIL, 1), (SEP, 2), (DIL, 0), (SEP, 3), (DIL, 1), (SEP, 4), (DIL, 2)])
        assert len(SPACE.neighbors(architecture)) == 16 * 6 + 2 * 2 * (1 + 2 + 3)

    def test_twins_are_no_neighbors(self):
        """All nodes are alike, so that it is one move whichever of them changes."""
        assert len(SPACE.neighbors(both([(MAX, 0), (MAX, 1)] * 4))) < 16 * 6

    def test_encoding_of_a_genotype(self):
        first = [
            (MAX, 0),
            (AVG, 1),
            (SKIP, 1),
            (SEP, 2),
            ("sep_conv_5x5", 0),
            ("dil_conv_3x3", 3),
            (DIL, 4),
            (MAX, 3),
        ]
        options = SPACE.encode(both(first, PLAIN))
        assert options[:11] == (0, 1, 2, 2, 3, 3, 4, 5, 9, 0, 6)
        assert options[11:] == (3, 3, 0, 3, 3, 0, 3, 3, 0, 3, 3)


def nodes_of(architecture):
    genotype = SPACE.to_genotype(architecture)
    return [genotype[n][place : place + 2] for n in ("normal", "reduce") for place in range(0, 8, 2)]


def steps_of(architecture):
    return collections.Counter(
        (node // 4, node % 4, *step)
        for node, steps in enumerate(nodes_of(architecture))
        for step in map(tuple, steps)
    )


def test_the_pairs_of_inputs_are_told_apart():
    """Of the last node: ten pairs, ten graphs."""
    assert len({both([*PLAIN[:6], (SEP, i), (SEP, j)]) for i, j in itertools.combinations(range(5), 2)}) == 10
