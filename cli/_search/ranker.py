"""The ranker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from egraph.cli._search._groups import option
from egraph.errors import UsageError

__all__ = ["Ranking"]


@dataclass(frozen=True)
class Ranking:
    """Options for the ranker."""

    ranker: str | None = option(
        click.option(
            "--ranker",
            metavar="FILE|URL|pretrained",
            help="A ranker to start with: a file that `egraph train` or `egraph export` wrote, the http "
            "address of an `egraph serve`, with its token in $EGRAPH_TOKEN, or the pretrained one of egraph.",
        )
    )

    no_ranker: bool = option(
        click.option(
            "--no-ranker", is_flag=True, help="Search without a ranker: the searcher sees real scores alone."
        )
    )
    recalibrate: str | None = option(
        click.option(
            "--recalibrate",
            show_default="every=1",
            metavar="every=N|seconds=S|drift",
            help="When the ranker is fitted again: after N new trainings, after new trainings that took S "
            "seconds, or when it delivers significantly less than it promised.",
        )
    )

    @property
    def guided(self) -> bool:
        """Whether a ranker chooses from the first round on."""
        return bool(self.ranker)

    def read(self) -> dict[str, Any]:
        """Arguments of `egraph.Study`.

        Raises:
            UsageError: --no-ranker was given with an option that needs one.
            EgraphError: The ranker cannot be read.
        """
        from egraph.service import open_ranker

        if self.no_ranker:
            for given, name in ((self.ranker, "--ranker"), (self.recalibrate, "--recalibrate")):
                if given:
                    raise UsageError(f"{name} and --no-ranker exclude each other; leave one out")
            return {"ranker": False}
        read: dict[str, Any] = {"ranker": open_ranker(self.ranker) if self.ranker else None}
        return read if self.recalibrate is None else {**read, "recalibrate": self.recalibrate}
