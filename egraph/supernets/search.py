"""The training of a supernet: weights on one half of the training examples, logits on the other half."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from egraph.spaces.relaxation import Derivation, Relaxation
from egraph.supernets.checkpoints import Checkpoint
from egraph.supernets.methods.base import Method
from egraph.supernets.results import Epoch, Found
from egraph.supernets.run import Run
from egraph.supernets.settings import Settings
from egraph.supernets.workers import ALONE, Workers
from egraph.training import failures_explained, seeded

__all__ = ["STATE", "search"]

STATE = "supernet.pt"
"""Name of the file with the state after the last epoch."""


def search(
    relaxation: Relaxation,
    method: Method,
    data: tuple[Tensor, Tensor],
    num_classes: int,
    settings: Settings | None = None,
    *,
    seed: int = 0,
    folder: Path | None = None,
    rules: Derivation | None = None,
    about: str = "",
    workers: Workers = ALONE,
    progress: Callable[[Epoch], object] | None = None,
) -> Found:
    """Trains a supernet and derives an architecture after each epoch.

    A random half of the examples trains the weights, the other half the logits. Give the training part of the
    data alone; the validation and the test part are for the derived architectures.

    Args:
        relaxation: The choices: `SearchSpace.relaxation`.
        method: Differentiable method, from `egraph.supernets.methods`.
        data: Inputs ``(examples, ...)`` and classes ``(examples,)``, on the device that trains.
        num_classes: Number of classes.
        settings: Settings; None for those of DARTS.
        seed: Seed of weights, logits, halves, order and samples.
        folder: Where the state is kept after each epoch. The same call goes on from there.
        rules: Rules of derivation; None for those of the method.
        about: Further text that a kept state must agree with, such as the name of space and data.
        workers: The workers that train together: `egraph.supernets.joined`. Each calls this function with the
            same arguments; the batch of a recipe is that of one worker.
        progress: Called after each epoch.

    Raises:
        UsageError: The examples are too few or of one class, the space has no choices, or the folder keeps
            another search.
        EvaluationError: The loss became NaN or infinite, or the memory is too small.
    """
    run = Run(
        relaxation, method, data, num_classes, settings or Settings(), seed=seed, rules=rules, workers=workers
    )
    kept = None if folder is None else Checkpoint(folder / STATE, run.describe(about))
    device = data[0].device
    explained = failures_explained("the supernet cannot be trained", "take fewer channels or smaller batches")
    with explained, seeded(seed, device):
        if kept is not None:
            kept.restore(run)
        workers.agree()  # all have read the state before one writes it anew
        while not run.is_over:
            epoch = run.train_epoch()
            if kept is not None and workers.number == 0:
                kept.save(run)
            workers.agree()  # the state is on disk before anybody goes on
            if progress is not None:
                progress(epoch)
    return Found(run.history, run.stopped, run.saved_bytes, run.until)
