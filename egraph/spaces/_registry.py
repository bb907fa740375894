"""The registry of search spaces, in a module that no package imports back."""

from __future__ import annotations

from egraph.errors import UsageError, shorten
from egraph.registry import Registry
from egraph.spaces.base import SearchSpace

__all__ = ["add_unlisted", "get", "names", "register", "registry"]


def _check(name: str, thing: object) -> None:
    """Refuses an entry point that does not lead to a search space of its name."""
    if not isinstance(thing, SearchSpace):
        raise UsageError(f"expected a search space, got {shorten(thing)}")
    if thing.name != name:
        raise UsageError(f"the space is named {thing.name!r}; both names must be the same")


registry: Registry[SearchSpace] = Registry("search space", group="egraph.spaces", check=_check)

_unlisted: dict[str, SearchSpace] = {}


def add_unlisted(space: SearchSpace) -> None:
    """Makes `get` find a space that cannot be sampled, so that no list and no comparison has it."""
    _unlisted[space.name] = space


def register(space: SearchSpace) -> SearchSpace:
    """Registers a space under its name.

    Raises:
        UsageError: The name is taken.
    """
    return registry.register(space.name, space)


def get(space: str | SearchSpace) -> SearchSpace:
    """The space of that name; a space is returned as it is.

    Raises:
        UnknownNameError: No space has that name.
    """
    if isinstance(space, SearchSpace):
        return space
    if isinstance(space, str) and space in _unlisted:
        return _unlisted[space]
    return registry[space]


def names() -> list[str]:
    """The names of all spaces."""
    return list(registry)
