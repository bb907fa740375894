"""A picture of results: tau against the number of labels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.bench._figures import check_drawable, save_figure
from egraph.bench._published import published
from egraph.bench._summary import summarise

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot"]

SIZE = (5.4, 4.0)  # inches of one chart
COLUMNS = 3


def plot(rows: Sequence[Mapping[str, Any]], path: str | os.PathLike[str], *, reference: bool = True) -> None:
    """Draws one chart for each benchmark and protocol, with one line for each predictor.

    A point is the mean over the seeds, and its error bar the standard deviation. Grey crosses are the best
    published results under the same protocol.

    Args:
        rows: Results of `measure`.
        path: File to write; the ending, such as ``.svg`` or ``.png``, chooses the format.
        reference: Whether to draw published results.

    Raises:
        UsageError: There are no rows, or matplotlib cannot write this format.
        FailedError: The file cannot be written.
    """
    from matplotlib.figure import Figure

    frame = summarise(rows)
    kind = check_drawable(frame, path)
    groups: list[Any] = list(frame.groupby(["benchmark", "metric", "protocol", "shuffled"], sort=False))
    names = list(dict.fromkeys(frame["predictor"]))
    across = min(COLUMNS, len(groups))
    down = -(-len(groups) // across)
    figure = Figure(figsize=(SIZE[0] * across, SIZE[1] * down), layout="constrained")
    charts = figure.subplots(down, across, squeeze=False)
    for (group, part), axes in zip(groups, charts.flat, strict=False):
        for number, name in enumerate(names):
            _draw_line(axes, part[part["predictor"] == name].sort_values("samples"), name, number)
        if reference and not group[3]:
            _draw_reference(axes, group[0], group[1], group[2], set(part["samples"]))
        axes.set_title(f"{group[0]}, {group[1]}\nprotocol {group[2]}" + ", labels shuffled" * bool(group[3]))
        _set_scale(axes, sorted(part["samples"].unique()))
    for axes in charts.flat[len(groups) :]:
        axes.remove()
    save_figure(figure, path, kind)


def _draw_line(axes: Axes, part: Any, name: str, number: int) -> None:
    if part["tau"].notna().any():
        axes.errorbar(
            part["samples"], part["tau"], yerr=part["tau_sd"].fillna(0), label=name, color=f"C{number % 10}",
            marker="os^Dv<>P*X"[number % 10], linestyle="-" if number < 10 else "--", lw=1.6, ms=4, capsize=2,
        )  # fmt: skip


def _draw_reference(axes: Axes, benchmark: str, metric: str, protocol: str, samples: set[int]) -> None:
    best: dict[int, tuple[float, str]] = {}
    for each in published(benchmark, metric, protocol):
        if each.samples in samples:
            best[each.samples] = max(best.get(each.samples, (-np.inf, "")), (each.tau, each.method))
    if best:
        axes.plot(list(best), [tau for tau, _ in best.values()], "x", color="0.4", label="best published")
    for count, (tau, method) in best.items():
        axes.annotate(
            method, (count, tau), xytext=(4, -9), textcoords="offset points", fontsize=7, color="0.4"
        )


def _set_scale(axes: Axes, samples: list[int]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(samples, [f"{count:,}" for count in samples])
    axes.minorticks_off()
    axes.margins(x=0.15)
    if len(samples) == 1:
        axes.set_xlim(samples[0] / 2, samples[0] * 2)
    axes.set_xlabel("labels")
    axes.set_ylabel("Kendall's tau")
    axes.grid(alpha=0.25)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7)
