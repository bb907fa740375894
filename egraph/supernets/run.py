"""The state of a supernet in training, and its steps: on weights, and on logits."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from egraph.checks import check_whole
from egraph.errors import EvaluationError, UsageError
from egraph.spaces.relaxation import Derivation, Probabilities, Relaxation
from egraph.supernets.batches import Batches, halve
from egraph.supernets.memory import count_saved_bytes
from egraph.supernets.methods.base import Batch, Method, cross_entropy, share_correct
from egraph.supernets.mixing import Sample
from egraph.supernets.perturbing import perturbed
from egraph.supernets.resources import Resources
from egraph.supernets.results import Epoch
from egraph.supernets.settings import Settings
from egraph.supernets.stopping import check_stop, largest_eigenvalue, look
from egraph.supernets.supernet import Supernet
from egraph.supernets.workers import ALONE, Workers, share_norms
from egraph.training import TrainingStep, mixed_precision

__all__ = ["Run"]

LOOK = 8
"""Steps of the weights for each batch that is only looked at, while no logits are trained."""


class Run:
    """All that the training of a supernet changes, and its steps.

    Args:
        relaxation: The choices.
        method: The differentiable method.
        data: Inputs and classes.
        num_classes: Number of classes.
        settings: Settings.
        seed: Seed of everything random.
        rules: Rules of derivation; None for those of the method.
        workers: The workers that train together.

    Attributes:
        supernet: The supernet.
        trained: The tensors beside the weights that are trained.
        step: One training step of the weights.
        history: The epochs done.
        stopped: Why no further epoch is done before the last; empty if not.
        built: The arguments of the last `build`.
        until: Number of the last epoch before the reason to stop; None without one.
        saved_bytes: Bytes that one step on the logits keeps for the backward pass.

    Raises:
        UsageError: An argument is out of range, or they do not fit together.
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
        self.rules, self.workers = rules or method.rules, workers
        self.device = inputs.device
        self._data, self._num_classes = data, num_classes
        recipe = settings.weights
        if recipe.epochs < method.stages:
            raise UsageError(
                f"{method.name} has {method.stages} stages, so it needs at least as many epochs, "
                f"got {recipe.epochs}"
            )
        check_stop(settings, method, workers)
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
        self.until: int | None = None
        self.build()

    def build(
        self,
        *,
        kept: Mapping[str, Sequence[int]] | None = None,
        parts: int | None = None,
        cells: int | None = None,
    ) -> None:
        """Makes a new supernet with fresh weights and logits, and their optimizers.

        Args:
            kept: The numbers of the options that it has, by position; None for all.
            parts: Number of parts of the channels; None for that of the settings, or of the method.
            cells: Number of cells, in spaces that offer a choice; None for that of the settings.
        """
        self.built: dict[str, Any] = {"kept": kept, "parts": parts, "cells": cells}
        recipe = self.settings.weights
        sizes = {"channels": recipe.channels, "cells": cells if cells is not None else recipe.cells}
        options = {name: size for name, size in sizes.items() if size is not None}
        if unknown := [name for name in options if name not in self.relaxation.options]:
            raise UsageError(f"the supernet of this space has no choice of {unknown[0]}; leave it out")
        told, shape = self.settings.parts, tuple(self._data[0].shape[1:])
        self.supernet = Supernet(
            self.relaxation,
            shape,
            self._num_classes,
            parts=told or parts or self.method.parts,
            lenient=told is None,
            kept=kept,
            seed=self.seed,
            **options,
        ).place(self.device)
        if self.workers.shares_gradients:
            share_norms(self.supernet)
        self.supernet.train()
        self.trained = self.method.trained(self.supernet)
        steps = self.stage_epochs * len(self.training)
        share = self.workers.average_gradients if self.workers.shares_gradients else None
        self.step = TrainingStep(self.supernet, recipe, steps, self.device, cross_entropy, share)
        self.optimizer = torch.optim.Adam(
            self.trained, lr=self.settings.rate, betas=self.settings.betas, weight_decay=self.settings.decay
        )
        self._resources: Resources | None = None
        if self.settings.penalty:
            self._resources = Resources(self.supernet, self.settings.resource, shape)

    @property
    def is_over(self) -> bool:
        """Whether no epoch is left."""
        return bool(self.stopped) or len(self.history) >= self.settings.weights.epochs

    @property
    def stage(self) -> int:
        """Number of the stage of the present epoch, counted from 0."""
        return max(number for number, first in enumerate(self._firsts[:-1]) if first <= len(self.history))

    @property
    def stage_epochs(self) -> int:
        """Number of epochs of this stage."""
        return self._firsts[self.stage + 1] - self._firsts[self.stage]

    @property
    def stage_done(self) -> int:
        """Number of epochs of this stage that are done."""
        return len(self.history) - self._firsts[self.stage]

    @property
    def progress(self) -> float:
        """Share of the epochs of this stage that are done when the present one ends, in [0, 1]."""
        return min(1.0, self.stage_done / max(1, self.stage_epochs - 1))

    @property
    def learns(self) -> bool:
        """Whether this epoch trains logits."""
        return self.method.learns and self.stage_done >= round(self.method.warmup * self.stage_epochs)

    @property
    def _firsts(self) -> list[int]:
        """Numbers of epochs before each stage, and of all."""
        stages = self.method.stages
        return [round(number * self.settings.weights.epochs / stages) for number in range(stages + 1)]

    def train_epoch(self) -> Epoch:
        """Does one epoch: as many steps on weights as the first half has batches, and as many on logits.

        Raises:
            EvaluationError: The loss became NaN or infinite.
        """
        began = time.perf_counter()
        if self.stage and not self.stage_done:
            self.method.begin_stage(self)
        training, seen = [], []
        for number in range(len(self.training)):
            batch = next(self.training)
            if self.method.one_level:
                seen.append(self.train_both(batch))
                training.append(seen[-1][0])
                continue
            if number % (self.method.every if self.learns else LOOK) == 0:
                seen.append(self.train_logits(batch, next(self.validation)))
            training.append(self.train_weights(batch))
        self._meet()
        self.method.end_epoch(self)
        columns = training, *zip(*seen, strict=True)
        means = torch.stack([torch.stack(list(each)).double().mean() for each in columns])
        self.workers.average([means])
        if not means.isfinite().all():
            raise EvaluationError(
                f"the loss of the supernet became {means[0]:g} in epoch {len(self.history) + 1}; "
                "lower the learning rate"
            )
        self.history.append(self._describe_epoch(means.tolist(), time.perf_counter() - began))
        self.stopped, self.until = look(self)
        return self.history[-1]

    def train_logits(self, training: Batch, validation: Batch) -> tuple[Tensor, Tensor]:
        """One step on the logits; returns the validation loss and the share of correct answers before it."""
        if not self.learns:
            with torch.no_grad():
                return self.validate(validation)
        if self.saved_bytes == 0:
            state = self.generator.get_state()
            self.saved_bytes = count_saved_bytes(lambda: self.validate(validation)[0])
            self.generator.set_state(state)
        gradient = self.method.gradient(self, training, validation)
        self._share_gradients(gradient.of)
        for tensor, each in zip(self.trained, gradient.of, strict=True):
            tensor.grad = each
        self.optimizer.step()
        return gradient.loss, gradient.correct

    def train_weights(self, batch: Batch) -> Tensor:
        """One step on the weights; returns the loss before it."""
        with torch.no_grad():
            self.supernet.use(self._shake(self.draw()))
        return self.step(*batch)

    def train_both(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """One step on weights and logits by one backward pass; returns the loss and the share of correct."""
        shares = []

        def loss(outputs: Tensor, targets: Tensor) -> Tensor:
            shares.append(share_correct(outputs, targets))
            return cross_entropy(outputs, targets) + self.penalty()

        with torch.set_grad_enabled(self.learns):
            self.supernet.use(self._shake(self.draw()))
        self.optimizer.zero_grad()
        scale = self.step.scale
        value = self.step(*batch, loss)
        for tensor in self.trained:
            if tensor.grad is not None and scale != 1:
                tensor.grad = _finite(tensor.grad / scale)
        self._share_gradients([tensor.grad for tensor in self.trained])
        self.optimizer.step()
        return value, shares[0]

    def _share_gradients(self, gradients: Sequence[Tensor | None]) -> None:
        if self.workers.shares_gradients:
            self.workers.average([each for each in gradients if each is not None])

    def _meet(self) -> None:
        """Averages what the workers have learnt apart in an epoch."""
        if self.workers.count == 1 or self.workers.shares_gradients:
            return
        with torch.no_grad():
            self.workers.average([*self.supernet.parameters(), *self.trained])
        self.workers.average_state(self.step.state_dict()["optimizer"])
        self.workers.average_state(self.optimizer.state_dict())

    def draw(self) -> Sample:
        """A sample of the method, at the present state of the search."""
        return self.method.sample(self.supernet, self.progress, self.generator)

    def validate(self, batch: Batch, *, exact: bool = False) -> tuple[Tensor, Tensor]:
        """The loss of a batch with a fresh sample, and the share of correct answers."""
        self.supernet.use(self.draw())
        return self.loss(batch, exact=exact)

    def loss(self, batch: Batch, *, exact: bool = False) -> tuple[Tensor, Tensor]:
        """The loss of a batch with the sample in use, and the share of correct answers.

        Args:
            batch: Inputs and targets.
            exact: Whether to compute in full precision, which second derivatives need.
        """
        with contextlib.nullcontext() if exact else self._half:
            outputs = self.supernet(batch[0])
            return cross_entropy(outputs, batch[1]), share_correct(outputs, batch[1])

    def penalty(self) -> Tensor | float:
        """What is added to the validation loss: that of the method, and the expected cost of the network."""
        value = self.method.penalty(self.supernet)
        if self._resources is not None:
            value = value + self.settings.penalty * self._resources.expect(self.supernet.mixture.sample)
        return value

    def differentiate(self, loss: Tensor, tensors: Sequence[Tensor]) -> list[Tensor | None]:
        """The gradient of a loss; None where it does not depend on a tensor.

        In float16, where small gradients are lost, the loss is scaled as that of the weights is.
        """
        scale = self.step.scale
        found = torch.autograd.grad(loss * scale if scale != 1 else loss, tensors, allow_unused=True)
        if scale == 1:
            return list(found)
        return [None if each is None else _finite(each / scale) for each in found]

    def _shake(self, sample: Sample) -> Sample:
        return perturbed(sample, self.settings.perturb, self.progress, self.generator)

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
        return Epoch(
            number=len(self.history) + 1,
            training_loss=training,
            validation_loss=validation,
            validation=correct,
            probabilities=probabilities,
            architecture=architecture,
            skips=int(skips),
            entropy=float(np.mean([_entropy(each) for each in probabilities.values()])),
            seconds=seconds,
            stage=self.stage + 1,
            eigenvalue=largest_eigenvalue(self) if self.settings.stop == "eigenvalue" else None,
        )


def _finite(gradient: Tensor) -> Tensor:
    """The gradient, or zeros if the loss was scaled too much for float16."""
    return torch.where(gradient.isfinite().all(), gradient, torch.zeros_like(gradient))


def _entropy(values: NDArray[np.float64]) -> float:
    shares = values[values > 0] / values.sum()
    return float(-(shares * np.log(shares)).sum())
