"""The best network of a study, trained again and written for use without egraph."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from egraph.cli._progress import track
from egraph.errors import DataError, JournalError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from egraph.architecture import Architecture
    from egraph.evaluation import Training

__all__ = ["Winner", "export_network", "show"]


class Winner(NamedTuple):
    """What the journal says of the best network.

    Attributes:
        trial: number of the trial that scored it.
        architecture: of the network.
        seed: of that trial.
        test_score: of that trial.
        retrained: test scores of trainings with other seeds.
        settings: of the study.
    """

    trial: int
    architecture: Architecture
    seed: int
    test_score: float
    retrained: tuple[float, ...]
    settings: dict[str, Any]


def export_network(
    journal: str,
    folder: str,
    *,
    data: str | os.PathLike[str] | None = None,
    root: str | None = None,
    device: str = "auto",
) -> tuple[dict[str, Any], Winner]:
    """Trains the best network of a study again, as its trial was, and writes it.

    Args:
        journal: of the study.
        folder: what to write.
        data: the images, where they are not found by their name.
        root: where to look for them first.
        device: to train on.

    Returns:
        The card that was written, and what the journal says.

    Raises:
        JournalError: there is no journal, or no training in it has succeeded.
        UsageError: the study trained nothing that can be trained again, or something is at ``folder``.
        DataError: the images are not those of the study.
        FailedError: what was written is not the same network; see `egraph.export.save_network`.
    """
    from egraph import export

    winner = find_winner(journal)
    training = repeat_training(winner.settings, data=data, root=root, device=device)
    export.check_target(folder)
    epochs = training.recipe.epochs
    with track(
        f"training the best network, trial {winner.trial}, again with its seed {winner.seed}"
    ) as report:
        evaluation, network = training.train(
            winner.architecture,
            seed=winner.seed,
            progress=lambda done, total: report(done, total, f"{done}/{total} epochs"),
        )
        report(epochs, epochs, "writing and reading it back")
        card = {
            "space": training.space.name,
            "architecture": winner.architecture.to_dict(),
            "study": {
                "journal": Path(journal).name,
                "trial": winner.trial,
                "seed": winner.seed,
                "test_accuracy": winner.test_score,
                "test_accuracies_of_other_seeds": list(winner.retrained),
            },
            "recipe": training.recipe.to_dict() | training.space.settings(winner.architecture),
            "source": evaluation.source,
            "validation_accuracy": evaluation.score,
            "flops": evaluation.flops,
        }
        return export.save_network(network, folder, training.images, card), winner


def find_winner(journal: str) -> Winner:
    """The network that `egraph search` calls the best.

    Raises:
        JournalError: there is no journal, or no training in it has succeeded.
    """
    from egraph import report
    from egraph.study import open_journal

    with open_journal(journal) as opened:
        findings = report.find(opened)
    if not findings.best:
        raise JournalError(
            f"no trial in {journal} has succeeded yet, so there is no best network; `egraph report` shows why"
        )
    best = findings.best[0]
    seeds = dict(zip(findings.trials["number"], findings.trials["seed"], strict=True))
    return Winner(
        best.number,
        best.architecture,
        int(seeds[best.number]),
        best.test_score,
        best.retrained,
        findings.settings,
    )


def repeat_training(
    settings: dict[str, Any], *, data: str | os.PathLike[str] | None, root: str | None, device: str
) -> Training:
    """The training that a study's journal describes.

    Raises:
        UsageError: the study trained nothing that can be trained again.
        DataError: the images are not those of the study.
    """
    from egraph import spaces
    from egraph.evaluation import Recipe, Training

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
        raise UsageError(f"{error}; say by --data where the study's images are") from None
    if digest != evaluator["digest"]:
        raise DataError(
            f"the images {training.images.name!r} are not those of the study: their digest is {digest}, not "
            f"{evaluator['digest']}; say by --data where those are"
        )
    return training


def show(card: dict[str, Any], winner: Winner, folder: str) -> None:
    """Prints the result for people."""
    from egraph.export._network_saving import FILES

    click.echo(f"wrote {folder}\n")
    for name, meaning in FILES.items():
        click.echo(f"  {name:<20} {meaning}")
    accuracy, again = card["test_accuracy"], winner.retrained
    click.echo(
        f"\n  test {_percent(accuracy)}, {card['parameters']:,} parameters; {_compare(accuracy, winner)}"
    )
    if again:
        spread = _percent(min(again)) + (f" to {_percent(max(again))}" if len(again) > 1 else "")
        click.echo(f"  With other seeds its trainings gave {spread}.")
    click.echo("  A process without egraph read network.py and network.onnx and measured the same.")


def _compare(accuracy: float, winner: Winner) -> str:
    if math.isclose(accuracy, winner.test_score, abs_tol=1e-9):
        return f"trial {winner.trial} in the journal has the same"
    return (
        f"trial {winner.trial} in the journal has {_percent(winner.test_score)}: another machine, device or "
        "release of PyTorch trains to other last digits, and what was written is the network of this training"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


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
