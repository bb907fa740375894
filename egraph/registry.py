"""Registries of plug-ins by name, one for each kind."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from egraph.errors import FailedError, PluginWarning, UnknownNameError, UsageError
from egraph.specs import current_folder_first, find_named

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")

_OWN = re.compile(r"[\w.]+:\w+")


class Registry(Mapping[str, T], Generic[T]):
    """A mapping from names to plug-ins of one kind.

    If a ``group`` is given, installed packages can add plug-ins by entry points of that group. Entry points
    are read when a name is not registered, or when all names are listed. Each plug-in is loaded when its name
    is looked up, so a broken one does not affect the others. Registered plug-ins take precedence over those
    of a package with the same name; a warning is issued then.

    Args:
        kind: Kind of the plug-ins, for error texts, such as ``"search space"``.
        group: Group of the entry points; empty for none.
        check: Function of the name and the plug-in that an entry point led to; raises UsageError if the
            plug-in is not valid.

    Raises:
        UsageError: A second plug-in is registered under a taken name.
        UnknownNameError: The name that is looked up is not registered.
        FailedError: A plug-in of an installed package cannot be loaded or is not valid.
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

    def find(self, name: str, option: str) -> T:
        """The plug-in of a name that the user gave, which may also be ``package.module:name``.

        That module is imported, from the current folder first. The name must not come from a file.

        Args:
            name: The name.
            option: The option that has this value, for errors.

        Raises:
            UsageError: There is no such module or name in it, or what it names is no such plug-in.
            UnknownNameError: No plug-in has that name.
            FailedError: The module cannot be imported.
        """
        if not isinstance(name, str) or name in self or not _OWN.fullmatch(name):
            return self[name]
        with current_folder_first():
            thing: T = find_named(name, option)
        if self._check is not None:
            try:
                self._check(name.partition(":")[2], thing)
            except UsageError as error:
                raise UsageError(f"{option} {name}: {error}") from None
        return thing

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
        """The entry points of installed packages whose names are not registered."""
        from importlib.metadata import entry_points  # slow to import, and seldom needed

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
            raise FailedError(f"{who} is not valid: {error}") from None
        return thing


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module
