"""The best network of a study, trained again and written for use without egraph."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from egraph import spaces
from egraph.errors import DataError, JournalError, UnknownNameError, UsageError
from egraph.evaluation import Recipe, Training
from egraph.export._network_saving import check_target, save_network
from egraph.study import find_best, open_journal, split_retrains

if TYPE_CHECKING:
    from egraph.evaluation import Evaluation
    from egraph.study import Best

__all__ = ["ExportedWinner", "export_winner", "find_winner", "repeat_training"]


@dataclass(frozen=True, slots=True)
class ExportedWinner:
    """The files of the best network of a study.

    Attributes:
        best: The network as the journal describes it.
        card: Content of ``card.json``.
    """

    best: Best
    card: dict[str, Any]


def export_winner(
    journal: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    root: str | os.PathLike[str] | None = None,
    device: str = "auto",
    progress: Callable[[Best, int, int], object] | None = None,
) -> ExportedWinner:
    """Trains the best network of a study again, with the seed of its trial, and writes it.

    A study keeps no weights, so the network has to be trained again. `save_network` says what is written.

    Args:
        journal: File of the study's journal.
        folder: Folder to write. One that exists must be empty.
        data: Images of the study; None takes those that the journal names.
        root: Folder in which images are searched for first.
        device: Device to train on.
        progress: Callback with the best network, the epochs done and the epochs in all, first with 0 epochs.

    Raises:
        JournalError: There is no journal, or no trial in it has succeeded.
        UsageError: The study trained no network that can be trained again, or ``folder`` is not empty.
        DataError: The images are not those of the study.
        FailedError: The files do not contain the same network; see `save_network`.
    """
    best, settings = find_winner(journal)
    training = repeat_training(settings, data=data, root=root, device=device)
    check_target(folder)

    def emit(done: int, epochs: int) -> None:
        if progress is not None:
            progress(best, done, epochs)

    emit(0, training.recipe.epochs)
    evaluation, network = training.train(best.trial.architecture, seed=best.trial.seed, progress=emit)
    card = _describe(best, Path(journal).name, training, evaluation)
    return ExportedWinner(best, save_network(network, folder, training.images, card))


def find_winner(journal: str | os.PathLike[str]) -> tuple[Best, dict[str, Any]]:
    """The best network of a study, as its report names it, and the settings of the study.

    Raises:
        JournalError: There is no journal, or no trial in it has succeeded.
    """
    with open_journal(journal) as opened:
        trials, settings = opened.trials, opened.settings
        own, _ = split_retrains(opened.retrains, settings.get("evaluator"))
        best = find_best(trials[trials["origin"] != "baseline"], own)
    if not best:
        raise JournalError(
            f"no trial in {journal} has succeeded yet, so there is no best network; `egraph report` shows why"
        )
    return best[0], settings


def repeat_training(
    settings: dict[str, Any],
    *,
    data: str | os.PathLike[str] | None,
    root: str | os.PathLike[str] | None,
    device: str,
) -> Training:
    """The training that the settings of a study describe.

    Raises:
        UsageError: The study trained no network that can be trained again.
        DataError: The images are not those of the study.
    """
    evaluator = settings["evaluator"]
    if evaluator["kind"] != "training":
        raise UsageError(_explain(evaluator))
    try:
        space = spaces.get(evaluator["space"])
    except UnknownNameError as error:
        raise UsageError(
            f"the study's space is not registered here: {error} In Python, where it is, train the network "
            "with egraph.evaluation.Training and write it with egraph.export.save_network"
        ) from None
    training = Training(space, data or evaluator["data"], Recipe(**evaluator["recipe"]), device, root)
    try:
        digest = training.images.digest
    except UsageError as error:
        raise UsageError(f"{error}; give the study's images as data") from None
    if digest != evaluator["digest"]:
        raise DataError(
            f"the images {training.images.name!r} are not those of the study: their digest is {digest}, not "
            f"{evaluator['digest']}; give the study's images as data"
        )
    return training


def _describe(best: Best, journal: str, training: Training, evaluation: Evaluation) -> dict[str, Any]:
    measure, many = ("r2", "r2s") if training.images.is_regression else ("accuracy", "accuracies")
    return {
        "space": training.space.name,
        "architecture": best.trial.architecture.to_dict(),
        "study": {
            "journal": journal,
            "trial": best.trial.number,
            "seed": best.trial.seed,
            f"test_{measure}": best.trial.test_score,
            f"test_{many}_of_other_seeds": list(best.retrained),
        },
        "recipe": training.recipe.to_dict() | training.space.settings(best.trial.architecture),
        "source": evaluation.source,
        f"validation_{measure}": evaluation.score,
        "flops": evaluation.flops,
    }


def _explain(evaluator: dict[str, Any]) -> str:
    """Why a study has no network to write, and what to do."""
    kind = evaluator["kind"]
    if kind == "table":
        return (
            f"the study looked its scores up in the table {evaluator['table']!r} and trained nothing; search "
            "with images, such as `egraph search --space SPACE --data digits`, and export that"
        )
    if kind == "inherited training":
        return (
            "the study's networks inherited weights from one another, which its journal does not keep; train "
            "the best one in Python with egraph.evaluation.Training, write it with egraph.export.save_network"
        )
    return (
        f"the study's evaluation is {kind!r}, which trains no network; one that trains on images, as "
        "`egraph search --data digits` does, can be exported"
    )
