"""The charts of a search."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from egraph.report._findings import Findings
from egraph.report._svg import ACCENT, GRID, INK, RANDOM, SEARCH, draw_svg, number_whole
from egraph.report._thinning import MOST_BINS, MOST_POINTS, bin_rows, corners, spread
from egraph.study._trial import REFERENCE, WHOLE_COST

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CHARTS", "draw_charts"]

Chart = tuple[str, str, Callable[["Axes", Findings], bool]]
"""Title, explanation and drawing function."""
SIZE = (4.6, 3.1)  # inches of 96 pixels: about as wide as a phone


def draw_charts(findings: Findings) -> dict[str, tuple[str, str, str]]:
    """The title, explanation and SVG of each chart that the journal has data for."""
    charts = {}
    for name, (title, explanation, draw) in _list_charts(findings).items():
        picture = _draw(name, draw, findings)
        if picture is not None:
            charts[name] = (title, explanation + _tell_thinning(name, findings), picture)
    return charts


def _tell_thinning(name: str, findings: Findings) -> str:
    """What of a large search the chart leaves out, as a sentence; empty where it shows everything."""
    if name == "tau":
        size = bin_rows(findings.rounds.dropna(subset=["tau"]), MOST_BINS)[1]
        return f" Each point is the mean of {size} rounds." if size > 1 else ""
    most = max(len(findings.trials), len(findings.baseline))
    return f" Of {most:,} trials, {MOST_POINTS:,} are drawn, evenly spaced." if most > MOST_POINTS else ""


def _list_charts(findings: Findings) -> dict[str, Chart]:
    """The charts of a study: one for each cost that it weighs, in place of that of the size."""
    if not findings.costs:
        return CHARTS
    charts = {name: chart for name, chart in CHARTS.items() if name != "cost"}
    for number, name in enumerate(findings.costs):
        explanation = (
            "Each dot is a trial; a ring marks the best score. The line is the best score up to each cost."
        )
        charts[f"cost-{number}"] = f"Score and {name}", explanation, partial(_cost, name=name)
    return charts


def _best_so_far(axes: Axes, findings: Findings) -> bool:
    scale = 100 if findings.is_accuracy else 1
    shown = []
    for trials, colour, name in (
        (findings.baseline if findings.has_baseline else None, RANDOM, "random search"),
        (findings.trials, SEARCH, "egraph"),
    ):
        done = trials[trials["state"].isin(["complete", "failed"])] if trials is not None else None
        if done is None or not done.loc[done["fidelity"] == WHOLE_COST, "score"].notna().any():
            continue
        scores = scale * done["score"].where(done["fidelity"] == WHOLE_COST).to_numpy(dtype=float)
        steps = done["fidelity"].to_numpy(dtype=float).cumsum()
        best = np.fmax.accumulate(np.where(done["origin"] == REFERENCE, np.nan, scores))
        points = spread(pd.DataFrame({"cost": steps, "score": scores}), MOST_POINTS)
        axes.scatter(points["cost"], points["score"], s=9, color=colour, alpha=0.35, linewidths=0)
        rows = corners(best) if len(best) > MOST_POINTS else np.arange(len(best))
        axes.step(steps[rows], best[rows], where="post", color=colour, lw=2, label=name)
        shown.append(best)  # scales the axis to the curves; points of poor networks may lie below
    if not shown:
        return False
    _frame(axes, findings, np.concatenate(shown))
    axes.set_xlabel("cost in whole trainings" if findings.fidelities else "trainings")
    number_whole(axes)
    return True


def _tau(axes: Axes, findings: Findings) -> bool:
    judged = findings.rounds.dropna(subset=["tau"])
    if judged.empty:
        return False
    rounds, _ = bin_rows(judged, MOST_BINS)
    axes.axhline(0, color=GRID, lw=1)
    lowest = 0.0
    for column, colour, name in (
        ("tau", SEARCH, "its own choice"),
        ("tau_baseline", RANDOM, "random networks"),
    ):
        for kind, style in ((column, "o-"), (f"promised_{column}", "--")):
            known = rounds.dropna(subset=[kind])
            if len(known):
                label = name if kind == column else "promised"
                values = known[kind].astype(float)
                axes.plot(known["round"], values, style, color=colour, lw=2, ms=5, label=label)
                lowest = min(lowest, float(values.min()))
    alarms = spread(judged[judged["alarm"] > 0], MOST_BINS)
    if len(alarms):
        ring: Any = {"s": 120, "facecolors": "none", "edgecolors": ACCENT, "linewidths": 2, "zorder": 3}
        axes.scatter(alarms["round"], alarms["tau"].astype(float), label="drift", **ring)
    axes.set_ylim(lowest - 0.1, 1.05)
    axes.set_xlabel("round")
    axes.set_ylabel("Kendall's tau")
    _legend(axes)
    number_whole(axes)
    return True


def _predicted(axes: Axes, findings: Findings) -> bool:
    if findings.fidelities:
        return False  # a ranker that learned from several scales predicts on none of them
    scale = 100 if findings.is_accuracy else 1
    shown = []
    for trials, colour, name in (
        (findings.baseline[findings.baseline["origin"] == "baseline"], RANDOM, "random networks"),
        (findings.trials, SEARCH, "chosen by egraph"),
    ):
        both = spread(trials[trials["predicted"].notna() & trials["score"].notna()], MOST_POINTS)
        if len(both):
            points = scale * both[["predicted", "score"]].to_numpy(dtype=float)
            axes.scatter(points[:, 0], points[:, 1], s=22, color=colour, alpha=0.75, linewidths=0, label=name)
            shown.append(points)
    if not shown:
        return False
    middle = float(np.median(np.concatenate(shown)[:, 1]))
    axes.axline((middle, middle), slope=1, color=INK, lw=1, ls=":")
    _frame(axes, findings, np.concatenate(shown)[:, 1])
    axes.set_xlabel("predicted accuracy, %" if findings.is_accuracy else "predicted score")
    return True


def _cost(axes: Axes, findings: Findings, name: str | None = None) -> bool:
    scale = 100 if findings.is_accuracy else 1
    both = pd.concat([findings.trials, findings.baseline]).drop_duplicates("number")
    values = findings.cost(both, name)
    whole = both["score"].notna() & (both["fidelity"] == WHOLE_COST)
    usable = np.isfinite(values) & whole.to_numpy()
    known, values = both[usable], values[usable]
    if known.empty:
        return False
    random = (known["origin"] == "baseline").to_numpy()
    for rows, colour, label in ((random, RANDOM, "random networks"), (~random, SEARCH, "egraph")):
        if rows.any():
            measured = pd.DataFrame({"cost": values[rows], "score": scale * known["score"][rows]})
            points = spread(measured, MOST_POINTS)
            look: dict[str, Any] = {"s": 22, "alpha": 0.75, "linewidths": 0}
            axes.scatter(points["cost"], points["score"], color=colour, label=label, **look)
    front = findings.front_of(name)
    if len(front) > 1:
        label = "best of its size" if name is None else "best trade-offs"
        ends = findings.cost(front, name)
        axes.step(ends, scale * front["score"], where="post", color=SEARCH, lw=1.5, label=label)
    if findings.best:
        best = findings.best[0]
        place = best.trial.params if name is None else best.trial.costs.get(name, np.nan)
        ring: dict[str, Any] = {"facecolors": "none", "edgecolors": ACCENT, "linewidths": 2}
        axes.scatter([place], [scale * best.score], s=120, label="best", **ring)
    if name is None or (values.min() > 0 and values.max() > 10 * values.min()):
        axes.set_xscale("log")
    axes.set_xlabel("parameters" if name is None else name)
    _frame(axes, findings, scale * known["score"].to_numpy(dtype=float))
    return True


CHARTS: dict[str, Chart] = {
    "best": (
        "Best so far",
        "Each dot is a training; each line is the best score so far. Very poor scores lie below the chart.",
        _best_so_far,
    ),
    "tau": (
        "What the ranker promised and delivered",
        "Kendall's tau between prediction and measurement for the new trials of each round: 1 is the right "
        "order, 0 is chance. Dashed: the tau that the ranker's intervals promised for the same trials. The "
        "networks that it chose are alike and therefore hard to order. A ring marks an alarm of drift, after "
        "which the next round explores more.",
        _tau,
    ),
    "predicted": (
        "Predicted and measured",
        "Each dot is a trial: its predicted and its measured score. On the dotted line they agree.",
        _predicted,
    ),
    "cost": (
        "Score and size",
        "Each dot is a trial; a ring marks the best. The line is the best score up to each size.",
        _cost,
    ),
}
"""Title, explanation and drawing function of each chart; the function returns False without data."""


def _draw(name: str, draw: Callable[[Axes, Findings], bool], findings: Findings) -> str | None:
    return draw_svg(name, SIZE, lambda figure: draw(figure.add_subplot(), findings))


def _frame(axes: Axes, findings: Findings, scores: NDArray[np.float64]) -> None:
    """Sets the vertical axis so that a few networks that learned nothing do not squeeze the others."""
    scores = scores[np.isfinite(scores)]
    high, usual = float(scores.max()), float(np.quantile(scores, 0.25))
    low = max(float(scores.min()), high - 2.2 * (high - usual))
    pad = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    bottom, top = low - pad, high + pad
    if findings.is_accuracy:
        bottom, top = max(bottom, 0.0), min(top, 100.0)
    axes.set_ylim(bottom, top)
    axes.set_ylabel(f"{findings.measure}, %" if findings.is_accuracy else findings.measure)
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Puts the legend above the chart, where it hides no point."""
    anchor: Any = (-0.02, 0.98)
    axes.legend(
        loc="lower left", bbox_to_anchor=anchor, ncols=3, borderpad=0.2, columnspacing=1.2, handlelength=1.2
    )
