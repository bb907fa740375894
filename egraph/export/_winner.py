"""The best network of a study, trained again and written for use without egraph."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from egraph import spaces
from egraph.errors import DataError, JournalError, UnknownNameError, UsageError
from egraph.evaluation import Recipe, Training
from egraph.export._network_saving import check_target, save_network
from egraph.study import find_best, find_finals, open_journal, split_retrains

if TYPE_CHECKING:
    import torch

    from egraph.evaluation import Evaluation
    from egraph.study import Best

__all__ = ["ExportedWinner", "export_winner", "find_winner", "repeat_training"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The training in a journal that is repeated.

    Attributes:
        name: What it is, such as ``"trial 12"``.
        evaluator: Description of its evaluator.
        seed: Its seed.
        test_score: Its test score.
        final: Whether it is a training by a final recipe.
    """

    name: str
    evaluator: dict[str, Any]
    seed: int
    test_score: float
    final: bool = False


@dataclass(frozen=True, slots=True)
class ExportedWinner:
    """The files of the best network of a study.

    Attributes:
        best: The network as the journal describes it.
        origin: The training of it that was repeated.
        card: Content of ``card.json``.
    """

    best: Best
    origin: Origin
    card: dict[str, Any]


def export_winner(
    journal: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    root: str | os.PathLike[str] | None = None,
    device: str = "auto",
    inherit: str | os.PathLike[str] | None = None,
    progress: Callable[[Origin, int, int], object] | None = None,
) -> ExportedWinner:
    """Trains the best network of a study again, with the same seed, and writes it.

    A study keeps no weights, so the network has to be trained again: as in its trial, or, where the winner
    was trained by a final recipe, as there; of several, as in the one with the best score. `save_network`
    says what is written.

    Args:
        journal: File of the study's journal.
        folder: Folder to write. One that exists must be empty.
        data: Images of the study; None takes those that the journal names.
        root: Folder in which images are searched for first.
        device: Device to train on.
        inherit: File with the weights of the given network, in a space of variants of one, of safetensors or
            ``torch.save``; or ``"given"``, those that it has. What the best network inherits from them is
            written too.
        progress: Callback with the training that is repeated, the epochs done and the epochs in all, first
            with 0 epochs.

    Raises:
        JournalError: There is no journal, or no trial in it has succeeded.
        UsageError: The study trained no network that can be trained again, ``folder`` is not empty, or there
            is nothing to inherit from.
        DataError: The images are not those of the study, or the weights cannot be read.
        FailedError: The files do not contain the same network; see `save_network`.
    """
    best, origin = find_winner(journal)
    training = repeat_training(origin.evaluator, data=data, root=root, device=device)
    check_target(folder)
    inherited = None
    if inherit is not None:
        weights = None if inherit == "given" else read_weights(inherit)
        inherited = training.space.inherited(best.trial.architecture, weights, seed=origin.seed)

    def emit(done: int, epochs: int) -> None:
        if progress is not None:
            progress(origin, done, epochs)

    emit(0, training.recipe.epochs)
    evaluation, network = training.train(best.trial.architecture, seed=origin.seed, progress=emit)
    card = _describe(best, origin, Path(journal).name, training, evaluation)
    if inherited is not None and training.images.is_regression:
        # A layer behind the network has the units of the target.
        state = network.state_dict()
        state |= {f"0.{name}": tensor for name, tensor in inherited.weights.items()}
        shares = dict.fromkeys(state, "fresh") | {f"0.{name}": one for name, one in inherited.shares.items()}
        inherited = inherited._replace(weights=state, shares=shares)
    return ExportedWinner(best, origin, save_network(network, folder, training.images, card, inherited))


def read_weights(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """The state of a network in a file of safetensors or ``torch.save``.

    Raises:
        DataError: The file is missing or damaged, or has something else than tensors by name.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    state: Any
    try:
        content = Path(path).read_bytes()
        try:
            state = load(content)
        except SafetensorError:
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise DataError(
            f"cannot read weights from {path}: {type(error).__name__}; they are a state_dict in a file of "
            "safetensors or torch.save"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(one, torch.Tensor) for one in state.values()):
        raise DataError(f"{path} has no weights by name; save module.state_dict()")
    return state


def find_winner(journal: str | os.PathLike[str]) -> tuple[Best, Origin]:
    """The best network of a study, as its report names it, and the training of it to repeat.

    Raises:
        JournalError: There is no journal, or no trial in it has succeeded.
    """
    with open_journal(journal) as opened:
        trials, settings = opened.trials, opened.settings
        own, others = split_retrains(opened.retrains, settings.get("evaluator"))
        best = find_best(trials[trials["origin"] != "baseline"], own)
    if not best:
        raise JournalError(
            f"no trial in {journal} has succeeded yet, so there is no best network; `egraph report` shows why"
        )
    trial = best[0].trial
    finals = find_finals(trial.key, others, settings["evaluator"])
    scored = [
        (score, Origin(f"the final training of trial {trial.number}", final.evaluator, seed, test, True))
        for final in finals
        for score, seed, test in zip(final.scores, final.seeds, final.test_scores, strict=True)
    ]
    if scored:
        return best[0], max(scored, key=lambda pair: pair[0])[1]
    return best[0], Origin(f"trial {trial.number}", settings["evaluator"], trial.seed, trial.test_score)


def repeat_training(
    evaluator: dict[str, Any],
    *,
    data: str | os.PathLike[str] | None,
    root: str | os.PathLike[str] | None,
    device: str,
) -> Training:
    """The training that the description of an evaluator in a journal stands for.

    Raises:
        UsageError: The study trained no network that can be trained again.
        DataError: The images are not those of the study.
    """
    if evaluator["kind"] != "training":
        raise UsageError(_explain(evaluator))
    try:
        space = spaces.get(evaluator["space"])
    except UnknownNameError as error:
        raise UsageError(
            f"the study's space is not known here: {error} If it is your own, add --space "
            f"{evaluator['space']}; in Python, train the network with egraph.evaluation.Training and write "
            "it with egraph.export.save_network"
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


def _describe(
    best: Best, origin: Origin, journal: str, training: Training, evaluation: Evaluation
) -> dict[str, Any]:
    measure, many = ("r2", "r2s") if training.images.is_regression else ("accuracy", "accuracies")
    return {
        "space": training.space.name,
        "architecture": best.trial.architecture.to_dict(),
        "study": {
            "journal": journal,
            "trial": best.trial.number,
            "training": origin.name,
            "seed": origin.seed,
            f"test_{measure}": origin.test_score,
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
