import collections

import numpy as np
import pytest

from egraph import operations, spaces
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, DataError, UsageError
from egraph.evaluation import Recipe, Training
from egraph.networks import count_params
from egraph.spaces import Grammar
from egraph.spaces._productions import read_productions

SHIPPED = spaces.get("grammar-convnet")
SMALL = """
<network> ::= <body>{1,2} <end>   # a comment
<body> ::= <conv> | <pool>
<conv> ::= grammar-test:conv [k:1..5:2] <act>
<pool> ::= grammar-test:pool
<act> ::= relu | tanh
<end> ::= grammar-test:end
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="small.bnf"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def small(write):
    return Grammar(write(SMALL))


def test_all_derivations_by_hand(small):
    assert small.name == "grammar-small"
    convs = [f"grammar-test:conv k:{k} {act}" for k in (1, 3, 5) for act in ("relu", "tanh")]
    assert small.operations == (*convs, "grammar-test:pool", "grammar-test:end")


def test_genes_are_the_choices_from_left_to_right(write):
    productions = read_productions(write("<n> ::= <a>\n<a> ::= <b> <b> | x\n<b> ::= y | z [k:0..2]"))
    found = {d.text: d.genes for d in productions.derive("a")}
    assert len(found) == 4 * 4 + 1
    assert found["z k:2 y"] == {"a": (0,), "b": (1, 0), "[k:0..2]": (2,)}
    assert found["x"] == {"a": (1,)}


def test_choices_that_are_missing_are_completed_by_every_option(write):
    productions = read_productions(write("<n> ::= <a>\n<a> ::= <b> <b> | x\n<b> ::= y | z [k:0..2]"))
    assert [d.text for d in productions.derive("a", {"a": (0,), "b": (1, 0), "[k:0..2]": (1,)})] == [
        "z k:1 y"
    ]
    found = productions.derive("a", {"a": (0,), "b": (1,), "[k:0..2]": (1,)})
    assert [d.text for d in found] == ["z k:1 y", "z k:1 z k:0", "z k:1 z k:1", "z k:1 z k:2"]


def test_a_symbol_with_one_rule_twice_is_drawn_twice_as_often():
    rng = np.random.default_rng(0)
    drawn = collections.Counter(
        "conv" in op for _ in range(500) for op in SHIPPED.sample(rng).ops[1:-1] if "dense" not in op
    )
    assert drawn[True] / drawn.total() == pytest.approx(2 / 3, abs=0.04)


def test_blocks_are_described_to_rankers():
    conv = operations.get("layer:conv filters:128 kernel:3 act:relu")
    assert (conv.kind, conv.kernel, conv.stride, conv.width) == ("conv", 3, 1, 2.0)
    assert operations.get("layer:max-pool kernel:2").kind == "max-pool"
    dense = operations.get("layer:dense units:64 act:relu")
    assert (dense.kind, dense.width) == ("linear", 1.0)


def test_blocks_without_a_known_layer_are_of_kind_other(write):
    Grammar(write("<n> ::= <a>\n<a> ::= layer:identity kernel:no-number | plain filters:0"))
    assert operations.get("layer:identity kernel:no-number").kind == "other"
    assert operations.get("plain filters:0").width == 1.0


def test_mutations_come_as_often_as_they_should():
    rng = np.random.default_rng(0)
    conv, other = "layer:conv filters:64 kernel:3 act:relu", "layer:dense units:64 act:relu"
    parent = SHIPPED.parse(" | ".join([conv] * 3 + [other]))
    kinds = collections.Counter(
        SHIPPED.mutate(parent, rng).num_vertices - parent.num_vertices for _ in range(3000)
    )
    assert kinds[1] / 3000 == pytest.approx(0.4, abs=0.03)
    assert kinds[-1] / 3000 == pytest.approx(0.25, abs=0.03)
    copies = sum(SHIPPED.mutate(parent, rng).ops.count(conv) > 3 for _ in range(3000))
    assert copies / 3000 == pytest.approx(0.15 / 2, abs=0.02)  # or of the dense layer


def test_an_inner_mutation_keeps_the_other_choices(small):
    rng = np.random.default_rng(0)
    parent = small.parse("grammar-test:conv k:3 relu | grammar-test:end")
    changed = {small.mutate(parent, rng).ops[1:-1] for _ in range(300)}
    assert {ops[0] for ops in changed if len(ops) == 2} == {
        "grammar-test:conv k:1 relu",
        "grammar-test:conv k:5 relu",
        "grammar-test:conv k:3 tanh",
        "grammar-test:pool",
        "grammar-test:conv k:3 relu",  # of <end>, which has but one derivation
    }


def test_neighbors_by_hand(small):
    parent = small.parse("grammar-test:pool | grammar-test:end")
    found = {small.format(other) for other in small.neighbors(parent)}
    convs = [f"grammar-test:conv k:{k} {act}" for k in (1, 3, 5) for act in ("relu", "tanh")]
    pool, end = "grammar-test:pool", "grammar-test:end"
    expected = {f"{conv} | {end}" for conv in convs} | {f"{pool} | {pool} | {end}"}
    expected |= {f"{conv} | {pool} | {end}" for conv in convs} | {
        f"{pool} | {conv} | {end}" for conv in convs
    }
    assert found == expected


def test_crossover_takes_sections_or_cuts_them():
    rng = np.random.default_rng(0)
    conv, pool = "layer:conv filters:64 kernel:3 act:relu", "layer:max-pool kernel:2"
    a = SHIPPED.parse(" | ".join([conv] * 4))
    b = SHIPPED.parse(" | ".join([pool] * 2 + ["layer:dense units:64 act:relu"]))
    children = collections.Counter(
        tuple(op.split()[0][6:] for op in SHIPPED.crossover(a, b, rng).ops[1:-1]) for _ in range(2000)
    )
    assert children[("conv",) * 4] > 200  # both sections of one parent
    assert children[("conv",) * 4 + ("dense",)] > 200
    assert ("conv", "max-pool", "dense") in children  # cut after the first block
    assert (
        "max-pool",
        "max-pool",
        "conv",
        "conv",
    ) not in children  # cuts are of the first parent's beginning


def test_encoding_by_hand(small):
    assert small.choices == (8, 8, 2)
    architecture = small.parse("grammar-test:conv k:1 tanh | grammar-test:end")
    assert small.encode(architecture) == (2, 0, 1)
    assert small.decode((0, 2, 1)) == architecture
    with pytest.raises(ArchitectureError, match="grammar-small has 1 to 2 blocks of body, got 0"):
        small.decode((0, 0, 1))


@pytest.mark.parametrize(
    ("ops", "edges", "text"),
    [
        (["end", "pool"], None, "blocks of grammar-small come in the order body, end"),
        (["end"], None, "grammar-small has 1 to 2 blocks of body, got 0"),
        (["pool", "end", "end"], None, "grammar-small has 1 to 1 blocks of end, got 2"),
        (
            ["pool", "end"],
            [(0, 1), (1, 2), (0, 3)],
            r"grammar-small has only chains, got .* \[\(0, 1\)",
        ),
    ],
)
def test_what_is_not_of_the_grammar_is_refused(small, ops, edges, text):
    edges = edges or [(v, v + 1) for v in range(len(ops) + 1)]
    with pytest.raises(ArchitectureError, match=text):
        small.validate(Architecture(["input", *(f"grammar-test:{op}" for op in ops), "output"], edges))


def test_an_empty_network_can_grow(write):
    space = Grammar(write("<n> ::= <a>{0,2}\n<a> ::= x | y"))
    empty = Architecture(["input", "output"], [(0, 1)])
    assert space.mutate(empty, np.random.default_rng(0)).num_vertices == 3


def test_a_block_without_a_choice_stays_as_it_is(write):
    space = Grammar(write("<n> ::= <a>\n<a> ::= only"))
    one = space.sample(np.random.default_rng(0))
    assert space.mutate(one, np.random.default_rng(0)) == one


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rules"),
        ("network = conv", r"line 1 of .* is no rule '<symbol> ::= words', got 'network = conv'"),
        ("<n> ::= conv", r"line 1 .*, the outer level, takes words such as '<block>\{1,4\}', got 'conv'"),
        ("<n> ::= <a>{3,2}", "line 1 of .* wants 3 to 2 of <a>; the most must be 1 or more"),
        ("<n> ::= <a>{0,0}", "line 1 of .* wants 0 to 0 of <a>; the most must be 1 or more"),
        ("<n> ::= <a> <a>", "line 1 of .* has <a> in two places; give each its own symbol"),
        ("<n> ::= <a>", "has no rule for <a>"),
        ("<n> ::= <a>\n<a> ::= x\n<a> ::= y", "line 3 of .* has a second rule for <a>"),
        ("<n> ::= <a>\n\n<a> ::= x, y", "line 3 of .* takes '<symbol>', .* and terminals, got 'x,'"),
        ("<n> ::= <a>\n<a> ::= x | | y", "line 2 of .* has an alternative without words"),
        ("<n> ::= <a>\n<a> ::= [k:3..1]", r"line 2 of .* has a parameter without values: \[k:3..1\]"),
        ("<n> ::= <a>\n<a> ::= x <b>\n<b> ::= <a>", "<a> of .* derives itself; blocks must be finite"),
        ("<n> ::= <a>\n<a> ::= [k:1..30000]", "more than 20,000 blocks can be derived"),
        ("<n> ::= <a> <b>\n<a> ::= x | y\n<b> ::= y", "derives 'y' from two sections"),
    ],
)
def test_a_file_that_is_no_grammar_is_refused(write, text, message):
    with pytest.raises(DataError, match=message):
        Grammar(write(text))


def test_a_file_that_is_absent_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"cannot read the grammar .*absent\.bnf: "):
        Grammar(tmp_path / "absent.bnf")


LEARNING = """
<network> ::= <features>{1,2} <learning>
<features> ::= layer:conv [filters:8..16:8] kernel:3 batch-norm:true act:relu | layer:max-pool kernel:2
<learning> ::= learning:sgd <rate> momentum:0.9 decay:0 | learning:adam <rate>
<rate> ::= lr:0.1 | lr:0.01
"""


def test_blocks_of_learning_set_the_training_and_are_not_built(write):
    space = Grammar(write(LEARNING, "learning.bnf"))
    one = space.parse("layer:conv filters:16 kernel:3 batch-norm:true act:relu | learning:adam lr:0.01")
    assert space.settings(one) == {"optimizer": "adam", "learning_rate": 0.01}
    assert count_params(space.network(one, (1, 8, 8), 10)) == 160 + 2 * 16 + 16 * 64 * 10 + 10
    other = space.parse("layer:max-pool kernel:2 | learning:sgd lr:0.1 momentum:0.9 decay:0")
    assert Recipe(**space.settings(other)).weight_decay == 0
    assert SHIPPED.settings(SHIPPED.sample(np.random.default_rng(0))) == {}


def test_networks_of_the_grammar_read_digits():
    one = SHIPPED.parse(
        "layer:conv filters:64 kernel:3 act:relu | layer:max-pool kernel:2 | "
        "layer:conv filters:128 kernel:3 act:relu | layer:dense units:64 act:relu"
    )
    recipe = Recipe(epochs=6, batch_size=32, channels=16)
    result = Training(SHIPPED, "digits", recipe, device="cpu").evaluate(one)
    # 16 filters, 32 filters, 16 units on 32 maps of 4 x 4
    assert result.params == 160 + 4640 + (32 * 16 * 16 + 16) + 170
    assert min(result.score, result.test_score) > 0.8


@pytest.mark.parametrize("use", ["network", "settings"])
def test_a_grammar_with_a_layer_that_cannot_be_built_names_the_block(write, use):
    """Also where the architecture at hand does not have it: at the first network, not at an unlucky one."""
    space = Grammar(
        write("<n> ::= <a>\n<a> ::= layer:conv filters:8 kernel:3 | layer:lstm units:8", "odd.bnf")
    )
    one = space.parse("layer:conv filters:8 kernel:3")
    with pytest.raises(
        UsageError, match=r"no network has the block 'layer:lstm units:8': it must have one of"
    ):
        getattr(space, use)(one)


def test_layers_that_do_not_fit_name_the_block(write):
    space = Grammar(
        write("<n> ::= <a> <b>\n<a> ::= layer:dense units:8\n<b> ::= layer:max-pool kernel:2", "b.bnf")
    )
    one = space.parse("layer:dense units:8 | layer:max-pool kernel:2")
    with pytest.raises(
        ArchitectureError, match=r"block 'layer:max-pool kernel:2' \(vertex 2\): a pool cannot"
    ):
        space.network(one)


def test_pools_are_described_with_the_stride_that_they_have(write):
    text = "<n> ::= <a>\n<a> ::= layer:max-pool kernel:3 | layer:avg-pool kernel:3 stride:1"
    pools = [operations.get(name) for name in Grammar(write(text, "pools.bnf")).operations]
    assert [(pool.kind, pool.kernel, pool.stride) for pool in pools] == [
        ("max-pool", 3, 3),
        ("avg-pool", 3, 1),
    ]
