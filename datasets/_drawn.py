"""Data without files: the digits of scikit-learn, and images that are drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from egraph.datasets._image_data import ImageData
from egraph.datasets._splitting import SPLIT_SEED, split
from egraph.errors import UsageError

__all__ = ["DRAWN", "load_digits"]

DRAWN_IMAGES = 1000
"""Number of images of a data set that is drawn."""


def load_digits() -> ImageData:
    """The digits of scikit-learn, a third for each part."""
    from sklearn import datasets

    bunch = datasets.load_digits()
    x = (bunch.images[:, np.newaxis] / 16).astype(np.float32)  # (1797, 1, 8, 8), 0 to 16 levels of grey
    y = bunch.target.astype(np.int64)
    train, validation, test = split(y, (1 / 3, 1 / 3, 1 / 3))
    return ImageData((x[train], y[train]), (x[validation], y[validation]), (x[test], y[test]), name="digits")


def _draw_noise(name: str, side: int) -> ImageData:
    rng = np.random.Generator(np.random.PCG64(SPLIT_SEED))
    return _deal(name, rng.random((DRAWN_IMAGES, 3, side, side), dtype=np.float32))


def _draw_photographs(name: str, side: int) -> ImageData:
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images().images  # two of (427, 640, 3), bytes
    height, width, _ = photographs[0].shape
    factors = [factor for factor in (1, 2, 4, 8) if factor * side <= min(height, width)]
    if not factors:
        raise UsageError(
            f"{name}: the photographs are {width} by {height} pixels, a side can have at most "
            f"{min(height, width)}"
        )
    rng = np.random.Generator(np.random.PCG64(SPLIT_SEED))
    x = np.empty((DRAWN_IMAGES, 3, side, side), np.float32)
    for row, label in enumerate(np.arange(DRAWN_IMAGES) % 10):
        photograph, strip = divmod(int(label), 5)
        factor = factors[rng.integers(len(factors))]
        top = rng.integers(height - factor * side + 1)
        left = int((strip + rng.random()) / 5 * (width - factor * side + 1))
        patch = photographs[photograph][top : top + factor * side, left : left + factor * side]
        x[row] = patch.reshape(side, factor, side, factor, 3).mean(axis=(1, 3)).transpose(2, 0, 1) / 255
    return _deal(name, x)


def _deal(name: str, x: NDArray[np.float32]) -> ImageData:
    """Images with ten classes in turn; each class is in each part."""
    y = np.arange(len(x)) % 10
    return ImageData((x[20:], y[20:]), (x[:10], y[:10]), (x[10:20], y[10:20]), name=name)


DRAWN = {"noise": _draw_noise, "photographs": _draw_photographs}
"""Images without files, by name: functions of the full name and the side in pixels."""
