"""Measures the costs of architectures, each network once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.errors import EvaluationError
from egraph.evaluation.lookup import ColumnCost
from egraph.evaluation.scoring import ProxyCost
from egraph.spaces import SearchSpace
from egraph.spaces.limited import Cost

__all__ = ["CostMeter"]


class CostMeter:
    """Several costs of architectures; each network is measured once.

    Args:
        space: Search space.
        costs: Functions from an architecture to a cost, by name; lower is better. A cost that raises
            EvaluationError or is not finite becomes NaN.
    """

    def __init__(self, space: SearchSpace, costs: Mapping[str, Cost]) -> None:
        self._space, self._costs = space, dict(costs)
        self._known: dict[str, dict[str, float]] = {}

    @property
    def names(self) -> list[str]:
        """The names of the costs."""
        return list(self._costs)

    @property
    def description(self) -> dict[str, str]:
        """For each cost a text: the column and the table, proxy and data, or the name of the function."""
        return {
            name: str(cost) if isinstance(cost, ColumnCost | ProxyCost) else _name(cost)
            for name, cost in self._costs.items()
        }

    @property
    def functions(self) -> dict[str, Cost]:
        """The costs as functions that measure each network once, by name."""
        return {name: partial(self._get, name) for name in self._costs}

    def measure(self, architecture: Architecture) -> dict[str, float]:
        """The costs of one architecture by name; NaN where unknown."""
        key = self._space.key(architecture)
        if key not in self._known:
            self._known[key] = {name: _call(cost, architecture) for name, cost in self._costs.items()}
        return dict(self._known[key])

    def note(self, key: str, costs: Mapping[str, float]) -> None:
        """Takes costs that were measured before for the architecture with a key, if all are among them."""
        if costs.keys() >= self._costs.keys():
            self._known[key] = {name: costs[name] for name in self._costs}

    def measure_all(self, architectures: Iterable[Architecture]) -> NDArray[np.float64]:
        """The costs of many, ``(architectures, costs)``; NaN where unknown."""
        rows = [list(self.measure(architecture).values()) for architecture in architectures]
        return np.array(rows, dtype=np.float64).reshape(-1, len(self._costs))

    def _get(self, name: str, architecture: Architecture) -> float:
        return self.measure(architecture)[name]


def _name(cost: Cost) -> str:
    return getattr(cost, "__qualname__", type(cost).__qualname__)


def _call(cost: Cost, architecture: Architecture) -> float:
    try:
        value = float(cost(architecture))
    except EvaluationError:
        return math.nan
    return value if math.isfinite(value) else math.nan
