"""Parses architectures from JSON, in each form that a request may use.

Sizes are checked before any computation. Errors name the invalid field.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from pydantic_core import from_json

from egraph import operations, spaces
from egraph.architecture import Architecture
from egraph.errors import UsageError, shorten
from egraph.service._problems import FieldError, Problem
from egraph.spaces import SearchSpace
from egraph.spaces.nasbench101 import NASBench101
from egraph.spaces.notations import find_notation, matrix_of, read_value

__all__ = ["Reader", "each", "parse_json", "read_fields"]

Read = TypeVar("Read")

_MOST_ERRORS = 8
_LONGEST_TEXT = 16_384
_OPTIONAL = ("disabled", "answers", "operations")


class Reader:
    """Reads architectures within limits.

    Args:
        vertices: Largest number of vertices of an architecture.
        known: Names of the operations that the ranker accepts.
        space: Search space of strings; None if unknown.

    Attributes:
        described: Operations that the architectures read so far describe, by name, for `operations.lent`.
    """

    def __init__(self, vertices: int, known: Collection[str], space: SearchSpace | None) -> None:
        self.vertices = vertices
        self.known = known
        self.space = space
        self.described: dict[str, operations.Operation] = {}

    def read(self, content: Any, pointer: str) -> Architecture:
        """Reads one architecture.

        Raises:
            FieldError: The content is not an architecture.
        """
        if isinstance(content, str):
            architecture = self._read_text(content, pointer)
        elif not isinstance(content, dict):
            raise FieldError(pointer, f"an architecture must be an object or a string, got {_kind(content)}")
        elif (fields := matrix_of(content)) is not None:
            architecture = self._read_matrix(content, fields, pointer)
        elif (notation := find_notation(content)) is not None and notation.space is not None:
            architecture = _attempt(
                lambda given: spaces.read_architecture(given, notation.space), content, pointer
            )
        else:
            return self._read_graph(content, pointer)
        self._check(architecture, pointer)
        return architecture

    def space_of(self, content: Any) -> SearchSpace | None:
        """The search space of an architecture that has been read; some forms belong to one space only."""
        notation = find_notation(content, self.space)
        if notation is None or notation.space is None:
            return self.space
        return self._space_of(notation.space)

    def _space_of(self, name: str) -> SearchSpace:
        """The space of a notation: that of the ranker, if it is of the same kind."""
        return self._cells if name == "nasbench101" else spaces.get(name)

    @property
    def _cells(self) -> NASBench101:
        """The search space that reads matrices."""
        space = self.space if isinstance(self.space, NASBench101) else spaces.get("nasbench101")
        assert isinstance(space, NASBench101)
        return space

    def read_pair(self, content: Any, pointer: str) -> tuple[Architecture, Architecture]:
        """Reads two architectures from an object with the fields a and b.

        Raises:
            FieldError: One of them is not an architecture.
        """
        if not isinstance(content, dict):
            raise FieldError(pointer, f"a pair must be an object with 'a' and 'b', got {_kind(content)}")
        _only(content, ("a", "b"), pointer)
        a, b = (self.read(content.get(side), f"{pointer}/{side}") for side in ("a", "b"))
        return a, b

    def _read_text(self, text: str, pointer: str) -> Architecture:
        if len(text) > _LONGEST_TEXT:
            raise FieldError(
                pointer, f"expected a string of at most {_LONGEST_TEXT} characters, got {len(text)}"
            )
        notation = find_notation(text, self.space)
        if notation is None and self.space is None:
            raise FieldError(
                pointer, "a string needs a search space, and this ranker has none; set the field 'space'"
            )
        if notation is not None and notation.space is None:
            return self.read(read_value(text.strip()), pointer)  # a graph as text is read as one
        # A notation of another program names its space, whatever the ranker's is.
        space = self.space if notation is None or notation.space is None else self._space_of(notation.space)
        return _attempt(lambda given: spaces.read_architecture(given, space), text, pointer)

    def _read_matrix(self, content: dict[str, Any], fields: tuple[str, str], pointer: str) -> Architecture:
        of_matrix, of_ops = fields
        if of_matrix == "matrix":
            _only(content, fields, pointer)
        matrix = self._sized(content.get(of_matrix), f"{pointer}/{of_matrix}")
        ops = self._read_ops(content.get(of_ops), f"{pointer}/{of_ops}")
        for number, row in enumerate(matrix):
            if not isinstance(row, list) or len(row) != len(ops):
                raise FieldError(f"{pointer}/{of_matrix}/{number}", f"expected a row of {len(ops)} entries")
            for column, entry in enumerate(row):
                if type(entry) is not int or entry not in (0, 1):
                    raise FieldError(
                        f"{pointer}/{of_matrix}/{number}/{column}",
                        f"expected 0 or 1, got {shorten(entry, 60)}",
                    )
        return _attempt(lambda rows: self._cells.from_matrix(rows, ops), matrix, f"{pointer}/{of_matrix}")

    def _read_graph(self, content: dict[str, Any], pointer: str) -> Architecture:
        """Reads the most frequent form, with few checks; `_find_fault` locates the error if they fail."""
        ops, edges, disabled = content.get("ops"), content.get("edges"), content.get("disabled", [])
        answers = content.get("answers", {})
        if (
            len(content) == 2 + sum(name in content for name in _OPTIONAL)
            and type(answers) is dict
            and len(answers) <= self.vertices**2
            and type(ops) is list
            and type(edges) is list
            and type(disabled) is list
            and len(ops) <= self.vertices
            and len(edges) + len(disabled) <= self.vertices**2
        ):
            if "operations" in content:
                self._read_descriptions(content["operations"], f"{pointer}/operations")
            try:
                architecture = Architecture(ops, edges, disabled, answers)
            except (UsageError, TypeError):
                raise self._find_fault(content, pointer) from None
            self._check(architecture, pointer)
            return architecture
        raise self._find_fault(content, pointer)

    def _find_fault(self, content: dict[str, Any], pointer: str) -> FieldError:
        """The error of an invalid graph, with the field that causes it."""
        try:
            _only(content, ("ops", "edges", *_OPTIONAL), pointer)
            ops = self._read_ops(content.get("ops"), f"{pointer}/ops")
            for field in ("edges", "disabled"):
                self._check_edges(
                    content.get(field, None if field == "edges" else []), len(ops), f"{pointer}/{field}"
                )
            self._check_answers(content.get("answers", {}), f"{pointer}/answers")
            if "operations" in content:
                self._read_descriptions(content["operations"], f"{pointer}/operations")
            graph = {name: value for name, value in content.items() if name not in ("answers", "operations")}
            _attempt(lambda graph: Architecture(**graph), graph, f"{pointer}/edges")
        except FieldError as error:
            return error
        return FieldError(f"{pointer}/edges", "too many edges for this number of vertices")

    def _check_answers(self, answers: Any, pointer: str) -> None:
        if not isinstance(answers, dict):
            raise FieldError(pointer, f"expected an object, got {_kind(answers)}")
        if len(answers) > self.vertices**2:
            raise FieldError(pointer, f"at most {self.vertices**2} answers are allowed, got {len(answers)}")
        _attempt(lambda given: Architecture(["input", "output"], [], (), given), answers, pointer)

    def _read_descriptions(self, content: Any, pointer: str) -> None:
        """Reads descriptions of operations; they are those of this reader, and of no other request."""
        for number, each in enumerate(self._sized(content, pointer)):
            try:
                operation = operations.read_description(each)
            except UsageError as error:
                raise FieldError(f"{pointer}/{number}", _shorten_text(str(error), 400)) from None
            self.described[operation.name] = operation

    def _check_edges(self, edges: Any, vertices: int, pointer: str) -> None:
        if not isinstance(edges, list):
            raise FieldError(pointer, f"expected a list of pairs, got {_kind(edges)}")
        if len(edges) > self.vertices**2:
            raise FieldError(pointer, f"{vertices} vertices cannot have {len(edges)} edges")
        for number, edge in enumerate(edges):
            at = f"{pointer}/{number}"
            if not isinstance(edge, list) or len(edge) != 2 or any(type(end) is not int for end in edge):
                raise FieldError(at, f"expected a pair of vertex numbers, got {shorten(edge, 60)}")
            if not all(0 <= end < vertices for end in edge):
                raise FieldError(at, f"{shorten(edge, 60)} names a vertex outside 0 to {vertices - 1}")

    def _read_ops(self, ops: Any, pointer: str) -> list[str]:
        for number, op in enumerate(self._sized(ops, pointer)):
            if not isinstance(op, str):
                raise FieldError(f"{pointer}/{number}", f"expected the name of an operation, got {_kind(op)}")
        if len(ops) < 2 or ops[0] != "input" or ops[-1] != "output":
            raise FieldError(pointer, "operations must begin with 'input' and end with 'output'")
        found: list[str] = ops
        return found

    def _sized(self, content: Any, pointer: str) -> list[Any]:
        if not isinstance(content, list):
            raise FieldError(pointer, f"expected a list, got {_kind(content)}")
        if len(content) > self.vertices:
            raise FieldError(pointer, f"at most {self.vertices} vertices are allowed, got {len(content)}")
        return content

    def _check(self, architecture: Architecture, pointer: str) -> None:
        """Refuses architectures that are too large, and unknown operations."""
        if len(architecture.ops) > self.vertices:
            raise FieldError(
                pointer, f"at most {self.vertices} vertices are allowed, got {len(architecture.ops)}"
            )
        for vertex, op in enumerate(architecture.ops):
            if op not in self.known and op not in self.described:
                raise FieldError(
                    f"{pointer}/ops/{vertex}",
                    f"unknown operation {shorten(op, 60)}; "
                    "/v1/model lists the operations of the training data, and the field 'operations' of an "
                    "architecture describes others",
                )


def parse_json(body: bytes) -> dict[str, Any]:
    """Parses a body, which must be an object.

    Raises:
        Problem: The body is not strict JSON, or not an object.
    """
    try:
        content = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Problem(400, f"not JSON: {_shorten_text(str(error), 200)}") from None
    if not isinstance(content, dict):
        raise Problem(
            422,
            f"the body must be an object, got {_kind(content)}",
            [FieldError("", "expected an object")],
        )
    return content


def read_fields(content: dict[str, Any], required: Sequence[str], optional: Sequence[str]) -> None:
    """Refuses fields that are missing or unknown.

    Raises:
        Problem: Fields are missing or unknown; the text names one.
    """
    errors = [FieldError(f"/{name}", "this field is required") for name in required if name not in content]
    known = (*required, *optional)
    errors += [
        FieldError(f"/{_escape(name)}", f"unknown field; known: {', '.join(known)}")
        for name in content
        if name not in known
    ]
    if errors:
        raise Problem(422, f"{errors[0].pointer}: {errors[0].detail}", errors[:_MOST_ERRORS])


def each(content: Sequence[Any], pointer: str, read: Callable[[Any, str], Read]) -> list[Read]:
    """Reads all items of a list.

    Raises:
        Problem: Items are invalid; it lists the first few.
    """
    found, errors = [], []
    for number, item in enumerate(content):
        try:
            found.append(read(item, f"{pointer}/{number}"))
        except FieldError as error:
            errors.append(error)
            if len(errors) == _MOST_ERRORS:
                break
    if errors:
        raise Problem(422, f"{errors[0].pointer}: {errors[0].detail}", errors)
    return found


def _attempt(read: Callable[[Any], Architecture], content: Any, pointer: str) -> Architecture:
    """Calls a function that reads an architecture; its error becomes one of this field."""
    try:
        return read(content)
    except UsageError as error:
        raise FieldError(pointer, _shorten_text(str(error), 400)) from None
    except RecursionError:
        raise FieldError(pointer, "nested too deeply") from None


def _only(content: dict[str, Any], fields: Sequence[str], pointer: str) -> None:
    for name in content:
        if name not in fields:
            raise FieldError(
                f"{pointer}/{_escape(name)}",
                f"unknown field; this form has {' and '.join(map(repr, fields))}",
            )


def _escape(name: str) -> str:
    """A name as part of a JSON pointer."""
    return _shorten_text(name, 60).replace("~", "~0").replace("/", "~1")


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    kinds = {dict: "an object", list: "a list", str: "a string", int: "a number", float: "a number"}
    return kinds.get(type(value), "nothing")


def _shorten_text(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
