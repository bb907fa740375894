"""Limits on the costs of the networks that are searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from egraph.cli._options import count_option
from egraph.cli._search._groups import option

if TYPE_CHECKING:
    from egraph.cli._search.data import Measured
    from egraph.spaces import SearchSpace

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Options for the largest costs."""

    max_params: int | None = option(count_option("--max-params", help="Largest number of parameters."))
    max_flops: int | None = option(
        count_option("--max-flops", help="Largest number of multiply-adds for one image.")
    )
    max_latency: float | None = option(
        click.option(
            "--max-latency",
            type=click.FloatRange(min=0, min_open=True),
            metavar="MS",
            help="Largest number of milliseconds for one image on the --device, as measured on this machine.",
        )
    )

    def within(self, measured: Measured, device: str) -> SearchSpace:
        """The space without the architectures that exceed the limits.

        Raises:
            UsageError: The space builds no networks, or none of them is within the limits.
        """
        import numpy as np

        from egraph.evaluation import Costs, Training
        from egraph.spaces import Limited

        given = {"params": self.max_params, "flops": self.max_flops, "latency": self.max_latency}
        limits = {name: limit for name, limit in given.items() if limit}
        space, evaluator = measured.space, measured.evaluator
        if not limits:
            return space
        costs = evaluator.costs if isinstance(evaluator, Training) else Costs(space, device=device)
        limited = Limited(space, {name: getattr(costs, name) for name in limits}, limits)
        # Fails before anything is written if no network is within the limits.
        limited.sample(np.random.default_rng(0))
        return limited
