"""Kendall's tau between accuracies after different numbers of epochs, plain and rounded to per cents."""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph import datasets
from egraph.bench._figures import check_drawable, save_figure
from egraph.bench._measuring import Failure, Progress, measure_all
from egraph.bench._summary import Section, write_sections
from egraph.bench._tables import Tables
from egraph.bench.studies._tau import bootstrap_tau, check_normal, draw_heat_map
from egraph.checks import check_whole
from egraph.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["THESIS", "Cell", "arrange", "plan", "plot", "run", "to_markdown"]

THESIS: Mapping[tuple[bool, int], float] = {
    (False, 36): 0.76,
    (False, 108): 0.89,
    (True, 36): 0.80,
    (True, 108): 0.94,
}
"""Tau with a full training of 108 epochs in nasbench101, by rounding and epochs: figures 5.9 and 5.11 of the
thesis, as its text tells them. With 108 epochs it is that of a second training."""

BINS = np.arange(102) - 0.5
"""Edges of bins of one per cent, for the distribution of accuracies."""

SCALES = {"fraction": 100.0, "percent": 1.0}
"""Factors from units of accuracies to per cents."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Tau between two columns of a table.

    Attributes:
        table: Name or path of the table.
        first: Metric after fewer epochs.
        second: Metric after more epochs.
        rounded: Whether accuracies are rounded to whole per cents before they are ranked.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resamples.
        content: Digest of a file of the user's own and of how it is read; None for tables.
    """

    table: str
    first: str
    second: str
    rounded: bool
    resamples: int
    seed: int
    content: str | None = None


def plan(
    table: str,
    metrics: Sequence[str] = (),
    *,
    resamples: int = 800,
    seed: int = 0,
    root: str | None = None,
    reading: Mapping[str, Any] | None = None,
) -> list[Cell]:
    """The cells of all pairs of metrics, plain and rounded.

    Args:
        table: Name or path of a table.
        metrics: Accuracies after different numbers of epochs. None takes those of validation whose names
            differ by the number of epochs alone.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resamples.
        root: Folder that is searched first for the table.
        reading: How a file of your own is read: arguments of `egraph.datasets.load`; its ``metrics`` tell
            unit and epochs, such as ``{"val_12": Metric("percent", budget=12)}``.

    Raises:
        UsageError: A metric is no accuracy, or there are fewer than two budgets.
        UnknownNameError: There is no such metric.
    """
    check_whole(2, resamples=resamples)
    check_whole(0, seed=seed)
    tables = Tables.of(root, reading)
    loaded = tables.load(table, *metrics)
    own = tables.identify(table, loaded)
    chosen = list(dict.fromkeys(metrics)) or _find_budgets(loaded)
    for name in chosen:
        _ = loaded[name]  # names the known ones where there is none
        about = loaded.metrics[name]
        if about.unit not in SCALES or about.budget is None:
            raise UsageError(
                f"{name!r} of {table} is no accuracy after a known number of epochs: its unit is "
                f"{about.unit or 'unknown'!r}, its epochs are {about.budget or 'unknown'}"
                + (f"; of a file of your own tell both, as in --metric {name}=12:percent" if own else "")
            )
    if len(chosen) < 2:
        raise UsageError(f"name at least two accuracies after different numbers of epochs, got {chosen[0]}")
    chosen.sort(key=lambda name: loaded.metrics[name].budget or 0)
    return [
        Cell(table, first, second, rounded, resamples, seed, own)
        for rounded in (False, True)
        for first, second in itertools.combinations(chosen, 2)
    ]


