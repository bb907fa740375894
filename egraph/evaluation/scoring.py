"""Zero-cost evaluation: scores of untrained networks on one batch of images."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.datasets import ImageData
from egraph.errors import EvaluationError, UsageError
from egraph.evaluation.base import Evaluation
from egraph.evaluation.building import NetworkEvaluator, flops_or_zero, to_targets
from egraph.evaluation.costs import Costs
from egraph.evaluation.ranks import rank_average
from egraph.spaces import SearchSpace
from egraph.specs import check_options, parse
from egraph.threads import threads_limited
from egraph.training import failures_explained, place

if TYPE_CHECKING:
    import torch

__all__ = ["ProxyCost", "ZeroCost"]

PATCHES = 3000
"""Number of patches, for a proxy that works on patches."""

PATCH_SIDE = 3
"""Sides of a patch in pixels or points; it is cut from one channel of one image."""

NARROW = (1, 2, 4, 8)
"""Widths that are tried in turn for the network of such a proxy."""


class ZeroCost(NetworkEvaluator):
    """Scores the untrained networks of a space on one batch of training images.

    Initial weights, images and patches follow the seeds; all architectures see the same images. Global
    generators are neither read nor changed. On a CPU equal seeds give equal scores on the same machine; on a
    GPU the last digits may differ from run to run.

    Called with many architectures, it is a fitness: those that cannot be scored get NaN, and `evaluate` gives
    the reason. With several proxies the fitness is their `rank_average`. Ranks are relative to the call:
    scores of two calls cannot be compared, and `evaluate`, which sees one architecture, raises an error.

    Args:
        space: Search space that builds networks, or its name.
        proxies: Name of one proxy in `egraph.evaluation.zero_cost.proxies`, or of several. Options follow a
            name, as in ``"swap:mu=1e6"``; they are the keyword-only arguments of its function.
        data: Name or path that `egraph.datasets.images` accepts, or data for `egraph.datasets.from_dataset`.
        batch_size: Number of training images that a score is computed on; all images if there are fewer.
            Papers use 64 to 128. Validation and test images are not used.
        device: ``"auto"`` (a CUDA GPU where there is one, else the CPU), ``"cpu"``, ``"cuda"`` or
            ``"cuda:1"``.
        seed: Seed of the batch and, with the seed of an evaluation, of the initial weights.
        channels: Width of the networks, in spaces that offer a choice; None selects the default.
        root: Folder that is searched first for the data.
        threads: Number of CPU threads of one evaluation.

    Raises:
        UnknownNameError: A proxy does not exist.
        UsageError: The space builds no networks or offers no choice of the width, the device does not exist,
            no proxy is named or one is named twice, a proxy has no such option, or a number is out of its
            range.
    """

    def __init__(
        self,
        space: SearchSpace | str,
        proxies: str | Sequence[str] = "naswot",
        data: str | os.PathLike[str] | ImageData | Any = "digits",
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
        for text in names:
            name, options = parse(text)
            check_options(text, options, known[name].score)
        check_whole(2, batch_size=batch_size)
        check_whole(0, seed=seed)
        super().__init__(space, data, device=device, root=root, threads=threads, channels=channels)
        self.proxies = names
        self.batch_size = batch_size
        self.seed = seed
        self.channels = channels

    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        """The score of the architecture's untrained network.

        Raises:
            UsageError: There are several proxies; their scores have no common scale.
            EvaluationError: The network is too large, does not fit its input or the memory, or has no score.
            ArchitectureError: The architecture is not in the space.
            DataError: The images cannot be loaded.
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
            source=f"{self.proxies[0]} on {self.images.name} ({place(self.device)})",
        )

    def values(self, architecture: Architecture, *, seed: int = 0) -> dict[str, float]:
        """The score by each proxy; higher is better.

        Raises:
            EvaluationError: A proxy has no score for the network, or the network cannot be built.
            ArchitectureError: The architecture is not in the space.
            DataError: The images cannot be loaded.
        """
        return self._measure(architecture, seed)[1]

    def describe(self) -> dict[str, object]:
        """Space, proxies, data with their digest, and the other settings that scores depend on."""
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
        """The scores of many architectures, ``(architectures,)``; NaN for those without a score."""
        return self.combine(self.columns(architectures))

    def combine(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """The fitness, ``(architectures,)``, from the scores by each proxy, ``(architectures, proxies)``."""
        return table[:, 0] if len(self.proxies) == 1 else rank_average(table)

    def columns(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """The score by each proxy, ``(architectures, proxies)``, as columns for an `egraph.Ranker`.

        If one proxy fails for an architecture, its whole row is NaN.
        """
        table = np.full((len(architectures), len(self.proxies)), math.nan)
        for row, architecture in enumerate(architectures):
            with contextlib.suppress(EvaluationError):
                table[row] = list(self.values(architecture).values())
        return table

    @property
    def costs(self) -> Costs:
        """Size and speed of the networks that are scored, on the same device."""
        data = self.images
        options = {} if self.channels is None else {"channels": self.channels}
        return Costs(self.space, data.input_shape, data.num_classes, device=self.device, **options)

    def by(self, proxies: str | Sequence[str]) -> ZeroCost:
        """Scores by other proxies of the same networks on the same images."""
        return ZeroCost(
            self.space, proxies, self.data, batch_size=self.batch_size, device=self.device, seed=self.seed,
            channels=self.channels, root=self.root, threads=self.threads,
        )  # fmt: skip

    def _measure(self, architecture: Architecture, seed: int) -> tuple[torch.nn.Module, dict[str, float]]:
        """The network and its score by each proxy."""
        import torch

        from egraph.evaluation.zero_cost import proxies
        from egraph.training import seeded

        self.space.validate(architecture)
        data, device = self.images, torch.device(place(self.device))
        weights = int(np.random.SeedSequence((self.seed, seed)).generate_state(1)[0])
        explained = failures_explained(
            "the network cannot be scored", "take narrower networks or a smaller batch"
        )
        # Reduced precision would lose small eigenvalues.
        exact = torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        )
        with explained, threads_limited(self.threads), seeded(weights, device), exact:
            network = self._build(architecture, weights, self.channels).to(device)
            values = {}
            for text in self.proxies:
                name, options = parse(text)
                proxy, scored = proxies[name], network
                x, y = _batch(data, str(device), self.batch_size, self.seed)
                if proxy.patches:
                    x, y = _patches(data, str(device), self.seed)
                    scored = self._build_narrow(architecture, weights).to(device)
                values[text] = proxy.score(scored, x, y, **options)
        return network, values

    def _build_narrow(self, architecture: Architecture, seed: int) -> torch.nn.Module:
        """The narrowest network for patches; in spaces of one width the usual network."""
        shape = _patch_shape(self.images)
        if "channels" not in self.space.network_options:
            return self._build(architecture, seed, None, shape)
        for channels in NARROW[:-1]:
            with contextlib.suppress(UsageError):
                return self._build(architecture, seed, channels, shape)
        return self._build(architecture, seed, NARROW[-1], shape)

    def __repr__(self) -> str:
        return f"<{', '.join(self.proxies)} of {self.space.name} on {self._data_name} ({self.device})>"


class ProxyCost:
    """A score of untrained networks as a cost: its negative, so that lower is better.

    Args:
        score: Scores by one proxy.

    Raises:
        UsageError: There are several proxies; their scores have no common scale.
    """

    def __init__(self, score: ZeroCost) -> None:
        if len(score.proxies) > 1:
            raise UsageError(f"a cost is the score by one proxy, got {', '.join(score.proxies)}")
        self._score = score

    def __call__(self, architecture: Architecture) -> float:
        """The negative score of an architecture.

        Raises:
            EvaluationError: The proxy has no score for the network, or the network cannot be built.
        """
        return -self._score.evaluate(architecture).score

    def __repr__(self) -> str:
        return f"<cost {self._score.proxies[0]} of untrained networks on {self._score.images.name}>"


@functools.lru_cache(maxsize=2)
def _batch(data: ImageData, device: str, size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Training images on the device; cached, because all evaluations share them."""
    import torch

    x, y = data.train
    rows = np.random.default_rng(seed).permutation(len(x))[:size]
    return torch.from_numpy(x[rows]).to(device), torch.from_numpy(to_targets(data, y[rows])).to(device)


@functools.lru_cache(maxsize=2)
def _patches(data: ImageData, device: str, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Patches of one channel, cut at random from training images, with the classes of these images."""
    import torch

    x, y = data.train
    rng = np.random.default_rng(seed)
    _, *sides = _patch_shape(data)
    ends = [side - patch + 1 for side, patch in zip(x.shape[2:], sides, strict=True)]
    image, channel, *corners = (
        rng.integers(end, size=PATCHES).reshape(-1, *[1] * len(sides)) for end in (len(x), x.shape[1], *ends)
    )
    within = np.ogrid[tuple(slice(patch) for patch in sides)]
    places = [corner + offset for corner, offset in zip(corners, within, strict=True)]
    cut = x[image, channel, *places]
    labels = to_targets(data, y[image.ravel()])
    return torch.from_numpy(cut[:, None]).to(device), torch.from_numpy(labels).to(device)


def _patch_shape(data: ImageData) -> tuple[int, ...]:
    _, *sides = data.input_shape
    if not sides:
        raise UsageError("features have no patches; take a proxy that reads whole inputs, such as ntk")
    return 1, *(min(PATCH_SIDE, side) for side in sides)
