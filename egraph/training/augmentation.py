"""Settings of the random changes of training images, as a value."""

from __future__ import annotations

from dataclasses import dataclass, fields

from egraph.checks import to_plain
from egraph.errors import UsageError, shorten

__all__ = ["PRESETS", "Augmentation"]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random changes of training images or signals, drawn anew for each image in each epoch.

    Attributes:
        shift: Largest shift of an image, as a share of its side; zeros fill the gap.
        flip: Whether half of the images are mirrored, left to right; signals, begin to end.
        crop: Share of each side that is kept, at a random position. Validation and test use whole images, so
            crops need a network that accepts images of any size.
        zoom: Images are enlarged or shrunk by a factor of up to ``1 + zoom``, by the nearest pixel.
        hue: Largest rotation of the hue, in degrees; only for images with three channels.
        color_shift: Largest number added to or subtracted from saturation and value, which lie in [0, 1].
            In images with another number of channels all values change.
        color_scale: Saturation and value are multiplied or divided by a factor of up to ``1 + color_scale``.
        cutout: Side of the window that is set to zero around a random position, as a share of the side of
            the image (DeVries and Taylor 2017). Parts of the window may lie outside.
        erase: Probability that a random rectangle, 2 to 33 % of the image, is set to zero (random erasing,
            Zhong et al. 2020); of signals, a part of that length.

    Raises:
        UsageError: A field is out of its range; the text names it.
    """

    shift: float = 0.0
    flip: bool = False
    crop: float = 1.0
    zoom: float = 0.0
    hue: float = 0.0
    color_shift: float = 0.0
    color_scale: float = 0.0
    cutout: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, to_plain(getattr(self, field.name)))
        if not isinstance(self.flip, bool):
            raise UsageError(f"flip of an augmentation must be True or False; got {shorten(self.flip)}")
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
                raise UsageError(
                    f"{name} of an augmentation must be a number from {least} to {most}; got {shorten(value)}"
                )


_RANGES = (
    ("shift", 0, 1),
    ("crop", 0.1, 1),
    ("zoom", 0, 9),
    ("hue", 0, 180),
    ("color_shift", 0, 1),
    ("color_scale", 0, 9),
    ("cutout", 0, 1),
    ("erase", 0, 1),
)

PRESETS = {
    "none": Augmentation(),
    "shift": Augmentation(shift=1 / 8),
    "flip-shift": Augmentation(shift=1 / 8, flip=True),
}
"""Augmentations that a recipe can name."""
