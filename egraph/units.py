"""Units of metrics, and the values that these can have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RANGES", "clip_interval"]

RANGES = {"fraction": (0.0, 1.0), "percent": (0.0, 100.0)}
"""Least and largest value by the unit."""

Floats = NDArray[np.float64]


def clip_interval(card: Mapping[str, Any], low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The ends of prediction intervals, inside the range of the metric that a ranker has learned.

    Args:
        card: Model card of the ranker. Without a metric, or with one of another unit, the ends stay.
        low: Lower ends.
        high: Upper ends.
    """
    metric = card.get("metric")
    if not isinstance(metric, Mapping) or metric.get("unit") not in RANGES:
        return low, high
    least, largest = RANGES[metric["unit"]]
    if metric.get("higher is better") is False:  # learned as its negative
        least, largest = -largest, -least
    return np.clip(low, least, largest), np.clip(high, least, largest)
