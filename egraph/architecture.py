"""The architecture: a labelled directed acyclic graph, as an immutable value."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph import interchange, operations
from egraph.errors import ArchitectureError, UsageError, shorten

if TYPE_CHECKING:
    import networkx
    import onnx
    import torch_geometric.data

__all__ = ["Architecture"]

Edge = tuple[int, int]
Scalar = str | int | float | bool | None
Answer = Scalar | tuple[Scalar, ...]

MOST_VERTICES, MOST_EDGES = 2**14, 2**16
"""Largest graph that is accepted, so that no graph from outside exhausts time or memory."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network as a graph whose vertices are operations.

    Vertex 0 is ``input``, the last vertex is ``output``; an edge ``(i, j)`` carries the result of vertex
    ``i`` to vertex ``j``. Two architectures are equal if they have the same operations, edges, disabled
    edges and answers in the same numbering. They are the same *network* if the keys of their space are equal.

    Args:
        ops: Name of the operation of each vertex.
        edges: Pairs of vertex numbers, each at most once; they are sorted.
        disabled: Edges of a genome that carry no result; only evolution reads them.
        answers: Answers that a builder makes the network of, by the name of the choice and in the order of
            the questions: numbers, texts, truth values, None, or lists of numbers. See
            `egraph.spaces.from_builder`.

    Raises:
        ArchitectureError: The graph has a cycle, a vertex out of range or a repeated edge, does not begin
            with ``input`` and end with ``output``, has an operation with blanks around its name, or is larger
            than `MOST_VERTICES` and `MOST_EDGES`; or an answer is of another type.
    """

    ops: tuple[str, ...]
    edges: tuple[Edge, ...]
    disabled: tuple[Edge, ...] = ()
    answers: tuple[tuple[str, Answer], ...] = ()
    _hash: int = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        ops: Iterable[str],
        edges: Iterable[Iterable[int]],
        disabled: Iterable[Iterable[int]] = (),
        answers: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
    ) -> None:
        ops = _read_ops(ops)
        kept, dormant = _read_edges(edges, len(ops), "edge"), _read_edges(disabled, len(ops), "disabled edge")
        if any(i >= j for i, j in kept + dormant):
            _refuse_cycle(kept + dormant)
        self._fill(ops, kept, dormant, _read_answers(answers) if answers else ())

    def _fill(
        self,
        ops: tuple[str, ...],
        edges: tuple[Edge, ...],
        disabled: tuple[Edge, ...],
        answers: tuple[tuple[str, Answer], ...],
    ) -> None:
        object.__setattr__(self, "ops", ops)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "disabled", disabled)
        object.__setattr__(self, "answers", answers)
        # Answers are seldom, and the order of sets should not change where there are none.
        object.__setattr__(self, "_hash", hash((ops, edges, disabled, *map(_told_apart, answers))))

    def relabel(self, ops: Iterable[str]) -> Architecture:
        """The same graph with other operations; faster than a new one, as edges are not checked again.

        Raises:
            ArchitectureError: There is not one operation for each vertex, from ``input`` to ``output``.
        """
        ops = _read_ops(ops)
        if len(ops) != len(self.ops):
            raise ArchitectureError(f"expected {len(self.ops)} operations, one a vertex, got {shorten(ops)}")
        other = object.__new__(Architecture)
        other._fill(ops, self.edges, self.disabled, self.answers)
        return other

    @property
    def num_vertices(self) -> int:
        """Number of vertices, input and output included."""
        return len(self.ops)

    def to_dict(self) -> dict[str, Any]:
        """The graph as JSON-ready values.

        ``disabled`` and ``answers`` are present only if there are any, and ``operations`` only if there are
        operations that no search space names, such as `egraph.from_torch` makes: it describes these.
        """
        content: dict[str, Any] = {"ops": list(self.ops), "edges": [list(edge) for edge in self.edges]}
        if self.disabled:
            content["disabled"] = [list(edge) for edge in self.disabled]
        if self.answers:
            content["answers"] = {
                name: list(answer) if isinstance(answer, tuple) else answer for name, answer in self.answers
            }
        if described := operations.described(self.ops):
            content["operations"] = [operation.to_dict() for operation in described]
        return content

    @classmethod
    def from_dict(cls, content: Any) -> Architecture:
        """Reads the result of `to_dict`.

        Raises:
            ArchitectureError: A field is missing, unknown or of the wrong type.
        """
        if not isinstance(content, dict):
            raise ArchitectureError(
                f"an architecture is an object with 'ops' and 'edges', got {shorten(content)}"
            )
        if unknown := set(content) - {"ops", "edges", "disabled", "answers", "operations"}:
            first = min(unknown, key=str)
            raise ArchitectureError(
                "an architecture has the fields ops, edges, disabled, answers and operations, "
                f"got {shorten(first)}"
            )
        content = {"ops": None, "edges": None, "disabled": ()} | content
        answers, described = content.pop("answers", {}), content.pop("operations", [])
        if not isinstance(answers, dict):
            raise ArchitectureError(
                f"field 'answers' of an architecture must be an object, got {shorten(answers)}"
            )
        for name, values in (content | {"operations": described}).items():
            if not isinstance(values, list | tuple):
                raise ArchitectureError(
                    f"field {name!r} of an architecture must be a list, got {shorten(values)}"
                )
        _learn_operations(described)
        return cls(**content, answers=answers)

    def to_json(self) -> str:
        """The graph as one line of JSON, which `from_json` reads."""
        return json.dumps(self.to_dict(), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Reads the result of `to_json`.

        Raises:
            ArchitectureError: The text is no JSON, or describes no architecture.
        """
        if isinstance(text, str | bytes) and len(text) > _LONGEST:
            raise ArchitectureError(
                f"an architecture as JSON has at most {_LONGEST:,} characters, got {len(text):,}"
            )
        try:
            content = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise ArchitectureError(f"not JSON: {error}") from None
        return cls.from_dict(content)

    def to_networkx(self) -> networkx.DiGraph:
        """A ``networkx.DiGraph`` whose vertices have their operation as attribute ``op``.

        The attribute ``extra`` of the graph, JSON, has disabled edges, answers and descriptions of
        operations, if there are any.
        """
        return interchange.to_networkx(self)

    @classmethod
    def from_networkx(cls, graph: networkx.DiGraph) -> Architecture:
        """Reads the result of `to_networkx`, or any directed graph whose nodes have an attribute ``op``.

        The node of the operation ``input`` becomes the first vertex, that of ``output`` the last; the others
        keep their order.

        Raises:
            ArchitectureError: It is no such graph, or no architecture.
        """
        return cls.from_dict(interchange.read_networkx(graph))

    def to_pyg(self) -> torch_geometric.data.Data:
        """A ``torch_geometric.data.Data``.

        ``x``, ``(vertices, len(operations.ATTRIBUTES))``, describes the operations, ``edge_index`` is
        ``(2, edges)``, ``ops`` is the list of names, and ``extra`` the rest of the architecture as JSON.
        """
        return interchange.to_pyg(self)

    @classmethod
    def from_pyg(cls, data: torch_geometric.data.Data) -> Architecture:
        """Reads the result of `to_pyg`, or a ``Data`` with ``ops`` and ``edge_index``.

        Raises:
            ArchitectureError: It is no such graph, or no architecture.
        """
        return cls.from_dict(interchange.read_pyg(data))

    def to_dgl(self) -> Any:
        """A ``dgl.DGLGraph`` whose ``ndata["x"]`` is as in `to_pyg`.

        ``ops`` and ``extra`` are attributes of the Python object; files and batches of DGL lose them.

        Raises:
            MissingExtraError: DGL is not installed.
        """
        return interchange.to_dgl(self)

    @classmethod
    def from_dgl(cls, graph: Any, ops: Sequence[str] | None = None) -> Architecture:
        """Reads the result of `to_dgl`, or any DGL graph with the operation of each vertex.

        Raises:
            ArchitectureError: It is no such graph, or no architecture.
        """
        return cls.from_dict(interchange.read_dgl(graph, ops))

    def to_onnx(self) -> onnx.ModelProto:
        """An ``onnx.ModelProto``, for viewers such as Netron; no runtime computes it.

        Each vertex, ``input`` excepted, is one node of the domain ``egraph.architecture``, whose attributes
        are its number ``vertex``, the name ``op`` and the description of its operation. What has no place
        there is JSON in the entry ``extra`` of the metadata.

        Raises:
            MissingExtraError: The package ``onnx`` is not installed.
        """
        return interchange.to_onnx(self)

    @classmethod
    def from_onnx(cls, model: onnx.ModelProto) -> Architecture:
        """Reads the result of `to_onnx`; `egraph.from_onnx` reads files, of networks too.

        Raises:
            ArchitectureError: It is another model, or no architecture.
        """
        return cls.from_dict(interchange.read_onnx(model))

    def to_svg(self) -> str:
        """The graph drawn as a self-contained SVG document."""
        from egraph.drawing import to_svg

        return to_svg(self)

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        described = operations.described(self.ops)
        return _unpickle, (self.ops, self.edges, self.disabled, self.answers, described)


