"""How images are changed at random before a network learns from them, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from egraph.errors import UsageError

__all__ = ["PRESETS", "Augmentation"]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random changes of training images, drawn anew for each image and each time that it is shown.

    Attributes:
        shift: the farthest that an image is moved, as a share of its side; zeros move in.
        flip: whether half of the images are mirrored, left to right.
        crop: the share of each side that is kept, at a random place. Validation and test show whole images,
            so this is for networks that take images of any size.
        zoom: images are enlarged or shrunk by a factor of up to one plus this, by the nearest pixel.
        hue: the farthest that the hue is turned, in degrees; images of three channels only.
        color_shift: the most that is added to or taken from saturation and from value, each in [0, 1]. Images
            of another number of channels are changed in value alone, that is in all their numbers.
        color_scale: saturation and value are raised or lowered by a factor of up to one plus this.

    Raises:
        UsageError: a value is out of its range; the text says which.
    """

    shift: float = 0.0
    flip: bool = False
    crop: float = 1.0
    zoom: float = 0.0
    hue: float = 0.0
    color_shift: float = 0.0
    color_scale: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.flip, bool):
            raise UsageError(f"flip of an augmentation must be True or False; got {self.flip!r}")
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
                raise UsageError(
                    f"{name} of an augmentation must be a number from {least} to {most}; got {value!r}"
                )


_RANGES = (
    ("shift", 0, 1),
    ("crop", 0.1, 1),
    ("zoom", 0, 9),
    ("hue", 0, 180),
    ("color_shift", 0, 1),
    ("color_scale", 0, 9),
)

PRESETS = {
    "none": Augmentation(),
    "shift": Augmentation(shift=1 / 8),
    "flip-shift": Augmentation(shift=1 / 8, flip=True),
}
"""The augmentations that a recipe knows by name."""
