"""Differentiable methods against one another: what they derive, how alike it is, and how well it trains."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph import datasets, spaces
from egraph.architecture import Architecture
from egraph.bench._measuring import Failure, Progress, measure_all
from egraph.bench.studies._darts_tables import arrange, plot, to_markdown
from egraph.checks import check_positive, check_whole
from egraph.errors import EvaluationError, UnknownNameError, UsageError
from egraph.evaluation.building import load_cached
from egraph.spaces import SearchSpace
from egraph.specs import parse
from egraph.training import Recipe

if TYPE_CHECKING:
    from egraph.supernets import Epoch, Workers

__all__ = ["METHODS", "RANDOM", "RECIPES", "Cell", "arrange", "plan", "plot", "run", "to_markdown", "train"]

RANDOM = "random"
"""The method that draws its architecture: the baseline of every comparison."""

METHODS = ("darts", "gdas", "pc-darts", "drnas", "rsps")
"""Methods that are compared by default."""

RECIPES: Mapping[str, Mapping[str, Any]] = {
    "one-cycle": {"optimizer": "adamw", "learning_rate": 4e-3, "schedule": "one-cycle"},
    "sgd": {
        "optimizer": "sgd",
        "learning_rate": 0.025,
        "momentum": 0.9,
        "weight_decay": 3e-4,
        "schedule": "cosine",
        "clip_norm": 5.0,
    },
    "sgd-augmented": {
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": "cosine",
        "augment": "flip-shift",
        "label_smoothing": 0.1,
    },
}
"""Recipes of the final training, as the order of methods depends on it; `DARTS`'s own is ``sgd``."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One search by one method, and the final trainings of what it derived.

    Attributes:
        method: Name of a method with its options, such as ``"darts:order=2"``, or `RANDOM`.
        seed: Seed of the search.
        workers: Number of processes that train the supernet; they average weights after each epoch.
        space: Search space with a relaxation.
        data: Name or path of the data.
        examples: Number of training examples that are used, at most.
        epochs: Epochs of the search.
        channels: Width of the supernet.
        cells: Number of its cells, in each stage where there are stages.
        batch_size: Examples of a step of one worker.
        rate: Learning rate of the logits.
        final_epochs: Epochs of each final training; 0 for none.
        table: Table in which derived architectures are looked up; empty for none.
        metric: Its column.

    Raises:
        UsageError: A number is out of its range, an option is unknown, the space has no relaxation, or of
            table and metric one is given alone.
        UnknownNameError: There is no such method or space.
    """

    method: str
    seed: int
    workers: int = 1
    space: str = "nasbench201"
    data: str = "fashion-mnist"
    examples: int = 2_000
    epochs: int = 30
    channels: int = 8
    cells: int = 1
    batch_size: int = 64
    rate: float = 3e-3
    final_epochs: int = 0
    table: str = ""
    metric: str = ""

    def __post_init__(self) -> None:
        check_whole(0, seed=self.seed, final_epochs=self.final_epochs)
        check_whole(1, workers=self.workers, examples=self.examples, epochs=self.epochs)
        check_whole(1, channels=self.channels, cells=self.cells)
        check_whole(2, batch_size=self.batch_size)
        check_positive(rate=self.rate)
        if bool(self.table) != bool(self.metric):
            raise UsageError(
                "architectures are looked up in a column of a table: give both, table and metric"
            )
        if self.method != RANDOM:
            make_method(self.method)
        spaces.get(self.space).relaxation()


def plan(
    names: Sequence[str] = METHODS,
    seeds: Sequence[int] = (0, 1, 2),
    *,
    workers: Sequence[int] = (1,),
    **settings: Any,
) -> list[Cell]:
    """The cells of all methods and seeds, and the random architectures of the same seeds.

    Args:
        names: Methods with their options.
        seeds: Seeds.
        workers: Numbers of processes that train one supernet.
        settings: Further fields of `Cell`.

    Raises:
        UsageError: As of `Cell`.
        UnknownNameError: As of `Cell`.
    """
    return [
        Cell(name, seed, count, **settings)
        for seed in seeds
        for name in dict.fromkeys([*names, RANDOM])
        for count in (workers if name != RANDOM else (1,))
    ]


def make_method(text: str) -> Any:
    """The method of a name with options.

    Raises:
        UnknownNameError: There is no such method.
        UsageError: It has no such option, or the value is out of range.
    """
    from egraph.supernets import methods

    name, options = parse(text)
    if name not in methods:
        raise UnknownNameError("differentiable method", name, [*methods, RANDOM])
    try:
        return methods[name](**options)
    except TypeError as error:
        raise UsageError(f"the method {text!r} cannot be made: {error}") from None


def run(
    cells: Iterable[Cell],
    *,
    out: str | os.PathLike[str] | None = None,
    processes: int = 1,
    root: str | None = None,
    progress: Progress | None = None,
) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Measures cells.

    Args:
        cells: Cells to measure.
        out: File of results to resume, one line a cell.
        processes: Number of cells at a time.
        root: Folder that is searched first for data and tables.
        progress: Callback after each cell.

    Returns:
        A row for each cell, with its fields, ``architecture`` (in the notation of the space), ``history``
        (``validation``, ``skips``, ``entropy`` and, with a table, ``score`` of each epoch's architecture),
        ``probabilities`` of the operations after the best epoch, ``seconds``, ``score`` and ``finals``: for
        each recipe the validation accuracies of all epochs. And the cells that failed.
    """
    measure = functools.partial(_measure, root=root)
    rows, failures, _ = measure_all(Cell, cells, measure, out=out, processes=processes, progress=progress)
    return rows, failures


