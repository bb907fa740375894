"""What a search finds that sees a function with noise: Monte Carlo on Rastrigin functions.

The function of each point of a grid is the original; normal noise added to each value, scaled until Kendall's
tau between both is a given one, makes the proxy that a genetic algorithm minimises. Of the best point by the
proxy, the share of points with smaller original values is reported.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.bench._figures import check_drawable, save_figure
from egraph.bench._measuring import Failure, Progress, measure_all
from egraph.bench._summary import Section, write_sections
from egraph.bench.studies._genetic import minimise
from egraph.checks import check_fraction, check_whole
from egraph.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["THESIS", "Cell", "arrange", "make_noisy", "plan", "plot", "rastrigin", "run", "to_markdown"]

GENERATIONS = (10, 100, 1000)
"""Numbers of generations after which the best point is looked at."""

TAUS = (0.95, 0.85, 0.75, 0.65)
"""Taus of the noisy functions, those of tables 4.3 and 5.4 of the thesis."""

POINTS = {2: 100, 3: 100, 4: 32}
"""Points of the grid along each axis. The thesis tells those of two dimensions alone."""

BOUND = 5.12
"""The function is defined from minus to plus this number along each axis."""

PROBE = 20_000
"""Number of random points by which noise is scaled, and of others by which tau is measured."""

ORIGINAL = 1.0
"""Tau of the function without noise."""

THESIS: Mapping[tuple[str, int, float], Sequence[float]] = {
    ("4.3", 3, ORIGINAL): (0.160, 0.050, 0.013),
    ("4.3", 3, 0.95): (0.162, 0.058, 0.022),
    ("4.3", 3, 0.85): (0.184, 0.086, 0.032),
    ("4.3", 3, 0.75): (0.195, 0.103, 0.040),
    ("5.4", 2, ORIGINAL): (0.131, 0.042, 0.002),
    ("5.4", 2, 0.85): (0.141, 0.072, 0.032),
    ("5.4", 2, 0.75): (0.180, 0.085, 0.033),
    ("5.4", 2, 0.65): (0.196, 0.111, 0.044),
    ("5.4", 3, ORIGINAL): (0.161, 0.043, 0.002),
    ("5.4", 3, 0.85): (0.179, 0.076, 0.030),
    ("5.4", 3, 0.75): (0.199, 0.091, 0.038),
    ("5.4", 3, 0.65): (0.217, 0.127, 0.046),
    ("5.4", 4, ORIGINAL): (0.177, 0.044, 0.002),
    ("5.4", 4, 0.85): (0.195, 0.084, 0.033),
    ("5.4", 4, 0.75): (0.220, 0.098, 0.043),
    ("5.4", 4, 0.65): (0.243, 0.133, 0.048),
}
"""Mean shares of better points in the thesis, by table, dimensions and tau; one for each of `GENERATIONS`."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Searches of one noisy function.

    Attributes:
        tau: Tau between the noisy function and the original; 1 is the original itself.
        dimensions: Number of dimensions.
        points: Points of the grid along each axis.
        searches: Number of searches of this function.
        seed: Seed of the noise and of the searches.
    """

    tau: float
    dimensions: int
    points: int
    searches: int
    seed: int


def plan(
    dimensions: Sequence[int] = tuple(POINTS),
    taus: Sequence[float] = TAUS,
    *,
    functions: int = 10,
    searches: int = 100,
    points: int | None = None,
) -> list[Cell]:
    """The cells of all dimensions and taus, the original functions first.

    Args:
        dimensions: Numbers of dimensions.
        taus: Taus of the noisy functions.
        functions: Functions of each kind, which differ by their noise; their seeds are 0 and so on.
        searches: Searches of each function.
        points: Points of the grid along each axis; None takes `POINTS`.

    Raises:
        UsageError: A number is out of its range, or a grid would have more than ten million points.
    """
    check_whole(1, functions=functions)
    check_whole(1, searches=searches)
    for each in dimensions:
        check_whole(1, dimensions=each)
    for tau in taus:
        check_fraction(tau=tau)
    if points is not None:
        check_whole(3, points=points)
    cells = []
    for each in dimensions:
        along = points or POINTS.get(each, 10)
        if along**each > 10_000_000:
            raise UsageError(f"{each} dimensions of {along} points are too many points; give fewer")
        cells += [
            Cell(tau, each, along, searches, seed) for tau in (ORIGINAL, *taus) for seed in range(functions)
        ]
    return cells


def run(
    cells: Iterable[Cell],
    *,
    out: str | os.PathLike[str] | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Measures cells.

    Args:
        cells: Cells to measure.
        out: File of results to resume, one line a cell.
        processes: Number of cells at a time.
        progress: Callback after each cell.

    Returns:
        A row for each cell, with its fields, ``measured_tau`` and ``top``: for each of `GENERATIONS`, the
        share of better points of each search; and the cells that failed.
    """
    rows, failures, _ = measure_all(Cell, cells, _measure, out=out, processes=processes, progress=progress)
    return rows, failures


