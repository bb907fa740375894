"""What the network of an architecture costs to keep and to use."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from egraph.architecture import Architecture
from egraph.evaluation.building import check_builds
from egraph.spaces import SearchSpace
from egraph.threads import threads_limited
from egraph.training import choose_device, failures_explained

if TYPE_CHECKING:
    import torch

__all__ = ["Costs"]

WARM_UP, PASSES = 3, 9


class Costs:
    """Builds the network of an architecture and measures it; lower is better.

    `params`, `flops` and `latency` are what `egraph.spaces.Limited` and the searcher NSGA2 take as costs:

        costs = Costs(space, input_shape=(1, 8, 8))
        Limited(space, {"params": costs.params}, {"params": 300_000})

    Args:
        space: says how an architecture becomes a network.
        input_shape: channels, height and width of an image.
        num_classes: of the images.
        device: on which latency is measured: auto, cpu, cuda or cuda:NUMBER.
        options: what the space's `network` takes beside these, such as ``channels``.

    Raises:
        UsageError: the space builds no networks, or there is no such device.
    """

    def __init__(
        self,
        space: SearchSpace,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        num_classes: int = 10,
        *,
        device: str = "cpu",
        **options: Any,
    ) -> None:
        check_builds(space)
        self.space, self.input_shape, self.num_classes = space, input_shape, num_classes
        self.device = choose_device(device)
        self.options = options

    def params(self, architecture: Architecture) -> float:
        """Trainable parameters.

        Raises:
            EvaluationError: the network cannot be built; so for the others.
        """
        from egraph.networks import count_params

        return float(count_params(self._build(architecture)))

    def flops(self, architecture: Architecture) -> float:
        """Multiply-adds of one image."""
        from egraph.networks import count_flops

        network = self._build(architecture)
        with failures_explained("the multiply-adds cannot be counted", "use smaller images"):
            return float(count_flops(network, self.input_shape))

    def latency(self, architecture: Architecture) -> float:
        """Milliseconds of one image, the median of a few after a warm-up, in one CPU thread.

        It is measured, so it is noisy: what else the machine does and how warm it is come in.
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

    def _build(self, architecture: Architecture) -> torch.nn.Module:
        with failures_explained("the network cannot be built", "search among smaller networks"):
            return self.space.network(architecture, self.input_shape, self.num_classes, **self.options)


def _time(network: torch.nn.Module, image: torch.Tensor) -> float:
    """Seconds of one forward pass, to its end on a GPU too."""
    import torch

    started = time.perf_counter()
    network(image)
    if image.is_cuda:
        torch.cuda.synchronize(image.device)
    return time.perf_counter() - started
