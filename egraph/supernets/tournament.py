"""Tournaments between cells, decided by a network that contains all of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph import spaces
from egraph.architecture import Architecture
from egraph.checks import check_positive, check_whole
from egraph.datasets import ImageData
from egraph.errors import EvaluationError, UsageError
from egraph.evaluation.building import loss_of, name_or_data, open_data, to_tensors
from egraph.spaces import SearchSpace
from egraph.threads import threads_limited
from egraph.training import Recipe, choose_device, failures_explained, place

if TYPE_CHECKING:
    import torch

    from egraph.supernets.parallel_cells import ParallelCells

    Examples = tuple[torch.Tensor, torch.Tensor]

__all__ = ["RECIPE", "Tournament", "check_concatenates"]

RECIPE = Recipe(
    batch_size=32,
    optimizer="adam",
    learning_rate=4e-3,
    weight_decay=1e-5,
    schedule="constant",
    clip_norm=2.0,
)
"""The recipe of the source; `Tournament` tells what differs."""

LEAST = 4
"""Smallest number of training examples: two for the weights, two for the logits."""


class Tournament:
    """Decides tournaments between cells by the weights that training gives them.

    The cells of each tournament form a layer of a network, side by side (`ParallelCells`). In phase 1 the
    logits of the cells stay 0 and the other weights are trained, on one half of the training part. In phase 2
    each step on the other half changes the logits alone, and one on the first half follows, which changes the
    weights alone: DARTS of first order. The cell with the largest logit of each layer wins.

    Called with tournaments and a generator, it is the option ``choose`` of ``pareto-evolution``:

        searcher = ParetoEvolution(spaces.get("concat-cell"), choose=Tournament("digits"))

    The generator gives one number, from which and from ``seed`` everything random follows: the same
    generator state gives the same winners on one machine. Validation and test part are never read.

    The source differs in this:

    - Its loss is L1 on one-hot targets. Its minimum is the median, which is 0 for each class with fewer than
      half of the examples, so that a network that ignores the image is as good as can be without certainty.
      Here it is cross-entropy, of a regression the squared error.
    - It triples the learning rate after each pass with a smaller mean loss, and halves it after others: eight
      falls in succession make 26 of 4e-3. Here the recipe has a schedule, which is constant by default.
    - It trains nine passes over 200 examples each, and chooses in one more. Here phase 1 sees as many, 1,800
      examples, by default, and phase 2 sees 600.
    - It draws examples of both phases from all, and changes weights and logits at once in phase 2. Here
      logits are judged on examples that the weights were not trained on.
    - It lays all tournaments out as layers of one network. Here each has a network of its own, unless
      ``layers`` is larger: in a network of several layers the others make up for a bad cell, and on the
      digits the winners were no better than drawn ones (docs/results/tournaments.md).
    - It needs CUDA. Here any device will do.

    Args:
        data: Name or path that `egraph.datasets.images` accepts, which is loaded when first needed; or the
            data themselves, as `egraph.datasets.from_dataset` takes them.
        space: Space of the cells, or its name; one whose cells `egraph.networks.build_concat_cells` joins.
        recipe: Recipe of the weights. The logits are trained by its optimizer, at ``logit_rate`` and without
            weight decay. Epochs, mixup and label smoothing do not count.
        examples: Number of examples of phase 1, pass after pass over the first half.
        logit_examples: Number of examples of phase 2 on which logits are trained.
        logit_rate: Learning rate of the logits.
        layers: Number of tournaments that one network decides; the source has as many as there are.
        seed: Seed of the tournaments.
        device: Device, as in `egraph.training.choose_device`.
        root: Folder that is searched first for the data.
        threads: Number of CPU threads.

    Raises:
        UsageError: The space has other networks, a number is out of range, or the device does not exist.

    References:
        T. Reolon, "Neural Architecture Search with genetic algorithms and DARTS", 2021,
        https://github.com/thomasreolon/Evolutive-NAS
        Liu et al., "DARTS: Differentiable Architecture Search", ICLR 2019, https://arxiv.org/abs/1806.09055
    """

    def __init__(
        self,
        data: str | os.PathLike[str] | ImageData | Any,
        *,
        space: SearchSpace | str = "concat-cell",
        recipe: Recipe = RECIPE,
        examples: int = 1800,
        logit_examples: int = 600,
        logit_rate: float = 4e-3,
        layers: int = 1,
        seed: int = 0,
        device: str = "auto",
        root: str | os.PathLike[str] | None = None,
        threads: int = 1,
    ) -> None:
        check_whole(0, seed=seed)
        check_whole(2, examples=examples, logit_examples=logit_examples)
        check_whole(1, threads=threads, layers=layers)
        check_positive(logit_rate=logit_rate)
        self.space = spaces.find(space)
        check_concatenates(self.space)
        self._data = name_or_data(data)
        self._root = None if root is None else os.fspath(root)
        self.recipe, self.seed, self.threads = recipe, int(seed), threads
        self.examples, self.logit_examples, self.layers = examples, logit_examples, layers
        self._logit_recipe = replace(recipe, learning_rate=logit_rate, weight_decay=0.0, schedule="constant")
        self.device = choose_device(device)

    @property
    def data(self) -> ImageData:
        """The data, loaded when first used.

        Raises:
            UsageError: They are no images, or too few.
        """
        data = open_data(self._data, self._root)
        self.space.check_input(data.input_shape)
        if (count := len(data.train[0])) < LEAST:
            raise UsageError(
                f"a tournament divides the training part into two halves of at least two examples, but "
                f"{data.name!r} has {count}; give at least {LEAST}"
            )
        return data

    def __call__(self, tournaments: Sequence[Sequence[Architecture]], rng: np.random.Generator) -> list[int]:
        """The position of the winner of each tournament.

        Args:
            tournaments: Cells of each tournament. Those of one network are its layers in this order.
            rng: Generator that gives one number.

        Raises:
            ArchitectureError: An architecture is no cell of the space.
            EvaluationError: The loss became NaN or infinite, or the network is too large.
            UsageError: The data are no images, or too few.
        """
        drawn, winners = int(rng.integers(2**63)), []
        for start in range(0, len(tournaments), self.layers):
            part = tournaments[start : start + self.layers]
            decided = all(len(group) == 1 for group in part)
            seed = int(np.random.SeedSequence([drawn, start]).generate_state(1)[0])
            winners += [0] * len(part) if decided else self.train(part, seed=seed).winners()
        return winners

    def train(self, tournaments: Sequence[Sequence[Architecture]], *, seed: int = 0) -> ParallelCells:
        """Trains one network of these tournaments by both phases and returns it.

        Raises:
            ArchitectureError: An architecture is no cell of the space.
            EvaluationError: The loss became NaN or infinite, or the network is too large.
            UsageError: The data are no images, or too few.
        """
        import torch

        from egraph.supernets.batches import Batches, halve
        from egraph.supernets.parallel_cells import build_parallel_cells
        from egraph.training import TrainingStep, seeded

        for architecture in (one for group in tournaments for one in group):
            self.space.key(architecture)  # of the whole space, where this is a part of one
        data, recipe, device = self.data, self.recipe, torch.device(place(self.device))
        own, *seeds = (int(word) for word in np.random.SeedSequence([self.seed, seed]).generate_state(4))
        channels = recipe.channels or self.space.network_options["channels"]
        explained = failures_explained(
            "the network of the tournament cannot be trained", "take fewer channels or smaller tournaments"
        )
        with explained, threads_limited(self.threads), seeded(own, device):
            network = build_parallel_cells(
                tournaments, data.input_shape, data.num_classes, channels, seed=own
            ).to(device)
            inputs, targets = to_tensors(data, "train", str(device))
            halves = [(inputs[rows], targets[rows]) for rows in halve(len(inputs), seeds[0])]
            size = min(recipe.batch_size, *(len(inputs) for inputs, _ in halves))
            first, second = (
                Batches(*half, size, recipe.augmentation, each)
                for half, each in zip(halves, seeds[1:], strict=True)
            )
            steps = [max(1, count // size) for count in (self.examples, self.logit_examples)]
            on_weights = TrainingStep(network, recipe, sum(steps), device, loss_of(data))
            on_logits = TrainingStep(network, self._logit_recipe, steps[1], device, loss_of(data))
            network.train()
            _free(network, logits=False)
            _check([on_weights(*next(first)) for _ in range(steps[0])], "weights are trained")
            losses = []
            for _ in range(steps[1]):
                _free(network, logits=True)
                losses.append(on_logits(*next(second)))
                _free(network, logits=False)
                on_weights(*next(first))
            _check([*losses, network.logits.detach().sum()], "cells are chosen")
            on_weights.finish()
        return network.eval()

    def describe(self) -> dict[str, Any]:
        """The settings that decide the winners, as JSON-ready values."""
        return {
            "choose": "supernet",
            "space": self.space.name,
            "data": self.data.name,
            "digest": self.data.digest,
            "recipe": self.recipe.to_dict(),
            "examples": self.examples,
            "logit_examples": self.logit_examples,
            "logit_rate": self._logit_recipe.learning_rate,
            "layers": self.layers,
            "seed": self.seed,
        }

    def __repr__(self) -> str:
        name = self._data.name if isinstance(self._data, ImageData) else self._data
        return f"<tournament of {self.space.name} on {name} ({self.device})>"


def check_concatenates(space: SearchSpace) -> None:
    """Refuses a space whose architectures are no cells that concatenate channels.

    Raises:
        UsageError: It is one.
    """
    if not space.concatenates:
        raise UsageError(
            f"cells in a row, or side by side, are those of the space 'concat-cell'; networks of "
            f"{space.name!r} are built in another way"
        )


def _check(losses: Sequence[torch.Tensor], when: str) -> None:
    """Refuses losses that are not finite.

    Raises:
        EvaluationError: One is not.
    """
    import torch

    if not (total := torch.stack(list(losses)).sum()).isfinite():
        raise EvaluationError(
            f"the loss of the tournament became {total.item()} while its {when}; lower the learning rate"
        )


def _free(network: ParallelCells, *, logits: bool) -> None:
    """Lets steps change the logits alone, or the other weights alone."""
    for parameter in network.parameters():
        parameter.requires_grad_(not logits)
    network.logits.requires_grad_(logits)
