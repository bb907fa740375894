"""What is wrong is told as a problem document that names the field, and nothing else."""

import json

import pytest
from asking import CELL, GRAPH

from egraph.service._problems import FieldError
from egraph.service._reading import Reader

PROBLEM = "application/problem+json"


def refused(client, content, status=422, path="/v1/score"):
    answer = client.post(path, content)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    document = answer.json()
    assert document["status"] == status
    assert {"type", "title", "detail"} <= set(document)
    return document


def blamed(client, architecture, **fields):
    """Where the error is, and what it says."""
    document = refused(client, {"architectures": [CELL, architecture], **fields})
    return document["errors"][0]["pointer"], document["errors"][0]["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"architectures":[NaN]}',
        b'{"architectures":[],"level":Infinity}',
        b"\xff\xfe",
        b'{"architectures":' + b"[" * 100_000,
        b"[" * 1000 + b"]" * 1000,
        b'{"a":' * 1000 + b"1" + b"}" * 1000,
        b'"\\ud800"',
        b"1" * 10_000,
    ],
)
def test_what_is_no_json_is_malformed(client, body):
    assert refused(client, body, 400)["detail"].startswith("not JSON: ")


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b"true"])
def test_a_body_that_is_no_object_is_refused(client, body):
    assert "must be an object" in refused(client, body)["detail"]


def test_a_body_that_is_not_called_json_is_refused(client):
    for headers in (
        {"Content-Type": "text/plain"},
        {},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ):
        answer = client.post("/v1/score", b"{}", headers=headers)
        assert answer.status_code == 415
        assert answer.headers["content-type"] == PROBLEM


def test_json_may_say_its_character_set(client):
    body = json.dumps({"architectures": [CELL]}).encode()
    answer = client.post("/v1/score", body, headers={"Content-Type": "application/json; charset=utf-8"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        ({}, "/architectures"),
        ({"architectures": None}, "/architectures"),
        ({"architectures": []}, "/architectures"),
        ({"architectures": {}}, "/architectures"),
        ({"architectures": [CELL], "levle": 1}, "/levle"),
        ({"architectures": [CELL], "a/b~c": 1}, "/a~1b~0c"),
        ({"architectures": [CELL], "level": 1}, "/level"),
        ({"architectures": [CELL], "level": -0.1}, "/level"),
        ({"architectures": [CELL], "level": "0.8"}, "/level"),
        ({"architectures": [CELL], "level": True}, "/level"),
        ({"architectures": [CELL], "space": "nowhere"}, "/space"),
        ({"architectures": [CELL], "space": 1}, "/space"),
        ({"architectures": [CELL], "space": ["nasbench201"]}, "/space"),
    ],
)
def test_wrong_fields_are_named(client, content, pointer):
    assert refused(client, content)["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("top", [0, -1, 1.5, True, "3", [1]])
def test_top_is_a_whole_number(client, top):
    document = refused(client, {"architectures": [CELL], "top": top}, path="/v1/rank")
    assert document["errors"][0]["pointer"] == "/top"


def test_a_top_beyond_all_numbers_is_refused(client):
    body = json.dumps({"architectures": [CELL], "top": 0}).replace("0}", "1e999}").encode()
    assert refused(client, body, path="/v1/rank")["errors"][0]["pointer"] == "/top"


@pytest.mark.parametrize(
    ("architecture", "place", "detail"),
    [
        (1, "", "an architecture must be an object or a string, got a number"),
        (None, "", "an architecture must be an object or a string, got nothing"),
        ([], "", "an architecture must be an object or a string, got a list"),
        ({}, "/ops", "expected a list, got nothing"),
        ({"ops": "input"}, "/ops", "expected a list, got a string"),
        ({"ops": ["input", 1, "output"], "edges": []}, "/ops/1", "the name of an operation"),
        ({"ops": ["output"], "edges": []}, "/ops", "must begin with 'input' and end with 'output'"),
        ({"ops": ["input", "output"]}, "/edges", "expected a list of pairs, got nothing"),
        ({"ops": ["input", "output"], "edges": [0]}, "/edges/0", "a pair of vertex numbers"),
        ({"ops": ["input", "output"], "edges": [[0, 1], [0, True]]}, "/edges/1", "a pair of vertex"),
        ({"ops": ["input", "output"], "edges": [[0, 1.5]]}, "/edges/0", "a pair of vertex numbers"),
        ({"ops": ["input", "output"], "edges": [[0, 2]]}, "/edges/0", "outside 0 to 1"),
        ({"ops": ["input", "output"], "edges": [[0, 10**400]]}, "/edges/0", "outside 0 to 1"),
        ({"ops": ["input", "output"], "edges": [[0, 1], [0, 1]]}, "/edges", "stands twice"),
        ({"ops": ["input", "x", "output"], "edges": [[0, 1], [1, 1]]}, "/edges", "cycle"),
        ({**GRAPH, "disabled": [[9, 1]]}, "/disabled/0", "outside 0 to 2"),
        ({**GRAPH, "disabled": {}}, "/disabled", "expected a list of pairs"),
        ({**GRAPH, "answers": []}, "/answers", "expected an object, got a list"),
        ({**GRAPH, "answers": {"a": {"b": 1}}}, "/answers", "answers are numbers, texts, true, false"),
        ({**GRAPH, "answers": {str(n): n for n in range(128**2 + 1)}}, "/answers", "at most 16384 answers"),
        ({**GRAPH, "operations": {}}, "/operations", "expected a list, got an object"),
        ({**GRAPH, "operations": [1]}, "/operations/0", "expected the description of an operation, got 1"),
        ({**GRAPH, "operations": [{"name": "a", "kind": "conv"}]}, "/operations/0", "keep names and"),
        ({**GRAPH, "operations": [{}] * 129}, "/operations", "at most 128 vertices are allowed"),
        (json.dumps({**GRAPH, "more": 1}), "/more", "unknown field"),
        ({**GRAPH, "more": 1}, "/more", "unknown field"),
        ({"matrix": [[0, 1]], "ops": ["input", "output"]}, "/matrix", "2 operations need a square matrix"),
        ({"matrix": [[0, 1], [0]], "ops": ["input", "output"]}, "/matrix/1", "a row of 2 entries"),
        ({"matrix": [[0, 2], [0, 0]], "ops": ["input", "output"]}, "/matrix/0/1", "expected 0 or 1"),
        ({"matrix": 1, "ops": ["input", "output"]}, "/matrix", "expected a list"),
        ({"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"], "a": 1}, "/a", "unknown field"),
        ("Genotype(normal=[__import__('os')])", "", "not a DARTS genotype"),
        ({"normal": 1}, "", "expected normal to be a list of 8 pairs"),
        ({"reduce": [], "more": 1}, "", "expected the fields normal"),
        ("|none~0|", "", "not a NAS-Bench-201 cell"),
        ("x" * 20_000, "", "expected a string of at most 16384 characters"),
    ],
)
def test_a_wrong_architecture_is_blamed_where_it_is_wrong(client, architecture, place, detail):
    pointer, text = blamed(client, architecture)
    assert pointer == f"/architectures/1{place}"
    assert detail in text


