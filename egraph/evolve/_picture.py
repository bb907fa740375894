"""The course of an evolution of rankers as one picture."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import FailedError, UsageError
from egraph.files import atomic_path

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["draw"]

DOT, LINE, MEAN, FAINT = "#7a9cc6", "#1f4e8c", "#c0652a", "#b9c0c8"
_RECENT = 25


def draw(trials: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Draws three charts: the best tau so far, tau against parameters, and tau by read-out.

    They correspond to figures 7.3 to 7.8 of the thesis. In the middle chart, the horizontal axis is
    logarithmic, and colours show tau within the better half.

    Args:
        trials: Trials of the study, as `egraph.Study.trials` gives them.
        path: File to write, ``.svg`` or ``.png``; it appears whole or not at all.

    Raises:
        UsageError: The path has another ending.
        FailedError: No trial has succeeded, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    kind = os.fspath(path).lower().rpartition(".")[2]
    if kind not in ("svg", "png"):
        raise UsageError(f"the name of a picture must end in .svg or .png, got {os.fspath(path)!r}")
    complete = trials[trials["state"] == "complete"].sort_values("number")
    if complete.empty:
        raise FailedError("there is nothing to draw: no genome has been evaluated successfully yet")
    figure = Figure(figsize=(12.5, 3.8), layout="constrained")
    progress, size, readout = figure.subplots(1, 3)
    _draw_progress(progress, complete)
    _draw_size(size, complete)
    _draw_readout(readout, complete)
    for axes in (progress, size, readout):
        axes.grid(color=FAINT, lw=0.5, alpha=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    # A date in the file would make equal pictures differ.
    extra: dict[str, Any] = {"metadata": {"Date": None}} if kind == "svg" else {"dpi": 150}
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=kind, **extra)


def _draw_progress(axes: Axes, trials: pd.DataFrame) -> None:
    from matplotlib.ticker import MaxNLocator

    scores = trials["score"].to_numpy(dtype=float)
    steps = np.arange(1, len(scores) + 1)
    axes.scatter(steps, scores, s=9, color=DOT, alpha=0.6, linewidths=0)
    axes.step(steps, np.maximum.accumulate(scores), where="post", color=LINE, lw=2, label="best so far")
    if len(scores) > _RECENT:
        mean = np.convolve(scores, np.ones(_RECENT) / _RECENT, mode="valid")
        axes.plot(steps[_RECENT - 1 :], mean, color=MEAN, lw=1.5, label=f"mean of the last {_RECENT}")
    # An outlier, such as a genome that learnt nothing, must not compress the axis.
    low = max(float(scores.min()), 2 * float(np.median(scores)) - float(scores.max()) - 0.15)
    axes.set_ylim(low - 0.02, float(scores.max()) + 0.02)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("genomes evaluated")
    axes.set_ylabel("Kendall's tau, validation")
    axes.legend(frameon=False, loc="lower right")


def _draw_size(axes: Axes, trials: pd.DataFrame) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    scores, params = trials["score"].to_numpy(dtype=float), trials["params"].to_numpy(dtype=float)
    better = scores >= np.median(scores)
    axes.scatter(params[~better], scores[~better], s=14, color=FAINT, linewidths=0, label="lower half")
    shown = axes.scatter(params[better], scores[better], s=16, c=scores[better], cmap="viridis", linewidths=0)
    assert axes.figure is not None
    axes.figure.colorbar(shown, ax=axes, label="tau of the better half")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("parameters of the ranker")
    axes.set_ylabel("Kendall's tau, validation")


def _draw_readout(axes: Axes, trials: pd.DataFrame) -> None:
    groups: dict[str, list[float]] = {}
    for text, score in zip(trials["architecture"], trials["score"], strict=True):
        ops = Architecture.from_json(text).ops
        gene = next((op for op in ops if op.startswith("READOUT_")), "none")
        groups.setdefault(gene.removeprefix("READOUT_").lower().replace("_", "+"), []).append(float(score))
    names = sorted(groups, key=lambda name: -float(np.median(groups[name])))
    labels = [f"{name}\n({len(groups[name])})" for name in names]
    axes.boxplot(
        [groups[name] for name in names], tick_labels=labels, widths=0.6, medianprops={"color": MEAN},
        flierprops={"markersize": 3, "markeredgecolor": DOT},
    )  # fmt: skip
    axes.set_xlabel("read-out (genomes)")
    axes.set_ylabel("Kendall's tau, validation")
    axes.tick_params(axis="x", labelsize=7.5)
