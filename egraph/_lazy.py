"""Names of a package that are imported when first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

from egraph.errors import MissingExtraError

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, str], modules: Collection[str] = (), *, extra: str | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Makes the functions ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: Name of the package.
        homes: The module that defines each name.
        modules: Submodules that are names themselves.
        extra: The extra of egraph that the modules need; None where they need none.

    Raises:
        MissingExtraError: By ``__getattr__``, where a module needs ``extra`` and it is not installed.
    """

    def load(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(importlib.import_module(homes[name]), name)
        except ModuleNotFoundError as error:
            if extra is None:
                raise
            raise MissingExtraError(error.name or str(error), extra) from None

    def list_names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes, *modules})

    return load, list_names
