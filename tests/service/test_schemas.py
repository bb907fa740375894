"""The OpenAPI document says what the service does."""

import json
import re

import pytest
from asking import CELL, GRAPH

from egraph.service import Limits, _schemas


@pytest.fixture(scope="module")
def document(client):
    return client.get("/openapi.json").json()


def validate(name, value):
    """Checks a value against a description, field by field."""
    described = getattr(_schemas, name)
    described.model_validate(value, strict=True)
    assert set(value) <= set(described.model_fields)


ASKED = {
    "Score": {"architectures": [CELL, GRAPH], "level": 0.5},
    "Compare": {"pairs": [{"a": CELL, "b": GRAPH}]},
    "Rank": {"architectures": [CELL, GRAPH], "top": 1},
    "Neighbors": {"architecture": CELL, "top": 2},
    "Draw": {"architecture": GRAPH},
}


@pytest.mark.parametrize("name", ASKED)
def test_answers_are_as_described(client, name):
    validate(f"{name}Request", ASKED[name])
    answer = client.post(f"/v1/{name.lower()}", ASKED[name])
    assert answer.status_code == 200
    validate(f"{name}Response", answer.json())


def test_answers_without_intervals_are_as_described(client):
    answer = client.post("/v1/score", {"architectures": [CELL], "level": 0}).json()
    validate("ScoreResponse", answer)


def test_the_model_and_problems_are_as_described(client):
    validate("ModelResponse", client.get("/v1/model").json())
    validate("Health", client.get("/readyz").json())
    for answer in (client.post("/v1/score", {}), client.get("/nowhere"), client.post("/v1/score", b"[")):
        validate("ProblemDocument", answer.json())


@pytest.mark.parametrize("name", ASKED)
def test_examples_can_be_sent(client, document, name):
    """Each required field has an example, and a request of these is answered."""
    schema = document["components"]["schemas"][f"{name}Request"]
    request = {field: schema["properties"][field]["examples"][0] for field in schema["required"]}
    assert client.post(f"/v1/{name.lower()}", request).status_code == 200


def test_each_status_that_is_answered_is_described(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"]
            wanted = {"200", "401", "500"} | (
                {"400", "408", "413", "415", "422", "503"} if method == "post" else set()
            )
            assert wanted <= set(operation["responses"]), path


def test_there_is_no_outside_address(client, document):
    assert not re.findall(r"https?://", json.dumps(document))
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def test_the_number_of_architectures_is_described(start):
    client = start(limits=Limits(architectures=10))
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert schemas["ScoreRequest"]["properties"]["architectures"]["maxItems"] == 10
    assert schemas["CompareRequest"]["properties"]["pairs"]["maxItems"] == 5


def test_the_token_is_described_where_there_is_one(start, document):
    assert "securitySchemes" not in document["components"]
    client = start(token="secret")
    guarded = client.get("/openapi.json", headers={"Authorization": "Bearer secret"}).json()
    assert set(guarded["components"]["securitySchemes"]) == {"bearer", "basic"}
    assert guarded["paths"]["/v1/score"]["post"]["security"] == [{"bearer": []}, {"basic": []}]
    assert guarded["paths"]["/healthz"]["get"]["security"] == []
