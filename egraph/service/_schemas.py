"""Requests and responses as the OpenAPI document describes them.

Requests are not validated by these models, which would take longer than to score them: `_reading` does it,
and the tests hold the two together.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["REQUESTS", "RESPONSES", "describe"]

_GRAPH: Any = {"ops": ["input", "nor_conv_3x3", "output"], "edges": [[0, 1], [1, 2], [0, 2]]}
_TEXT = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|avg_pool_3x3~1|nor_conv_1x1~2|"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


Vertex = Annotated[int, Field(ge=0)]
Edge = Annotated[list[Vertex], Field(min_length=2, max_length=2)]


class Graph(_Closed):
    """One operation a vertex, from `input` to `output`; an edge `[i, j]` leads from i to j; no cycles."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _GRAPH})

    ops: list[str] = Field(min_length=2)
    edges: list[Edge]
    disabled: list[Edge] = Field(default=[], description="Edges of a genome that carry nothing.")


class Matrix(_Closed):
    """A cell as NAS-Bench-101 publishes it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "matrix": [[0, 1, 1], [0, 0, 1], [0, 0, 0]],
                "ops": ["input", "conv3x3-bn-relu", "output"],
            }
        },
    )

    matrix: list[list[Annotated[int, Field(ge=0, le=1)]]] = Field(min_length=2)
    ops: list[str] = Field(min_length=2)


class Genotype(_Closed):
    """Two cells as DARTS publishes them: eight pairs of operation and input each."""

    normal: list[list[Any]] = Field(min_length=8, max_length=8)
    reduce: list[list[Any]] = Field(min_length=8, max_length=8)
    normal_concat: list[int] = [2, 3, 4, 5]
    reduce_concat: list[int] = [2, 3, 4, 5]


Text = Annotated[
    str,
    Field(
        description="In the notation of the search space, or `Genotype(...)` as DARTS prints it.",
        examples=[_TEXT],
    ),
]
AnyArchitecture = Graph | Matrix | Genotype | Text
Space = Annotated[
    str | None,
    Field(description="The search space that strings are of; that of the ranker where it is left out."),
]
Level = Annotated[
    float | None,
    Field(
        ge=0,
        lt=1,
        description="Of the intervals: the probability that a measured score lies in one; 0 for none.",
    ),
]
Top = Annotated[int | None, Field(ge=1, description="How many of the best to return.")]
Architectures = Annotated[list[AnyArchitecture], Field(min_length=1, examples=[[_GRAPH, _TEXT]])]


class ScoreRequest(_Closed):
    """Architectures to score."""

    architectures: Architectures
    space: Space = None
    level: Level = 0.8


class Pair(_Closed):
    """Two architectures."""

    a: AnyArchitecture
    b: AnyArchitecture


class CompareRequest(_Closed):
    """Pairs to compare."""

    pairs: list[Pair] = Field(min_length=1, examples=[[{"a": _GRAPH, "b": _TEXT}]])
    space: Space = None


class RankRequest(_Closed):
    """Architectures, of which the best are wanted."""

    architectures: Architectures
    top: Top = 10
    space: Space = None
    level: Level = 0.8


class NeighborsRequest(_Closed):
    """An architecture, of whose neighbours the better ones are wanted."""

    architecture: Annotated[AnyArchitecture, Field(examples=[_TEXT])]
    top: Top = 10
    space: Space = None
    level: Level = 0.8


class DrawRequest(_Closed):
    """An architecture to draw."""

    architecture: Annotated[AnyArchitecture, Field(examples=[_GRAPH])]
    space: Space = None


class Identity(BaseModel):
    """Which ranker answered."""

    name: str = Field(examples=["r"])
    version: str = Field(description="Digest of its file.", examples=["5f0d2c8a9b3e7c41"])


class ScoreResponse(BaseModel):
    """One entry an architecture, in their order; scores in units of the training scores, higher is better."""

    scores: list[float]
    deviations: list[float | None]
    lower: list[float | None]
    upper: list[float | None]
    unfamiliar: list[str | None] = Field(description="In what it is unlike all training data, if it is.")
    model: Identity


class Probabilities(BaseModel):
    """That a is worse than, about equal to, better than b; they sum to 1."""

    worse: float
    equal: float
    better: float


class CompareResponse(BaseModel):
    """One entry a pair, in their order."""

    probabilities: list[Probabilities]
    model: Identity


class Estimate(BaseModel):
    """A score, and between which two a measured one is expected."""

    score: float
    deviation: float | None
    lower: float | None
    upper: float | None


class Ranked(Estimate):
    """One of the best."""

    index: int = Field(description="Position in the request.")


class RankResponse(BaseModel):
    """The best first."""

    ranking: list[Ranked]
    model: Identity


class Drawn(BaseModel):
    """An architecture as a graph, and in the notation of its space where it has one."""

    architecture: Graph
    text: str | None


class Neighbor(Estimate, Drawn):
    """An architecture one change away."""

    gain: float = Field(description="By how much its score is higher than that of the given one.")


class NeighborsResponse(Estimate, Drawn):
    """The given architecture, and of its neighbours those with a higher score, best first."""

    neighbors: list[Neighbor]
    better: int = Field(description="How many have a higher score.")
    of: int = Field(description="How many there are.")
    model: Identity


class DrawResponse(Drawn):
    """An architecture and its picture."""

    svg: str


class LimitsOfRequests(BaseModel):
    """What a request may have at most."""

    body_bytes: int
    architectures: int
    vertices: int


class ModelResponse(BaseModel):
    """The ranker that answers."""

    name: str
    version: str
    space: str | None = Field(description="The search space of its training data.")
    trials: int = Field(description="Architectures that it was fitted on.")
    largest: int = Field(description="Vertices of the largest of these.")
    coverage: dict[str, float | None] = Field(
        description="Share of held-out scores in the intervals of each level; null where none were held out."
    )
    card: dict[str, Any]
    vocabulary: list[dict[str, Any]] = Field(description="The operations that training had.")
    limits: LimitsOfRequests
    spaces: list[str] = Field(description="Search spaces that strings may be of.")
    example: Graph = Field(description="An architecture to begin with.")


class Health(BaseModel):
    """The process is there."""

    status: Literal["ok"]


class FieldProblem(BaseModel):
    """A field of the request that is wrong."""

    pointer: str = Field(description="JSON pointer (RFC 6901).", examples=["/architectures/3/edges/0"])
    detail: str


class ProblemDocument(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []
    request: str | None = Field(default=None, description="What the log knows the request by.")


REQUESTS: dict[str, type[BaseModel]] = {
    "score": ScoreRequest,
    "compare": CompareRequest,
    "rank": RankRequest,
    "neighbors": NeighborsRequest,
    "draw": DrawRequest,
}
RESPONSES: dict[str, type[BaseModel]] = {
    "score": ScoreResponse,
    "compare": CompareResponse,
    "rank": RankResponse,
    "neighbors": NeighborsResponse,
    "draw": DrawResponse,
    "model": ModelResponse,
}


def describe(document: dict[str, Any], *, architectures: int) -> dict[str, Any]:
    """Adds the bodies of the requests, and what all routes share, to an OpenAPI document.

    Args:
        document: as FastAPI made it; changed in place.
        architectures: most of a request.
    """
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    described: list[tuple[str, type[BaseModel]]] = [("", ProblemDocument), *REQUESTS.items()]
    for name, model in described:
        content = model.model_json_schema(ref_template="#/components/schemas/{model}")
        for other, schema in content.pop("$defs", {}).items():
            schemas.setdefault(other, schema)
        schemas[model.__name__] = content
        for many in ("architectures", "pairs"):
            if many in content["properties"]:
                content["properties"][many]["maxItems"] = architectures // (2 if many == "pairs" else 1)
        if name:
            reference = {"$ref": f"#/components/schemas/{model.__name__}"}
            body = {"required": True, "content": {"application/json": {"schema": reference}}}
            document["paths"][f"/v1/{name}"]["post"]["requestBody"] = body
    return document
