"""The network that combines surviving cells in a row, trained beside rows of random cells."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph import spaces
from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.datasets import ImageData
from egraph.errors import UsageError
from egraph.evaluation import Evaluation, default_recipe
from egraph.evaluation.building import flops_or_zero, loss_of, measure_of, name_or_data, open_data
from egraph.evaluation.training import tensors
from egraph.spaces import SearchSpace
from egraph.supernets.tournament import check_concatenates
from egraph.threads import threads_limited
from egraph.training import Recipe, choose_device, failures_explained, place

if TYPE_CHECKING:
    import torch

__all__ = ["RowTraining", "Rows"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Trainings of one row of cells, and of rows of random ones.

    Attributes:
        own: Evaluations of the row, one for each seed.
        random: Evaluations of rows of as many random cells, others for each seed.
        network: Trained network of the row with the first seed.
    """

    own: list[Evaluation]
    random: list[Evaluation]
    network: torch.nn.Module

    @property
    def lead(self) -> float:
        """Mean test score of the row minus that of rows of random cells."""
        own, random = ([one.test_score for one in each] for each in (self.own, self.random))
        return statistics.fmean(own) - statistics.fmean(random)


class RowTraining:
    """Trains networks of cells in a row, which can differ: the final network of the tournament's source.

    The network is that of `egraph.networks.build_concat_cells`: each cell reads the one before it and the
    image. Maps are not halved below 4 pixels a side.

    Args:
        data: Name or path that `egraph.datasets.images` accepts, which is loaded when first needed; or the
            data themselves, as `egraph.datasets.from_dataset` takes them.
        space: Space of the cells, or its name; one whose cells `egraph.networks.build_concat_cells` joins.
        recipe: Recipe; None is `egraph.evaluation.default_recipe` of the data.
        device: Device, as in `egraph.training.choose_device`.
        root: Folder that is searched first for the data.
        threads: Number of CPU threads.

    Raises:
        UsageError: The space has other networks, ``threads`` is below 1, or the device does not exist.

    References:
        T. Reolon, "Neural Architecture Search with genetic algorithms and DARTS", 2021, figure 3,
        https://github.com/thomasreolon/Evolutive-NAS
    """

    def __init__(
        self,
        data: str | os.PathLike[str] | ImageData | Any,
        *,
        space: SearchSpace | str = "concat-cell",
        recipe: Recipe | None = None,
        device: str = "auto",
        root: str | os.PathLike[str] | None = None,
        threads: int = 1,
    ) -> None:
        check_whole(1, threads=threads)
        self.space = spaces.find(space)
        check_concatenates(self.space)
        self._data = name_or_data(data)
        self._root = None if root is None else os.fspath(root)
        self._recipe, self.threads = recipe, threads
        self.device = choose_device(device)

    @property
    def data(self) -> ImageData:
        """The data, loaded when first used.

        Raises:
            UsageError: They are no images.
        """
        data = open_data(self._data, self._root)
        self.space.check_input(data.input_shape)
        return data

    @property
    def recipe(self) -> Recipe:
        """The recipe that networks are trained by."""
        return self._recipe or default_recipe(self.data)

    def train(
        self,
        cells: Sequence[Architecture],
        *,
        seed: int = 0,
        progress: Callable[[int, int], object] | None = None,
    ) -> tuple[Evaluation, torch.nn.Module]:
        """Trains the network of these cells from scratch and measures it.

        Args:
            cells: Cells in the order of the row.
            seed: Seed of weights, order and augmentation.
            progress: Callback of the epochs done and the epochs in all.

        Returns:
            The evaluation, and the network, in evaluation mode on the device. The outputs of a regression are
            standardised.

        Raises:
            ArchitectureError: An architecture is no cell of the space.
            UsageError: There are no cells.
            EvaluationError: The network is too large, does not fit the memory, or diverged.
        """
        import torch

        from egraph.networks import build_concat_cells, count_params
        from egraph.networks._concat_cell import SMALLEST
        from egraph.training import fit, seeded

        if not cells:
            raise UsageError("a row has at least one cell, got none")
        for cell in cells:
            self.space.key(cell)  # of the whole space, where this is a part of one
        data, device, recipe = self.data, torch.device(place(self.device)), self.recipe
        parts, measure = tensors(data, str(device)), measure_of(data)
        channels = recipe.channels or self.space.network_options["channels"]
        started = time.perf_counter()
        explained = failures_explained("the row of cells cannot be trained", "train fewer or narrower cells")
        with explained, threads_limited(self.threads), seeded(seed, device):
            network = build_concat_cells(
                cells, data.input_shape, data.num_classes, channels, smallest=SMALLEST, seed=seed
            ).to(device)
            fit(network, parts["train"], recipe, loss=loss_of(data), seed=seed, progress=progress)
            score, seconds = measure(network, parts["validation"]), time.perf_counter() - started
            test_score = measure(network, parts["test"])
        size, flops = count_params(network), flops_or_zero(network, data.input_shape)
        source = f"row of {len(cells)} cells trained on {data.name} ({device})"
        return Evaluation(score, test_score, seconds, size, flops, source), network

    def compare(
        self,
        cells: Sequence[Architecture],
        repeats: int = 3,
        *,
        seed: int = 0,
        progress: Callable[[int, int], object] | None = None,
    ) -> Rows:
        """Trains a row several times, and as often rows of as many random cells by the same recipe.

        Args:
            cells: Cells in the order of the row.
            repeats: Number of trainings of each; random cells are drawn again for each.
            seed: First of as many seeds.
            progress: Callback of the trainings done and the trainings in all.

        Raises:
            ArchitectureError: An architecture is no cell of the space.
            UsageError: There are no cells, or ``repeats`` is below 1.
            EvaluationError: As in `train`.
        """
        check_whole(1, repeats=repeats)
        check_whole(0, seed=seed)
        own: list[Evaluation] = []
        random: list[Evaluation] = []
        first: torch.nn.Module | None = None
        for number in range(repeats):
            evaluation, network = self.train(cells, seed=seed + number)
            own.append(evaluation)
            first = first or network
            if progress is not None:
                progress(2 * number + 1, 2 * repeats)
            rng = np.random.default_rng([seed + number, len(cells)])
            drawn = [self.space.sample(rng) for _ in cells]
            random.append(self.train(drawn, seed=seed + number)[0])
            if progress is not None:
                progress(2 * number + 2, 2 * repeats)
        assert first is not None
        return Rows(own, random, first)
