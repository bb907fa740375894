"""Kendall's tau between networks trained briefly by one optimizer and long by another."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph import spaces
from egraph.architecture import Architecture
from egraph.bench._figures import check_drawable, save_figure
from egraph.bench._measuring import Failure, Progress, measure_all
from egraph.bench._summary import Section, write_sections
from egraph.bench.studies._tau import bootstrap_tau, draw_heat_map
from egraph.checks import check_whole
from egraph.errors import EvaluationError, UsageError
from egraph.evaluation.building import load_cached
from egraph.training import Recipe

__all__ = ["OPTIMIZERS", "THESIS", "Cell", "arrange", "plan", "plot", "run", "to_markdown"]

OPTIMIZERS: Mapping[str, Mapping[str, Any]] = {
    "adadelta": {"optimizer": "adadelta"},
    "adam": {"optimizer": "adam", "learning_rate": 1e-2},
    "adamax": {"optimizer": "adamax", "learning_rate": 1e-2},
    "rmsprop": {"optimizer": "rmsprop"},
    "sgd": {"optimizer": "sgd", "learning_rate": 1e-1, "momentum": 0.0, "nesterov": False},
    "sgd-m": {"optimizer": "sgd", "learning_rate": 1e-1, "momentum": 0.9, "nesterov": False},
    "sgd-nm": {"optimizer": "sgd", "learning_rate": 1e-1, "momentum": 0.9, "nesterov": True},
}
"""Changes of a recipe for each optimizer in table 4.1 of the thesis, which does not tell its rates.

Rates are PyTorch's own, or the better of two or three by the mean accuracy of eight networks on digits after
20 epochs, with seeds from 100 on.
"""

THESIS: Mapping[str, Sequence[float]] = {
    "adadelta": (33.51, 37.07, 39.08, 39.60, 39.81),
    "adam": (38.87, 41.78, 42.28, 42.35, 42.90),
    "adamax": (38.84, 42.02, 42.62, 42.44, 42.45),
    "rmsprop": (29.55, 31.05, 32.66, 33.16, 33.79),
    "sgd": (35.41, 38.82, 39.32, 40.48, 41.40),
    "sgd-m": (38.30, 41.88, 43.07, 42.23, 43.65),
    "sgd-nm": (39.39, 42.33, 43.36, 43.67, 44.03),
}
"""Mean accuracies of the thesis's networks on CIFAR-10 after 1, 5, 10, 20 and 50 epochs (table 5.3)."""

CHANCE_MARGIN = 1.5
"""A network has learned if its accuracy is more than this many times chance, with any optimizer."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The training of one network by one optimizer.

    Attributes:
        optimizer: Name in `OPTIMIZERS`.
        network: Number of the network, which is the seed that draws it.
        space: Search space of the network.
        data: Name or path of the data.
        epochs: Numbers of epochs after which it is measured, with commas between.
        channels: Width of the network.
        batch_size: Number of examples in a step.
    """

    optimizer: str
    network: int
    space: str
    data: str
    epochs: str
    channels: int
    batch_size: int


def plan(
    networks: int = 20,
    epochs: Sequence[int] = (1, 2, 5, 10, 20),
    *,
    space: str = "deepneat",
    data: str = "digits",
    channels: int = 16,
    batch_size: int = 16,
    first: int = 0,
) -> list[Cell]:
    """The cells of all networks and optimizers.

    Args:
        networks: Number of random networks.
        epochs: Numbers of epochs after which they are measured; the last is the full training.
        space: Search space that they are drawn from.
        data: Name or path of the data to train on.
        channels: Width of the networks, in spaces that offer a choice.
        batch_size: Number of examples in a step.
        first: Seed of the first network; others have the next ones.

    Raises:
        UsageError: A number is out of its range, epochs do not rise, or the space builds no networks.
        UnknownNameError: There is no such space.
    """
    check_whole(2, networks=networks)
    check_whole(1, channels=channels)
    check_whole(2, batch_size=batch_size)
    check_whole(0, first=first)
    if len(epochs) < 2 or list(epochs) != sorted(set(epochs)) or min(epochs) < 1:
        raise UsageError(f"epochs must be two or more rising numbers of at least 1, got {list(epochs)}")
    found = spaces.get(space)
    if not found.builds_networks:
        raise UsageError(f"the space {space!r} builds no networks; use one that does, such as 'deepneat'")
    written = ",".join(map(str, epochs))
    return [
        Cell(optimizer, number, space, data, written, channels, batch_size)
        for number in range(first, first + networks)
        for optimizer in OPTIMIZERS
    ]


