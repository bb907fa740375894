"""Zero-cost evaluation: the score of an untrained network on one batch of images."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.datasets import ImageData
from egraph.errors import EvaluationError, UsageError
from egraph.evaluation.base import Evaluation
from egraph.evaluation.building import NetworkEvaluator, flops_or_zero
from egraph.evaluation.ranks import rank_average
from egraph.spaces import SearchSpace
from egraph.threads import threads_limited
from egraph.training import failures_explained

if TYPE_CHECKING:
    import torch

__all__ = ["ZeroCost"]

PATCHES = 3000
"""How many patches a proxy gets that works on patches."""

PATCH_SIDE = 3
"""Their height and width in pixels; each is cut from one channel of one image."""

NARROW = (1, 2, 4, 8)
"""Widths tried, one after another, for the network of such a proxy."""


class ZeroCost(NetworkEvaluator):
    """Scores the untrained networks of a space on one batch of training images.

    First weights, images and patches follow the seeds; all architectures see the same images. The global
    generators are neither read nor moved. On a CPU equal seeds give equal scores on the same machine; on a
    GPU the last digits may differ from run to run.

    As a fitness, called with many architectures, those that cannot be scored get NaN; `evaluate` says why.
    With several proxies a fitness is their `rank_average`: ranks are counted within the call, so scores of
    two calls cannot be compared, and `evaluate`, which sees one architecture, is refused.

    Args:
        space: says how an architecture becomes a network.
        proxies: a name in `egraph.evaluation.zero_cost.proxies`, or several.
        data: a name or path that `egraph.datasets.images` understands, or the images themselves.
        batch_size: training images that a score is computed on, all of them where there are fewer. Papers
            take 64 to 128. Validation and test images are not looked at.
        device: ``"auto"`` (a CUDA GPU where there is one, else the CPU), ``"cpu"``, ``"cuda"`` or
            ``"cuda:1"``.
        seed: of the batch and, with the seed of an evaluation, of the first weights.
        channels: width of the networks, for spaces that let it be chosen; None takes the space's own.
        root: where to look for the data first.
        threads: CPU threads of one evaluation.

    Raises:
        UnknownNameError: there is no proxy of that name.
        UsageError: the space builds no networks or lets no width be chosen, there is no such device, no proxy
            or one twice is named, or a number is out of its range.
    """

    def __init__(
        self,
        space: SearchSpace,
        proxies: str | Sequence[str] = "naswot",
        data: str | os.PathLike[str] | ImageData = "digits",
        *,
        batch_size: int = 64,
        device: str = "auto",
        seed: int = 0,
        channels: int | None = None,
        root: str | os.PathLike[str] | None = None,
        threads: int = 1,
    ) -> None:
        from egraph.evaluation.zero_cost import proxies as known

        names = (proxies,) if isinstance(proxies, str) else tuple(proxies)
        if not names or len(set(names)) < len(names):
            raise UsageError(f"name one zero-cost proxy, or several different ones; got {list(names)}")
        for name in names:
            known[name]
        for what, value, least in (("batch_size", batch_size, 2), ("seed", seed, 0)):
            if value < least:
                raise UsageError(f"{what} must be at least {least}; got {value}")
        super().__init__(space, data, device=device, root=root, threads=threads, channels=channels)
        self.proxies = names
        self.batch_size = batch_size
        self.seed = seed
        self.channels = channels

    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        """The score of the architecture's untrained network.

        Raises:
            UsageError: there are several proxies, whose scores have no common scale.
            EvaluationError: the network is too large, does not fit its input or the memory, or has no score.
            ArchitectureError: the architecture is not one of the space.
            DataError: the images cannot be loaded.
        """
        if len(self.proxies) > 1:
            raise UsageError(
                f"one architecture has no rank; call with many, or name one of {', '.join(self.proxies)}"
            )
        from egraph.networks import count_params

        started = time.perf_counter()
        network, values = self._measure(architecture, seed)
        return Evaluation(
            score=values[self.proxies[0]],
            seconds=time.perf_counter() - started,
            params=count_params(network),
            flops=flops_or_zero(network, self.images.input_shape),
            source=f"{self.proxies[0]} on {self.images.name} ({self.device.partition(':')[0]})",
        )

    def values(self, architecture: Architecture, *, seed: int = 0) -> dict[str, float]:
        """The score by each of the proxies; higher is better.

        Raises:
            EvaluationError: the network has no score by one of them, or cannot be built.
            ArchitectureError: the architecture is not one of the space.
            DataError: the images cannot be loaded.
        """
        return self._measure(architecture, seed)[1]

    def describe(self) -> dict[str, object]:
        """Space, proxies, data with their digest, and what the score depends on; not the device."""
        return {
            "kind": "zero-cost",
            "space": self.space.name,
            "proxies": list(self.proxies),
            "data": self.images.name,
            "digest": self.images.digest,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "channels": self.channels,
        }

    def __call__(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """The scores of many architectures, ``(architectures,)``; NaN for those that have none."""
        table = self.columns(architectures)
        return table[:, 0] if len(self.proxies) == 1 else rank_average(table)

    def columns(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """The score by each of the proxies, ``(architectures, proxies)``, as features of an `egraph.Ranker`.

        NaN in a whole row where one of them fails.
        """
        table = np.full((len(architectures), len(self.proxies)), math.nan)
        for row, architecture in enumerate(architectures):
            with contextlib.suppress(EvaluationError):
                table[row] = list(self.values(architecture).values())
        return table

    def _measure(self, architecture: Architecture, seed: int) -> tuple[torch.nn.Module, dict[str, float]]:
        """The network and its score by each proxy."""
        import torch

        from egraph.evaluation.zero_cost import proxies
        from egraph.training import seeded

        self.space.validate(architecture)
        data, device = self.images, torch.device(self.device)
        weights = int(np.random.SeedSequence((self.seed, seed)).generate_state(1)[0])
        explained = failures_explained(
            "the network cannot be scored", "take narrower networks or a smaller batch"
        )
        # reduced precision would drown small eigenvalues
        exact = torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        )
        with explained, threads_limited(self.threads), seeded(weights, device), exact:
            network = self._build(architecture, weights, self.channels).to(device)
            values = {}
            for name in self.proxies:
                proxy, scored = proxies[name], network
                x, y = _batch(data, self.device, self.batch_size, self.seed)
                if proxy.patches:
                    x, y = _patches(data, self.device, self.seed)
                    scored = self._build_narrow(architecture, weights).to(device)
                values[name] = proxy.score(scored, x, y)
        return network, values

    def _build_narrow(self, architecture: Architecture, seed: int) -> torch.nn.Module:
        """The narrowest network for patches; the usual one in spaces of one width."""
        shape = _patch_shape(self.images)
        if "channels" not in self.space.network_options:
            return self._build(architecture, seed, None, shape)
        for channels in NARROW[:-1]:
            with contextlib.suppress(UsageError):
                return self._build(architecture, seed, channels, shape)
        return self._build(architecture, seed, NARROW[-1], shape)

    def __repr__(self) -> str:
        return f"<{', '.join(self.proxies)} of {self.space.name} on {self._data_name} ({self.device})>"


@functools.lru_cache(maxsize=2)
def _batch(data: ImageData, device: str, size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Training images on the device; kept, for many evaluations share them."""
    import torch

    x, y = data.train
    rows = np.random.default_rng(seed).permutation(len(x))[:size]
    return torch.from_numpy(x[rows]).to(device), torch.from_numpy(y[rows]).to(device)


@functools.lru_cache(maxsize=2)
def _patches(data: ImageData, device: str, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Patches of one channel, cut anywhere from any training images, with the classes of these images."""
    import torch

    x, y = data.train
    rng = np.random.default_rng(seed)
    _, down, across = _patch_shape(data)
    image, channel, top, left = (
        rng.integers(end, size=PATCHES)[:, None, None]
        for end in (len(x), x.shape[1], x.shape[2] - down + 1, x.shape[3] - across + 1)
    )
    cut = x[image, channel, top + np.arange(down)[:, None], left + np.arange(across)]
    labels = y[image.ravel()]
    return torch.from_numpy(cut[:, None]).to(device), torch.from_numpy(labels).to(device)


def _patch_shape(data: ImageData) -> tuple[int, int, int]:
    _, height, width = data.input_shape
    return 1, min(PATCH_SIDE, height), min(PATCH_SIDE, width)
