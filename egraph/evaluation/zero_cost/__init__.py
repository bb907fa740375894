"""Zero-cost proxies: scores of untrained networks that predict how well they will train.

A proxy is a function ``(network, images, labels) -> score``: ``images`` are ``(batch, channels, height,
width)``, ``labels`` ``(batch,)``, on the network's device. A higher score is better: what a paper minimises
is negated. A proxy works on a copy of the network, so that weights, statistics and modes do not change. It
draws no random numbers. If it cannot compute a score, it raises `egraph.errors.EvaluationError` with the
reason.

`proxies` is the registry:

| name | score |
|---|---|
| ``naswot`` | log-determinant of the kernel of activation signs |
| ``swap`` | number of distinct patterns of a neuron's activation signs over the images |
| ``linear-regions`` | number of distinct patterns of activation signs |
| ``ntk`` | minus the logarithm of the condition number of the neural tangent kernel |
| ``gradient-correlation`` | minus the correlation of gradients of unlike images, times log parameters |
| ``grad-norm`` | norm of the gradient of the loss, summed over layers |
| ``jacob-cov`` | dissimilarity of the gradients with respect to the images |
| ``synflow`` | logarithm of the synaptic flow |
| ``params`` | number of trainable parameters |
| ``flops`` | multiply-adds of one image |

To add a proxy, write a function here and register it below. `egraph.evaluation.ZeroCost` uses any of them as
the score of an architecture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from egraph.evaluation.zero_cost._activations import linear_regions, naswot, swap
from egraph.evaluation.zero_cost._gradients import grad_norm, jacob_cov
from egraph.evaluation.zero_cost._kernels import gradient_correlation, gradient_kernel, ntk
from egraph.evaluation.zero_cost._sizes import flops, params
from egraph.evaluation.zero_cost._synflow import synflow
from egraph.registry import Registry

__all__ = [
    "Proxy",
    "flops",
    "grad_norm",
    "gradient_correlation",
    "gradient_kernel",
    "jacob_cov",
    "linear_regions",
    "naswot",
    "ntk",
    "params",
    "proxies",
    "register",
    "swap",
    "synflow",
]


Score = Callable[..., float]
"""Function ``(network, images, labels) -> score``; keyword-only arguments are options of the proxy."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy and the kind of its input.

    Attributes:
        score: Function ``(network, images, labels) -> score``.
        patches: Whether the function gets small patches instead of whole images, and the narrowest network
            that the space builds for them.
    """

    score: Score
    patches: bool = False


proxies: Registry[Proxy] = Registry("zero-cost proxy")
"""The registered zero-cost proxies, by name."""


def register(name: str, score: Score, *, patches: bool = False) -> None:
    """Registers a function as a proxy.

    Args:
        name: Name of the proxy.
        score: Function ``(network, images, labels) -> score``.
        patches: Whether the function gets patches, as in `Proxy`.

    Raises:
        UsageError: The name is taken.
    """
    proxies.register(name, Proxy(score, patches))


register("naswot", naswot)
register("swap", swap)
register("linear-regions", linear_regions, patches=True)
register("ntk", ntk)
register("gradient-correlation", gradient_correlation)
register("grad-norm", grad_norm)
register("jacob-cov", jacob_cov)
register("synflow", synflow)
register("params", params)
register("flops", flops)
