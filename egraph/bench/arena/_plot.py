"""A chart of searches: the best score so far against queries and simulated seconds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.bench._figures import check_drawable, save_figure
from egraph.bench.arena._curves import TASK, band, group
from egraph.bench.arena._tables import entitle, name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot"]

SIZE = (6.4, 4.4)  # size of one chart in inches
SPAN = 30  # ratio of the last to the first number of queries or seconds drawn
POINTS = 300
LABELS = {"queries": "queries", "seconds": "simulated seconds of training"}
STYLES = {"random": {"color": "0.6"}, "regularized-evolution": {"color": "0.1"}}


def plot(rows: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Draws for each benchmark a chart against queries and, if the table has costs, against seconds.

    A line is the median over the seeds of the test score of the best architecture by the score seen; the band
    spans the quartiles. Against seconds, it starts when each seed has a result and ends with the first seed
    that ends. Results before a thirtieth of the budget are not drawn. Against seconds, searches without
    training are a horizontal line at the median of their final results.

    Args:
        rows: Results of `measure`.
        path: File whose suffix matplotlib supports, such as ``.svg`` or ``.png``.

    Raises:
        UsageError: There are no rows, or matplotlib does not support the suffix.
        FailedError: The file cannot be written.
    """
    from matplotlib.figure import Figure

    kind = check_drawable(rows, path)
    tasks = group(rows, TASK)
    timed = {task: _is_timed(part) for task, part in group(rows, TASK).items()}
    across = 1 + any(timed.values())
    figure = Figure(figsize=(SIZE[0] * across, SIZE[1] * len(tasks)), layout="constrained")
    charts = figure.subplots(len(tasks), across, squeeze=False)
    for (task, part), line in zip(tasks.items(), charts, strict=True):
        _draw(line[0], part, "queries", entitle(task))
        if timed[task]:
            _draw(line[1], part, "seconds", entitle(task))
        elif across > 1:
            line[1].remove()
    save_figure(figure, path, kind)


def _draw(axes: Axes, rows: Sequence[Mapping[str, Any]], by: str, title: str) -> None:
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    bottom = np.inf
    colors = 0
    for (searcher, fitness), part in group(rows, ["searcher", "fitness"]).items():
        style: dict[str, Any] = STYLES.get(searcher.partition(":")[0], {}) if fitness == "table" else {}
        if not style:
            style = {"color": f"C{colors % 10}", "linestyle": "-" if colors < 10 else "--"}
            colors += 1
        if by == "seconds" and not any(row["seconds"] for row in part):
            found = float(np.median([row["final"] for row in part]))
            axes.axhline(found, label=name(searcher, fitness), lw=1.5, **{**style, "linestyle": "-."})
            continue
        at = _choose_points(part, by)
        low, median, high = band(part, at, by)
        axes.step(at, median, where="post", label=name(searcher, fitness), lw=1.5, **style)
        axes.fill_between(at, low, high, step="post", alpha=0.15, lw=0, color=style["color"])
        bottom = min(bottom, float(low[len(at) // 2]))
    top = rows[0]["optimum"]
    axes.axhline(top, color="0.4", lw=0.8, ls=":", label="optimum")
    if bottom < top:  # the first few queries would dominate the scale
        axes.set_ylim(bottom - 0.3 * (top - bottom), top + 0.08 * (top - bottom))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.minorticks_off()
    axes.set_xlabel(LABELS[by])
    axes.set_ylabel(f"{rows[0]['test']} of the best so far")
    axes.set_title(title, fontsize=9)
    axes.grid(alpha=0.25)
    # Below the axes, where it hides no curve.
    axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, frameon=False)


def _is_timed(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all costs are known and some are not zero."""
    seconds = [row["seconds"] for row in rows]
    return None not in seconds and any(seconds)


def _choose_points(rows: Sequence[Mapping[str, Any]], by: str) -> NDArray[np.float64]:
    if by == "queries":
        last = rows[0]["queries"]
        return np.arange(max(1, last // SPAN), last + 1, dtype=np.float64)
    first = max(row["steps"][0][1] for row in rows)
    last = min(row["seconds"] for row in rows)
    return np.geomspace(max(first, last / SPAN), max(first, last), POINTS)
