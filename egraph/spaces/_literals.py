"""Values in the text of programs and logs: JSON, Python literals, and calls such as ``Genotype(normal=...)``.

The text is parsed, never executed, and only text of few known words reaches Python's parser, whose time and
stack anything else could exhaust.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
from typing import Any

__all__ = ["NOTHING", "find_call", "is_open", "read_value"]

NOTHING = object()
"""The result for a text that is no value."""

CALLS = ("Genotype", "ModelSpec", "Configuration")
"""Constructors whose keyword arguments are the value; a text before them, as in a log, is left out."""

_ARRAYS = ("array", "np.array", "numpy.array")
_NUMBERS = tuple(f"{place}{kind}" for place in ("np.", "numpy.", "") for kind in ("int8", "int32", "int64"))
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat", "matrix", "ops", "values", "dtype")
_NAMES = (*CALLS, *_ARRAYS, *_NUMBERS, *_FIELDS, "range", "True", "False", "None")
_TOKENS = re.compile(
    rf"(?:(?:{'|'.join(map(re.escape, sorted(_NAMES, key=len, reverse=True)))})(?![\w.])"
    r"|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?(?![\w.])|[\[\](){},:=\s]"
    r"|'[^'\\\n]*'|\"[^\"\\\n]*\")*+"
)
_CALL = re.compile(rf"(?<![\w.])(?:\w+\.)*({'|'.join(CALLS)})\s*(?=\()")
_ASSIGNED = re.compile(r"(?:^|\s)\w+\s*[=:]\s*(?=[({\[])")
_LONGEST = 2**16  # characters
_DEEPEST = 12  # nested brackets at most; a dictionary of matrices has four


def read_value(text: str) -> Any:
    """The value that a text is: dictionaries, lists, tuples, numbers and texts; `NOTHING` for another text.

    ``name = `` and ``name: `` before a bracket, as in programs and logs, are left out. A call of `CALLS` is
    the dictionary of its keyword arguments. ``array([...])`` is a list.
    """
    text = text.strip()
    if text.startswith(("{", "[", "(")) and (value := _read_text(text)) is not NOTHING:
        return value
    if match := _CALL.search(text):
        return _read_text(match[1] + text[match.end() :])
    return _read_text(text[match.end() :]) if (match := _ASSIGNED.search(text)) else NOTHING


def find_call(text: str) -> str | None:
    """The name of the constructor of `CALLS` that a text calls, well-formed or not."""
    return match[1] if (match := _CALL.search(text)) else None


def is_open(text: str) -> bool:
    """Whether a text ends inside a call of `CALLS`, which then goes on in the next line."""
    match = _CALL.search(text)
    return match is not None and _level(text[match.end() :]) > 0


def _level(text: str) -> int:
    return sum((mark in "([{") - (mark in ")]}") for mark in text)


def _read_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if len(text) > _LONGEST or not _TOKENS.fullmatch(text) or _nesting(text) > _DEEPEST:
        return NOTHING
    try:
        return _read(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return NOTHING


def _nesting(text: str) -> int:
    steps = ((mark in "([{") - (mark in ")]}") for mark in text)
    return max(itertools.accumulate(steps), default=0)


def _read(node: ast.expr) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.List():
            return [_read(each) for each in node.elts]
        case ast.Tuple():
            return tuple(_read(each) for each in node.elts)
        case ast.Dict():
            return {
                _read(key): _read(value) for key, value in zip(node.keys, node.values, strict=True) if key
            }
        case ast.Call():
            return _call(ast.unparse(node.func), node)
    raise ValueError("no literal")


def _call(name: str, node: ast.Call) -> Any:
    given = [_read(each) for each in node.args]
    if name in CALLS and not given and len({field.arg for field in node.keywords}) == len(node.keywords):
        fields = {str(field.arg): _read(field.value) for field in node.keywords}
        return fields.get("values") if name == "Configuration" else fields
    if name in (*_ARRAYS, *_NUMBERS) and len(given) == 1:
        return given[0]
    if name == "range" and not node.keywords:
        return range(*given)
    raise ValueError(f"no literal: {name}")
