"""Costs by name: columns of a table, and what is computed from a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from egraph.datasets import Table
from egraph.errors import UnknownNameError, UsageError
from egraph.evaluation.costs import Costs
from egraph.evaluation.lookup import ColumnCost
from egraph.evaluation.scoring import ProxyCost, ZeroCost
from egraph.spaces import SearchSpace
from egraph.spaces.limited import Cost

__all__ = ["COMPUTED", "CostNames"]

COMPUTED = ("params", "flops", "latency")
"""The costs that are computed from the network of an architecture."""


@dataclass(frozen=True)
class CostNames:
    """The costs that a search can name.

    A name is that of a column of the table, or one of `COMPUTED` where the table has no such numbers, or that
    of a zero-cost proxy. ``NAME=COLUMN`` gives a column another name.

    Attributes:
        space: Search space.
        networks: Function that returns the `Costs` of the space; called if a cost is computed.
        table: Table of measured architectures; None without one.
        metric: Metric that the search maximises, which can be no cost.
        untrained: Function that returns a `ZeroCost` of a proxy with this name; None where there are none.
    """

    space: SearchSpace
    networks: Callable[[], Costs]
    table: Table | None = None
    metric: str = ""
    untrained: Callable[[str], ZeroCost] | None = None

    def read(self, texts: Iterable[str]) -> dict[str, Cost]:
        """The costs of texts ``NAME`` or ``NAME=COLUMN``, by name.

        Raises:
            UnknownNameError: There is no such cost.
            UsageError: A name comes twice, the space builds no networks, there is no table, the column cannot
                be a cost, or it is the metric.
        """
        costs: dict[str, Cost] = {}
        for text in texts:
            name, given, column = text.partition("=")
            if not name or (given and not column):
                raise UsageError(f"a cost is NAME or NAME=COLUMN, got {text!r}")
            if name in costs:
                raise UsageError(f"the cost {name!r} is given twice; NAME=COLUMN gives a column another name")
            costs[name] = self._find_column(column) if given else self.find(name)
        return costs

    def find(self, name: str) -> Cost:
        """The cost of this name; raises as `read`."""
        if self._has_column(name):
            return self._find_column(name)
        if name not in COMPUTED and name not in (proxies := self._proxies):
            raise UnknownNameError("cost", name, [*self.choices, *proxies])
        if not self.space.builds_networks:
            raise UsageError(
                f"the cost {name!r} is that of a network, and the space {self.space.name!r} builds none; "
                f"costs: {', '.join(self.choices) or 'none'}"
            )
        if name not in COMPUTED:
            assert self.untrained is not None
            return ProxyCost(self.untrained(name))
        computed: Cost = getattr(self.networks(), name)
        return computed

    @property
    def _proxies(self) -> list[str]:
        """The names of the zero-cost proxies that are no other cost."""
        from egraph.evaluation.zero_cost import proxies

        return [] if self.untrained is None else [name for name in proxies if name not in COMPUTED]

    def _has_column(self, name: str) -> bool:
        """Whether a name means the column; one without a number leaves a cost of networks to be computed."""
        if self.table is None or name not in self.table.columns:
            return False
        computed = name in COMPUTED and self.space.builds_networks
        return not (computed and np.isnan(self.table.numbers(name)).all())

    @property
    def columns(self) -> list[str]:
        """The columns of the table that can be a cost."""
        if self.table is None:
            return []
        about = self.table.metrics
        return [
            name
            for name, values in self.table.columns.items()
            if values.dtype.kind in "iuf" and not (name in about and about[name].higher_is_better)
        ]

    @property
    def choices(self) -> list[str]:
        """The names of all costs."""
        return list(dict.fromkeys([*self.columns, *(COMPUTED if self.space.builds_networks else ())]))

    def _find_column(self, column: str) -> Cost:
        if self.table is None:
            raise UsageError(f"there is no table with a column {column!r}; costs: {', '.join(self.choices)}")
        if column == self.metric:
            raise UsageError(f"{column!r} is the metric that is maximised; a cost must be another column")
        if column not in self.table.columns:
            raise UnknownNameError("column", column, self.columns, f"table {self.table.name!r}")
        return ColumnCost(self.table, column)
