"""Base class of evaluators that build networks."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph import spaces
from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.datasets import ImageData, from_dataset, images, is_generated
from egraph.errors import UsageError
from egraph.evaluation.base import Evaluator
from egraph.spaces import SearchSpace
from egraph.training import choose_device

if TYPE_CHECKING:
    import torch

    from egraph.training.stepping import Loss

__all__ = [
    "NetworkEvaluator",
    "as_sent",
    "check_builds",
    "flops_or_zero",
    "load_cached",
    "loss_of",
    "measure_of",
    "name_or_data",
    "open_data",
    "to_targets",
    "to_tensors",
]


class NetworkEvaluator(Evaluator):
    """Base class of evaluators that build the networks of a space and show them images.

    Args:
        space: Search space that builds networks, or its name.
        data: Name or path that `egraph.datasets.images` accepts, which is loaded when first needed, once in
            each process; or the data themselves, as `egraph.datasets.from_dataset` takes them.
        device: Device of the networks, as in `egraph.training.choose_device`.
        root: Folder that is searched first for the data.
        threads: Number of CPU threads of one evaluation.
        channels: Width of the networks, in spaces that offer a choice; None selects the default.
        cells: Number of cells of the networks, in spaces that offer a choice; None selects the default.

    Raises:
        UsageError: The space builds no networks or offers no choice of width or cells, ``threads`` is below
            1, or the device does not exist.
    """

    def __init__(
        self,
        space: SearchSpace | str,
        data: str | os.PathLike[str] | ImageData | Any,
        *,
        device: str,
        root: str | os.PathLike[str] | None,
        threads: int,
        channels: int | None,
        cells: int | None = None,
    ) -> None:
        self.data = name_or_data(data)
        self.root = None if root is None else os.fspath(root)
        space = self._find(space)
        check_builds(space)
        if channels is not None and "channels" not in space.network_options:
            raise UsageError(f"the networks of space {space.name!r} have one width; leave channels out")
        if cells is not None and "cells" not in space.network_options:
            raise UsageError(f"the networks of space {space.name!r} are no stacks of cells; leave cells out")
        check_whole(1, threads=threads)
        self.space = space
        self._asked = device
        self.device = choose_device(device)
        self.threads = threads
        self.cells = cells

    def arrive(self) -> None:
        """Chooses the device again: other machines have other ones."""
        self.device = choose_device(self._asked)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "data": as_sent(self.data, self.root)}

    @property
    def images(self) -> ImageData:
        """The data, loaded when first used.

        Raises:
            UsageError: The networks of the space are not for such data.
        """
        loaded = self._load()
        self.space.check_input(loaded.input_shape)
        return loaded

    def _load(self) -> ImageData:
        return open_data(self.data, self.root)

    def _find(self, space: SearchSpace | str) -> SearchSpace:
        """The space of a name; networks of a builder are for the data."""
        if isinstance(space, SearchSpace) or space in spaces.names():
            return spaces.get(space)
        data = self._load()
        return spaces.find(space, data.input_shape, data.num_classes)

    @property
    def _data_name(self) -> str:
        """A name for the data that needs no loading."""
        return self.data.name if isinstance(self.data, ImageData) else self.data

    def _build(
        self,
        architecture: Architecture,
        seed: int,
        channels: int | None,
        input_shape: tuple[int, ...] | None = None,
        parts: Mapping[str, bool] | None = None,
    ) -> torch.nn.Module:
        """Builds the network of an architecture for the images, or for another input shape."""
        options: dict[str, Any] = {"seed": seed} if "seed" in self.space.network_options else {}
        options |= parts or {}
        if channels is not None:
            options["channels"] = channels
        if self.cells is not None:
            options["cells"] = self.cells
        shape = input_shape or self.images.input_shape
        return self.space.network(architecture, shape, self.images.num_classes, **options)


load_cached = functools.lru_cache(maxsize=2)(images)
"""Loads data as `egraph.datasets.images` does; the two data sets used last are kept."""


def name_or_data(data: str | os.PathLike[str] | ImageData | Any) -> str | ImageData:
    """What `open_data` reads: a name or path as text, or data themselves, as `from_dataset` takes them."""
    return os.fspath(data) if isinstance(data, str | os.PathLike) else from_dataset(data)


def open_data(data: str | ImageData, root: str | None) -> ImageData:
    """The data of a name or path, loaded once in a process; or the data themselves."""
    return data if isinstance(data, ImageData) else load_cached(data, root)


def as_sent(data: str | ImageData, root: str | None) -> str | ImageData:
    """What other processes get: a name, but the data themselves where each process would generate them."""
    return open_data(data, root) if isinstance(data, str) and is_generated(data) else data


def check_builds(space: SearchSpace) -> None:
    """Refuses a space that only describes its architectures.

    Raises:
        UsageError: The space builds no networks.
    """
    if not space.builds_networks:
        raise UsageError(f"the space {space.name!r} builds no networks; use one that does, such as 'convnet'")


def to_targets(data: ImageData, y: NDArray[Any]) -> NDArray[Any]:
    """Targets as networks learn them: classes, or numbers standardised by the training part, ``(n, 1)``."""
    if not data.is_regression:
        return y
    mean, sd = data.scale
    return ((y - mean) / sd).astype(np.float32)[:, np.newaxis]


def to_tensors(data: ImageData, part: str, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets, as networks learn them, of ``train``, ``validation`` or ``test`` on a device."""
    import torch

    x, y = getattr(data, part)
    return torch.from_numpy(x).to(device), torch.from_numpy(to_targets(data, y)).to(device)


def loss_of(data: ImageData) -> Loss:
    """What networks minimise: the cross-entropy of classes, the squared error of a regression."""
    from torch.nn import functional

    return functional.mse_loss if data.is_regression else functional.cross_entropy


def measure_of(data: ImageData) -> Callable[[torch.nn.Module, tuple[torch.Tensor, torch.Tensor]], float]:
    """What networks are measured by: the accuracy of classes, R2 of a regression."""
    from egraph.training import accuracy, r_squared

    return r_squared if data.is_regression else accuracy


def flops_or_zero(network: torch.nn.Module, input_shape: tuple[int, ...]) -> int:
    """Multiply-adds of one image; 0 where a forward pass without computation fails."""
    from egraph.networks import count_flops

    try:
        return count_flops(network, input_shape)
    except (RuntimeError, TypeError, ValueError):
        return 0