def test_the_first_few_of_many_errors_are_told(client):
    document = refused(client, {"architectures": [1] * 100})
    assert [e["pointer"] for e in document["errors"]] == [f"/architectures/{i}" for i in range(8)]


def test_unknown_operations_are_named(client):
    graph = {"ops": ["input", "conv_of_mine", "output"], "edges": [[0, 1], [1, 2]]}
    pointer, detail = blamed(client, graph)
    assert pointer == "/architectures/1/ops/1"
    assert detail.startswith("unknown operation 'conv_of_mine'")


def test_strings_want_a_space_where_the_ranker_names_none(model, file):
    import dataclasses

    from asking import Client, closing

    class Nameless:
        """The ranker, of no space."""

        def __getattr__(self, name):
            return None if name == "space" else getattr(model.ranker, name)

    with closing(Client(dataclasses.replace(model, ranker=Nameless()))) as client:
        assert "set the field 'space'" in blamed(client, CELL)[1]
        document = refused(client, {"architecture": GRAPH}, path="/v1/neighbors")
        assert document["errors"][0]["pointer"] == "/space"


@pytest.mark.parametrize("pair", [1, {"a": GRAPH}, {"a": GRAPH, "b": 1}])
def test_wrong_pairs_are_named(client, pair):
    document = refused(client, {"pairs": [pair]}, path="/v1/compare")
    assert document["errors"][0]["pointer"].startswith("/pairs/0")


def test_an_unknown_field_of_a_pair_is_named(client):
    document = refused(client, {"pairs": [{"a": GRAPH, "b": GRAPH, "c": 1}]}, path="/v1/compare")
    assert document["errors"][0]["pointer"] == "/pairs/0/c"


def test_there_is_nothing_elsewhere(client):
    answer = client.get("/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert client.post("/v1/score/").status_code == 404


def test_other_methods_are_refused(client):
    answer = client.get("/v1/score")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["content-type"] == PROBLEM


def test_an_internal_error_tells_clients_nothing(model, capfd):
    import dataclasses

    from asking import Client, closing

    from egraph.service._journal import set_up_logging

    class Broken:
        """Whatever it is asked, it fails, and the text of the failure has what was sent."""

        def __getattr__(self, name):
            if name == "assess":
                raise ZeroDivisionError("the payload")
            return getattr(model.ranker, name)

    set_up_logging()
    with closing(Client(dataclasses.replace(model, ranker=Broken()))) as client:
        document = refused(client, {"architectures": [CELL]}, 500)
    assert "payload" not in json.dumps(document)
    assert "ZeroDivision" not in json.dumps(document)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    failed = next(line for line in lines if line["event"] == "failed")
    assert failed["request"] == document["request"]
    assert failed["error"] == "ZeroDivisionError"
    assert any("__getattr__" in place for place in failed["at"])
    assert "payload" not in json.dumps(lines)


def test_a_vertex_number_too_long_to_print_is_an_error_of_its_field(client):
    """Python refuses to turn numbers of more than 4,300 digits into text."""
    edge = '{"ops":["input","output"],"edges":[[0,' + "9" * 4000 + "]]}"
    document = refused(client, ('{"architectures":[' + edge + "]}").encode())
    assert document["errors"][0]["pointer"] == "/architectures/0/edges/0"
    assert "[0, <a number of 13288 bits>] names a vertex outside 0 to 1" in document["detail"]


def test_values_are_shortened_whatever_they_are():
    known = frozenset({"input", "output"})
    with pytest.raises(FieldError, match=r"\[0, <a number of 16610 bits>\] names a vertex"):
        Reader(8, known, None).read({"ops": ["input", "output"], "edges": [[0, 10**5000]]}, "/a")
