"""Descriptions of evaluators, compared by content: names of files, tables and modules do not matter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from egraph.checks import to_plain
from egraph.evaluation.wrapping import as_evaluator

__all__ = ["describe", "differences", "find_equal"]

Description = Mapping[str, Any]

_NAMED = (("data", "digest"), ("table", "digest"), ("function", "code"))
"""Fields that only name something, each with the field that tells its content."""


def describe(evaluator: Any) -> dict[str, Any]:
    """The description of an evaluator or a fitness as values of JSON."""
    described = to_plain(as_evaluator(evaluator).describe())
    read: dict[str, Any] = json.loads(json.dumps(described, sort_keys=True, default=str))
    return read


def find_equal(described: Description, known: Iterable[str]) -> str:
    """The JSON text among known ones that describes an equal evaluator; a new text where none does."""
    for text in known:
        if not any(differences(json.loads(text), described)):
            return text
    return json.dumps(described, sort_keys=True)


def differences(was: Description, now: Description, within: str = "") -> Iterator[str]:
    """What differs, such as ``recipe epochs 30, not 10``; names in order.

    Where the content of data is the same, their name does not matter. A function may have another name or
    another code, but not both. Descriptions by earlier versions lack contents; these then are not compared.
    """
    if was.get("kind") != now.get("kind"):
        yield f"{within}{was.get('kind', 'unknown')}, not {now.get('kind', 'unknown')}"
        return
    compared = {"kind"}
    for name, content in _NAMED:
        if name not in was or name not in now:
            continue
        compared |= {name, content}
        old, new, has, gets = was[name], now[name], was.get(content), now.get(content)
        if content == "code":
            if old != new and (has is None or has != gets) and not _was_moved(old, new, has):
                yield f"{within}{name} {old}, not {new}"
        elif (old != new and None in (has, gets)) or (has != gets and None not in (has, gets)):
            yield f"{within}{name} {old}{_mark(has)}, not {new}{_mark(gets)}"
    for name in sorted({*was, *now} - compared):
        old, new = was.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, f"{within}{name} ")
        elif old != new:
            yield f"{within}{name} {_show(old)}, not {_show(new)}"


def _was_moved(old: str, new: str, code: object) -> bool:
    """Whether a function of a script, of which a journal has no code, is now in a module, or back."""
    names = [str(one).split(".") for one in (old, new)]
    return code is None and "__main__" in (names[0][0], names[1][0]) and names[0][-1] == names[1][-1]


def _mark(digest: object) -> str:
    return "" if digest is None else f" (digest {digest})"


def _show(value: object) -> str:
    """A value in an error text; fields of recipes that do nothing are left out of journals."""
    return "unset" if value is None else str(value)
