"""What a supernet learnt: probabilities over time, the architecture of each epoch; a page of one alone."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Architecture
from egraph.files import write_text
from egraph.report._svg import SEARCH, draw_architecture, draw_svg, number_whole
from egraph.report._templates import get_template

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_supernet", "write_supernet"]

COLUMNS = 3
"""Heat maps in a row."""

MOST = 60
"""Largest number of positions that are drawn."""

Epochs = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Cell:
    """The derived architecture of one epoch or of several in a row, as SVG."""

    label: str
    drawing: str
    best: bool


@dataclass(frozen=True)
class Supernet:
    """The pictures of one supernet.

    Attributes:
        method: Name of the method with its options.
        epochs: Accuracy, entropy and number of skip connections of each epoch, as SVG.
        probabilities: One heat map a position, as SVG.
        largest: The largest probability in them.
        cells: Derived architectures in the order of the epochs.
    """

    method: str
    epochs: str
    probabilities: str
    largest: float
    cells: list[Cell]


def write_supernet(result: Mapping[str, Any], page: str | os.PathLike[str]) -> Path:
    """Writes what `egraph.supernets.train_alone` returned as one HTML file that loads nothing.

    Args:
        result: The result.
        page: Path of the file to write; the write is atomic.

    Raises:
        FailedError: The page cannot be written.
    """
    supernet = draw_supernet(str(result["method"]["searcher"]), result, "supernet")
    write_text(page, get_template("supernet.html.j2").render(result=result, supernet=supernet))
    return Path(page)


def draw_supernet(method: str, result: Mapping[str, Any], name: str) -> Supernet:
    """Draws the result of a trained supernet.

    Args:
        method: Name of the method with its options.
        result: Has ``epochs``, the number of the ``best`` one and the ``options`` of each position.
        name: Name of its pictures, which no others of the page have.
    """
    epochs = result["epochs"]
    largest = max(max(values) for epoch in epochs for values in epoch["probabilities"].values())
    return Supernet(
        method,
        _draw_epochs(epochs, f"{name}-epochs"),
        _draw_probabilities(epochs, result["options"], largest, f"{name}-probabilities"),
        largest,
        _draw_cells(epochs, result["best"]),
    )


def _draw_epochs(epochs: Epochs, name: str) -> str:
    def fill(axes: list[Axes]) -> None:
        numbers = [epoch["number"] for epoch in epochs]
        parts = (("validation", "accuracy"), ("entropy", "entropy, nats"), ("skips", "skip connections"))
        for one, (part, label) in zip(axes, parts, strict=True):
            one.plot(numbers, [epoch[part] for epoch in epochs], "o-", ms=3, color=SEARCH)
            one.set_xlabel("epoch")
            one.set_ylabel(label)
            number_whole(one)

    return _draw(name, 1, 3, fill)


def _draw_probabilities(
    epochs: Epochs, options: Mapping[str, Sequence[str]], largest: float, name: str
) -> str:
    """One heat map a position, ``(operations, epochs)``, all on one scale."""
    names = list(options)[:MOST]

    def fill(axes: list[Axes]) -> None:
        for one, position in zip(axes, names, strict=False):
            values = np.array([epoch["probabilities"][position] for epoch in epochs]).T
            ends = (epochs[0]["number"] - 0.5, epochs[-1]["number"] + 0.5, len(values) - 0.5, -0.5)
            one.imshow(values, aspect="auto", vmin=0, vmax=largest, extent=ends, interpolation="nearest")
            one.set_yticks(range(len(values)), options[position], fontsize=7)
            one.set_title(position, fontsize=9)
            one.grid(visible=False)
            number_whole(one)
        for one in axes[len(names) :]:
            one.set_axis_off()

    return _draw(name, -(-len(names) // COLUMNS), COLUMNS, fill)


def _draw_cells(epochs: Epochs, best: int) -> list[Cell]:
    """The architectures, each once for all epochs in a row that derive it."""
    cells = []
    for architecture, same in itertools.groupby(epochs, key=lambda epoch: epoch["architecture"]):
        numbers = [epoch["number"] for epoch in same]
        label = f"epoch {numbers[0]}" if len(numbers) == 1 else f"epochs {numbers[0]} to {numbers[-1]}"
        if best in numbers:
            label += f", best: {best}" if len(numbers) > 1 else ", the best"
        drawing = draw_architecture(Architecture.from_dict(architecture), label)
        cells.append(Cell(label, drawing, best in numbers))
    return cells


def _draw(name: str, rows: int, columns: int, fill: Callable[[list[Axes]], None]) -> str:
    def draw(figure: Figure) -> bool:
        fill(list(figure.subplots(rows, columns, squeeze=False).flat))
        return True

    svg = draw_svg(name, (3.4 * columns, 2.1 * rows), draw)
    assert svg is not None
    return svg
