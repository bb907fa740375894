"""The page of one trained supernet: its probabilities over time, and the cell of its best epoch."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph import drawing
from egraph.architecture import Architecture
from egraph.files import write_text
from egraph.report._charts import draw_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_epochs", "draw_probabilities", "write_supernet"]

COLUMNS = 3
"""Heat maps in a row."""

MOST = 60
"""Largest number of positions that are drawn."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
svg {{ max-width: 100%; height: auto; }} table {{ border-collapse: collapse; }}
td, th {{ padding: .2rem .7rem; text-align: right; }} td:first-child, th:first-child {{ text-align: left; }}
</style></head><body><h1>{title}</h1><p>{about}</p>{scores}
<h2>Epoch by epoch</h2>{epochs}
<h2>Probabilities of the operations</h2>
<p>One picture a position: epochs from left to right, one operation a row.
From 0 (dark) to {most:.2g} (light).</p>{probabilities}
<h2>The architecture of epoch {best}</h2><p><code>{notation}</code></p>{cell}</body></html>
"""


def write_supernet(result: Mapping[str, Any], page: str | os.PathLike[str]) -> Path:
    """Writes what `egraph.supernets.train_alone` returned as one HTML file that loads nothing.

    Args:
        result: The result.
        page: Path of the file to write; the write is atomic.

    Raises:
        FailedError: The page cannot be written.
    """
    method = str(result["method"]["searcher"])
    best = result["epochs"][result["best"] - 1]
    text = PAGE.format(
        title=html.escape(f"{method} on {result['space']}"),
        about=html.escape(f"Trained on {result['data']} for {result['seconds']:.4g} s."),
        scores=_table(result),
        epochs=draw_epochs(result["epochs"]),
        most=_largest(result["epochs"]),
        probabilities=draw_probabilities(result["epochs"], result["options"]),
        best=result["best"],
        notation=html.escape(str(result["derived"]["notation"])),
        cell=drawing.to_svg(Architecture.from_dict(best["architecture"])),
    )
    write_text(page, text)
    return Path(page)


def draw_epochs(epochs: list[Mapping[str, Any]]) -> str:
    """Accuracy, mean entropy and number of skip connections of each epoch, as SVG."""
    from matplotlib.ticker import MaxNLocator

    def fill(axes: list[Axes]) -> None:
        numbers = [epoch["number"] for epoch in epochs]
        parts = (("validation", "accuracy"), ("entropy", "entropy, nats"), ("skips", "skip connections"))
        for one, (part, label) in zip(axes, parts, strict=True):
            one.plot(numbers, [epoch[part] for epoch in epochs], "o-", ms=3)
            one.set_xlabel("epoch")
            one.set_ylabel(label)
            one.xaxis.set_major_locator(MaxNLocator(integer=True))

    return _draw("epochs", 1, 3, fill)


def draw_probabilities(epochs: list[Mapping[str, Any]], options: Mapping[str, list[str]]) -> str:
    """One heat map a position, ``(operations, epochs)``, all on one scale, as SVG."""
    from matplotlib.ticker import MaxNLocator

    names = list(options)[:MOST]
    most = _largest(epochs)

    def fill(axes: list[Axes]) -> None:
        for one, name in zip(axes, names, strict=False):
            values = np.array([epoch["probabilities"][name] for epoch in epochs]).T
            ends = (epochs[0]["number"] - 0.5, epochs[-1]["number"] + 0.5, len(values) - 0.5, -0.5)
            one.imshow(values, aspect="auto", vmin=0, vmax=most, extent=ends, interpolation="nearest")
            one.set_yticks(range(len(values)), options[name], fontsize=7)
            one.set_title(name, fontsize=9)
            one.xaxis.set_major_locator(MaxNLocator(integer=True))
        for one in axes[len(names) :]:
            one.set_axis_off()

    return _draw("probabilities", -(-len(names) // COLUMNS), COLUMNS, fill)


def _largest(epochs: list[Mapping[str, Any]]) -> float:
    """The largest probability of all epochs and positions."""
    return max(max(values) for epoch in epochs for values in epoch["probabilities"].values())


def _draw(name: str, rows: int, columns: int, fill: Callable[[list[Axes]], None]) -> str:
    def draw(figure: Figure) -> bool:
        fill(list(figure.subplots(rows, columns, squeeze=False).flat))
        return True

    svg = draw_svg(name, (3.2 * columns, 2.1 * rows), {"font.size": 9}, draw)
    assert svg is not None
    return svg


def _table(result: Mapping[str, Any]) -> str:
    rows = [("of the supernet", result["derived"])]
    rows += [(f"random {number}", each) for number, each in enumerate(result["random"], 1)]
    lines = "".join(
        f"<tr><td>{name}</td><td>{each['test score']:.4f}</td><td>{each['score']:.4f}</td></tr>"
        for name, each in rows
    )
    head = "<tr><th>architecture, trained from scratch</th><th>test</th><th>validation</th></tr>"
    return f"<table>{head}{lines}</table>"
