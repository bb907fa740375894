"""The searcher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from egraph.cli._options import Shares, count_option
from egraph.cli._search._groups import option

__all__ = ["Searching"]


@dataclass(frozen=True)
class Searching:
    """Options for the searcher and its candidates."""

    searcher: tuple[str, ...] = option(
        click.option(
            "--searcher",
            multiple=True,
            show_default="regularized-evolution; nsga2 with --cost",
            metavar="NAME[:OPTION=VALUE,...]",
            help="Searcher that proposes candidates, or a differentiable method such as gdas or "
            "darts:order=2,epochs=20, whose supernet is trained first. Repeatable: several share the work. A "
            "space of at most 2,000 networks is scored as a whole if neither --searcher nor --shares is "
            "given.",
        )
    )
    shares: tuple[float, ...] | None = option(
        click.option(
            "--shares",
            metavar="N,N,N",
            type=Shares(),
            help="Percentages of the candidates from the searchers, from mutants of the best networks and "
            "from random samples. Default: 60,30,10.",
        )
    )

    candidates: int | None = option(
        count_option(
            "--candidates",
            help="Candidates that the ranker scores a round; fewer take less time. Default: 2000, or 300 "
            "where the network of each is built.",
        )
    )
    initial: int | None = option(
        count_option("--initial", help="Trainings before the first ranker. Default: 16.")
    )
    batch: int | None = option(
        count_option("--batch", help="Trainings a round. Default: 8, without a ranker the number of workers.")
    )

    def read(self) -> dict[str, Any]:
        """Arguments of `egraph.Study`.

        Raises:
            UnknownNameError: There is no searcher of this name.
            UsageError: A searcher has no such option, or the shares do not sum to 100.
        """
        from egraph.study import find_searcher, read_shares

        for name in self.searcher:
            find_searcher(name)
        if self.shares is not None:
            read_shares(self.shares)
        arguments = {"searcher": self.searcher or None, "shares": self.shares, "batch": self.batch}
        counts = {"candidates": self.candidates, "initial": self.initial}
        return arguments | {name: count for name, count in counts.items() if count is not None}
