"""Models of requests and responses for the OpenAPI document.

These models do not validate requests, because that would take longer than scoring. `_reading` validates them,
and tests check that the two agree.
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


Scalar = str | int | float | bool | None
Answer = Scalar | list[Scalar]


class Graph(_Closed):
    """An acyclic graph, one operation per vertex, `input` first, `output` last; edge `[i, j]`: i to j."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _GRAPH})

    ops: list[str] = Field(min_length=2)
    edges: list[Edge]
    disabled: list[Edge] = Field(default=[], description="Edges of a genome that have no effect.")
    answers: dict[str, Answer] = Field(
        default={}, description="Answers that a builder makes the network of, by the name of the choice."
    )
    operations: list[dict[str, Any]] = Field(
        default=[],
        description="Descriptions of operations that have their name from it, as `Architecture.to_dict` "
        "writes them.",
    )


class Matrix(_Closed):
    """A cell in the format of NAS-Bench-101."""

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


class ApiCell(BaseModel):
    """A cell in the format of the API of NAS-Bench-101; further fields are ignored."""

    module_adjacency: list[list[Annotated[int, Field(ge=0, le=1)]]] = Field(min_length=2)
    module_operations: list[str] = Field(min_length=2)


class Genotype(_Closed):
    """Two cells in the format of DARTS: eight pairs of operation and input each."""

    normal: list[list[Any]] = Field(min_length=8, max_length=8)
    reduce: list[list[Any]] = Field(min_length=8, max_length=8)
    normal_concat: list[int] = [2, 3, 4, 5]
    reduce_concat: list[int] = [2, 3, 4, 5]


class Configuration(BaseModel):
    """Two cells in the format of NAS-Bench-301, a dictionary of ConfigSpace; further fields are ignored."""

    edge: str = Field(alias="NetworkSelectorDatasetInfo:darts:edge_normal_0")


Text = Annotated[
    str,
    Field(
        description="Notation of the search space, or of another program, such as `Genotype(...)` of DARTS.",
        examples=[_TEXT],
    ),
]
AnyArchitecture = Graph | Matrix | ApiCell | Genotype | Configuration | Text
Space = Annotated[
    str | None,
    Field(description="Search space of strings; the default is that of the ranker."),
]
Level = Annotated[
    float | None,
    Field(
        ge=0,
        lt=1,
        description="Probability that a measured score lies in its interval; 0 for no intervals.",
    ),
]
Top = Annotated[int | None, Field(ge=1, description="Number of results.")]
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
    """Architectures to rank."""

    architectures: Architectures
    top: Top = 10
    space: Space = None
    level: Level = 0.8


class NeighborsRequest(_Closed):
    """An architecture to improve by one change."""

    architecture: Annotated[AnyArchitecture, Field(examples=[_TEXT])]
    top: Top = 10
    space: Space = None
    level: Level = 0.8


class DrawRequest(_Closed):
    """An architecture to draw."""

    architecture: Annotated[AnyArchitecture, Field(examples=[_GRAPH])]
    space: Space = None


class Identity(BaseModel):
    """The ranker that computed the response."""

    name: str = Field(examples=["r"])
    version: str = Field(description="Digest of the file of the ranker.", examples=["5f0d2c8a9b3e7c41"])


class ScoreResponse(BaseModel):
    """One entry per architecture, in order; scores in units of the training scores, higher is better."""

    scores: list[float]
    deviations: list[float | None]
    lower: list[float | None]
    upper: list[float | None]
    unfamiliar: list[str | None] = Field(description="Difference from all training data, or null.")
    model: Identity


class Probabilities(BaseModel):
    """Probabilities that a is worse than, about equal to or better than b; their sum is 1."""

    worse: float
    equal: float
    better: float


class CompareResponse(BaseModel):
    """One entry per pair, in order."""

    probabilities: list[Probabilities]
    model: Identity


class Estimate(BaseModel):
    """A score and the interval in which a measured score is expected."""

    score: float
    deviation: float | None
    lower: float | None
    upper: float | None


class Ranked(Estimate):
    """One of the best architectures."""

    index: int = Field(description="Position in the request.")


class RankResponse(BaseModel):
    """The best architectures, best first."""

    ranking: list[Ranked]
    model: Identity


class Drawn(BaseModel):
    """An architecture as a graph, and in the notation of its space if it has one."""

    architecture: Graph
    text: str | None


class Neighbor(Estimate, Drawn):
    """A neighbour: an architecture that differs by one change."""

    gain: float = Field(description="Difference of its score to that of the given architecture.")


class NeighborsResponse(Estimate, Drawn):
    """The given architecture and its neighbours with a higher score, best first."""

    neighbors: list[Neighbor]
    better: int = Field(description="Number of neighbours with a higher score.")
    of: int = Field(description="Number of all neighbours.")
    model: Identity


class DrawResponse(Drawn):
    """An architecture and its picture."""

    svg: str


class LimitsOfRequests(BaseModel):
    """Limits of a request."""

    body_bytes: int
    architectures: int
    vertices: int


class ModelResponse(BaseModel):
    """The current ranker and the limits."""

    name: str
    version: str
    space: str | None = Field(description="Search space of the training data.")
    trials: int = Field(description="Number of architectures in the training data.")
    largest: int = Field(description="Number of vertices of the largest of them.")
    coverage: dict[str, float | None] = Field(
        description="Share of held-out scores in the intervals of each level; null if none were held out."
    )
    card: dict[str, Any]
    vocabulary: list[dict[str, Any]] = Field(description="Operations of the training data.")
    limits: LimitsOfRequests
    spaces: list[str] = Field(description="Search spaces whose notation strings may use.")
    example: Graph = Field(description="An example of an architecture.")


class Health(BaseModel):
    """The process is alive."""

    status: Literal["ok"]


class FieldProblem(BaseModel):
    """An invalid field of the request."""

    pointer: str = Field(description="JSON pointer (RFC 6901).", examples=["/architectures/3/edges/0"])
    detail: str


class ProblemDocument(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []
    request: str | None = Field(default=None, description="Identity of the request in the log.")


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
    """Adds the bodies of requests and the problem document to an OpenAPI document.

    Args:
        document: Document by FastAPI; it is changed in place.
        architectures: Largest number of architectures in a request.

    Returns:
        The same document.
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