def run(
    cells: Iterable[Cell],
    *,
    out: str | os.PathLike[str] | None = None,
    processes: int = 1,
    root: str | None = None,
    progress: Progress | None = None,
) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Measures cells.

    A network is trained once by each optimizer, at a constant rate, and measured on the test examples on the
    way: at a constant rate the first epochs of a longer training are those of a shorter one. All optimizers
    start from the same weights. Genes of an architecture that set its training are ignored.

    Args:
        cells: Cells to measure.
        out: File of results to resume, one line a cell.
        processes: Number of cells at a time.
        root: Folder that is searched first for the data.
        progress: Callback after each cell.

    Returns:
        A row for each cell, with its fields, ``accuracies`` in per cent, ``parameters`` and ``chance``; and
        the cells that failed. A training that diverges keeps the accuracy of chance from there on.
    """
    measure = functools.partial(_measure, root=root)
    rows, failures, _ = measure_all(Cell, cells, measure, out=out, processes=processes, progress=progress)
    return rows, failures


def _measure(cell: Cell, root: str | None) -> dict[str, Any]:
    import torch

    from egraph.networks import count_params
    from egraph.training import accuracy, fit, seeded

    data = load_cached(cell.data, root)
    space = spaces.get(cell.space)
    architecture = draw_network(cell.space, cell.network)
    budgets = [int(each) for each in cell.epochs.split(",")]
    chance = 100 / data.num_classes
    train, test = ((torch.from_numpy(x), torch.from_numpy(y)) for x, y in (data.train, data.test))
    options = {"channels": cell.channels} if "channels" in space.network_options else {}
    recipe = Recipe(
        epochs=budgets[-1], batch_size=cell.batch_size, schedule="constant", weight_decay=0.0, stop_loss=None
    )
    found: list[float] = []

    with seeded(cell.network, torch.device("cpu")):
        network = space.network(architecture, data.input_shape, data.num_classes, **options)

        def look(done: int, _: int) -> None:
            if done in budgets:
                found.append(100 * accuracy(network, test))
                network.train()

        try:
            changed = recipe.changed(**OPTIMIZERS[cell.optimizer]).changed(weight_decay=0.0)
            fit(network, train, changed, seed=cell.network, progress=look)
        except EvaluationError:
            found += [chance] * (len(budgets) - len(found))
    return {
        **asdict(cell),
        "accuracies": found,
        "parameters": count_params(network),
        "chance": chance,
    }


def draw_network(space: str, number: int) -> Architecture:
    """The random network of that number."""
    return spaces.get(space).sample(np.random.default_rng(number))


@dataclass(frozen=True)
class Taus:
    """Taus between all cheap trainings and all full ones.

    Attributes:
        epochs: Numbers of epochs; the last is the full training.
        networks: Number of networks that learned with any optimizer.
        values: Tau, ``(optimizers, optimizers * epochs)``: full trainings down, all trainings across.
        errors: Standard errors of the bootstrap, of the same shape.
    """

    epochs: list[int]
    networks: int
    values: NDArray[np.float64]
    errors: NDArray[np.float64]


def compare(rows: Sequence[Mapping[str, Any]], *, rounded: bool, resamples: int = 200) -> Taus:
    """Taus between the full trainings of each optimizer and all trainings of each.

    Networks that learned with no optimizer are left out: their order is chance.

    Args:
        rows: Results of `run`.
        rounded: Whether accuracies are rounded to whole per cents.
        resamples: Number of bootstrap resamples.
    """
    epochs = [int(each) for each in rows[0]["epochs"].split(",")]
    table = _tabulate(rows)
    if rounded:
        table = np.round(table)
    count = len(OPTIMIZERS)
    values, errors = (np.full((count, count * len(epochs)), np.nan) for _ in range(2))
    for full in range(count):
        for cheap in range(count):
            for place in range(len(epochs)):
                one, two = table[:, full, -1], table[:, cheap, place]
                known = np.isfinite(one) & np.isfinite(two)
                if (full, len(epochs) - 1) == (cheap, place) or known.sum() < 3:
                    continue
                tau = bootstrap_tau(one[known], two[known], resamples=resamples)
                column = cheap * len(epochs) + place
                values[full, column], errors[full, column] = tau.value, tau.error
    return Taus(epochs, len(table), values, errors)


def _tabulate(rows: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    """Accuracies of the networks that learned, ``(networks, optimizers, epochs)``; NaN where not measured."""
    numbers = sorted({row["network"] for row in rows})
    names = list(OPTIMIZERS)
    table = np.full((len(numbers), len(names), len(rows[0]["accuracies"])), np.nan)
    for row in rows:
        table[numbers.index(row["network"]), names.index(row["optimizer"])] = row["accuracies"]
    best = np.where(np.isnan(table[:, :, -1]), 0, table[:, :, -1]).max(axis=1)
    return table[best > CHANCE_MARGIN * rows[0]["chance"]]


def _mean(values: NDArray[np.float64]) -> float:
    """The mean of what was measured; NaN where nothing was."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def arrange(rows: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    """Mean accuracies beside the thesis's, and taus of each optimizer's trainings, plain and rounded."""
    first = rows[0]
    epochs = first["epochs"].split(",")
    table = _tabulate(rows)
    lines = [
        [name, *(f"{_mean(table[:, row, place]):.1f}" for place in range(len(epochs)))]
        for row, name in enumerate(OPTIMIZERS)
    ]
    own = [True] * len(lines)
    notes = [
        f"mean accuracy in per cent of {len(table)} of {len({row['network'] for row in rows})} networks of "
        f"{first['space']} on {first['data']}; the others learned with no optimizer"
    ]
    if len(epochs) == 5:
        lines += [
            [f"thesis, {name}", *(f"{value:.1f}" for value in values)] for name, values in THESIS.items()
        ]
        own += [False] * len(THESIS)
        notes.append("thesis: 140 networks on CIFAR-10 after 1, 5, 10, 20 and 50 epochs (table 5.3)")
    yield Section("Mean accuracy after epochs", ["optimizer", *epochs], lines, own, notes)
    for rounded in (False, True):
        taus = compare(rows, rounded=rounded)
        how = "rounded to whole per cents" if rounded else "plain"
        yield _arrange_own(taus, how)
        yield _arrange_others(taus, how)


def _arrange_own(taus: Taus, how: str) -> Section:
    """Tau of each optimizer's brief trainings with its own full one."""
    steps = len(taus.epochs)
    lines = []
    for row, name in enumerate(OPTIMIZERS):
        columns = range(row * steps, (row + 1) * steps - 1)
        lines.append([name, *(_show(taus.values[row, k], taus.errors[row, k]) for k in columns)])
    header = ["optimizer", *(f"{epochs}" for epochs in taus.epochs[:-1])]
    title = f"Tau with the same optimizer after {taus.epochs[-1]} epochs, {how}"
    notes = [f"± is the standard error of the bootstrap over {taus.networks} networks"]
    return Section(title, header, lines, [True] * len(lines), notes)


