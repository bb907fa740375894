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

    searcher: str = option(
        click.option(
            "--searcher",
            default="regularized-evolution",
            show_default=True,
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

        find_searcher(self.searcher)
        return {"searcher": self.searcher}