_LONGEST = 2**21  # characters of JSON
_SCALARS = (str, int, float, bool)


def _unpickle(
    ops: tuple[str, ...], edges: Any, disabled: Any = (), answers: Any = (), described: Any = ()
) -> Architecture:
    """An architecture in a process that may not know its operations yet."""
    for operation in described:
        operations.remember(operation)
    return Architecture(ops, edges, disabled, answers)


def _read_answers(answers: Any) -> tuple[tuple[str, Answer], ...]:
    pairs = answers.items() if isinstance(answers, Mapping) else answers
    read: dict[str, Answer] = {}
    for name, answer in pairs:
        value = tuple(answer) if isinstance(answer, list | tuple) else answer
        parts = value if isinstance(value, tuple) else (value,)
        if not isinstance(name, str) or not all(part is None or isinstance(part, _SCALARS) for part in parts):
            raise ArchitectureError(
                "answers are numbers, texts, true, false, null or lists of these by the name of the choice, "
                f"got {shorten(name)}: {shorten(answer)}"
            )
        read[name] = value
    return tuple(read.items())


def _told_apart(answer: tuple[str, Answer]) -> tuple[object, ...]:
    return (*answer, type(answer[1]).__name__)


def _learn_operations(described: list[Any]) -> None:
    for content in described:
        try:
            operations.learn(content)
        except UsageError as error:
            raise ArchitectureError(str(error)) from None


