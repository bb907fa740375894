"""A supernet trained on its own, and its architecture beside random ones, by one recipe."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.evaluation import Training
from egraph.files import write_text
from egraph.searchers import RandomSearch
from egraph.spaces import SearchSpace
from egraph.supernets.further import FurtherRule
from egraph.supernets.searcher import SupernetSearcher, SupernetStart
from egraph.supernets.workers import ALONE, Workers

__all__ = ["RESULT", "train_alone"]

RESULT = "supernet.json"
"""Name of the file with the result."""


def train_alone(
    searcher: SupernetSearcher,
    training: Training,
    folder: Path,
    *,
    space: SearchSpace | None = None,
    random: int = 3,
    derive: Sequence[str] = (),
    seed: int = 0,
    epoch: Callable[[int, int, str], object] | None = None,
    trained: Callable[[int, int], object] | None = None,
    workers: Workers = ALONE,
) -> dict[str, Any] | None:
    """Trains a supernet, its architecture and random ones; the same call goes on after an interruption.

    The architecture is that of the epoch with the best accuracy on the examples that trained the logits. It
    and the random ones are trained from scratch by the recipe of ``training``.

    Args:
        searcher: Method and settings.
        training: Space, data, recipe of the architectures, and device.
        folder: Where the state and the result, ``supernet.json``, are kept.
        space: Part of the space of ``training`` that is searched, such as an `egraph.spaces.Fixed`; None for
            all of it.
        random: Number of random architectures.
        derive: Further architectures of the supernet that are trained: see `FurtherRule`.
        seed: Seed of the supernet, the random architectures and all trainings.
        epoch: Called after each epoch of the supernet: epochs done, epochs in all, and a note.
        trained: Called with the trainings done and in all.
        workers: The workers that train the supernet together, each of which calls this. The first one does
            the rest.

    Returns:
        The result as JSON-ready values: ``space``, ``data``, ``method``, the ``epochs``, the number of the
        ``best`` one, the ``derived`` architecture with its scores, the ``further`` ones by their rule and the
        ``random`` ones with theirs. None for all workers but the first.

    Raises:
        UsageError: The space has no relaxation, the data do not suit, or the folder keeps another supernet.
        EvaluationError: The loss became NaN or infinite, or the memory is too small.
    """
    check_whole(1, random=random)
    space = training.space if space is None else space
    start = SupernetStart(searcher.options, space, training, seed, folder)
    rules = [FurtherRule(text) for text in derive]
    for rule in rules:
        rule.check(start, workers)
    report = epoch or (lambda done, total, note: None)
    result = start.prepare(lambda done, seconds, note: report(done, start.total, note), workers)
    if workers.number > 0:
        return None
    about = json.dumps([start.about, training.recipe.to_dict()], sort_keys=True)
    kept = _Kept(folder / "trainings.json", about)
    groups = _derive(start, result, rules, random, seed)
    rows = kept.train_all(training, groups, seed, trained or (lambda done, total: None))
    whole = {"space": space.name, **_describe(training, start, seed, result, rows)}
    write_text(folder / RESULT, json.dumps(whole))
    return whole


def _derive(
    start: SupernetStart, result: dict[str, Any], rules: list[FurtherRule], random: int, seed: int
) -> dict[str, list[Architecture]]:
    """All architectures that are trained from scratch."""
    derived = Architecture.from_dict(result["epochs"][result["best"] - 1]["architecture"])
    further = {rule.text: rule.derive(start, result, seed) for rule in rules}
    return {"derived": [derived], **further, "random": RandomSearch(start.space, seed=seed).ask(random)}


def _describe(
    training: Training,
    start: SupernetStart,
    seed: int,
    result: dict[str, Any],
    rows: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    """The whole result as JSON-ready values."""
    for each in result["epochs"]:
        each["notation"] = training.space.format(Architecture.from_dict(each["architecture"]))
    seconds = float(np.mean([row["seconds"] for each in rows.values() for row in each]))
    further = {name: each for name, each in rows.items() if name not in ("derived", "random")}
    return {
        "data": training.images.name,
        "seed": seed,
        "method": start.describe(),
        "recipe": training.recipe.to_dict(),
        **result,
        "trainings": result["seconds"] / seconds if seconds > 0 else None,
        "derived": rows["derived"][0],
        "further": further,
        "random": rows["random"],
    }


class _Kept:
    """Trainings from scratch, each kept in a file when it is done."""

    def __init__(self, path: Path, about: str) -> None:
        self._path, self._about = path, about
        self._scores: dict[str, Any] = {}
        if path.exists():
            with contextlib.suppress(ValueError, LookupError, TypeError):
                kept = json.loads(path.read_text(encoding="utf-8"))
                self._scores = dict(kept["scores"]) if kept["about"] == about else {}

    def train_all(
        self,
        training: Training,
        groups: Mapping[str, Sequence[Architecture]],
        seed: int,
        trained: Callable[[int, int], object],
    ) -> dict[str, list[dict[str, Any]]]:
        """The architectures of all groups, and their scores."""
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in groups}
        total = sum(map(len, groups.values()))
        for name, architectures in groups.items():
            for architecture in architectures:
                trained(sum(map(len, rows.values())), total)
                rows[name].append(self.train(training, architecture, seed))
        return rows

    def train(self, training: Training, architecture: Architecture, seed: int) -> dict[str, Any]:
        """An architecture and its scores, trained unless the file has it."""
        key = training.space.key(architecture)
        if key not in self._scores:
            done = training.evaluate(architecture, seed=seed)
            self._scores[key] = {
                "score": done.score, "test score": done.test_score, "seconds": done.seconds,
                "params": done.params,
            }  # fmt: skip
            write_text(self._path, json.dumps({"about": self._about, "scores": self._scores}))
        notation = training.space.format(architecture)
        return {"notation": notation, "architecture": architecture.to_dict(), **self._scores[key]}
