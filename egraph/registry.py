"""One registry a kind of plug-in: names to things, refusing duplicates, explaining misses."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from egraph.errors import FailedError, PluginWarning, UnknownNameError, UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A mapping from names to plug-ins of one kind.

    With a ``group`` the packages that are installed can add to it, by an entry point of that group. They are
    looked for when a name is not among the registered ones or all names are asked for, and each is loaded
    when its own name is looked up: one that is broken disturbs nobody else. What is registered goes before
    what a package offers under the same name, and a warning says so.

    Args:
        kind: what the plug-ins are, for error texts, such as ``"search space"``.
        group: of the entry points; none otherwise.
        check: called with the name and the thing that an entry point led to; raises UsageError where that
            thing will not do.

    Raises:
        UsageError: a second thing is registered under a taken name.
        UnknownNameError: a name is looked up that nobody registered.
        FailedError: an installed package offers the name, but it cannot be loaded or will not do.
    """

    def __init__(
        self, kind: str, *, group: str = "", check: Callable[[str, Any], object] | None = None
    ) -> None:
        self.kind, self.group = kind, group
        self._check = check
        self._things: dict[str, T] = {}
        self._loaded: dict[str, T] = {}

    def register(self, name: str, thing: T) -> T:
        """Adds ``thing`` under ``name`` and returns it."""
        if name in self._things:
            raise UsageError(f"a {self.kind} named {name!r} is registered already")
        self._things[name] = thing
        return thing

    def __getitem__(self, name: str) -> T:
        try:
            if name in self._things:
                return self._things[name]
            offer = self._offers[name]
        except (KeyError, TypeError):
            raise UnknownNameError(self.kind, name, self) from None
        if name not in self._loaded:
            self._loaded[name] = self._load(offer)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._things or name in self._offers

    def __iter__(self) -> Iterator[str]:
        return iter([*self._things, *(name for name in self._offers if name not in self._things)])

    def __len__(self) -> int:
        return len(list(iter(self)))  # not list(self), which would ask for the length

    def __repr__(self) -> str:
        return f"Registry({self.kind!r}: {', '.join(self)})"

    @functools.cached_property
    def _offers(self) -> dict[str, EntryPoint]:
        """What installed packages offer under names that nobody has yet, by package."""
        from importlib.metadata import entry_points  # slow to load, and seldom needed

        offers: dict[str, EntryPoint] = {}
        found = entry_points(group=self.group) if self.group else ()
        for entry in sorted(found, key=lambda entry: (_package(entry), entry.name)):
            if entry.name in self._things or entry.name in offers:
                owner = _package(offers[entry.name]) if entry.name in offers else "egraph"
                warnings.warn(
                    f"the {self.kind} {entry.name!r} of the package {_package(entry)!r} is left out: "
                    f"{owner!r} has one of that name",
                    PluginWarning,
                    stacklevel=3,
                )
            else:
                offers[entry.name] = entry
        return offers

    def _load(self, entry: EntryPoint) -> T:
        who = f"the {self.kind} {entry.name!r} of the package {_package(entry)!r}"
        try:
            thing: T = entry.load()
        except Exception as error:
            raise FailedError(
                f"{who} cannot be loaded: {type(error).__name__}: {error}; repair or uninstall the package"
            ) from error
        try:
            if self._check is not None:
                self._check(entry.name, thing)
        except UsageError as error:
            raise FailedError(f"{who} will not do: {error}") from None
        return thing


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module
