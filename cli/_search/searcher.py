"""The searcher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from egraph.cli._search._groups import option

__all__ = ["Searching"]


@dataclass(frozen=True)
class Searching:
    """Options for the searcher and its candidates."""

    searcher: str | None = option(
        click.option(
            "--searcher",
            show_default="regularized-evolution; nsga2 with --cost",
            metavar="NAME[:OPTION=VALUE,...]",
            help="Searcher that proposes candidates to the ranker.",
        )
    )

    def read(self) -> dict[str, Any]:
        """Arguments of `egraph.Study`.

        Raises:
            UnknownNameError: There is no searcher of this name.
            UsageError: The searcher has no such option.
        """
        from egraph.study import find_searcher

        if self.searcher is not None:
            find_searcher(self.searcher)
        return {"searcher": self.searcher}
