"""The options of a searcher: names and defaults, read off its signature, and their JSON-ready form."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from egraph.checks import to_plain
from egraph.errors import UsageError, shorten

__all__ = ["LARGEST", "check_callable", "describe_value", "name_of", "option_defaults", "unwrap"]

LARGEST = 10**9
"""Upper limit of options that set the size of an array."""


@functools.cache
def option_defaults(searcher: type) -> Mapping[str, Any]:
    """Names and defaults of the options of a class of searchers, its own before inherited ones.

    Options are the keyword-only parameters other than ``seed``. Those without a default have
    `inspect.Parameter.empty`.
    """
    order: list[str] = []
    for base in reversed(searcher.__mro__):
        if "__init__" in vars(base):
            names = list(_options_of(base))
            order = [name for name in names if name not in order] + order
    own = _options_of(searcher)
    return {name: own[name].default for name in order if name in own}


def describe_value(value: Any) -> Any:
    """An option as a JSON-ready value.

    Functions, classes and other objects become their names, an object with a method ``describe`` what that
    returns: another such object is another option.
    """
    value = to_plain(value)
    if not isinstance(value, type) and callable(describe := getattr(value, "describe", None)):
        return describe_value(describe())
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): describe_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [describe_value(each) for each in value]
    return name_of(value)


def name_of(factory: Callable[..., Any]) -> str:
    """The name of a function or class, without the arguments bound by `functools.partial`."""
    factory = unwrap(factory)
    return getattr(factory, "__qualname__", type(factory).__qualname__)


def unwrap(factory: Callable[..., Any]) -> Callable[..., Any]:
    """The function or class below `functools.partial`."""
    while isinstance(factory, functools.partial):
        factory = factory.func
    return factory


def check_callable(**values: object) -> None:
    """Checks that each value is a function or a class, which text cannot give.

    Raises:
        UsageError: A value is not; the text names it.
    """
    for name, value in values.items():
        if not callable(value):
            raise UsageError(f"{name} must be a function or a class, got {shorten(value)}")


def _options_of(searcher: type) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(searcher.__init__).parameters.values()  # type: ignore[misc]
    return {each.name: each for each in parameters if each.kind is each.KEYWORD_ONLY and each.name != "seed"}
