"""A path with options behind it, such as ``flowers.csv:target=regression``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from egraph.datasets._folders import find
from egraph.errors import UsageError
from egraph.files import expand
from egraph.specs import parse

__all__ = ["check_known", "split_metrics", "split_options"]


def split_options(text: str, root: str | os.PathLike[str] | None = None) -> tuple[Path, str]:
    """The path and what stands behind it after a colon, if anything.

    A path that does not exist as given is looked for in the folders of data.
    """
    ends = [len(text), *(place for place in range(len(text) - 1, 0, -1) if text[place] == ":")]
    for end in ends:
        path = expand(text[:end])
        if os.path.exists(path):
            return path, text[end + 1 :]
        if not path.is_absolute() and (found := find(text[:end], root)) is not None:
            return found, text[end + 1 :]
    stem, _, rest = text.partition(":")
    return Path(stem), rest


def split_metrics(text: str, most: int = 1) -> tuple[str, list[str]]:
    """Splits up to ``most`` metrics off ``TABLE:METRIC``; the colons of a path belong to the path."""
    splits = [text.rsplit(":", count) for count in range(most + 1)]
    name, *metrics = next((split for split in splits if os.path.exists(split[0])), splits[-1])
    return name, metrics


def check_known(text: str, rest: str, known: Sequence[str], bare: str = "") -> Mapping[str, Any]:
    """The options as a mapping.

    Args:
        text: The whole text, for errors.
        rest: What stands behind the path: ``OPTION=VALUE,OPTION=VALUE``.
        known: Names of the options that the file takes.
        bare: Option that a first part without ``=`` stands for.

    Raises:
        UsageError: An option is unknown, or the text is of another form.
    """
    if not rest:
        return {}
    first, comma, others = rest.partition(",")
    if bare and "=" not in rest:
        first, comma, others = rest, "", ""
    options: dict[str, Any] = {}
    if bare and "=" not in first:
        options[bare] = first
        rest = others if comma else ""
    if rest:
        options |= parse(f"{bare or 'data'}:{rest}")[1]
    for name in options:
        if name not in known:
            raise UsageError(f"{text!r} has no option {name!r}; known: {', '.join(known) or 'none'}")
    return options
