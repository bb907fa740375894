"""A searcher that is named and configured, but not made yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import Parameter
from typing import Any

from egraph.errors import UsageError
from egraph.searchers._base import MakeSearcher, Searcher
from egraph.searchers._options import option_defaults
from egraph.searchers._registry import get
from egraph.spaces import SearchSpace
from egraph.specs import check_options, parse

__all__ = ["SearcherSpec", "describe"]


@dataclass(frozen=True)
class SearcherSpec:
    """Name and options of a searcher. Called with a space and ``seed=``, it makes one.

        spec = SearcherSpec.parse("nsga2:population=8")
        searcher = spec(space, seed=0)

    Values of options are checked when the searcher is made. A spec is hashable if its options are.

    Args:
        name: Name of a registered searcher.
        options: Options that differ from the defaults.

    Raises:
        UnknownNameError: No searcher has that name.
        UsageError: The searcher has no such option.
        FailedError: An installed package offers the searcher, but it cannot be loaded.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", dict(sorted(self.options.items())))
        check_options(str(self), self.options, get(self.name))

    @classmethod
    def parse(cls, text: str) -> SearcherSpec:
        """Reads ``NAME`` or ``NAME:OPTION=VALUE,OPTION=VALUE``.

        Raises:
            UsageError: The text has another form; or as of the class.
        """
        return cls(*parse(text))

    def replace(self, **options: Any) -> SearcherSpec:
        """The same searcher with other values of some options."""
        return SearcherSpec(self.name, {**self.options, **options})

    def describe(self) -> dict[str, Any]:
        """Name and all options, defaults included, as JSON-ready values."""
        searcher = get(self.name)
        options = {**option_defaults(searcher), **self.options}
        given = {name: value for name, value in options.items() if value is not Parameter.empty}
        return {"searcher": self.name, **searcher.describe_options(given)}

    def __call__(self, space: SearchSpace, *, seed: int = 0) -> Searcher:
        """Makes the searcher.

        Raises:
            UsageError: An option is of the wrong kind or out of range, or the space does not suit.
        """
        try:
            return get(self.name)(space, seed=seed, **self.options)
        except UsageError:
            raise
        except (TypeError, ValueError) as error:  # of an option that a searcher elsewhere does not check
            raise UsageError(f"{str(self)!r} cannot be made: {error}") from error

    def __hash__(self) -> int:
        return hash((self.name, *self.options.items()))

    def __str__(self) -> str:
        options = ",".join(f"{name}={_write(value)}" for name, value in self.options.items())
        return f"{self.name}:{options}" if options else self.name


def describe(make: MakeSearcher, space: SearchSpace) -> dict[str, Any]:
    """Name and all options of a searcher, as JSON-ready values for journals and results.

    Makes one, so that options out of range and spaces that do not suit are refused before a search begins.

    Args:
        make: `SearcherSpec`, class, or another callable that takes a space and ``seed=``.
        space: Space to search.

    Raises:
        UsageError: As of `SearcherSpec`.
    """
    made = make(space, seed=0)
    return make.describe() if isinstance(make, SearcherSpec) else {"searcher": made.name, **made.options}


def _write(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
