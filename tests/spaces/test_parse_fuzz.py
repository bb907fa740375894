"""Whatever text or graph comes, every space reads it or refuses it: soon, and in one short line."""

import functools
import itertools
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egraph import spaces
from egraph.architecture import MOST_VERTICES, Architecture
from egraph.errors import ArchitectureError

MILLION = 10**6
SOON = 10.0  # seconds of one core: work that grows with the square of a text takes minutes, on any machine

every_space = pytest.mark.parametrize(
    "space", [spaces.get(name) for name in spaces.names()], ids=spaces.names()
)

json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["normal", "reduce", "normal_concat", "ops"]) | st.text(), inner, max_size=4
        )
    ),
).map(json.dumps)


def refuse_or_read(read, value):
    """What is read; None where it is refused as it should be."""
    started = time.process_time()
    try:
        found, refusal = read(value), ""
    except ArchitectureError as error:
        found, refusal = None, str(error)
    assert time.process_time() - started < SOON
    assert "\n" not in refusal
    assert len(refusal) < 1000
    return found


@functools.cache
def notations(name):
    """Ten architectures in a space's notation."""
    rng = np.random.default_rng(0)
    space = spaces.get(name)
    return [space.format(space.sample(rng)) for _ in range(10)]


@every_space
@settings(max_examples=50, deadline=None)
@given(text=st.text() | json_texts)
def test_any_text_is_read_or_refused(space, text):
    if (found := refuse_or_read(space.parse, text)) is not None:
        assert found in space


@every_space
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_damaged_notation_is_read_or_refused(space, data):
    """Pieces of two architectures and of anything, put together."""
    pieces = []
    for text in data.draw(st.lists(st.sampled_from(notations(space.name)), min_size=1, max_size=3)):
        start, stop = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
        pieces += [text[:start], data.draw(st.text(max_size=2) | st.just(text[start:stop])), text[stop:]]
    if (found := refuse_or_read(space.parse, "".join(pieces))) is not None:
        assert found in space


@every_space
@pytest.mark.parametrize("text", [None, 12012012, b"12012012", ["0"], {"normal": []}])
def test_what_is_no_text_is_refused(space, text):
    with pytest.raises(ArchitectureError, match=rf"expected an architecture of {space.name} as text, got \S"):
        space.parse(text)


@every_space
def test_long_texts_are_refused(space):
    for text in (
        "0",
        "(",
        "[",
        "[1,",
        '{"normal":',
        " ",
        "|",
        ";",
        ",",
        "0>1,",
        "0/",
        "x",
        "\x00",
        "not ",
        "\ud800",
    ):
        for size in (MILLION, 2**16):
            assert refuse_or_read(space.parse, (text * size)[:size]) is None
    with pytest.raises(
        ArchitectureError, match=rf"{space.name} in at most 65,536 characters, got 70,000: '00"
    ):
        space.parse("0" * 70_000)


@every_space
def test_notation_repeated_without_end_is_refused(space):
    good = notations(space.name)[0]
    for separator in ("", " ", ",", ";", "|", "/", "+", ">"):
        text = separator.join([good] * (2**16 // len(good) - 10))[: 2**16]
        assert refuse_or_read(space.parse, text) is None
        parts = good.split(separator) if separator else [good]
        for place in range(len(parts) if 1 < len(parts) < 10 else 0):
            room = 2**16 - len(good)
            many = [parts[place]] * (room // (len(parts[place]) + 1))
            text = separator.join([*parts[:place], *many, *parts[place + 1 :]])
            refuse_or_read(space.parse, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nasbench101", "/".join(["0" * 255] * 255)),
        ("nasbench101", "/".join("0" * (i + 1) + "1" * (249 - i) for i in range(250)) + " maxpool3x3"),
        ("convnet", ",".join(["CONV_3.N"] * 3000) + ";" + ",".join(f"{i}>{i + 1}" for i in range(3000))),
        ("convnet", ",".join(["CONV_3.N"] * 999) + ";" + ",".join(f"{i + 1}>{i}" for i in range(1000))),
        ("convnet", "POOL_2.M;" + ",".join(f"{j}>{i}" for j in range(90) for i in range(j))),
        ("nash", ",".join(["POOL_2"] * 9000)),
        ("nash", ",".join(["CONV_3.W1", "POOL_2"] * 3000) + ";0>2"),
        ("concat-cell", " ".join(["1|0|0|0|0|0|0|0"] * (85 * 86 // 2))),
        ("darts", "Genotype(normal=" + "[" * 60_000 + "])"),
        ("darts", "Genotype(normal=" + "9" * 60_000 + ")"),
        ("darts", "Genotype(normal=" + "[0," * 20_000 + ")"),
        ("darts", "Genotype(" + "normal=0," * 7_000 + ")"),
        ("darts", '{"normal":' + "[" * 60_000),
        ("darts", '{"normal":[' + "[[[[[0]]]]]," * 5_000 + "0]}"),
    ],
)  # fmt: skip
def test_texts_that_would_take_time_or_stack_are_refused(name, text):
    assert len(text) <= 2**16
    assert refuse_or_read(spaces.get(name).parse, text) is None


@functools.cache
def graphs():
    """As large as a graph may be: a chain, a star, and a chain numbered backward."""
    many, last = MOST_VERTICES, MOST_VERTICES - 1
    ops = ["input", *["x"] * (many - 2), "output"]
    return (
        Architecture(ops, itertools.pairwise(range(many))),
        Architecture(ops, [edge for v in range(1, last) for edge in ((0, v), (v, last))]),
        Architecture(ops, [(v + 1, v) for v in range(1, last - 1)] + [(0, last - 1), (1, last)]),
    )


@every_space
@pytest.mark.parametrize("place", [0, -1])
def test_huge_graphs_of_known_operations_are_refused(space, place):
    for graph in graphs():
        huge = graph.relabel(["input", *[space.operations[place]] * (MOST_VERTICES - 2), "output"])
        assert refuse_or_read(space.key, huge) is None


def test_a_cell_of_very_many_nodes_is_refused():
    chain, *_ = graphs()
    concats = chain.relabel(["input", *["concat"] * (MOST_VERTICES - 2), "output"])
    with pytest.raises(ArchitectureError, match="has at most 3 nodes after the input, got 16383"):
        spaces.get("concat-cell").validate(concats)
