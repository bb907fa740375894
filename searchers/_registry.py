"""The registry of searchers, in a module that no searcher imports back."""

from __future__ import annotations

from egraph.errors import UsageError
from egraph.registry import Registry
from egraph.searchers._base import Searcher

__all__ = ["get", "names", "register", "registry"]


def register(searcher: type[Searcher]) -> type[Searcher]:
    """Registers a class of searchers under its name; can be used as a decorator.

    Raises:
        UsageError: The name is taken.
    """
    return registry.register(searcher.name, searcher)


def get(name: str) -> type[Searcher]:
    """The class of searchers of that name.

    Raises:
        UnknownNameError: No searcher has that name.
        FailedError: An installed package offers it, but it cannot be loaded or is not a searcher.
    """
    return registry[name]


def names() -> list[str]:
    """The names of all searchers: those of egraph, then those of installed packages."""
    return list(registry)


def _check(name: str, thing: object) -> None:
    """Refuses an entry point that does not lead to a searcher of its name."""
    if not (isinstance(thing, type) and issubclass(thing, Searcher)):
        raise UsageError(f"expected a subclass of egraph.searchers.Searcher, got {thing!r}")
    if getattr(thing, "name", None) != name:
        raise UsageError(f"its class is named {getattr(thing, 'name', None)!r}; both names must be the same")


registry: Registry[type[Searcher]] = Registry("searcher", group="egraph.searchers", check=_check)
