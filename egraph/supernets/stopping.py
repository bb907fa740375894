"""Early stop of the training of a supernet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from egraph.supernets.settings import Settings

if TYPE_CHECKING:
    from egraph.supernets.search import Run

__all__ = ["Stopping"]


class Stopping:
    """Looks after each epoch whether the training should end.

    Args:
        settings: Names the rule and its patience.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._count = 0

    def look(self, run: Run) -> str:
        """The reason to stop; empty if there is none."""
        return ""

    def state_dict(self) -> dict[str, Any]:
        """What it keeps between epochs."""
        return {"count": self._count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self._count = state["count"]