def _measure(cell: Cell, root: str | None) -> dict[str, Any]:
    space = spaces.get(cell.space)
    known = _read_table(cell.table, cell.metric, root) if cell.table else {}

    def score(architecture: Architecture) -> float | None:
        return known.get(space.key(architecture))

    history: list[dict[str, Any]] = []
    probabilities: dict[str, list[float]] = {}
    seconds = 0.0
    if cell.method == RANDOM:
        relaxation = space.relaxation()
        uniform = {name: np.ones(len(each.options)) for name, each in relaxation.positions.items()}
        chosen = relaxation.draw(uniform, np.random.default_rng(cell.seed))
    else:
        epochs, best = _search(cell, root)
        seconds = sum(epoch.seconds for epoch in epochs)
        history = [
            {
                "validation": epoch.validation,
                "skips": epoch.skips,
                "entropy": epoch.entropy,
                "score": score(epoch.architecture),
            }
            for epoch in epochs
        ]
        chosen = best.architecture
        probabilities = {name: np.round(each, 6).tolist() for name, each in best.probabilities.items()}
    return {
        **asdict(cell),
        "architecture": space.format(chosen),
        "history": history,
        "probabilities": probabilities,
        "seconds": seconds,
        "score": score(chosen),
        "finals": _train_finals(cell, space, chosen, root) if cell.final_epochs else {},
    }


@functools.lru_cache(maxsize=2)
def _read_table(name: str, metric: str, root: str | None) -> dict[str, float]:
    """Scores of a table by key."""
    table = datasets.load(name, root=root).distinct()
    keys = (table.space.key(each) for each in table.architectures)
    return dict(zip(keys, table[metric].tolist(), strict=True))


def _search(cell: Cell, root: str | None) -> tuple[list[Epoch], Epoch]:
    """The epochs of a search, and the best one."""
    from egraph.supernets import Epoch, Found, Workers

    if cell.workers == 1:
        found = train(cell, root, Workers())
        return found.epochs, found.best
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "epochs.json"
        arguments = json.dumps([asdict(cell), root, str(path)])
        command = [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", str(cell.workers), "-m", "egraph.bench.studies._darts_worker", arguments),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
        )
        if done.returncode or not path.exists():
            last = [line for line in done.stderr.splitlines() if "Error" in line]
            raise EvaluationError(f"{cell.workers} workers failed: {(last or ['no reason given'])[-1][:200]}")
        epochs = [Epoch.from_dict(each) for each in json.loads(path.read_text())]
    return epochs, Found(epochs).best


def train(cell: Cell, root: str | None, workers: Workers) -> Any:
    """The search of a cell by one of its workers, as `egraph.supernets.search` returns it."""
    import torch

    from egraph.supernets import Settings, search, search_recipe

    data = load_cached(cell.data, root)
    inputs, targets = (torch.from_numpy(each)[: cell.examples] for each in data.train)
    relaxation = spaces.get(cell.space).relaxation()
    sizes = {"channels": cell.channels, "cells": cell.cells}
    recipe = search_recipe(
        epochs=cell.epochs,
        batch_size=cell.batch_size,
        **{name: value for name, value in sizes.items() if name in relaxation.options},
    )
    method = make_method(cell.method)
    return search(
        relaxation,
        method,
        (inputs, targets),
        data.num_classes,
        Settings(recipe, rate=cell.rate),
        seed=cell.seed,
        workers=workers,
    )


def _train_finals(
    cell: Cell, space: SearchSpace, architecture: Architecture, root: str | None
) -> dict[str, list[float]]:
    """For each recipe the validation accuracy after each epoch; empty where the training diverged."""
    import torch

    from egraph.training import accuracy, fit, seeded

    data = load_cached(cell.data, root)
    examples, validation = (
        (torch.from_numpy(x), torch.from_numpy(y)) for x, y in (data.train, data.validation)
    )
    examples = (examples[0][: cell.examples], examples[1][: cell.examples])
    sizes = {"channels": cell.channels, "cells": cell.cells}
    options = {name: value for name, value in sizes.items() if name in space.network_options}
    curves: dict[str, list[float]] = {}
    for name, changes in RECIPES.items():
        curve: list[float] = []
        with seeded(cell.seed, torch.device("cpu")):
            network = space.network(
                architecture, data.input_shape, data.num_classes, seed=cell.seed, **options
            )

            def look(*_: int, network: Any = network, curve: list[float] = curve) -> None:
                curve.append(accuracy(network, validation))
                network.train()

            recipe = Recipe(epochs=cell.final_epochs, batch_size=cell.batch_size, **changes)
            try:
                fit(network, examples, recipe, seed=cell.seed, progress=look)
            except EvaluationError:
                curve.clear()
        curves[name] = curve
    return curves
