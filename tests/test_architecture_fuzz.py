"""Whatever stands where a graph should, it is read or refused: soon, and in one short line."""

import itertools
import json
import sys
import time

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph.architecture import MOST_EDGES, MOST_VERTICES, Architecture
from egraph.errors import ArchitectureError

MILLION = 10**6
SOON = 10.0  # seconds of one core: work that grows with the square of a text takes minutes, on any machine


def nest(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


HUGE = st.sampled_from([30, 5000]).map(lambda digits: 10**digits)  # to print them would be refused
DEEP = st.sampled_from([3, 300]).map(nest)
NUMBERS = st.integers(-2, 5) | st.floats() | st.booleans() | HUGE
VALUES = st.recursive(
    st.none() | NUMBERS | st.text(max_size=5) | DEEP,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
OPS = st.lists(st.sampled_from(["input", "output", "x"]), max_size=5) | st.just(["input", "x", "y", "output"])
EDGES = st.lists(st.lists(st.integers(-1, 4), max_size=3) | st.tuples(NUMBERS, NUMBERS) | VALUES, max_size=5)
CONTENTS = VALUES | st.fixed_dictionaries(
    {"ops": OPS | VALUES, "edges": EDGES | VALUES},
    optional={"disabled": EDGES | VALUES, "colour": VALUES, 3: VALUES},
)


def refuse_or_read(read, value):
    """What is read; None where it is refused as it should be."""
    started = time.process_time()
    try:
        found, refusal = read(value), ""
    except ArchitectureError as error:
        found, refusal = None, str(error)
    assert time.process_time() - started < SOON
    assert "\n" not in refusal
    assert len(refusal) < 300
    return found


@settings(max_examples=200, deadline=None)
@given(CONTENTS)
def test_any_value_is_read_or_refused(content):
    if (found := refuse_or_read(Architecture.from_dict, content)) is not None:
        assert Architecture.from_dict(found.to_dict()) == found


@settings(max_examples=200, deadline=None)
@given(CONTENTS | st.text(), st.integers(0, 200), st.text(max_size=2))
def test_any_text_is_read_or_refused(content, place, piece):
    try:
        text = content if isinstance(content, str) else json.dumps(content)
    except (RecursionError, ValueError):
        return  # too deep, or too many digits, to write
    for damaged in (text, text[:place] + piece + text[place:]):
        if (found := refuse_or_read(Architecture.from_json, damaged)) is not None:
            assert Architecture.from_json(found.to_json()) == found


HOSTILE_TEXTS = {
    "nested lists": lambda: "[" * MILLION,
    "nested objects": lambda: '{"ops":' * 100_000,
    "edges nested": lambda: '{"ops":["input","output"],"edges":' + "[" * 900 + "]" * 900 + "}",
    "many digits": lambda: '{"ops":["input","output"],"edges":[[0,' + "9" * 5000 + "]]}",
    "infinity": lambda: '{"ops":["input","output"],"edges":[[0,1e999]]}',
    "no number": lambda: '{"ops":["input","output"],"edges":[[NaN,1],[NaN,1]]}',
    "booleans": lambda: '{"ops":["input","output"],"edges":[[false,true]]}',
    "many vertices": lambda: '{"ops":["input"' + ',"x"' * MILLION + ',"output"],"edges":[[0,1]]}',
    "many edges": lambda: '{"ops":["input","output"],"edges":[' + "[0,1]," * MILLION + "[0,1]]}",
    "many characters": lambda: "1" * 2**24,
    "half a character": lambda: "\ud800",
}


@pytest.mark.parametrize("make", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_hostile_json_is_refused(make):
    assert refuse_or_read(Architecture.from_json, make()) is None


HOSTILE_VALUES = {
    "numbers for names": lambda: {"ops": ["input", *[1] * MILLION, "output"], "edges": []},
    "many vertices": lambda: {"ops": ["x"] * MILLION, "edges": []},
    "many edges": lambda: {"ops": ["input", "output"], "edges": [(0, 1)] * MILLION},
    "deep ends": lambda: {"ops": ["input", "output"], "edges": [[nest(100_000), 1], [nest(100_000), 1]]},
    "many digits": lambda: {"ops": ["input", "output"], "edges": [[0, 10**100_000]]},
    "a long end": lambda: {"ops": ["input", "output"], "edges": [["0" * MILLION, 1]]},
    "a deep name": lambda: {"ops": ["input", nest(100_000), "output"], "edges": []},
    "deep operations": lambda: {"ops": nest(100_000), "edges": []},
    "fields of two kinds": lambda: {"x" * MILLION: 1, 2: 3},
    "a long cycle": lambda: {
        "ops": ["input", *["x"] * (MOST_VERTICES - 2), "output"],
        "edges": [*itertools.pairwise(range(MOST_VERTICES)), (MOST_VERTICES - 1, 0)],
    },
}


@pytest.mark.parametrize("make", HOSTILE_VALUES.values(), ids=HOSTILE_VALUES)
def test_hostile_values_are_refused(make):
    assert refuse_or_read(Architecture.from_dict, make()) is None


def test_the_largest_graphs_are_read_soon():
    ops = ["input", *["x"] * (MOST_VERTICES - 2), "output"]
    chain = list(itertools.pairwise(range(MOST_VERTICES)))
    backward = [
        (0, MOST_VERTICES - 2),
        *((v + 1, v) for v in range(1, MOST_VERTICES - 2)),
        (1, MOST_VERTICES - 1),
    ]
    wide = [(0, v) for v in range(1, MOST_VERTICES)]
    for edges in (chain, backward, wide):
        assert refuse_or_read(Architecture.from_dict, {"ops": ops, "edges": edges}) is not None
    several = [(i, j) for j in range(1000) for i in range(j)][:MOST_EDGES]
    assert len(refuse_or_read(Architecture.from_dict, {"ops": ops, "edges": several}).edges) == MOST_EDGES


def test_larger_graphs_are_refused():
    with pytest.raises(ArchitectureError, match="an architecture has at most 16,384 vertices, got more"):
        Architecture(["input", *["x"] * MOST_VERTICES, "output"], [])
    with pytest.raises(ArchitectureError, match="an architecture has at most 65,536 edges, got more"):
        Architecture(["input", "output"], itertools.repeat((0, 1)))
    with pytest.raises(ArchitectureError, match="at most 65,536 disabled edges, got more"):
        Architecture(["input", "output"], [], itertools.repeat((0, 1)))
    with pytest.raises(ArchitectureError, match="as JSON has at most 2,097,152 characters, got 9,000,000"):
        Architecture.from_json(" " * 9_000_000)


def test_json_of_the_largest_graph_is_not_too_long():
    """All names of 32 characters, all vertices of the largest number."""
    assert MOST_VERTICES * len(f'"{"x" * 32}",') + MOST_EDGES * len("[16383,16383],") < 2**21


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), unique=True, max_size=14))
def test_a_cycle_is_found_and_shown_just_where_there_is_one(edges):
    graph = networkx.DiGraph(edges)
    ops = ["input", *"abcde", "output"]
    if networkx.is_directed_acyclic_graph(graph):
        assert Architecture(ops, edges).edges == tuple(sorted(edges))
        return
    with pytest.raises(ArchitectureError, match="the graph has a cycle: ") as caught:
        Architecture(ops, edges)
    shown = str(caught.value).partition(": ")[2].partition(";")[0]
    path = [int(vertex) for vertex in shown.split(" -> ")]
    assert path[0] == path[-1] == min(path)
    assert len(set(path)) == len(path) - 1
    assert set(itertools.pairwise(path)) <= set(edges)


def test_a_long_cycle_is_shown_in_part():
    edges = [*itertools.pairwise(range(1, 1000)), (999, 1)]
    with pytest.raises(ArchitectureError, match=r"cycle: 1 -> 2 -> .* -> 10 -> \.\.\. -> 1; an architecture"):
        Architecture(["input", *["x"] * 999, "output"], edges)


def test_the_recursion_limit_is_left_alone():
    before = sys.getrecursionlimit()
    refuse_or_read(Architecture.from_json, "[" * MILLION)
    assert sys.getrecursionlimit() == before
