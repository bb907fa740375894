"""The runs of a self-made set as a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.datasets import Metric, Table, mean_of_runs
from egraph.errors import EvaluationError, FailedError
from egraph.evaluation import Training
from egraph.evaluation.base import Evaluator
from egraph.searchers import RandomSearch
from egraph.spaces import SearchSpace, Subspace
from egraph.study._journal import Journal, open_journal
from egraph.study._seeds import derive

__all__ = ["Plan", "Run", "collect", "read_runs", "to_table"]

Key = tuple[str, int]
"""Key of a network, and the number of a run of it."""


class Run(NamedTuple):
    """One evaluation; numbers are NaN where it failed."""

    state: str
    score: float
    test_score: float
    seconds: float
    reason: str


class Plan(NamedTuple):
    """What is to be evaluated.

    Attributes:
        networks: Networks by their keys, in the order of the sequence.
        runs: Number of runs of each.
    """

    networks: Mapping[str, Architecture]
    runs: Mapping[str, int]

    @classmethod
    def draw(cls, space: SearchSpace, count: int, repeats: int, share: float, seed: int) -> Plan:
        """The first ``count`` networks of a random sequence, the first ``share`` of them with repeats."""
        sequence = RandomSearch(space, seed=derive(seed, "generate")).ask(count)
        networks = {space.key(architecture): architecture for architecture in sequence}
        repeated = round(share * len(networks))
        return cls(networks, {key: repeats if n < repeated else 1 for n, key in enumerate(networks)})

    @property
    def needed(self) -> list[Key]:
        """All runs."""
        return [(key, run) for key, runs in self.runs.items() for run in range(runs)]

    def shard(self, index: int, shards: int) -> Plan:
        """Each network whose number is ``index``, counted modulo ``shards``."""
        keys = list(self.networks)[index::shards]
        return Plan({key: self.networks[key] for key in keys}, {key: self.runs[key] for key in keys})


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
    space: SearchSpace, evaluator: Evaluator, plan: Plan, runs: Mapping[Key, Run], *, name: str
) -> Table:
    """One row a network.

    The metrics are ``score`` and ``test_score``, means over the successful runs, where there are repeats also
    the single runs ``score_0``, ``score_1`` and so on, ``seconds`` of one run, and for trainings ``params``
    and ``flops``. ``number`` is the place in the sequence, ``runs`` the number of successful runs, and
    ``failure`` the reason of the last failed one. A network without a successful run has the score NaN.

    Args:
        space: Space of the networks; of a part, the whole space is that of the table.
        evaluator: Evaluator of the runs.
        plan: Networks, and the number of runs of each.
        runs: All runs.
        name: Name of the table.

    Raises:
        FailedError: No run was successful.
    """
    if not any(run.state == "complete" for run in runs.values()):
        last = list(runs.values())[-1]
        raise FailedError(
            f"each of {len(runs)} evaluations failed, the last because: {last.reason}; repair the evaluation "
            "and choose another file"
        )
    of = [[runs[key, run] for run in range(number)] for key, number in plan.runs.items()]
    networks = list(plan.networks.values())
    about = json.loads(json.dumps(evaluator.describe(), default=str))
    columns: dict[str, NDArray[np.generic]] = {"number": np.arange(len(networks))}
    metrics: dict[str, Metric] = {}
    for label, split in (("score", "validation"), ("test_score", "test")):
        _add_scores(columns, metrics, of, label, split, about)
    columns["seconds"] = mean_of_runs(_gather(of, "seconds"))[0]
    metrics["seconds"] = Metric("seconds", runs=1, higher_is_better=False, description="one run, on average")
    if isinstance(evaluator, Training):
        for cost, unit in (("params", "parameters"), ("flops", "operations")):
            columns[cost] = _measure(getattr(evaluator.costs, cost), networks)
            metrics[cost] = Metric(unit, higher_is_better=False)
    failures = [[run.reason for run in each if run.state != "complete"] for each in of]
    columns["failure"] = np.array([each[-1] if each else "" for each in failures], dtype=object)
    whole = space
    while isinstance(whole, Subspace):
        whole = whole.whole
    repeated = sum(number > 1 for number in plan.runs.values())
    provenance = {
        "made by": "egraph data generate",
        "space": space.name,
        "evaluator": json.dumps(about, sort_keys=True),
        "networks": f"{len(of)}, {repeated} of them evaluated several times",
        "failed": f"{sum(map(len, failures))} of {len(plan.needed)} evaluations",
    }
    return Table(whole, networks, columns, metrics, name=name, provenance=provenance)


def _add_scores(
    columns: dict[str, NDArray[np.generic]],
    metrics: dict[str, Metric],
    of: list[list[Run]],
    label: str,
    split: str,
    evaluator: Mapping[str, Any],
) -> None:
    """The mean of one score, the number of runs, and the single runs where there are repeats."""
    values = _gather(of, label)
    columns[label], counts = mean_of_runs(values)
    columns.setdefault("runs", counts)
    same = int(counts[0]) if len(set(counts.tolist())) == 1 else None
    recipe = evaluator.get("recipe", {})
    unit = "R2" if evaluator.get("target") == "regression" else "fraction" if recipe else ""
    epochs, single = recipe.get("epochs"), values.shape[1] == 1
    about = "" if single else "mean of the runs"
    metrics[label] = Metric(unit, split, epochs, same, description=about)
    for run in range(values.shape[1]) if not single else ():
        columns[f"{label}_{run}"] = values[:, run]
        metrics[f"{label}_{run}"] = Metric(unit, split, epochs, 1, description=f"run {run}")


def _gather(of: list[list[Run]], field: str) -> NDArray[np.float64]:
    """The values of the successful runs, ``(networks, runs)``, NaN for others."""
    values = np.full((len(of), max(map(len, of))), np.nan)
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
