"""Training as an evaluation: build the network of an architecture, train it, measure it."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Architecture
from egraph.datasets import ImageData
from egraph.errors import UsageError
from egraph.evaluation.base import Evaluation, Evaluator, Fidelity
from egraph.evaluation.building import NetworkEvaluator, flops_or_zero, loss_of, measure_of, to_tensors
from egraph.evaluation.costs import Costs
from egraph.evaluation.fidelities import Parts
from egraph.evaluation.scoring import ZeroCost
from egraph.shapes import kind_of
from egraph.spaces import SearchSpace
from egraph.threads import threads_limited
from egraph.training import Recipe, failures_explained, place

if TYPE_CHECKING:
    import torch

    from egraph.training import Checkpoint

__all__ = ["Training", "default_recipe", "preview"]

SCREEN = "ntk"
"""The proxy that recognises best what can learn; docs/concepts/zero-cost.md compares them."""

SCREEN_IMAGES = 32
"""Number of images that a proxy sees."""

SCREEN_CHANNELS = 16
"""Largest width of the networks that the proxy scores."""

PREVIEW_DATA = "photographs-16"
"""Images for scores of networks that are not trained here."""

PREVIEW_CHANNELS = 8
"""Width of these networks; a cell of nasbench101 needs at least 5."""

COMPARED = 8
"""Number of random networks whose multiply-adds tell what a smaller width costs."""

SMALL = 5_000
"""Largest number of training images for which the recipe for small data is the default."""


class Training(NetworkEvaluator):
    """Trains the networks of a space on images, signals or features.

    The score is the accuracy on the validation examples at the end of training; of a regression, R2. The test
    examples are used once, afterwards, and influence nothing. A regression minimises the squared error of the
    target, standardised by the training part.

    On a CPU the same seed on the same machine gives the same scores. On a GPU networks are trained in mixed
    precision, and the last digits may differ from run to run.

    Args:
        space: Search space that builds networks, or its name.
        data: Name or path that `egraph.datasets.images` accepts, or the data themselves, as
            `egraph.datasets.from_dataset` takes them: data sets of PyTorch, arrays, or an `ImageData`. A name
            or path is loaded when first needed, once in each process; data, and what a name generates, are
            copied to worker processes.
        recipe: Recipe to train by; None selects `default_recipe` of the data. Settings in the genes of an
            architecture (`space.settings`) override those of the recipe.
        device: ``"auto"`` (a CUDA GPU where there is one, else the CPU), ``"cpu"``, ``"cuda"`` or
            ``"cuda:1"``.
        root: Folder that is searched first for the data.
        threads: Number of CPU threads of one training. Small networks rarely gain from more; train several
            at once instead. Another number changes the last digits.

    Raises:
        UsageError: The space builds no networks, the recipe sets a width, cells, drop path or an auxiliary
            head where the space offers no choice, ``threads`` is below 1, or the device does not exist.
    """

    def __init__(
        self,
        space: SearchSpace | str,
        data: str | os.PathLike[str] | ImageData | Any = "digits",
        recipe: Recipe | None = None,
        device: str = "auto",
        root: str | os.PathLike[str] | None = None,
        threads: int = 1,
    ) -> None:
        channels = None if recipe is None else recipe.channels
        cells = None if recipe is None else recipe.cells
        super().__init__(
            space, data, device=device, root=root, threads=threads, channels=channels, cells=cells
        )
        for part in {} if recipe is None else recipe.parts:
            if part not in self.space.network_options:
                raise UsageError(
                    f"the networks of space {self.space.name!r} offer no {part}; leave it out of the recipe"
                )
        self._recipe = recipe
        self._share = 1.0
        self._folder: Path | None = None
        self._seconds: float | None = None
        self._whole = True

    @property
    def recipe(self) -> Recipe:
        """The recipe that networks are trained by."""
        if self._recipe is None:
            recipe = default_recipe(self.images)
            free = "channels" in self.space.network_options
            self._recipe = recipe if free else replace(recipe, channels=None)
        if self._recipe.label_smoothing and self.images.is_regression:
            raise UsageError(
                f"label_smoothing is for classes, but {self.images.name!r} is a regression; leave it out"
            )
        return self._recipe

    @property
    def costs(self) -> Costs:
        """Size and speed of the networks that are trained, on the same device."""
        data, recipe = self.images, self.recipe
        sizes = {"channels": recipe.channels, "cells": recipe.cells}
        options = {name: value for name, value in sizes.items() if value is not None}
        return Costs(self.space, data.input_shape, data.num_classes, device=self.device, **options)

    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        """Trains the architecture's network from scratch and measures it.

        Raises:
            EvaluationError: The network is too large, does not fit its input or the memory, or diverged.
            ArchitectureError: The architecture is not in the space.
            DataError: The images cannot be loaded.
        """
        return self.train(architecture, seed=seed)[0]

    def train(
        self,
        architecture: Architecture,
        *,
        seed: int = 0,
        progress: Callable[[int, int], object] | None = None,
    ) -> tuple[Evaluation, torch.nn.Module]:
        """Does what `evaluate` does, and also returns the trained network.

        Args:
            architecture: Architecture of the space.
            seed: Seed of weights, order and augmentation.
            progress: Callback of the epochs done and the epochs in all.

        Returns:
            The evaluation, and the network, in evaluation mode on the device. The outputs of a regression are
            in units of the target.

        Raises:
            EvaluationError: As in `evaluate`.
            ArchitectureError: The architecture is not in the space.
            DataError: The images cannot be loaded.
        """
        evaluation, network = self._train(architecture, seed, progress)
        return evaluation, _to_units(network, self.images) if self.images.is_regression else network

    def _train(
        self, architecture: Architecture, seed: int, progress: Callable[[int, int], object] | None = None
    ) -> tuple[Evaluation, torch.nn.Module]:
        """Does what `train` does, but the outputs of a regression are standardised."""
        import torch

        from egraph.networks import count_params
        from egraph.training import fit, seeded

        self.space.validate(architecture)
        settings = self.space.settings(architecture)
        data, device = self.images, torch.device(place(self.device))
        parts = tensors(data, str(device))
        examples = _take(parts["train"], self._share)
        loss, measure = loss_of(data), measure_of(data)
        started = time.perf_counter()
        explained = failures_explained(
            "the network cannot be trained", "train narrower networks or in smaller batches"
        )
        with explained, threads_limited(self.threads), seeded(seed, device):
            width, only_trained = self.recipe.channels, self.recipe.parts
            network = self._build(architecture, seed, width, parts=only_trained).to(device)
            recipe, how = self._prepare(network)
            recipe = replace(recipe, **settings)
            checkpoint = self._find_checkpoint(architecture, seed)
            fit(
                network, examples, recipe, loss=loss, seed=seed, progress=progress, checkpoint=checkpoint,
                seconds=self._seconds,
            )  # fmt: skip
            if only_trained:
                network = _without(network, self._build(architecture, seed, width).to(device))
            score = measure(network, parts["validation"])
            seconds = time.perf_counter() - started
            test_score = measure(network, parts["test"])
        evaluation = Evaluation(
            score=score,
            test_score=test_score,
            seconds=seconds,
            params=count_params(network),
            flops=flops_or_zero(network, data.input_shape),
            source=f"{how} on {data.name} ({device})",
        )
        return evaluation, network

    def at(self, fidelity: str) -> Fidelity:
        """A cheaper training.

        Its cost is its share of the epochs, times that of the training examples. With fewer channels or
        cells, it is also multiplied by the ratio of multiply-adds, the mean over a few random networks.

        Args:
            fidelity: Share of the epochs, such as ``"0.1"``; or what differs, such as ``"epochs=3"``,
                ``"data=0.3"`` (a fixed random share of the training examples), ``"channels=8"``,
                ``"cells=2"`` or several joined by ``+``. ``"1"`` is the whole training.

        Raises:
            UsageError: It is none of these, or more than the whole; or the space offers no choice of width or
                cells.
        """
        parts = Parts.parse(fidelity, self.recipe)
        for name in ("channels", "cells"):
            if getattr(parts, name) is not None and name not in self.space.network_options:
                raise UsageError(
                    f"the fidelity {fidelity!r} needs a choice of {name}, which the space "
                    f"{self.space.name!r} does not offer; change epochs or data"
                )
        cheaper = copy.copy(self)
        cheaper._recipe, cheaper._share = parts.apply(self.recipe), parts.data
        cheaper._whole = False
        cheaper.cells = cheaper.recipe.cells
        cost = parts.data * cheaper.recipe.epochs / self.recipe.epochs
        if (parts.channels, parts.cells) != (None, None):
            rng = np.random.default_rng(0)
            drawn = [self.space.sample(rng) for _ in range(COMPARED)]
            less, all_of = cheaper.costs.flops, self.costs.flops
            cost *= statistics.fmean(less(one) / all_of(one) for one in drawn)
        return Fidelity(fidelity, cost, self if cost == 1 else cheaper)

    def keeping(self, folder: Path) -> Training:
        """The same training, going on from a shorter one of the same network, which it leaves in a folder.

        Only where the result is the same bit for bit: the schedule is ``constant``, without warm-up, and
        nothing but the number of epochs differs. Other trainings start from scratch.
        """
        kept = copy.copy(self)
        kept._folder = folder
        return kept

    def within(self, seconds: float) -> Training:
        """The same training, which fails where it takes longer than this; the clock is read at each step."""
        limited = copy.copy(self)
        limited._seconds = seconds
        return limited

    def prepare(self) -> None:
        """Loads PyTorch and the data."""
        import torch

        from egraph.training.optimizers import make_optimizer

        tensors(self.images, str(torch.device(place(self.device))))
        # PyTorch loads much with the first optimizer.
        make_optimizer(torch.nn.Linear(1, 1).parameters(), self.recipe)

    def _find_checkpoint(self, architecture: Architecture, seed: int) -> Checkpoint | None:
        """The file of the trainings of a network, where they are kept."""
        from egraph.training import Checkpoint

        if self._folder is None or not self._folder.parent.is_dir():  # on a machine without the journal
            return None
        told = {**self.describe(), "recipe": {**self.recipe.to_dict(), "epochs": None}}
        text = json.dumps([told, architecture.to_json(), seed], sort_keys=True, default=str)
        return Checkpoint(self._folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.pt", self._whole)

    def describe(self) -> dict[str, object]:
        """Space, data with their digest, and recipe; scores do not depend on the device."""
        regression = {"target": "regression"} if self.images.is_regression else {}
        share = {} if self._share == 1 else {"share of the data": self._share}
        return {
            "kind": "training",
            "space": self.space.name,
            "data": self.images.name,
            "digest": self.images.digest,
            "recipe": self.recipe.to_dict(),
            **regression,
            **share,
        }

    def screen(self, proxies: str | Sequence[str] = SCREEN) -> ZeroCost:
        """A zero-cost score of narrow networks on a few training images; see docs/concepts/zero-cost.md.

        Args:
            proxies: Name of a proxy, or of several.
        """
        width = self.recipe.channels
        return ZeroCost(
            self.space,
            proxies,
            self.data,
            batch_size=SCREEN_IMAGES,
            device=self.device,
            channels=None if width is None else min(width, SCREEN_CHANNELS),
            root=self.root,
            threads=self.threads,
        )

    def _prepare(self, network: torch.nn.Module) -> tuple[Recipe, str]:
        """Prepares a fresh network for training; returns its recipe and a description in words."""
        return self.recipe, "trained from inherited weights" if self.space.inherits else "trained"

    def __repr__(self) -> str:
        return f"<training of {self.space.name} on {self._data_name} ({self.device})>"


def default_recipe(data: ImageData) -> Recipe:
    """The default recipe of `Training`; docs/concepts/training.md tells how it was found.

    Images alone are shifted: the ends of a signal need not be zero, and features have no places.
    """
    if len(data.train[0]) <= SMALL:
        kind = kind_of(data.input_shape)
        if kind == "signals":
            return Recipe(epochs=12, batch_size=256, learning_rate=2e-2, channels=16)
        augment = "shift" if kind == "images" else "none"
        return Recipe(epochs=30, batch_size=128, learning_rate=1e-2, augment=augment, channels=32)
    return Recipe(epochs=10, batch_size=256, channels=64)


def preview(space: SearchSpace, evaluator: Evaluator, proxies: Sequence[str]) -> ZeroCost:
    """A zero-cost score beside any evaluator: on the data of one of networks, else on photographs.

    Raises:
        UsageError: The space builds no networks, or none for images.
        UnknownNameError: There is no such proxy.
    """
    if isinstance(evaluator, Training):
        return evaluator.screen(proxies)
    if isinstance(evaluator, ZeroCost):
        return evaluator.by(proxies)
    if space.builder is not None and "images" not in space.builder.inputs:
        raise UsageError(
            f"proxies named by a text read photographs, but the space {space.name!r} reads "
            f"{' or '.join(space.builder.inputs)}; give egraph.evaluation.ZeroCost with data of your own"
        )
    width = PREVIEW_CHANNELS if "channels" in space.network_options else None
    return ZeroCost(space, proxies, PREVIEW_DATA, batch_size=SCREEN_IMAGES, channels=width)


def _take(examples: tuple[torch.Tensor, torch.Tensor], share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A share of the examples, the same random ones for all networks; at least two, as batches need."""
    if share == 1:
        return examples
    inputs, targets = examples
    count = max(2, round(share * len(inputs)))
    rows = np.sort(np.random.default_rng(0).permutation(len(inputs))[:count])
    return inputs[rows], targets[rows]


def _without(trained: torch.nn.Module, plain: torch.nn.Module) -> torch.nn.Module:
    """The network without what only training has: a plain one of the same architecture, with its weights."""
    weights = trained.state_dict()
    plain.load_state_dict({name: weights[name] for name in plain.state_dict()})
    return plain


@functools.lru_cache(maxsize=2)
def tensors(data: ImageData, device: str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """The three parts of the data on the device; cached, because all trainings share them."""
    return {part: to_tensors(data, part, device) for part in ("train", "validation", "test")}


def _to_units(network: torch.nn.Module, data: ImageData) -> torch.nn.Module:
    """The network of a regression with a last layer that makes the outputs those of the target."""
    import torch

    mean, sd = data.scale
    last = torch.nn.Linear(1, 1).requires_grad_(False)
    last.weight.fill_(sd)
    last.bias.fill_(mean)
    device = next(network.parameters(), last.weight).device
    return torch.nn.Sequential(network, last.to(device)).eval()
