"""Tables that installed packages offer by name."""

from __future__ import annotations

from collections.abc import Callable

from egraph.datasets._table import Table
from egraph.errors import EgraphError, FailedError, UsageError, shorten
from egraph.registry import Registry

__all__ = ["load_offered", "offered"]


def load_offered(name: str) -> Table:
    """The table that an installed package offers under a name.

    Raises:
        FailedError: The function of the package fails, or returns something else.
    """
    try:
        table = offered[name]()
    except EgraphError:
        raise
    except Exception as error:
        raise FailedError(
            f"the table {name!r} of a package failed: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(table, Table):
        raise FailedError(f"the table {name!r} of a package is no Table, but {shorten(table)}")
    return table


def _check(name: str, thing: object) -> None:
    """Refuses an entry point that cannot be called."""
    if not callable(thing):
        raise UsageError(f"expected a function without arguments that returns a Table, got {shorten(thing)}")


offered: Registry[Callable[[], Table]] = Registry("table", group="egraph.tables", check=_check)
"""Functions that load the tables of installed packages."""
