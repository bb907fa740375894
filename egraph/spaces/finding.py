"""Search spaces by the names that people give: registered ones, and their own in any module."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from egraph.errors import UsageError, shorten
from egraph.spaces import _registry
from egraph.spaces.around import VariantSpace, around
from egraph.spaces.base import SearchSpace
from egraph.spaces.builder import from_builder
from egraph.specs import current_folder_first, find_named

__all__ = ["find"]

_OWN = re.compile(
    r"(?P<around>around:)?(?P<name>[\w.]+:\w+)(@(?P<shape>[1-9]\d*(x[1-9]\d*)*),(?P<classes>[1-9]\d*))?"
)


def find(
    space: str | SearchSpace, input_shape: Sequence[int] | None = None, num_classes: int | None = None
) -> SearchSpace:
    """The space of that name; a space is returned as it is.

    A name comes from the user, never from a file: ``package.module:name`` is imported, from the current
    folder first. It may be that of a search space, or of a builder (see `from_builder`). With ``around:``
    before it, it is that of a network, or of a function that makes one, whose variants are the space (see
    `around`). The shape of inputs and the number of outputs stand behind it, ``nets:build@1x28x28,10``, or
    are given. What was found is registered in this process, so that files that hold the name can be read.

    Args:
        space: Name, or a space.
        input_shape: Shape of one input, for a builder whose name does not tell.
        num_classes: Number of outputs, for a builder whose name does not tell.

    Raises:
        UnknownNameError: No space has that name.
        UsageError: There is no such module or name, it is neither a space nor a builder, or nothing tells the
            shape of the inputs.
        FailedError: The module cannot be imported.
    """
    match = _OWN.fullmatch(space) if isinstance(space, str) else None
    if match is None or space in _registry.registry:
        return _registry.get(space)
    with current_folder_first():
        own: Any = find_named(match["name"], "--space")
        if isinstance(own, SearchSpace) and not match["around"]:
            if isinstance(own, VariantSpace) and not own.is_named:
                own.name, own.is_named = f"{match['name']}@{own.name.partition('@')[2]}", True
            if own.name not in _registry.registry:
                _registry.register(own)
            return own
        _check_kind(own, match["name"], bool(match["around"]))
        if match["shape"]:
            input_shape = tuple(int(side) for side in match["shape"].split("x"))
            num_classes = int(match["classes"])
        if input_shape is None or num_classes is None:
            raise UsageError(
                f"the shape of the inputs and the number of classes of {match['name']} are not known here; "
                f"add them: {match['name']}@3x32x32,10"
            )
        made: SearchSpace
        if match["around"]:
            shown = f"{'x'.join(map(str, input_shape))},{num_classes}"
            made = around(own, tuple(input_shape), num_classes, name=f"around:{match['name']}@{shown}")
        else:
            made = from_builder(own, input_shape, num_classes)
        return _registry.registry.get(made.name) or _registry.register(made)


def _check_kind(own: Any, name: str, is_around: bool) -> None:
    """Refuses what neither is nor makes what a name stands for.

    Raises:
        UsageError: It is something else.
    """
    is_module = hasattr(own, "forward") and not isinstance(own, type)
    if is_module and not is_around:
        raise UsageError(f"{name} is a network, not a search space; its variants are --space around:{name}")
    if is_around and (isinstance(own, SearchSpace) or not callable(own)):
        raise UsageError(f"around:{name} needs a network or a function that makes one, got {shorten(own)}")
    if not is_around and (isinstance(own, type) or not callable(own)):
        raise UsageError(
            f"{name} is neither a search space nor a builder, which is a function of choose; "
            f"got {shorten(own)}"
        )