def _measure(cell: Cell) -> dict[str, Any]:
    values, ordered = _make_original(cell.dimensions, cell.points)
    rng = np.random.default_rng([cell.seed, cell.dimensions, round(1000 * cell.tau)])
    seen, tau = (values, ORIGINAL) if cell.tau == ORIGINAL else make_noisy(values, cell.tau, rng)
    shape = (cell.points,) * cell.dimensions

    def fitness(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return seen[_find_points(places, shape)]

    best = minimise(fitness, cell.dimensions, rng, searches=cell.searches, generations=GENERATIONS)
    top = [np.searchsorted(ordered, values[_find_points(each, shape)]) / len(values) for each in best]
    return {**asdict(cell), "measured_tau": tau, "top": [shares.tolist() for shares in top]}


def rastrigin(dimensions: int, points: int) -> NDArray[np.float64]:
    r"""The Rastrigin function at all points of a grid, ``(points ** dimensions,)``, last axis fastest.

    .. math:: f(x) = \sum_i (10 + x_i^2 - 10 \cos 2 \pi x_i)
    """
    axis = np.linspace(-BOUND, BOUND, points)
    along = 10 + axis**2 - 10 * np.cos(2 * np.pi * axis)
    return functools.reduce(np.add.outer, [along] * dimensions).ravel()


@functools.lru_cache(maxsize=1)
def _make_original(dimensions: int, points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The function at all points, and its values in order."""
    values = rastrigin(dimensions, points)
    return values, np.sort(values)


def make_noisy(
    values: NDArray[np.float64], tau: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], float]:
    """Adds normal noise until Kendall's tau with the values is the given one.

    Args:
        values: Values of a function, ``(points,)``.
        tau: Kendall's tau between the values with and without noise.
        rng: Source of the noise.

    Returns:
        The values with noise, and tau as measured on other random points than those that scaled the noise.
    """
    from scipy.optimize import brentq
    from scipy.stats import kendalltau

    noise = rng.standard_normal(len(values))
    order = rng.permutation(len(values))
    probe, other = order[:PROBE], order[PROBE : 2 * PROBE] if len(order) > PROBE else order

    def miss(log_scale: float) -> float:
        scaled = values[probe] + np.exp(log_scale) * noise[probe]
        return float(kendalltau(values[probe], scaled).statistic) - tau

    spread = np.log(values.std())
    scale = np.exp(brentq(miss, spread - 8, spread + 4, xtol=1e-4))
    noisy = values + scale * noise
    return noisy, float(kendalltau(values[other], noisy[other]).statistic)


def _find_points(places: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Numbers of the nearest points of the grid to places in the unit cube, ``(..., dimensions)``."""
    nearest = np.rint(places * (np.array(shape) - 1)).astype(np.intp)
    return np.ravel_multi_index(tuple(np.moveaxis(nearest, -1, 0)), shape)


def arrange(rows: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    """A table of mean shares of better points for each number of dimensions, and one of deviations."""
    taus = sorted({row["tau"] for row in rows}, reverse=True)
    for dimensions in sorted({row["dimensions"] for row in rows}):
        part = [row for row in rows if row["dimensions"] == dimensions]
        lines, own = [], []
        for number, generations in enumerate(GENERATIONS):
            cells = [_summarise([row for row in part if row["tau"] == tau], number) for tau in taus]
            lines.append([str(generations), *cells])
            own.append(True)
            for table in dict.fromkeys(key[0] for key in THESIS if key[1] == dimensions):
                known = [THESIS.get((table, dimensions, tau)) for tau in taus]
                cells = ["" if each is None else f"{100 * each[number]:.1f}" for each in known]
                if any(cells):
                    lines.append([f"thesis, table {table}", *cells])
                    own.append(False)
        searches = sum(row["searches"] for row in part if row["tau"] == taus[0])
        points = part[0]["points"]
        title = (
            f"{dimensions} dimensions, {points} points along each axis: per cent of points that are better"
        )
        header = ["generations", *("original" if tau == ORIGINAL else f"tau {tau:g}" for tau in taus)]
        notes = [f"mean ± standard deviation over {searches:,} searches"]
        yield Section(title, header, lines, own, notes)


def _summarise(rows: Sequence[Mapping[str, Any]], number: int) -> str:
    shares = 100 * np.concatenate([row["top"][number] for row in rows])
    return f"{shares.mean():.2f} ± {shares.std():.2f}"


def to_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The tables as Markdown."""
    return write_sections(arrange(rows))


def plot(rows: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Draws the function in two dimensions with and without noise, and what searches found.

    Args:
        rows: Results of `run`.
        path: File to write; the ending chooses the format.

    Raises:
        UsageError: There are no rows, or matplotlib cannot write this format.
        FailedError: The file cannot be written.
    """
    from matplotlib.figure import Figure

    kind = check_drawable(rows, path)
    dimensions = sorted({row["dimensions"] for row in rows})
    figure = Figure(figsize=(3.6 * (1 + len(dimensions)), 6.4), layout="constrained")
    charts = figure.subplots(2, 1 + len(dimensions), squeeze=False)
    taus = sorted({row["tau"] for row in rows} - {ORIGINAL}) or [0.75]
    tau = min(taus, key=lambda each: abs(each - 0.75))
    original = rastrigin(2, 100)
    noisy, _ = make_noisy(original, tau, np.random.default_rng(0))
    for axes, values, title in zip(
        charts[:, 0], (original, noisy), ("original", f"with noise, tau {tau:g}"), strict=True
    ):
        axes.imshow(values.reshape(100, 100), extent=(-BOUND, BOUND, -BOUND, BOUND), cmap="viridis")
        axes.set_title(f"Rastrigin, {title}", fontsize=9)
    for column, each in enumerate(dimensions, start=1):
        part = [row for row in rows if row["dimensions"] == each]
        _draw_lines(charts[0, column], part, each)
        _draw_lines(charts[1, column], part, each, thesis=True)
    save_figure(figure, path, kind)


def _draw_lines(
    axes: Axes, rows: Sequence[Mapping[str, Any]], dimensions: int, *, thesis: bool = False
) -> None:
    for tau in sorted({row["tau"] for row in rows}, reverse=True):
        label = "original" if tau == ORIGINAL else f"tau {tau:g}"
        means = [
            np.mean(np.concatenate([row["top"][number] for row in rows if row["tau"] == tau]))
            for number in range(len(GENERATIONS))
        ]
        if thesis:
            known = [values for key, values in THESIS.items() if key[1:] == (dimensions, tau)]
            means = list(known[-1]) if known else [np.nan] * len(GENERATIONS)
        axes.plot(GENERATIONS, 100 * np.array(means), marker="o", label=label)
    axes.set_xscale("log")
    axes.set_xlabel("generations")
    axes.set_ylabel("% of points that are better")
    axes.set_ylim(0, 30)
    axes.set_title(f"{dimensions} dimensions, {'the thesis' if thesis else 'measured here'}", fontsize=9)
    axes.legend(fontsize=7)
