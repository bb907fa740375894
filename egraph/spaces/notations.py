"""Reads architectures in every notation: a space's own, egraph's JSON, and those of other programs.

All commands, the service and its page read architectures here. docs/reference/notations.md has an example of
each notation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, shorten
from egraph.spaces import _registry
from egraph.spaces._checks import check_text
from egraph.spaces._darts_notation import LAYERS
from egraph.spaces._literals import NOTHING, find_call, is_open, read_value
from egraph.spaces.base import SearchSpace
from egraph.spaces.nasbench101 import NASBench101

__all__ = [
    "Notation",
    "find_fields",
    "find_notation",
    "is_open",
    "matrix_of",
    "read_architecture",
    "read_content",
]


class Notation(NamedTuple):
    """One notation whose content is a mapping or a sequence.

    Attributes:
        title: The program that writes it.
        space: Name of its search space; None for graphs of any space.
        fits: Whether a content is in this notation, as told by its fields or its form.
        fields: The fields that it has, of some names: of a record, or of the columns of a table.
        read: Function from the content and the space to the architecture.
    """

    title: str
    space: str | None
    fits: Callable[[Any], bool]
    fields: Callable[[Iterable[str]], list[str]]
    read: Callable[[Any, SearchSpace], Architecture]


def read_architecture(content: object, space: SearchSpace | str | None = None) -> Architecture:
    """Reads an architecture in any notation.

    - The notation of ``space``, such as ``|nor_conv_3x3~0|+|...``.
    - ``{"ops": [...], "edges": [...]}``, as `Architecture.to_dict` writes it.
    - NAS-Bench-101: ``{"matrix": [...], "ops": [...]}``, ``ModelSpec(matrix=[...], ops=[...])``, and the
      dictionary of its API with ``module_adjacency`` and ``module_operations``, whose other fields are
      ignored.
    - DARTS: ``Genotype(normal=[...], ...)``, and its fields as a mapping.
    - NAS-Bench-301: the dictionary of ConfigSpace, or ``Configuration(values={...})``.
    - NASLib: six numbers such as ``(4, 0, 3, 1, 4, 3)`` of ``nasbench201``, and the pairs of pairs of
      ``darts``, ``(((0, 3), (1, 3), ...), ((0, 0), ...))``.
    - NAS-Bench-201: ``Structure(4 nodes with |nor_conv_3x3~0|+...)``.

    Mappings and sequences may also be texts, in JSON or in Python's notation. What stands before a
    constructor, before ``name =`` and ``name:``, as in programs and logs, is left out.

    Args:
        content: A text, a mapping, a sequence, or an `Architecture`.
        space: Search space of the architecture, or its name; None takes it from the notation, where that
            belongs to one space.

    Raises:
        ArchitectureError: The content is no architecture, or none of the space.
        UnknownNameError: There is no space of that name.
    """
    known = None if space is None else _registry.get(space)
    if isinstance(content, str):
        return _read_text(content, known)
    if isinstance(content, Architecture):
        if known is not None:
            known.validate(content)
        return content
    if (notation := find_notation(content, known)) is not None:
        return _read(notation, content, known)
    if isinstance(content, dict) and known is not None:
        return _read_text(_to_json(content), known)  # a space's own notation may be JSON
    raise ArchitectureError(_explain(content, known))


def find_notation(content: object, space: SearchSpace | None = None) -> Notation | None:
    """The notation of a content, or of its text; None for an unknown one, or the own one of a space."""
    if isinstance(content, str):
        content = read_value(content)
    sequence = isinstance(content, Sequence)
    # A sequence of numbers could be of many spaces.
    fitting = (each for each in NOTATIONS if not sequence or (space is not None and space.name == each.space))
    return next((notation for notation in fitting if notation.fits(content)), None)


def find_fields(names: Iterable[str]) -> list[str]:
    """The fields of a record, or the columns of a table, that are an architecture; empty where none are."""
    names = list(names)
    return next((found for notation in NOTATIONS if (found := notation.fields(names))), [])


def read_content(cell: object) -> Any:
    """The value that a text is, such as a matrix in the cell of a table; what is no such text stays."""
    value = read_value(cell) if isinstance(cell, str) else NOTHING
    return cell if value is NOTHING else value


def gather_fields(cells: Mapping[str, object]) -> dict[str, Any]:
    """The fields of an architecture in the cells of a row; optional ones may be empty."""
    return {name: read_content(cell) for name, cell in cells.items() if cell is not None}


def matrix_of(content: Mapping[str, Any]) -> tuple[str, str] | None:
    """The fields with the matrix and the operations of a cell of NAS-Bench-101; None where there are none."""
    return next((pair for pair in _MATRICES if pair[0] in content), None)


def _read_text(text: str, space: SearchSpace | None) -> Architecture:
    stripped = text.strip()
    if not stripped.startswith("{") or len(stripped) > _LONGEST_JSON:
        check_text(stripped, space.name if space else "any space")
    content = read_value(stripped)
    if content is not NOTHING and (notation := find_notation(content, space)) is not None:
        return _read(notation, content, space)
    if content is NOTHING and (call := find_call(stripped)):
        if call == "Genotype":
            return _registry.get("darts").parse(stripped)  # which says what is wrong
        raise ArchitectureError(
            f"cannot read {call}(...) with its keyword arguments in {shorten(stripped, 60)}"
        )
    if content is NOTHING and stripped.startswith("{"):
        raise ArchitectureError(f"not JSON: {_find_fault(stripped)}")
    if isinstance(content, Mapping) and len(content.keys() & {"ops", "edges"}) == 1:
        return Architecture.from_dict(content)  # which says what is missing
    if space is None:
        if content is not NOTHING:
            raise ArchitectureError(_explain(content, None))
        raise ArchitectureError(
            f"not an architecture in JSON or in the notation of another program: {shorten(stripped, 60)}; "
            "for a space's own notation name the space (--space NAME)"
        )
    if match := _CELL_IN_TEXT.fullmatch(stripped):
        return space.parse(match[1])
    return space.parse(stripped)


def _read(notation: Notation, content: Any, space: SearchSpace | None) -> Architecture:
    if notation.space is None:
        architecture = Architecture.from_dict(content)
    else:
        own = _registry.get(notation.space)
        if space is not None and not isinstance(space, type(own)) and space.name.split(", ")[0] != own.name:
            raise ArchitectureError(
                f"{notation.title} writes architectures of {own.name}, and {space.name} was expected; got "
                f"{shorten(content, 60)}"
            )
        architecture = notation.read(content, space if isinstance(space, type(own)) else own)
    if space is not None:
        space.validate(architecture)
    return architecture


def _to_json(content: dict[Any, Any]) -> str:
    try:
        return json.dumps(content)
    except (TypeError, ValueError, RecursionError):
        raise ArchitectureError(_explain(content, None)) from None


def _find_fault(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return str(error)
    return "no literal"


def _explain(content: object, space: SearchSpace | None) -> str:
    hint = "" if space else "; a list of numbers needs the name of the space" * isinstance(content, Sequence)
    return (
        "expected an architecture: an object with 'ops' and 'edges', or another notation of "
        f"docs/reference/notations.md; got {shorten(content, 80)}{hint}"
    )


_LONGEST_JSON = 2**21  # characters, for graphs that were traced
_MATRICES = (("matrix", "ops"), ("module_adjacency", "module_operations"))
_CELL_IN_TEXT = re.compile(r"[^|]*(?:[=:]\s*|\swith\s+)['\"]?(\|[^=:'\"()]*\|)['\"]?\)?")


def _read_matrix(content: Mapping[str, Any], space: SearchSpace) -> Architecture:
    assert isinstance(space, NASBench101)
    pair = matrix_of(content)
    assert pair is not None
    matrix, ops = (content.get(name) for name in pair)
    if pair == _MATRICES[0] and (unknown := content.keys() - set(pair)):
        raise ArchitectureError(
            f"a cell of nasbench101 has the fields matrix and ops, got {shorten(min(unknown, key=str))}"
        )
    ops = list(ops) if isinstance(ops, np.ndarray) else ops
    if not isinstance(ops, list | tuple):
        raise ArchitectureError(f"expected {pair[1]} to be a list of operations, got {shorten(ops)}")
    if matrix is None or isinstance(matrix, str | Mapping):
        raise ArchitectureError(f"expected {pair[0]} to be rows of 0 and 1, got {shorten(matrix)}")
    return space.from_matrix(matrix, ops)


def _read_genotype(content: Mapping[str, Any], space: SearchSpace) -> Architecture:
    made: Architecture = space.from_genotype(content)  # type: ignore[attr-defined]
    return made


_CONFIG = "NetworkSelectorDatasetInfo:darts:"
_STARTS = (0, 2, 5, 9)  # number of the first edge into each node; one edge from each earlier node follows


def _read_config(content: Mapping[str, Any], space: SearchSpace) -> Architecture:
    """Edges with an operation, by cell and number; the inputs of the last three nodes, which must agree."""
    cells: dict[str, list[tuple[Any, int]]] = {"normal": [], "reduce": []}
    for cell, pairs in cells.items():
        for node, start in enumerate(_STARTS, start=2):
            edges = {source: content.get(f"{_CONFIG}edge_{cell}_{start + source}") for source in range(node)}
            found = [(op, source) for source, op in edges.items() if isinstance(op, str)]
            told = content.get(f"{_CONFIG}inputs_node_{cell}_{node}")
            if len(found) != 2 or (
                isinstance(told, str) and told != "_".join(str(each) for _, each in found)
            ):
                raise ArchitectureError(
                    f"expected two edges into node {node} of the {cell} cell, those of its inputs "
                    f"{shorten(told) if told else '0_1'}; got edges from {[source for _, source in found]}"
                )
            pairs += found
    return _read_genotype(cells, space)


_NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
_NASLIB_EDGES = (0, 1, 3, 2, 4, 5)
"""The places of the edges 0->1, 0->2, 1->2, 0->3, 1->3 and 2->3 in NASLib's order, which is by source."""


