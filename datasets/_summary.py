"""What was read of a table, in one line."""

from __future__ import annotations

import numpy as np

from egraph.datasets._table import Table

__all__ = ["summarise"]

MOST_COUNTED = 100_000
"""Rows of a table whose networks are counted; the keys of more take a minute."""

MOST_SHOWN = 12
"""Metrics that are listed."""


def summarise(table: Table, *metrics: str) -> str:
    """Rows, distinct networks, and each metric with its direction, in one line.

    Args:
        table: Measured architectures.
        metrics: The metrics in use; none are all.

    Raises:
        UnknownNameError: There is no such metric.
        DataError: A row is not an architecture of the space.
    """
    distinct = f", {len(set(table.keys)):,} distinct networks" if len(table) <= MOST_COUNTED else ""
    names = metrics or tuple(table.metrics)
    told = [_describe(table, name) for name in names[:MOST_SHOWN]]
    if len(names) > len(told):
        told.append(f"and {len(names) - len(told)} more metrics")
    head = f"{table.name}: {len(table):,} rows{distinct} of the space {table.space.name}"
    reading = [table.provenance["reading"]] if "reading" in table.provenance else []
    return "; ".join([head, *told, *reading])


def _describe(table: Table, name: str) -> str:
    missing = int(np.isnan(table[name]).sum())
    about = table.metrics[name]
    unit = f", {about.unit}" if about.unit else ""
    direction = "higher is better" if about.higher_is_better else "lower is better"
    return f"{name}{unit}, {direction}" + (f", not measured in {missing:,}" if missing else "")
