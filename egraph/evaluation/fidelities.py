"""The names of cheaper trainings, such as ``0.1`` or ``epochs=3+channels=8``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from egraph.errors import UsageError
from egraph.training import Recipe

__all__ = ["Parts"]

_FORM = (
    "a fidelity is a share of the epochs such as 0.1, or epochs=N, data=SHARE, channels=N, cells=N, several "
    "joined by +"
)


@dataclass(frozen=True, slots=True)
class Parts:
    """How a cheaper training differs from a whole one.

    Attributes:
        epochs: Number of epochs; None for all.
        data: Share of the training examples.
        channels: Width of the networks; None for that of the recipe.
        cells: Number of cells of the networks; None for that of the recipe.
    """

    epochs: int | None = None
    data: float = 1.0
    channels: int | None = None
    cells: int | None = None

    @classmethod
    def parse(cls, text: str, recipe: Recipe) -> Parts:
        """Reads a share of the epochs, or named parts joined by ``+``.

        Args:
            text: Such as ``"0.1"``, ``"epochs=3"`` or ``"epochs=3+data=0.5"``.
            recipe: Recipe of the whole training.

        Raises:
            UsageError: The text is neither, a part comes twice, or a number is outside its range.
        """
        if "=" not in text:
            share = _read_share(text, text)
            return cls(epochs=None if share == 1 else max(1, round(share * recipe.epochs)))
        values: dict[str, float] = {}
        for part in text.split("+"):
            name, _, number = part.strip().partition("=")
            if name not in cls.__slots__ or name in values:
                raise UsageError(f"{_FORM}; got {text!r}")
            values[name] = _read_share(number, text) if name == "data" else _read_count(number, text)
        parts = cls(**values)  # type: ignore[arg-type] # counts are whole
        for name in ("epochs", "channels", "cells"):
            asked, most = getattr(parts, name), getattr(recipe, name)
            if asked is not None and most is not None and asked > most:
                raise UsageError(f"the fidelity {text!r} has more {name} than a whole training, {most}")
        return parts

    def apply(self, recipe: Recipe) -> Recipe:
        """The recipe of the cheaper training."""
        changes = {name: getattr(self, name) for name in ("epochs", "channels", "cells")}
        return recipe.changed(**{name: value for name, value in changes.items() if value is not None})


def _read_share(number: str, text: str) -> float:
    try:
        share = float(number)
    except ValueError:
        share = math.nan
    if math.isnan(share):
        raise UsageError(f"{_FORM}; got {text!r}")
    if not 0 < share <= 1:
        raise UsageError(f"a share is above 0 and at most 1; got {text!r}")
    return share


def _read_count(number: str, text: str) -> int:
    try:
        count = int(number)
    except ValueError:
        count = 0
    if count < 1:
        raise UsageError(f"{_FORM}, where N is a whole number of at least 1; got {text!r}")
    return count
