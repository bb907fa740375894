"""Results of other publications."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["Published", "published"]


@dataclass(frozen=True, slots=True)
class Published:
    """One figure of another publication.

    Attributes:
        benchmark: Name of the table.
        metric: Metric that was predicted.
        protocol: Name of the protocol that comes closest.
        samples: Number of training labels.
        method: Name of the predictor.
        tau: Kendall's tau.
        tau_top50: Kendall's tau of the best half; NaN where not reported.
        source: The publication, and doubts about the comparison.
    """

    benchmark: str
    metric: str
    protocol: str
    samples: int
    method: str
    tau: float
    tau_top50: float
    source: str


def published(
    benchmark: str | None = None,
    metric: str | None = None,
    protocol: str | None = None,
    samples: int | None = None,
) -> list[Published]:
    """The figures that match all given arguments; ``published.toml`` contains them with their sources."""
    wanted = (benchmark, metric, protocol, samples)
    return [
        each
        for each in _read()
        if all(
            value is None or value == own
            for value, own in zip(
                wanted, (each.benchmark, each.metric, each.protocol, each.samples), strict=True
            )
        )
    ]


@cache
def _read() -> tuple[Published, ...]:
    text = resources.files(__package__).joinpath("published.toml").read_text(encoding="utf-8")
    found = []
    for group in tomllib.loads(text)["group"]:
        for method, values in group["tau"].items():
            top = group.get("top_half", {}).get(method, [math.nan] * len(values))
            for samples, tau, tau_top50 in zip(group["samples"], values, top, strict=True):
                if not math.isnan(tau):
                    found.append(
                        Published(
                            group["benchmark"], group["metric"], group["protocol"], samples, method,
                            tau, tau_top50, group["source"],
                        )
                    )  # fmt: skip
    return tuple(found)
