"""Names of the ranker's parameters in files, journals and logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["from_recorded", "to_recorded"]

# Parameters that version 0.1 wrote under other names. These stay, so that old and new results match.
_RECORDED = {"tabular": "companion"}
_CURRENT = {recorded: current for current, recorded in _RECORDED.items()}


def to_recorded(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of `Ranker` under their recorded names, in the same order."""
    return {_RECORDED.get(name, name): value for name, value in parameters.items()}


def from_recorded(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded parameters under the names that `Ranker` takes."""
    return {_CURRENT.get(name, name): value for name, value in parameters.items()}
