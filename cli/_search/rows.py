"""How the rows of a file of the user's own are read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from egraph.cli._reading import row_options
from egraph.cli._search._groups import option

__all__ = ["Rows"]


@dataclass(frozen=True)
class Rows:
    """Options for the rows of a file; `egraph.cli._reading.row_options` has their help."""

    architecture: str = option(*row_options)
    lower_is_better: tuple[str, ...] = option()
    higher_is_better: tuple[str, ...] = option()
    na: tuple[str, ...] = option()

    @property
    def reading(self) -> dict[str, Any]:
        """Arguments of `egraph.datasets.load`, without the space."""
        return asdict(self)
