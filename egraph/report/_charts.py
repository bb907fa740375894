"""The charts of a report, as SVG that takes its colours from the page around it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from egraph.report._findings import Findings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CHARTS", "draw_charts"]

# Stand-ins that become variables of the page, so that charts follow its light or dark scheme.
INK, GRID, SEARCH, RANDOM, ACCENT = "#010101", "#020202", "#030303", "#040404", "#050505"
VARIABLES = {INK: "--soft", GRID: "--line", SEARCH: "--search", RANDOM: "--random", ACCENT: "--accent"}
SIZE = (4.6, 3.1)  # inches of 96 pixels: about a phone's width


def draw_charts(findings: Findings) -> dict[str, tuple[str, str, str]]:
    """Each chart that the journal has data for: its title, a sentence on how to read it, and its SVG."""
    charts = {}
    for name, (title, explanation, draw) in CHARTS.items():
        picture = _draw(name, draw, findings)
        if picture is not None:
            charts[name] = (title, explanation, picture)
    return charts


def _best_so_far(axes: Axes, findings: Findings) -> bool:
    scale = 100 if findings.is_accuracy else 1
    shown = []
    for trials, colour, name in (
        (findings.baseline if findings.has_baseline else None, RANDOM, "random search"),
        (findings.trials, SEARCH, "egraph"),
    ):
        done = trials[trials["state"].isin(["complete", "failed"])] if trials is not None else None
        if done is None or not done["score"].notna().any():
            continue
        scores = scale * done["score"].to_numpy(dtype=float)
        steps = np.arange(1, len(scores) + 1)
        best = np.fmax.accumulate(scores)
        axes.scatter(steps, scores, s=9, color=colour, alpha=0.35, linewidths=0)
        axes.step(steps, best, where="post", color=colour, lw=2, label=name)
        shown.append(best)  # the curves must be told apart; where most networks fail, points fall below
    if not shown:
        return False
    _frame(axes, findings, np.concatenate(shown))
    axes.set_xlabel("trainings")
    _whole_numbers(axes)
    return True


def _tau(axes: Axes, findings: Findings) -> bool:
    rounds = findings.rounds.dropna(subset=["tau"])
    if rounds.empty:
        return False
    axes.axhline(0, color=GRID, lw=1)
    for column, colour, name in (
        ("tau", SEARCH, "its own choice"),
        ("tau_baseline", RANDOM, "random networks"),
    ):
        known = rounds.dropna(subset=[column]) if column in rounds else rounds.iloc[:0]
        if len(known):
            axes.plot(known["round"], known[column].astype(float), "o-", color=colour, lw=2, ms=5, label=name)
    values = rounds[[c for c in ("tau", "tau_baseline") if c in rounds]].to_numpy(dtype=float)
    axes.set_ylim(min(-0.1, float(np.nanmin(values)) - 0.1), 1.05)
    axes.set_xlabel("round")
    axes.set_ylabel("Kendall's tau")
    _legend(axes)
    _whole_numbers(axes)
    return True


def _predicted(axes: Axes, findings: Findings) -> bool:
    scale = 100 if findings.is_accuracy else 1
    shown = []
    for trials, colour, name in (
        (findings.baseline[findings.baseline["origin"] == "baseline"], RANDOM, "random networks"),
        (findings.trials, SEARCH, "chosen by egraph"),
    ):
        both = trials[trials["predicted"].notna() & trials["score"].notna()]
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


def _cost(axes: Axes, findings: Findings) -> bool:
    scale = 100 if findings.is_accuracy else 1
    both = pd.concat([findings.trials, findings.baseline]).drop_duplicates("number")
    known = both[(both["params"] > 0) & both["score"].notna()]
    if known.empty:
        return False
    random = (known["origin"] == "baseline").to_numpy()
    for rows, colour, name in (
        (known[random], RANDOM, "random networks"),
        (known[~random], SEARCH, "egraph"),
    ):
        if len(rows):
            axes.scatter(
                rows["params"],
                scale * rows["score"],
                s=22,
                color=colour,
                alpha=0.75,
                linewidths=0,
                label=name,
            )
    front = findings.front
    if len(front) > 1:
        axes.step(
            front["params"],
            scale * front["score"],
            where="post",
            color=SEARCH,
            lw=1.5,
            label="best of its size",
        )
    if findings.best:
        best = (findings.best[0].trial.params, scale * findings.best[0].score)
        axes.scatter(
            [best[0]], [best[1]], s=120, facecolors="none", edgecolors=ACCENT, linewidths=2, label="best"
        )
    axes.set_xscale("log")
    axes.set_xlabel("parameters")
    _frame(axes, findings, scale * known["score"].to_numpy(dtype=float))
    return True


CHARTS: dict[str, tuple[str, str, Callable[[Axes, Findings], bool]]] = {
    "best": (
        "Best so far",
        "Each dot is a training, a line the best until then. Very poor scores lie below the picture.",
        _best_so_far,
    ),
    "tau": (
        "How well the ranker ordered what it had not seen",
        "Kendall's tau between prediction and measurement on each round's fresh trials: 1 is the right "
        "order, 0 no better than chance. Networks of its own choice are alike and hard to order.",
        _tau,
    ),
    "predicted": (
        "Predicted and measured",
        "What the ranker said before the training, and what that gave; on the dotted line they agree.",
        _predicted,
    ),
    "cost": (
        "Score and size",
        "Each dot is a trial; the best has a ring. The line is the best score with so many parameters.",
        _cost,
    ),
}
"""By name: title, explanation, and what draws it; it returns False where there is nothing to draw."""


def _draw(name: str, draw: Callable[[Axes, Findings], bool], findings: Findings) -> str | None:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = {
        "svg.fonttype": "none",
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "svg.hashsalt": f"egraph {name}",
        "font.size": 9.5,
        "text.color": INK,
        "axes.edgecolor": GRID,
        "axes.labelcolor": INK,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "xtick.color": INK,
        "ytick.color": INK,
        "legend.frameon": False,
        "legend.labelcolor": INK,
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        if not draw(axes, findings):
            return None
        text = io.StringIO()
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None})
    return _embed(text.getvalue(), name)


def _embed(svg: str, name: str) -> str:
    """Makes an SVG document a part of the page: no addresses, ids of its own, the page's colours and font."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{name}-", svg)
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", svg, count=1)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg.strip()


def _frame(axes: Axes, findings: Findings, scores: NDArray[np.float64]) -> None:
    """Sets the vertical axis; a few networks that learnt nothing must not press all others together."""
    scores = scores[np.isfinite(scores)]
    high, usual = float(scores.max()), float(np.quantile(scores, 0.25))
    low = max(float(scores.min()), high - 2.2 * (high - usual))
    pad = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    axes.set_ylim(low - pad, high + pad)
    axes.set_ylabel(f"{findings.measure}, %" if findings.is_accuracy else findings.measure)
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Above the picture, where it hides no point."""
    place: Any = (-0.02, 0.98)
    axes.legend(
        loc="lower left", bbox_to_anchor=place, ncols=3, borderpad=0.2, columnspacing=1.2, handlelength=1.2
    )


def _whole_numbers(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
