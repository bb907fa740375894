"""The service keeps to its own OpenAPI description, and nothing that is sent breaks the reading of it.

Data is drawn the same way each time; ``EXAMPLES`` says how much.
"""

from __future__ import annotations

import json
import socket
import threading

import hypothesis
import numpy as np
import pytest
import uvicorn
from hypothesis import strategies as st

from egraph import Architecture, spaces
from egraph.errors import ArchitectureError
from egraph.operations import registry
from egraph.service import Limits, Settings, create_app
from egraph.service._problems import FieldError, Problem
from egraph.service._reading import Reader, parse_json

schemathesis = pytest.importorskip("schemathesis")
positive_data_acceptance = pytest.importorskip("schemathesis.specs.openapi.checks").positive_data_acceptance

EXAMPLES = 10
VERTICES = 16
OPERATIONS = [("POST", f"/v1/{name}") for name in ("score", "compare", "rank", "neighbors", "draw")]
READABLE = [("GET", path) for path in ("/v1/model", "/healthz", "/readyz", "/metrics")]
# What goes with the description may still be refused: it has a cycle, or an operation that nobody knows.
EXCLUDED = [positive_data_acceptance]


def settings(examples=EXAMPLES):
    return hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


class Fixed:
    """One ranker, for good."""

    def __init__(self, model):
        self.model = model


@pytest.fixture(scope="module")
def description(model):
    app = create_app(Fixed(model), Settings(limits=Limits(architectures=32, vertices=VERTICES)))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    # In one event loop for all requests, as in a worker.
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{listener.getsockname()[1]}/openapi.json")
    finally:
        server.should_exit = True
        thread.join()


def test_all_operations_are_tried(description):
    paths = description.raw_schema["paths"]
    assert {(method.upper(), path) for path in paths for method in paths[path]} == {*OPERATIONS, *READABLE}


@pytest.mark.parametrize(("method", "path"), [*OPERATIONS, *READABLE])
def test_answers_to_requests_as_described_are_as_described(description, method, path):
    _ask_all(description[path][method], schemathesis.GenerationMode.POSITIVE)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_requests_other_than_described_are_refused_as_described(description, method, path):
    _ask_all(description[path][method], schemathesis.GenerationMode.NEGATIVE)


def _ask_all(operation, mode):
    @settings()
    @hypothesis.given(operation.as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(excluded_checks=EXCLUDED)

    ask()


@st.composite
def graphs(draw, names=tuple(registry)):
    """Right ones, of any operations."""
    size = draw(st.integers(2, VERTICES))
    inner = draw(st.lists(st.sampled_from(names), min_size=size - 2, max_size=size - 2))
    pairs = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))
    edges = draw(st.sets(pairs.filter(lambda pair: pair[0] < pair[1]), max_size=3 * size))
    return {"ops": ["input", *inner, "output"], "edges": [list(edge) for edge in sorted(edges)]}


@pytest.mark.parametrize(
    ("path", "bodies"),
    [
        ("/v1/score", st.fixed_dictionaries({"architectures": st.lists(graphs(), min_size=1, max_size=8)})),
        ("/v1/rank", st.fixed_dictionaries({"architectures": st.lists(graphs(), min_size=1, max_size=8)})),
        ("/v1/compare", st.fixed_dictionaries({"pairs": st.just([{}])})),
        ("/v1/draw", st.fixed_dictionaries({"architecture": graphs()})),
    ],
)
def test_right_requests_are_answered_as_described(description, path, bodies):
    operation = description[path]["POST"]

    @settings()
    @hypothesis.given(bodies, graphs(), graphs())
    def ask(body, a, b):
        body = {"pairs": [{"a": a, "b": b}]} if "pairs" in body else body
        answer = operation.Case(body=body, media_type="application/json").call_and_validate()
        assert answer.status_code == 200

    ask()


# The reading of requests

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["ops", "edges", "disabled", "matrix", "normal", "reduce", "normal_concat"])


@st.composite
def nearly(draw, right):
    """Right but for one part, which is anything."""
    content = json.loads(json.dumps(draw(right)))
    place, key = content, None
    while isinstance(place, dict | list) and place:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            place[key] = draw(JSON)
            break
        place = place[key]
    return content


def _read(content, space=None):
    """What a reader makes of it; None where it refuses it, as it may."""
    try:
        return Reader(VERTICES, frozenset(registry), space).read(content, "/here")
    except FieldError as error:
        told = error
    assert told.pointer.startswith("/here")
    assert len(told.detail) < 1000
    return None


@settings(120)
@hypothesis.given(st.binary(max_size=60) | JSON.map(lambda content: json.dumps(content).encode()))
def test_any_bytes_are_an_object_or_refused(body):
    try:
        read = parse_json(body)
    except Problem as problem:
        read = problem.status
    assert isinstance(read, dict) or read in (400, 422)


@settings(120)
@hypothesis.given(JSON | st.dictionaries(FIELDS, JSON, max_size=4) | nearly(graphs()))
def test_any_content_is_an_architecture_or_refused(content):
    read = _read(content)
    if read is not None:
        assert read.num_vertices <= VERTICES
        assert _read(read.to_dict()) == read


@settings(50)
@hypothesis.given(graphs())
def test_right_graphs_are_read_as_they_are(content):
    assert _read(content) == Architecture(content["ops"], content["edges"])


@pytest.mark.parametrize("name", spaces.names())
def test_any_text_is_an_architecture_of_the_space_or_refused(name):
    space = spaces.get(name)
    rng = np.random.default_rng(0)
    texts = [space.format(space.sample(rng)) for _ in range(8)]
    alphabet = sorted({character for text in texts for character in text} | set("({[\0٣-9,"))

    @settings(30)
    @hypothesis.given(st.sampled_from(texts), st.text(alphabet, max_size=4), st.data())
    def read(text, replacement, data):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 4)))
        text = text[:start] + replacement + text[end:]
        try:
            parsed = space.parse(text)
        except ArchitectureError:
            assert _read(text, space) is None
        else:
            space.validate(parsed)
            assert space.key(space.parse(space.format(parsed))) == space.key(parsed)

    read()


GENOTYPE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
    "normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
    "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
    "('max_pool_3x3', 1)], reduce_concat=range(2, 6))"
)


@settings(80)
@hypothesis.given(
    st.integers(0, 370), st.integers(0, 12), st.text("()[]{},'=0123456789-*_abrange __import__", max_size=12)
)
def test_any_genotype_is_an_architecture_or_refused(start, length, replacement):
    _read(GENOTYPE[:start] + replacement + GENOTYPE[start + length :])


@pytest.mark.parametrize(
    "text", ["Genotype(" + "(" * 5000, "Genotype(" + "[" * 5000 + "]" * 5000, "Genotype(9**9**9**9)"]
)
def test_genotypes_that_would_take_for_ever_are_refused(text):
    assert _read(text) is None