def run(
    cells: Iterable[Cell],
    *,
    out: str | os.PathLike[str] | None = None,
    processes: int = 1,
    root: str | None = None,
    reading: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Measures cells.

    Args:
        cells: Cells to measure.
        out: File of results to resume, one line a cell.
        processes: Number of cells at a time.
        root: Folder that is searched first for tables.
        reading: How a file of your own is read, as for `plan`.
        progress: Callback after each cell.

    Returns:
        A row for each cell, with its fields, ``epochs`` of both, ``networks``, ``tau``, ``error``, ``low``,
        ``high``, ``normal`` (p of Lilliefors' test of the resamples), ``resampled`` (tau of each resample)
        and ``counts`` (networks by whole per cent of accuracy, for both metrics); and the cells that failed.
    """
    measure = functools.partial(_measure, tables=Tables.of(root, reading))
    rows, failures, _ = measure_all(Cell, cells, measure, out=out, processes=processes, progress=progress)
    return rows, failures


def _measure(cell: Cell, tables: Tables) -> dict[str, Any]:
    table = _load(tables, cell.table)
    first, second = (_to_per_cents(table, name) for name in (cell.first, cell.second))
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    if cell.rounded:
        first, second = np.round(first), np.round(second)
    tau = bootstrap_tau(first, second, resamples=cell.resamples, seed=cell.seed)
    if np.isnan(tau.value):
        raise UsageError(f"{cell.first} or {cell.second} of {cell.table} is constant; it has no tau")
    return {
        **asdict(cell),
        "epochs": [table.metrics[name].budget for name in (cell.first, cell.second)],
        "networks": len(first),
        "tau": tau.value,
        "error": tau.error,
        "low": tau.low,
        "high": tau.high,
        "normal": check_normal(tau.resamples),
        "resampled": np.round(tau.resamples, 5).tolist(),
        "counts": [np.histogram(values, bins=BINS)[0].tolist() for values in (first, second)],
    }


def arrange(rows: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    """A table for each of plain and rounded accuracies: fewer epochs down, more epochs across."""
    for table in dict.fromkeys(row["table"] for row in rows):
        for rounded in (False, True):
            part = [row for row in rows if (row["table"], row["rounded"]) == (table, rounded)]
            if not part:
                continue
            across = sorted({row["epochs"][1] for row in part})
            down = sorted({row["epochs"][0] for row in part})
            cells = {tuple(row["epochs"]): f"{row['tau']:.3f} ± {row['error']:.3f}" for row in part}
            lines = [[str(few), *(cells.get((few, many), "") for many in across)] for few in down]
            own = [True] * len(lines)
            least = min(row["normal"] for row in part)
            notes = [
                "± is the standard error of the bootstrap; Lilliefors' test for normal resamples has p of at "
                f"least {least:.2f}"
            ]
            if table == "nasbench101":
                for (kind, epochs), tau in THESIS.items():
                    if kind == rounded:
                        lines.append([f"thesis, {epochs}", *([""] * (len(across) - 1)), f"{tau:.2f}"])
                        own.append(False)
                notes.append("thesis, 108: between two trainings of the same network")
            how = "rounded to whole per cents" if rounded else "plain"
            title = f"{table}, tau between accuracies after different epochs, {how}"
            yield Section(title, ["epochs", *(f"{many}" for many in across)], lines, own, notes)


def to_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The tables as Markdown."""
    return write_sections(arrange(rows))


def plot(rows: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Draws the distribution of accuracies, heat maps of tau and the resamples, plain and rounded.

    Args:
        rows: Results of `run`, of one table.
        path: File to write; the ending chooses the format.

    Raises:
        UsageError: There are no rows, or matplotlib cannot write this format.
        FailedError: The file cannot be written.
    """
    from matplotlib.figure import Figure

    kind = check_drawable(rows, path)
    figure = Figure(figsize=(9, 10), layout="constrained")
    charts = figure.subplot_mosaic([["all", "all"], ["map", "resamples"], ["map %", "resamples %"]])
    _draw_accuracies(charts["all"], rows)
    for rounded, mark in ((False, ""), (True, " %")):
        part = [row for row in rows if row["rounded"] == rounded]
        if part:
            _draw_map(charts[f"map{mark}"], part, "rounded to whole per cents" if rounded else "plain")
            _draw_resamples(charts[f"resamples{mark}"], part)
    save_figure(figure, path, kind)


def _draw_accuracies(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    counts = {
        epochs: np.array(each)
        for row in rows
        for epochs, each in zip(row["epochs"], row["counts"], strict=True)
    }
    for epochs in sorted(counts):
        axes.stairs(counts[epochs] / counts[epochs].sum(), BINS, label=f"{epochs} epochs")
    axes.set_xlabel("accuracy, %")
    axes.set_ylabel("share of networks")
    axes.legend(fontsize=8)


def _draw_map(axes: Axes, rows: Sequence[Mapping[str, Any]], how: str) -> None:
    across = sorted({row["epochs"][1] for row in rows})
    down = sorted({row["epochs"][0] for row in rows})
    values, errors = (np.full((len(down), len(across)), np.nan) for _ in range(2))
    for row in rows:
        place = down.index(row["epochs"][0]), across.index(row["epochs"][1])
        values[place], errors[place] = row["tau"], row["error"]
    draw_heat_map(axes, values, errors, [str(n) for n in down], [str(n) for n in across], f"tau, {how}")
    axes.set_xlabel("epochs")
    axes.set_ylabel("epochs")


def _draw_resamples(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    most = max(row["epochs"][1] for row in rows)
    for row in rows:
        if row["epochs"][1] == most:
            label = f"{row['epochs'][0]} epochs ({row['error']:.4f})"
            axes.hist(row["resampled"], bins=30, density=True, alpha=0.7, label=label)
    axes.set_xlabel(f"tau with {most} epochs, of each resample")
    axes.set_yticks([])
    axes.legend(fontsize=8, title="standard error in brackets", title_fontsize=7)


_load = functools.lru_cache(maxsize=1)(Tables.load)
"""Loads a table; the one used last is kept."""


def _to_per_cents(table: datasets.Table, name: str) -> NDArray[np.float64]:
    return table[name] * SCALES[table.metrics[name].unit]


def _find_budgets(table: datasets.Table) -> list[str]:
    """The validation accuracies whose names differ by the number of epochs alone.

    Raises:
        UsageError: There is no such group of metrics, or several.
    """
    groups: dict[str, list[str]] = {}
    for name, about in table.metrics.items():
        if about.split == "validation" and about.unit in SCALES and about.budget is not None:
            groups.setdefault(re.sub(rf"{about.budget}$", "", name), []).append(name)
    several = [names for names in groups.values() if len(names) > 1]
    if len(several) != 1:
        known = "; ".join(", ".join(names) for names in several) or "none"
        raise UsageError(
            f"name the accuracies of {table.name} after different numbers of epochs; groups of them: {known}"
        )
    return several[0]
