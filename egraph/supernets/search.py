"""The training of a supernet: weights on one half of the training examples, logits on the other half."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from egraph.checks import check_whole
from egraph.errors import EvaluationError, UsageError
from egraph.spaces.relaxation import Derivation, Probabilities, Relaxation
from egraph.supernets.batches import Batches, halve
from egraph.supernets.checkpoints import Checkpoint
from egraph.supernets.memory import count_saved_bytes
from egraph.supernets.methods.base import Batch, Method, cross_entropy, share_correct
from egraph.supernets.mixing import Sample
from egraph.supernets.perturbing import perturbed
from egraph.supernets.results import Epoch, Found
from egraph.supernets.settings import Settings
from egraph.supernets.stopping import Stopping
from egraph.supernets.supernet import Supernet
from egraph.supernets.workers import ALONE, Workers, share_norms
from egraph.training import TrainingStep, failures_explained, mixed_precision, seeded

__all__ = ["Run", "search"]


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
        rules: Rules of derivation.
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
    kept = None if folder is None else Checkpoint(folder / "supernet.pt", run.describe(about))
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
    return Found(run.history, run.stopped, run.saved_bytes)


class Run:
    """All that the training of a supernet changes, and its steps.

    Args:
        relaxation: The choices.
        method: The differentiable method.
        data: Inputs and classes.
        num_classes: Number of classes.
        settings: Settings.
        seed: Seed of everything random.
        rules: Rules of derivation.
        workers: The workers that train together.

    Attributes:
        supernet: The supernet.
        step: One training step of the weights.
        history: The epochs done.
        stopped: Why no further epoch is done before the last; empty if not.
        saved_bytes: Bytes that one step on the logits keeps for the backward pass.
    """

    def __init__(
        self,
        relaxation: Relaxation,
        method: Method,
        data: tuple[Tensor, Tensor],
        num_classes: int,
        settings: Settings,
        *,
        seed: int = 0,
        rules: Derivation | None = None,
        workers: Workers = ALONE,
    ) -> None:
        check_whole(0, seed=seed)
        inputs, targets = data
        if len(torch.unique(targets)) < 2:
            raise UsageError("the examples are all of one class, so nothing can be learnt from them")
        self.relaxation, self.method, self.settings, self.seed = relaxation, method, settings, seed
        self.rules, self.workers = rules or Derivation(), workers
        self.device = inputs.device
        self._data, self._num_classes = data, num_classes
        recipe = settings.weights
        first, second = halve(len(inputs), seed)
        rows = [torch.arange(len(inputs))] * 2 if method.one_level else [first, second]
        self.training, self.validation = (
            Batches(
                inputs[each],
                targets[each],
                recipe.batch_size,
                recipe.augmentation,
                2 * seed + number,
                workers.number,
                workers.count,
            )
            for number, each in enumerate(rows)
        )
        self.generator = torch.Generator().manual_seed(seed)
        self._half = mixed_precision(self.device)[0]
        self.history: list[Epoch] = []
        self.stopped, self.saved_bytes = "", 0
        self._stopping = Stopping(settings)
        self.build(relaxation)

    def build(self, relaxation: Relaxation) -> None:
        """Makes a new supernet with fresh weights and logits, and their optimizers."""
        recipe = self.settings.weights
        sizes = {"channels": recipe.channels, "cells": recipe.cells}
        options = {name: size for name, size in sizes.items() if size is not None}
        if unknown := [name for name in options if name not in relaxation.options]:
            raise UsageError(f"the supernet of this space has no choice of {unknown[0]}; leave it out")
        self.supernet = Supernet(
            relaxation,
            tuple(self._data[0].shape[1:]),
            self._num_classes,
            parts=self.settings.parts,
            seed=self.seed,
            **options,
        ).place(self.device)
        if self.workers.shares_gradients:
            share_norms(self.supernet)
        self.supernet.train()
        steps = recipe.epochs * len(self.training)
        share = self.workers.average_gradients if self.workers.shares_gradients else None
        self.step = TrainingStep(self.supernet, recipe, steps, self.device, cross_entropy, share)
        self.optimizer = torch.optim.Adam(
            self.method.trained(self.supernet),
            lr=self.settings.rate,
            betas=self.settings.betas,
            weight_decay=self.settings.decay,
        )

    @property
    def is_over(self) -> bool:
        """Whether no epoch is left."""
        return bool(self.stopped) or len(self.history) >= self.settings.weights.epochs

    @property
    def progress(self) -> float:
        """Share of the epochs that are done when the present one ends, in [0, 1]."""
        return len(self.history) / max(1, self.settings.weights.epochs - 1)

    def train_epoch(self) -> Epoch:
        """Does one epoch: as many steps on logits and on weights as the first half has batches.

        Raises:
            EvaluationError: The loss became NaN or infinite.
        """
        began = time.perf_counter()
        self.method.begin_epoch(self)
        training, validation, correct = [], [], []
        for _ in range(len(self.training)):
            batch = next(self.training)
            other = batch if self.method.one_level else next(self.validation)
            loss, share = self.train_logits(batch, other)
            validation.append(loss)
            correct.append(share)
            training.append(self.train_weights(batch))
        self._meet()
        sums = torch.stack([torch.stack(each).double().mean() for each in (training, validation, correct)])
        self.workers.average([sums])
        means = sums.tolist()
        epoch = self._describe_epoch(means, time.perf_counter() - began)
        if not np.isfinite(means).all():
            raise EvaluationError(
                f"the loss of the supernet became {means[0]:g} in epoch {epoch.number}; "
                "lower the learning rate"
            )
        self.history.append(epoch)
        self.stopped = self._stopping.look(self)
        return epoch

    def train_logits(self, training: Batch, validation: Batch) -> tuple[Tensor, Tensor]:
        """One step on the logits; returns the validation loss and the share of correct answers before it."""
        if not self.method.learns:
            with torch.no_grad():
                loss, correct = self.validate(validation)
            return loss, correct
        if self.saved_bytes == 0:
            state = self.generator.get_state()
            self.saved_bytes = count_saved_bytes(lambda: self.validate(validation)[0])
            self.generator.set_state(state)
        gradient = self.method.gradient(self, training, validation)
        if self.workers.shares_gradients:
            self.workers.average([each for each in gradient.of if each is not None])
        for tensor, each in zip(self.method.trained(self.supernet), gradient.of, strict=True):
            tensor.grad = each
        self.optimizer.step()
        return gradient.loss, gradient.correct

    def train_weights(self, batch: Batch) -> Tensor:
        """One step on the weights; returns the loss before it."""
        with torch.no_grad():
            sample = self.draw()
            self.supernet.use(perturbed(sample, self.settings.perturb, self.generator))
        return self.step(*batch)

    def _meet(self) -> None:
        """Averages what the workers have learnt apart in an epoch."""
        if self.workers.count == 1 or self.workers.shares_gradients:
            return
        with torch.no_grad():
            self.workers.average([*self.supernet.parameters(), *self.method.trained(self.supernet)])
        self.workers.average_state(self.step.state_dict()["optimizer"])
        self.workers.average_state(self.optimizer.state_dict())

    def draw(self) -> Sample:
        """A sample of the method, at the present state of the search."""
        return self.method.sample(self.supernet, self.progress, self.generator)

    def validate(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of a batch with a fresh sample, and the share of correct answers."""
        self.supernet.use(self.draw())
        return self.loss(batch)

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of a batch with the sample in use, and the share of correct answers."""
        with self._half:
            outputs = self.supernet(batch[0])
            return cross_entropy(outputs, batch[1]), share_correct(outputs, batch[1])

    def probabilities(self) -> Probabilities:
        """What the method has learnt."""
        return self.method.probabilities(self.supernet)

    def describe(self, about: str = "") -> str:
        """What the search depends on, as text."""
        options = {name: value for name, value in vars(self.method).items() if not name.startswith("_")}
        told = {
            "method": self.method.name,
            "options": options,
            "settings": self.settings.to_dict(),
            "positions": {name: list(each.options) for name, each in self.relaxation.positions.items()},
            "examples": len(self._data[0]),
            "shape": list(self._data[0].shape[1:]),
            "classes": self._num_classes,
            "seed": self.seed,
            "about": about,
            "workers": [self.workers.share, self.workers.count] if self.workers.count > 1 else [],
        }
        return json.dumps(told, sort_keys=True)

    def _describe_epoch(self, means: list[float], seconds: float) -> Epoch:
        training, validation, correct = means
        probabilities = self.probabilities()
        architecture = self.relaxation.derive(probabilities, self.rules)
        chosen = self.relaxation.chosen(architecture)
        positions = self.relaxation.positions
        skips = sum(positions[name].skips[number] for name, number in chosen.items() if positions[name].skips)
        entropies = [-(each * np.log(np.clip(each, 1e-300, None))).sum() for each in probabilities.values()]
        return Epoch(
            number=len(self.history) + 1,
            training_loss=training,
            validation_loss=validation,
            validation=correct,
            probabilities=probabilities,
            architecture=architecture,
            skips=int(skips),
            entropy=float(np.mean(entropies)),
            seconds=seconds,
        )

    def state_dict(self) -> dict[str, Any]:
        """The state between two epochs, as tensors, numbers and texts."""
        return {
            "network": self.supernet.state_dict(),
            "logits": {name: each.detach() for name, each in self.supernet.logits.items()},
            "edges": {name: each.detach() for name, each in self.supernet.edge_logits.items()},
            "step": self.step.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "training": self.training.state_dict(),
            "validation": self.validation.state_dict(),
            "generator": self.generator.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            "method": self.method.state_dict(),
            "stopping": self._stopping.state_dict(),
            "history": json.dumps([epoch.to_dict() for epoch in self.history]),
            "stopped": self.stopped,
            "saved_bytes": self.saved_bytes,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self.method.load_state_dict(state["method"])
        self.history = [Epoch.from_dict(each) for each in json.loads(state["history"])]
        self.supernet.load_state_dict(state["network"])
        with torch.no_grad():
            for group, kept in ((self.supernet.logits, "logits"), (self.supernet.edge_logits, "edges")):
                for name, each in group.items():
                    each.copy_(state[kept][name])
        self.step.load_state_dict(state["step"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.training.load_state_dict(state["training"])
        self.validation.load_state_dict(state["validation"])
        self.generator.set_state(state["generator"].cpu())
        torch.set_rng_state(state["torch"].cpu())
        if state["cuda"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"].cpu(), self.device)
        self._stopping.load_state_dict(state["stopping"])
        self.stopped, self.saved_bytes = state["stopped"], state["saved_bytes"]