def _arrange_others(taus: Taus, how: str) -> Section:
    """Mean tau of brief trainings with the full ones of all optimizers."""
    steps = len(taus.epochs)
    lines = []
    for cheap, name in enumerate(OPTIMIZERS):
        means = [_mean(taus.values[:, cheap * steps + place]) for place in range(steps)]
        lines.append([name, *(f"{mean:.3f}" for mean in means)])
    header = ["optimizer", *(f"{epochs}" for epochs in taus.epochs)]
    title = f"Mean tau with all optimizers after {taus.epochs[-1]} epochs, {how}"
    return Section(title, header, lines, [True] * len(lines), ["a training is not compared with itself"])


def _show(value: float, error: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f} ± {error:.3f}"


def to_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The tables as Markdown."""
    return write_sections(arrange(rows))


def plot(rows: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Draws heat maps of tau between full trainings, down, and all trainings, across; plain and rounded.

    Args:
        rows: Results of `run`.
        path: File to write; the ending chooses the format.

    Raises:
        UsageError: There are no rows, or matplotlib cannot write this format.
        FailedError: The file cannot be written.
    """
    from matplotlib.figure import Figure

    kind = check_drawable(rows, path)
    figure = Figure(figsize=(12, 8), layout="constrained")
    charts = figure.subplots(2, 1)
    for axes, rounded in zip(charts, (False, True), strict=True):
        taus = compare(rows, rounded=rounded, resamples=2)
        names = [f"{name} {epochs}" for name in OPTIMIZERS for epochs in taus.epochs]
        how = "rounded to whole per cents" if rounded else "plain"
        title = f"tau with {taus.epochs[-1]} epochs of each optimizer, {how}"
        draw_heat_map(axes, taus.values, taus.errors, list(OPTIMIZERS), names, title)
    save_figure(figure, path, kind)
