"""Colours of boxes by kind of operation, on light and dark backgrounds."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

__all__ = ["ANSI", "EDGE", "HUES", "Colours", "colours"]

EDGE = "#8593a8"
"""Colour of edges, a grey that is visible on white and on black."""

# Hue in degrees and saturation in [0, 1].
HUES: dict[str, tuple[float, float]] = {
    "input": (215, 0.18),
    "output": (215, 0.18),
    "zero": (215, 0.03),
    "identity": (215, 0.06),
    "conv": (214, 0.85),
    "separable-conv": (190, 0.75),
    "inverted-residual": (243, 0.70),
    "max-pool": (24, 0.85),
    "avg-pool": (45, 0.80),
    "linear": (174, 0.60),
    "graph-conv": (146, 0.55),
    "attention": (330, 0.70),
    "aggregation": (275, 0.65),
    "other": (15, 0.12),
}

ANSI: dict[str, int] = {
    "input": 37,
    "output": 37,
    "zero": 90,
    "identity": 90,
    "conv": 94,
    "separable-conv": 96,
    "inverted-residual": 34,
    "max-pool": 91,
    "avg-pool": 93,
    "linear": 36,
    "graph-conv": 92,
    "attention": 95,
    "aggregation": 35,
    "other": 33,
}
"""Colour codes of terminals by kind of operation."""


@dataclass(frozen=True, slots=True)
class Colours:
    """Colours of a box, as ``#rrggbb``."""

    fill: str
    stroke: str
    text: str


def colours(kind: str, *, dark: bool = False) -> Colours:
    """The colours of a kind of operation."""
    hue, saturation = HUES.get(kind, HUES["other"])
    if dark:
        return Colours(
            _hex(hue, saturation * 0.55, 0.18),
            _hex(hue, saturation * 0.75, 0.52),
            _hex(hue, saturation * 0.8, 0.90),
        )
    return Colours(
        _hex(hue, saturation, 0.95), _hex(hue, saturation * 0.8, 0.58), _hex(hue, saturation * 0.8, 0.20)
    )


def _hex(hue: float, saturation: float, lightness: float) -> str:
    rgb = colorsys.hls_to_rgb(hue / 360, lightness, saturation)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in rgb)
