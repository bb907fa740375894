"""The runs of a self-made set as a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.datasets import Metric, Table, mean_of_runs
from egraph.errors import EvaluationError
from egraph.evaluation import Training
from egraph.evaluation.base import Evaluator
from egraph.spaces import SearchSpace, Subspace
from egraph.study._journal import Journal, open_journal

__all__ = ["Run", "collect", "read_runs", "to_table"]

Key = tuple[str, int]
"""Key of a network, and the number of a run of it."""


class Run(NamedTuple):
    """One evaluation; numbers are NaN where it failed."""

    state: str
    score: float
    test_score: float
    seconds: float
    reason: str


def read_runs(journal: Journal) -> dict[Key, Run]:
    """The evaluations of a journal by key and number."""
    rows = journal.retrains.astype({"score": float, "test_score": float, "seconds": float})
    columns = [rows[name].tolist() for name in ("key", "repeat", *Run._fields)]
    return {(key, repeat): Run(*values) for key, repeat, *values in zip(*columns, strict=True)}


def collect(paths: Iterable[Path]) -> dict[Key, Run]:
    """The evaluations of all journals."""
    found: dict[Key, Run] = {}
    for path in paths:
        with open_journal(path) as journal:
            found |= read_runs(journal)
    return found


def to_table(
    space: SearchSpace,
    evaluator: Evaluator,
    networks: Mapping[str, Architecture],
    plan: Mapping[str, int],
    runs: Mapping[Key, Run],
    *,
    name: str,
) -> Table:
    """One row a network; see `generate` for the columns.

    Args:
        space: Space of the networks; of a part, the whole space is that of the table.
        evaluator: Evaluator of the runs.
        networks: Networks by their keys.
        plan: Number of runs of each.
        runs: All runs.
        name: Name of the table.
    """
    most = max(plan.values())
    of = [[runs[key, run] for run in range(plan[key])] for key in networks]
    about = json.loads(json.dumps(evaluator.describe(), default=str))
    recipe = about.get("recipe", {})
    columns: dict[str, NDArray[np.generic]] = {"number": np.arange(len(networks))}
    metrics = {}
    for label, split in (("score", "validation"), ("test_score", "test")):
        values = _gather(of, label, most)
        mean, counts = mean_of_runs(values)
        same = int(counts[0]) if len(set(counts.tolist())) == 1 else None
        unit, epochs = "fraction" if recipe else "", recipe.get("epochs")
        columns[label] = mean
        metrics[label] = Metric(unit, split, epochs, same, description="mean of the runs" * (most > 1))
        for run in range(most) if most > 1 else ():
            columns[f"{label}_{run}"] = values[:, run]
            metrics[f"{label}_{run}"] = Metric(unit, split, epochs, 1, description=f"run {run}")
        if label == "score":
            columns["runs"] = counts
    columns["seconds"] = mean_of_runs(_gather(of, "seconds", most))[0]
    metrics["seconds"] = Metric("seconds", runs=1, higher_is_better=False, description="one run, on average")
    if isinstance(evaluator, Training):
        for cost, unit in (("params", "parameters"), ("flops", "operations")):
            columns[cost] = _measure(getattr(evaluator.costs, cost), networks.values())
            metrics[cost] = Metric(unit, higher_is_better=False)
    failures = [[run.reason for run in each if run.state != "complete"] for each in of]
    columns["failure"] = np.array([each[-1] if each else "" for each in failures], dtype=object)
    whole = space
    while isinstance(whole, Subspace):
        whole = whole.whole
    provenance = {
        "space": space.name,
        "evaluator": json.dumps(about, sort_keys=True),
        "networks": f"{len(of)}, {sum(count > 1 for count in plan.values())} of them evaluated several times",
        "failed": f"{sum(map(len, failures))} of {len(runs)} evaluations",
    }
    return Table(whole, list(networks.values()), columns, metrics, name=name, provenance=provenance)


def _gather(of: list[list[Run]], field: str, most: int) -> NDArray[np.float64]:
    """The values of the successful runs, ``(networks, most)``, NaN for others."""
    values = np.full((len(of), most), np.nan)
    for row, each in enumerate(of):
        for number, run in enumerate(each):
            if run.state == "complete":
                values[row, number] = getattr(run, field)
    return values


def _measure(cost: object, networks: Iterable[Architecture]) -> NDArray[np.float64]:
    """A cost of each network, NaN for one that cannot be built."""
    assert callable(cost)
    found = []
    for network in networks:
        try:
            found.append(float(cost(network)))
        except EvaluationError:
            found.append(np.nan)
    return np.array(found)
