"""Size and speed of the network of an architecture."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from egraph.architecture import Architecture
from egraph.evaluation.building import check_builds
from egraph.spaces import SearchSpace
from egraph.threads import threads_limited
from egraph.training import choose_device, failures_explained

if TYPE_CHECKING:
    import torch

    from egraph.networks import Size

__all__ = ["Costs"]

WARM_UP, PASSES = 3, 9

Answer = TypeVar("Answer")


class Costs:
    """Measures the costs of the network of an architecture; lower is better.

    The network is built, except for a size that the space tells by arithmetic (`SearchSpace.network_size`).

    `egraph.spaces.Limited` and the searcher NSGA2 accept `params`, `flops` and `latency` as costs:

        costs = Costs(space, input_shape=(1, 8, 8))
        Limited(space, {"params": costs.params}, {"params": 300_000})

    Args:
        space: Search space that builds networks.
        input_shape: Channels, height and width of an image.
        num_classes: Number of classes.
        device: Device for latency: auto, cpu, cuda or cuda:NUMBER.
        options: Further arguments of the space's `network`, such as ``channels``.

    Raises:
        UsageError: The space builds no networks, or the device does not exist.
    """

    def __init__(
        self,
        space: SearchSpace,
        input_shape: tuple[int, ...] = (3, 32, 32),
        num_classes: int = 10,
        *,
        device: str = "cpu",
        **options: Any,
    ) -> None:
        check_builds(space)
        self.space, self.input_shape, self.num_classes = space, input_shape, num_classes
        self.device = choose_device(device)
        self.options = options

    @property
    def tells_sizes(self) -> bool:
        """Whether `params` and `flops` are told by arithmetic; a random architecture is asked for."""
        return self._tell_size(self.space.sample(np.random.default_rng(0))) is not None

    def params(self, architecture: Architecture) -> float:
        """The number of trainable parameters.

        Raises:
            EvaluationError: The network cannot be built.
        """
        from egraph.networks import count_params

        size = self._tell_size(architecture)
        return float(count_params(self._build(architecture)) if size is None else size.params)

    def flops(self, architecture: Architecture) -> float:
        """Multiply-adds of one forward pass on one image.

        Raises:
            EvaluationError: The network cannot be built or run.
        """
        from egraph.networks import count_flops

        if (size := self._tell_size(architecture)) is not None:
            return float(size.flops)
        network = self._build(architecture)
        with failures_explained("the multiply-adds cannot be counted", "use smaller images"):
            return float(count_flops(network, self.input_shape))

    def latency(self, architecture: Architecture) -> float:
        """Time of one forward pass on one image, in ms: the median of a few passes in one CPU thread.

        The measurement is noisy: it varies with the load and the temperature of the machine.

        Raises:
            EvaluationError: The network cannot be built or run.
        """
        import torch

        network = self._build(architecture)
        device = torch.device(self.device)
        explained = failures_explained("the latency cannot be measured", "measure on another device")
        with explained, threads_limited(1), torch.inference_mode():
            network.to(device).eval()
            image = torch.zeros(1, *self.input_shape, device=device)
            times = [_time(network, image) for _ in range(WARM_UP + PASSES)]
        return 1000 * statistics.median(times[WARM_UP:])

    def _tell_size(self, architecture: Architecture) -> Size | None:
        return self._ask(self.space.network_size, architecture)

    def _build(self, architecture: Architecture) -> torch.nn.Module:
        return self._ask(self.space.network, architecture)

    def _ask(self, ask: Callable[..., Answer], architecture: Architecture) -> Answer:
        """What the space says of an architecture whose network reads these inputs."""
        with failures_explained("the network cannot be built", "search among smaller networks"):
            return ask(architecture, self.input_shape, self.num_classes, **self.options)


def _time(network: torch.nn.Module, image: torch.Tensor) -> float:
    """Seconds of one forward pass; on a GPU this waits until the pass has finished."""
    import torch

    started = time.perf_counter()
    network(image)
    if image.is_cuda:
        torch.cuda.synchronize(image.device)
    return time.perf_counter() - started
