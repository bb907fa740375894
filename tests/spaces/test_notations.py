"""Architectures in the notations of other programs."""

import contextlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import Architecture, spaces
from egraph.errors import ArchitectureError, UnknownNameError
from egraph.spaces import read_architecture

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "notations.md"
ROWS = [
    (program, space, example.replace(r"\|", "|"))
    for program, space, example in re.findall(
        r"^\| ([^|]+) \| (\w+) \| `(.+)` \|$", PAGE.read_text(encoding="utf-8"), re.M
    )
]
CELL = Architecture(["input", "conv3x3-bn-relu", "output"], [(0, 1), (1, 2)])
TEXT = "|avg_pool_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"
GENOTYPE = {
    "normal": [
        ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2),
    ],
    "reduce": [
        ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1),
        ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1),
    ],
}  # fmt: skip
EXPECTED = {
    "any": CELL,
    "nasbench101": CELL,
    "nasbench201": spaces.get("nasbench201").parse(TEXT),
    "darts": spaces.get("darts").from_genotype(GENOTYPE),
}
CONFIG = "NetworkSelectorDatasetInfo:darts:"


@pytest.mark.parametrize(("program", "space", "example"), ROWS, ids=[row[0] for row in ROWS])
def test_the_examples_of_the_page_are_the_same_architecture(program, space, example):
    assert read_architecture(example, None if space == "any" else space) == EXPECTED[space]
    assert read_architecture(f"  {example}\n", None if space == "any" else space) == EXPECTED[space]


def test_the_page_has_all_notations():
    assert len(ROWS) == 12
    assert {space for _, space, _ in ROWS} == EXPECTED.keys()


@pytest.mark.parametrize("row", [row for row in ROWS if row[2][0] not in "|(" and "Structure" not in row[2]])
def test_what_belongs_to_one_space_needs_no_space(row):
    assert read_architecture(row[2]) == EXPECTED[row[1]]


@pytest.mark.parametrize(
    "text",
    [
        "X = {}",
        "2019-03-11 12:00:01,123 genotype = {}",
        "[INFO] 12:00:01 best genotype: {}",
        "darts.genotypes.{}",
    ],
)
def test_what_logs_and_programs_write_before_a_constructor_is_left_out(text):
    [genotype] = [example for program, _, example in ROWS if program == "DARTS"]
    assert read_architecture(text.format(genotype)) == EXPECTED["darts"]
    assert read_architecture(text.format(genotype), "darts") == EXPECTED["darts"]
    assert spaces.get("darts").parse(text.format(genotype)) == EXPECTED["darts"]


def test_names_before_brackets_are_left_out():
    matrix = "{'matrix': [[0, 1, 0], [0, 0, 1], [0, 0, 0]], 'ops': ['input', 'conv3x3-bn-relu', 'output']}"
    assert read_architecture(f"12:00:01 arch = {matrix}") == CELL
    assert read_architecture("arch: (4, 1, 0, 2, 3, 1)", "nasbench201") == EXPECTED["nasbench201"]
    assert read_architecture(f"12:00:01 arch={TEXT}", "nasbench201") == EXPECTED["nasbench201"]


def test_values_of_python_are_read_too():
    matrix = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=np.int8)
    given = {"module_adjacency": matrix, "module_operations": list(CELL.ops), "training_time": 1.5}
    assert read_architecture(given) == CELL
    assert read_architecture(CELL) is CELL
    assert read_architecture([4, 1, 0, 2, 3, 1], "nasbench201") == EXPECTED["nasbench201"]
    numbers = "(np.int64(4), np.int64(1), 0, 2, 3, 1)"
    assert read_architecture(numbers, "nasbench201") == EXPECTED["nasbench201"]


def test_each_number_of_naslib_is_an_operation_on_an_edge_of_its_order():
    """From the sources of NASLib: edges by source, 1-2, 1-3, 1-4, 2-3, 2-4, 3-4."""
    assert spaces.get("nasbench201").format(read_architecture((2, 3, 4, 0, 1, 2), "nasbench201")) == (
        "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|"
    )


def test_fields_of_configspace_besides_the_cells_are_ignored():
    [text] = [example for program, _, example in ROWS if program == "NAS-Bench-301"]
    more = text.replace("values={", "values={'OptimizerSelector:sgd:learning_rate': 2.5e-02, 'a:b': True, ")
    assert read_architecture(more) == EXPECTED["darts"]
    with pytest.raises(ArchitectureError, match=r"two edges into node 5 .* its inputs '0_2'; got edges from"):
        read_architecture(text.replace("edge_normal_11", "edge_normal_12"))
    with pytest.raises(ArchitectureError, match="two edges into node 2 of the reduce cell"):
        read_architecture(
            {f"{CONFIG}edge_normal_{edge}": "skip_connect" for edge in (0, 1, 2, 3, 5, 6, 9, 10)}
        )


