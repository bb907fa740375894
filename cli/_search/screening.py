"""The choice of the first trainings by scores of untrained networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from egraph.cli._options import count_option, positive_option
from egraph.cli._search._groups import option

__all__ = ["Screening"]


@dataclass(frozen=True)
class Screening:
    """Options for the screening."""

    screen: str | None = option(
        click.option(
            "--screen",
            metavar="PROXY[+PROXY...]|none",
            help="Zero-cost score of untrained networks that chooses the first trainings, such as ntk, swap "
            "or swap+ntk+synflow; with --ranker fused with its predictions. none takes random ones. "
            "Default: ntk where networks are trained and no ranker is given.",
        )
    )
    screen_count: int | None = option(
        count_option("--screen-count", help="Number of untrained networks that are scored. Default: 256.")
    )
    screen_seconds: float = option(
        positive_option(
            "--screen-seconds",
            default=20,
            help="Time for scoring them; also at most a quarter of --seconds.",
        )
    )

    def read(self) -> dict[str, Any]:
        """Arguments of `egraph.Study`."""
        return {
            "screen": self.screen,
            "screen_count": self.screen_count,
            "screen_seconds": self.screen_seconds,
        }
