import copy
import json
import os
import pickle
import subprocess
import sys

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egraph import operations
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError

# torch-geometric compiles a few functions when it is first imported, and torch complains about how
PYG_IMPORT = pytest.mark.filterwarnings("ignore:.torch.jit.* is deprecated:DeprecationWarning")
NAMES = ("conv3x3-bn-relu", "maxpool3x3", "unbekannt ✓", "")


@st.composite
def architectures(draw):
    n = draw(st.integers(2, 10))
    ops = draw(st.lists(st.sampled_from(NAMES), min_size=n - 2, max_size=n - 2))
    order = [0, *draw(st.permutations(range(1, n - 1))), n - 1]
    pairs = st.sampled_from([(order[i], order[j]) for j in range(n) for i in range(j)])
    edges = draw(st.lists(pairs, unique=True))
    disabled = draw(st.lists(pairs, unique=True, max_size=3))
    return Architecture(["input", *ops, "output"], edges, disabled)


def chain(*ops):
    return Architecture(["input", *ops, "output"], [(v, v + 1) for v in range(len(ops) + 1)])


def test_fields_of_the_contract():
    a = Architecture(ops=["input", "conv3x3-bn-relu", "output"], edges=[(1, 2), (0, 1)])
    assert a.ops == ("input", "conv3x3-bn-relu", "output")
    assert a.edges == ((0, 1), (1, 2))
    assert a.disabled == ()
    assert a.num_vertices == 3


@given(architectures())
def test_json_round_trips(a):
    text = a.to_json()
    again = Architecture.from_json(text)
    assert again == a
    assert hash(again) == hash(a)
    assert again.to_json() == text
    assert "\n" not in text
    assert ("disabled" in json.loads(text)) == bool(a.disabled)


@given(architectures(), st.randoms(use_true_random=False))
def test_order_and_type_of_the_arguments_do_not_matter(a, random):
    edges = [list(edge) for edge in a.edges]
    random.shuffle(edges)
    assert Architecture(list(a.ops), np.array(edges, dtype=np.int8).reshape(-1, 2), iter(a.disabled)) == a


@given(architectures(), architectures())
def test_equal_means_equal_fields(a, b):
    fields = [(x.ops, x.edges, x.disabled) for x in (a, b)]
    assert (a == b) == (fields[0] == fields[1])
    assert a != fields[0]
    if a == b:
        assert hash(a) == hash(b)


@given(architectures())
def test_copies_and_pickles_are_equal(a):
    for again in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        assert again == a
        assert hash(again) == hash(a)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_pickles_are_read_under_another_hash_seed(seed, tmp_path):
    a = Architecture(["input", "maxpool3x3", "output"], [(0, 1), (1, 2)], [(0, 2)])
    path = tmp_path / "a.pickle"
    path.write_bytes(pickle.dumps(a))
    program = (
        "import pickle, sys; from egraph.architecture import Architecture;"
        "a = pickle.load(open(sys.argv[1], 'rb')); b = Architecture(a.ops, a.edges, a.disabled);"
        "assert a == b and hash(a) == hash(b) and {a: 1}[b] == 1; print(a.to_json())"
    )
    result = subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", "-c", program, str(path)],
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == a.to_json()


@given(architectures())
def test_networkx_has_vertices_operations_and_edges(a):
    graph = a.to_networkx()
    assert networkx.is_directed_acyclic_graph(graph)
    assert list(graph) == list(range(a.num_vertices))
    assert [op for _, op in graph.nodes(data="op")] == list(a.ops)
    assert sorted(graph.edges) == list(a.edges)


@PYG_IMPORT
def test_pyg_describes_vertices_and_edges():
    import torch

    a = Architecture(["input", "maxpool3x3", "output"], [(0, 1), (0, 2), (1, 2)])
    data = a.to_pyg()
    assert data.validate()
    assert data.num_nodes == 3
    assert data.ops == list(a.ops)
    assert data.edge_index.tolist() == [[0, 0, 1], [1, 2, 2]]
    assert data.edge_index.dtype == torch.long
    rows = [operations.attributes(operations.get(op)).tolist() for op in a.ops]
    assert data.x.tolist() == rows


@PYG_IMPORT
def test_pyg_without_edges():
    data = Architecture(["input", "output"], []).to_pyg()
    assert data.edge_index.shape == (2, 0)


def test_svg_is_a_document():
    assert "<svg" in chain("maxpool3x3").to_svg()


def test_fields_cannot_be_set():
    with pytest.raises(AttributeError, match="cannot assign to field 'ops'"):
        chain("maxpool3x3").ops = ()


@pytest.mark.parametrize(
    ("ops", "edges", "text"),
    [
        ([], [], "must begin with 'input' and end with 'output'"),
        (["input"], [], "must begin with 'input'"),
        (["output", "input"], [], "must begin with 'input'"),
        (["input", 3, "output"], [], r"operations must be strings, got \('input', 3, 'output'\)"),
        (
            ["input", "x", "y", "output"],
            [(0, 1), (1, 2), (2, 1), (2, 3)],
            r"has a cycle: 1 -> 2 -> 1; an arch",
        ),
        (["input", "x", "output"], [(0, 1), (1, 1)], "has a cycle: 1 -> 1"),
        (["input", "x", "output"], [(0, 3)], r"edge \(0, 3\) names a vertex outside 0 to 2"),
        (["input", "x", "output"], [(-1, 1)], r"edge \(-1, 1\) names a vertex outside"),
        (["input", "x", "output"], [(0, 1), (0, 1)], r"edge \(0, 1\) stands twice"),
        (["input", "x", "output"], [(0, 1, 2)], "each edge must be a pair of vertex numbers"),
        (["input", "x", "output"], [(0, 1.0)], r"each edge must be a pair of vertex numbers, got \(0, 1.0\)"),
        (["input", "x", "output"], [(False, True)], "each edge must be a pair of vertex numbers"),
        (["input", "x", "output"], [("0", "1")], "each edge must be a pair of vertex numbers"),
        (["input", "x", "output"], [0], "each edge must be a pair of vertex numbers"),
        (["input", "x", "output"], None, "each edge must be a pair of vertex numbers, got None"),
    ],
)
def test_what_is_no_graph_is_refused(ops, edges, text):
    with pytest.raises(ArchitectureError, match=text):
        Architecture(ops, edges)