def test_an_architecture_of_egraph_is_checked():
    assert read_architecture(CELL.to_json(), "nasbench101") == CELL
    with pytest.raises(ArchitectureError, match="nasbench201"):
        read_architecture(CELL, "nasbench201")
    with pytest.raises(ArchitectureError, match="nasbench201"):
        read_architecture(CELL.to_json(), "nasbench201")


@pytest.mark.parametrize(
    ("content", "space", "match"),
    [
        ("hello", None, r"not an architecture in JSON .* got|name the space \(--space NAME\)"),
        ("(4, 1, 0, 2, 3, 1)", None, "a list of numbers needs the name of the space"),
        ((4, 1, 0, 2, 3, 5), "nasbench201", r"expected an architecture: .*; got \(4, 1, 0, 2, 3, 5\)"),
        ("(4, 1, 0, 2, 3)", "nasbench201", r"not a NAS-Bench-201 cell: '\(4, 1, 0, 2, 3\)'"),
        (5, None, "expected an architecture: .*; got 5"),
        ({"a": {1}}, "darts", "expected an architecture: .*; got"),
        ('{"ops": ["input", "output"]}', None, "field 'edges' of an architecture must be a list"),
        ("{oops", None, "not JSON: "),
        ("{'a': b}", "darts", "not JSON: "),
        ("ModelSpec([[0]], ['input'])", None, r"cannot read ModelSpec\(...\) with its keyword arguments"),
        ("Genotype(normal=1, normal=1)", None, "not a DARTS genotype"),
        ("X = Genotype(normal=[])", "nasbench201", "not a DARTS genotype|normal"),
        ({"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}, "convnet", "and convnet was expected"),
        ({"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"], "x": 1}, None, "matrix and ops, got 'x'"),
        ({"matrix": [[0, 1], [0, 0]], "ops": "input"}, None, "expected ops to be a list of operations"),
        ({"module_adjacency": "x", "module_operations": []}, None, "module_adjacency to be rows of 0 and 1"),
        ("x" * 70_000, "darts", "in at most 65,536 characters"),
    ],
)  # fmt: skip
def test_what_is_no_architecture_is_refused(content, space, match):
    with pytest.raises(ArchitectureError, match=match) as caught:
        read_architecture(content, space)
    assert "\n" not in str(caught.value)


def test_an_unknown_space_is_named():
    with pytest.raises(UnknownNameError, match="Did you mean 'darts'"):
        read_architecture("x", "dart")


def test_large_graphs_may_be_longer_than_any_notation():
    ops = ["input", *[f"conv{number:04}" for number in range(9000)], "output"]
    graph = Architecture(ops, [(vertex, vertex + 1) for vertex in range(9001)])
    assert len(graph.to_json()) > 2**16
    assert read_architecture(graph.to_json()) == graph


PIECES = st.sampled_from(
    ["Genotype(", "ModelSpec(", "Configuration(values=", "normal=", "matrix", "'ops'", ": ", "[", "]", "(",
     ")", "{", "}", "0", "1", "2.5", ", ", "=", "array(", "range(", "'sep_conv_3x3'", '"input"', "None",
     "|none~0|", "+", "-", "dtype=int8", " ", "edges", "\\", "'", "np.int64("]
)  # fmt: skip
FIELDS = st.sampled_from(
    ["matrix", "ops", "edges", "module_adjacency", "module_operations", "normal", "reduce",
     f"{CONFIG}edge_normal_0", f"{CONFIG}inputs_node_normal_3"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=8) | st.dictionaries(FIELDS | st.text(max_size=4), inner, max_size=4)
    ),
)


@settings(max_examples=200, deadline=None)
@given(
    content=st.lists(PIECES, max_size=12).map("".join) | VALUES | VALUES.map(str) | st.text(max_size=30),
    space=st.sampled_from([None, "nasbench101", "nasbench201", "darts", "convnet"]),
)
def test_anything_is_read_or_refused_in_one_line(content, space):
    refusal = ""
    try:
        assert isinstance(read_architecture(content, space), Architecture)
    except ArchitectureError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert len(refusal) < 1000


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_damaged_notation_is_read_or_refused(data):
    _, space, text = data.draw(st.sampled_from(ROWS))
    start = data.draw(st.integers(0, len(text)))
    damaged = text[:start] + data.draw(st.lists(PIECES, max_size=2).map("".join)) + text[start + 1 :]
    for named in (None, None if space == "any" else space):
        with contextlib.suppress(ArchitectureError):
            read_architecture(damaged, named)