def _read_ops(ops: Iterable[str]) -> tuple[str, ...]:
    ops = tuple(itertools.islice(ops, MOST_VERTICES + 1))
    if len(ops) > MOST_VERTICES:
        raise ArchitectureError(f"an architecture has at most {MOST_VERTICES:,} vertices, got more")
    if len(ops) < 2 or ops[0] != "input" or ops[-1] != "output":
        raise ArchitectureError(
            f"operations must begin with 'input' and end with 'output', got {shorten(ops)}"
        )
    for op in ops:
        if not isinstance(op, str):
            raise ArchitectureError(f"operations must be strings, got {shorten(ops)}")
        if op != op.strip():
            raise ArchitectureError(f"operation {shorten(op)} has blanks around its name; leave them out")
    return ops


def _read_edges(edges: Iterable[Iterable[int]], num_vertices: int, what: str) -> tuple[Edge, ...]:
    try:
        read = sorted((i, j) for i, j in itertools.islice(edges, MOST_EDGES + 1))
    except (TypeError, ValueError, RecursionError):
        raise ArchitectureError(
            f"each {what} must be a pair of vertex numbers, got {shorten(edges)}"
        ) from None
    if len(read) > MOST_EDGES:
        raise ArchitectureError(f"an architecture has at most {MOST_EDGES:,} {what}s, got more")
    previous = None
    for edge in read:
        i, j = edge
        # bool is a subclass of int, and NumPy integers are none: both would print equal graphs differently.
        if type(i) is not int or type(j) is not int:
            if not all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in edge):
                raise ArchitectureError(f"each {what} must be a pair of vertex numbers, got {shorten(edge)}")
            return _read_edges([(int(i), int(j)) for i, j in read], num_vertices, what)
        if not (0 <= i < num_vertices and 0 <= j < num_vertices):
            raise ArchitectureError(f"{what} {shorten(edge)} names a vertex outside 0 to {num_vertices - 1}")
        if edge == previous:
            raise ArchitectureError(f"{what} {edge} stands twice")
        previous = edge
    return tuple(read)


def _refuse_cycle(edges: tuple[Edge, ...]) -> None:
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for i, j in edges:
        sorter.add(j, i)
    try:
        sorter.prepare()
    except CycleError as error:
        *cycle, _ = error.args[1]  # the last is the first again
        first = cycle.index(min(cycle))
        shown = [*cycle[first:], *cycle[: first + 1]]
        path = " -> ".join(map(str, shown if len(shown) <= 12 else [*shown[:10], "...", shown[-1]]))
        raise ArchitectureError(f"the graph has a cycle: {path}; an architecture has none") from None