def _read_indices(content: Sequence[int], space: SearchSpace) -> Architecture:
    ops = [_NASLIB_OPERATIONS[content[place]] for place in _NASLIB_EDGES]
    made: Architecture = space.build(tuple(ops))  # type: ignore[attr-defined]
    return made


def _read_compact(content: Sequence[Any], space: SearchSpace) -> Architecture:
    normal, reduction = ([(LAYERS[op], source) for source, op in cell] for cell in content)
    return _read_genotype({"normal": normal, "reduce": reduction}, space)


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda content: isinstance(content, Mapping) and all(name in content for name in names)


def _columns(*names: str, optional: Sequence[str] = ()) -> Callable[[Iterable[str]], list[str]]:
    def find(given: Iterable[str]) -> list[str]:
        given = list(given)
        if not all(name in given for name in names):
            return []
        return [*names, *(name for name in optional if name in given)]

    return find


def _no_columns(given: Iterable[str]) -> list[str]:
    return []


def _config_columns(given: Iterable[str]) -> list[str]:
    return [name for name in given if str(name).startswith((f"{_CONFIG}edge_", f"{_CONFIG}inputs_node_"))]


def _is_whole(value: object, end: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < end


def _is_indices(content: Any) -> bool:
    return isinstance(content, list | tuple) and len(content) == 6 and all(_is_whole(v, 5) for v in content)


def _is_compact(content: Any) -> bool:
    return (
        isinstance(content, list | tuple)
        and len(content) == 2
        and all(isinstance(cell, list | tuple) and len(cell) == 8 for cell in content)
        and all(
            isinstance(pair, list | tuple) and len(pair) == 2 and all(map(_is_whole, pair, (5, len(LAYERS))))
            for cell in content
            for pair in cell
        )
    )


NOTATIONS = (
    Notation(
        "egraph",
        None,
        _has("ops", "edges"),
        _columns("ops", "edges", optional=["disabled", "answers", "operations"]),
        lambda c, s: c,
    ),
    Notation("NAS-Bench-101", "nasbench101", _has("matrix"), _columns(*_MATRICES[0]), _read_matrix),
    Notation(
        "NAS-Bench-101's API", "nasbench101", _has("module_adjacency"), _columns(*_MATRICES[1]), _read_matrix
    ),
    Notation(
        "DARTS",
        "darts",
        lambda content: isinstance(content, Mapping) and bool(content.keys() & {"normal", "reduce"}),
        _columns("normal", "reduce", optional=["normal_concat", "reduce_concat"]),
        _read_genotype,
    ),
    Notation(
        "NAS-Bench-301",
        "darts",
        lambda content: isinstance(content, Mapping) and bool(_config_columns(content)),
        _config_columns,
        _read_config,
    ),
    Notation("NASLib", "nasbench201", _is_indices, _no_columns, _read_indices),
    Notation("NASLib", "darts", _is_compact, _no_columns, _read_compact),
)
"""The notations of mappings and sequences, in the order in which they are tried."""
