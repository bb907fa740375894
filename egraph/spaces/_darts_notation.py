"""The published notation of DARTS genotypes, as text and as JSON-ready values.

A genotype has eight pairs of operation and input for each of its two cells, two pairs for each intermediate
node in turn. Inputs 0 and 1 are the cells before; the nodes are 2 to 5. The text is parsed, never executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egraph.errors import ArchitectureError, shorten
from egraph.spaces._literals import NOTHING, read_value

__all__ = [
    "HAND_MADE",
    "HAND_MADE_CELL",
    "KINDS",
    "LAYERS",
    "Cell",
    "Node",
    "Step",
    "read_cell",
    "read_genotype",
    "read_text",
    "to_genotype",
    "to_text",
]

Step = tuple[str, int]
"""An operation and its input."""

Node = tuple[Step, Step]
"""The two steps that an intermediate node sums, in the order of their inputs."""

Cell = tuple[Node, ...]
"""The four intermediate nodes."""

LAYERS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""The seven operations, in the published order."""

KINDS = ("normal", "reduce")

HAND_MADE = "hand-made"
"""Name of a reduction cell that was not searched."""

HAND_MADE_CELL: Cell = (
    (("max_pool_3x3", 0), ("max_pool_3x3", 1)),
    (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
    (("max_pool_3x3", 0), ("sep_conv_3x3", 1)),
    (("sep_conv_3x3", 0), ("max_pool_3x3", 1)),
)
"""Pools and convolutions of both inputs: close to the hand-made cell of GDAS, whose nodes have one input."""

_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_CONCAT = [2, 3, 4, 5]
_SAME_CONCATS = (_CONCAT, tuple(_CONCAT), range(2, 6))


def read_text(text: str) -> tuple[Cell, Cell]:
    """Reads ``Genotype(normal=[('sep_conv_3x3', 0), ...], ...)``, or the same as a JSON object.

    A text before it, as in ``name = Genotype(...)`` or in a log, is left out.

    Raises:
        ArchitectureError: The text is neither, or does not describe a normal and a reduction cell.
    """
    if not isinstance(content := read_value(text), Mapping):
        raise ArchitectureError(
            f"not a DARTS genotype: {text[:80]!r}; expected Genotype(normal=[('sep_conv_3x3', 0), ...], "
            f"normal_concat={_CONCAT}, reduce=[...], reduce_concat={_CONCAT}), or that as a JSON object"
        )
    try:
        return read_genotype(content)
    except ArchitectureError as error:
        raise ArchitectureError(f"{error}; in {text[:80]!r}") from None


def read_genotype(content: Mapping[str, Any]) -> tuple[Cell, Cell]:
    """The normal and the reduction cell of a mapping with the fields of the published notation.

    Args:
        content: Fields of the notation: ``normal`` and ``reduce``, eight pairs each; ``normal_concat`` and
            ``reduce_concat``, optional, always the four intermediate nodes.

    Raises:
        ArchitectureError: A field is missing, unknown, or not what it should be.
    """
    if not isinstance(content, Mapping):
        raise ArchitectureError(
            f"expected a DARTS genotype with the fields {', '.join(_FIELDS)}, got {shorten(content)}"
        )
    if unknown := [field for field in content if field not in _FIELDS]:
        raise ArchitectureError(
            f"expected the fields {', '.join(_FIELDS)} of a DARTS genotype, got {shorten(unknown[0])}"
        )
    for name in ("normal_concat", "reduce_concat"):
        concat = content.get(name, _CONCAT)
        if not isinstance(concat, range | list | tuple) or concat not in _SAME_CONCATS:
            raise ArchitectureError(
                f"expected {name} to be {_CONCAT}, since the result of a darts cell is all four nodes; "
                f"got {shorten(concat)}"
            )
    return _read_cell(content.get("normal"), "normal"), _read_cell(content.get("reduce"), "reduce")


def read_cell(answer: object, name: str) -> Cell:
    """One cell: its eight pairs, ``hand-made``, or a whole genotype that has it; values, or their text.

    Args:
        answer: The cell.
        name: ``normal`` or ``reduce``.

    Raises:
        ArchitectureError: It is none of these, or describes no cell.
    """
    if answer == HAND_MADE:
        return HAND_MADE_CELL
    content = read_value(answer) if isinstance(answer, str) else answer
    if content is NOTHING:
        raise ArchitectureError(
            f"expected {name} to be {HAND_MADE!r}, a list of 8 pairs such as ('sep_conv_3x3', 0), or a "
            f"genotype that has it; got {shorten(answer)}"
        )
    return _read_cell(content.get(name) if isinstance(content, Mapping) else content, name)


def to_genotype(normal: Cell, reduction: Cell) -> dict[str, Any]:
    """The genotype as JSON-ready values."""
    one, other = ([list(step) for node in cell for step in node] for cell in (normal, reduction))
    return dict(zip(_FIELDS, (one, _CONCAT.copy(), other, _CONCAT.copy()), strict=True))


def to_text(normal: Cell, reduction: Cell) -> str:
    """The genotype in the published notation, on one line."""
    one, other = ([step for node in cell for step in node] for cell in (normal, reduction))
    values = (one, _CONCAT, other, _CONCAT)
    fields = [f"{field}={value}" for field, value in zip(_FIELDS, values, strict=True)]
    return f"Genotype({', '.join(fields)})"


def _read_cell(pairs: object, name: str) -> Cell:
    if not isinstance(pairs, list | tuple) or len(pairs) != 8:
        got = f"got {shorten(pairs)}"
        if isinstance(pairs, list | tuple):
            absent = "" if len(pairs) % 2 or len(pairs) > 8 else f", without node {2 + len(pairs) // 2}"
            got = f"two for each of the nodes 2 to 5; got {len(pairs)}{absent}"
        raise ArchitectureError(f"expected {name} to be a list of 8 pairs such as ('sep_conv_3x3', 0), {got}")
    steps = [_read_step(pair, name, 2 + position // 2) for position, pair in enumerate(pairs)]
    cell: list[Node] = []
    for node, (one, other) in enumerate(zip(steps[::2], steps[1::2], strict=True), start=2):
        if one[1] == other[1]:
            raise ArchitectureError(
                f"expected two inputs of node {node} of {name}, got {one[1]} twice; change one of them"
            )
        cell.append((one, other) if one[1] < other[1] else (other, one))
    return tuple(cell)


def _read_step(pair: object, name: str, node: int) -> Step:
    if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
        raise ArchitectureError(
            f"expected the steps of {name} to be pairs such as ('sep_conv_3x3', 0), got {shorten(pair)}"
        )
    op, source = pair
    if op not in LAYERS:
        raise ArchitectureError(
            f"expected an operation of darts in {name}: {', '.join(LAYERS)}; got {shorten(op)}"
        )
    if type(source) is not int or not 0 <= source < node:
        raise ArchitectureError(
            f"expected node {node} of {name} to read one of 0 to {node - 1}, got {shorten(source)}"
        )
    return op, source