def test_disabled_edges_are_checked_alike():
    with pytest.raises(ArchitectureError, match=r"disabled edge \(0, 9\) names a vertex outside 0 to 1"):
        Architecture(["input", "output"], [], [(0, 9)])
    with pytest.raises(ArchitectureError, match="has a cycle"):
        Architecture(["input", "x", "y", "output"], [(1, 2)], [(2, 1)])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (None, "not JSON"),
        ("[]", r"an object with 'ops' and 'edges', got \[\]"),
        ("{}", "field 'ops' of an architecture must be a list, got None"),
        ('{"ops":"input"}', "field 'ops' of an architecture must be a list"),
        ('{"ops":["input","output"]}', "field 'edges' of an architecture must be a list"),
        (
            '{"ops":["input","output"],"edges":[],"colour":1}',
            "has the fields ops, edges, disabled, answers and operations, got 'colour'",
        ),
        ('{"ops":["input","output"],"edges":[[0]]}', "each edge must be a pair"),
        (
            '{"ops":["input","output"],"edges":[],"disabled":3}',
            "field 'disabled' of an architecture must be a list, got 3",
        ),
        ('{"ops":["input","output"],"edges":[],"disabled":""}', "field 'disabled' .* must be a list, got ''"),
        ('{"ops":["input","output"],"edges":[],"disabled":[[1]]}', "each disabled edge must be a pair"),
        ('{"ops":["input",[],"output"],"edges":[]}', "operations must be strings"),
        (
            '{"ops":["input","output"],"edges":[],"answers":[1]}',
            "field 'answers' .* must be an object, got .1",
        ),
        ('{"ops":["input","output"],"edges":[],"answers":{"a":{}}}', "answers are numbers, .* got 'a': {}"),
        ('{"ops":["input","output"],"edges":[],"answers":{"a":[[1]]}}', "answers are numbers, .* got 'a'"),
        ('{"ops":["input","output"],"edges":[],"operations":3}', "field 'operations' .* must be a list"),
        (
            '{"ops":["input","output"],"edges":[],"operations":[3]}',
            "expected the description of an operation",
        ),
    ],
)
def test_wrong_json_is_refused_in_one_line(text, reason):
    with pytest.raises(ArchitectureError, match=reason) as caught:
        Architecture.from_json(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_relabelled_graph_is_one_that_was_made_so():
    before = Architecture(["input", "a", "b", "output"], [(0, 1), (1, 2), (2, 3)], [(0, 3)])
    after = before.relabel(["input", "c", "b", "output"])
    assert after == Architecture(["input", "c", "b", "output"], before.edges, before.disabled)
    assert hash(after) == hash(Architecture(after.ops, after.edges, after.disabled))
    assert before.ops[1] == "a"


@pytest.mark.parametrize(
    ("ops", "text"),
    [
        (["input", "c", "output"], r"expected 4 operations, one a vertex, got \('input', 'c', 'output'\)"),
        (["c", "c", "c", "output"], "operations must begin with 'input'"),
        (["input", 3, "b", "output"], "operations must be strings"),
    ],
)
def test_a_graph_is_not_relabelled_with_what_does_not_fit(ops, text):
    graph = Architecture(["input", "a", "b", "output"], [(0, 1), (1, 2), (2, 3)])
    with pytest.raises(ArchitectureError, match=text):
        graph.relabel(ops)


ANSWERS = {"width": 16, "rate": 0.5, "block": "conv3", "inputs": [0, 2], "bias": True, "norm": None}


def test_answers_are_part_of_the_value():
    one = Architecture(["input", "output"], [(0, 1)], answers=ANSWERS)
    assert one.answers[0] == ("width", 16)
    assert one.answers[3] == ("inputs", (0, 2))
    assert one == Architecture(["input", "output"], [(0, 1)], answers=list(ANSWERS.items()))
    assert one != Architecture(["input", "output"], [(0, 1)])
    assert len({one, Architecture(["input", "output"], [(0, 1)], answers=ANSWERS | {"width": 32})}) == 2
    assert one.relabel(one.ops).answers == one.answers
    assert Architecture.from_json(one.to_json()) == one
    assert json.loads(one.to_json())["answers"] == ANSWERS
    assert pickle.loads(pickle.dumps(one)) == one


def test_descriptions_travel_with_traced_graphs():
    """In another process, as JSON and as a pickle: nothing is registered there."""
    made = operations.name_by_description(operations.Operation("conv3x3-7", "conv", kernel=3, channels=7))
    operations.remember(made)
    graph = Architecture(["input", made.name, "output"], [(0, 1), (1, 2)])
    told = f"""
import pickle, egraph
from egraph import operations
graph = egraph.Architecture.from_json({graph.to_json()!r})
assert operations.get(graph.ops[1]).channels == 7
assert graph.to_json() == {graph.to_json()!r}
"""
    subprocess.run([sys.executable, "-c", told], check=True)
    unpickled = f"import pickle; print(pickle.loads({pickle.dumps(graph)!r}).to_json())"
    done = subprocess.run([sys.executable, "-c", unpickled], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == graph.to_json()
