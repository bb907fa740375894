"""Signals that a package generates."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from egraph.checks import check_whole
from egraph.datasets._image_data import ImageData
from egraph.errors import UsageError

__all__ = ["generate_mnist1d", "generators_restored"]

SEED = 42
"""Seed of the published signals; validation and test signals have the next ones."""


def generate_mnist1d(
    *,
    noise: float = 0.25,
    jitter: float = 0.02,
    shear: float = 0.75,
    scale: float = 0.4,
    shift: int = 48,
    train: int = 4000,
    validation: int = 5000,
    test: int = 5000,
    name: str = "mnist1d",
) -> ImageData:
    """Generates MNIST-1D: digits as signals of 40 points that are padded, scaled, shifted, sheared and noisy.

    The default training signals are the published ones, the first four fifths of those with seed 42.
    Validation and test signals come from the same generator with seeds 43 and 44, so that there are enough to
    tell half a percentage point: the standard error of 96% on 5,000 is 0.28. The package standardises each of
    the three sets as a whole.

    Args:
        noise: Standard deviation of the noise before it is smoothed, outside of the digit.
        jitter: Standard deviation of the noise that differs from point to point.
        shear: Range of the slope that is added.
        scale: Range of the factor of height around 1.
        shift: Number of positions to which a digit is moved, out of 72.
        train: Number of training signals.
        validation: Number of signals to choose by.
        test: Number of signals to report on.
        name: Name of the data in reports.

    Raises:
        UsageError: A number is out of its range.

    References:
        S. Greydanus and D. Kobak, "Scaling Down Deep Learning with MNIST-1D", ICML 2024,
        https://arxiv.org/abs/2011.14439
    """
    for label, value in (("noise", noise), ("jitter", jitter), ("shear", shear), ("scale", scale)):
        if isinstance(value, bool | str) or not 0 <= value <= 10:
            raise UsageError(f"{label} of mnist1d must be a number from 0 to 10; got {value!r}")
    check_whole(1, 72, shift=shift)
    check_whole(40, train=train, validation=validation, test=test)
    settings = {
        "corr_noise_scale": noise,
        "iid_noise_scale": jitter,
        "shear_scale": shear,
        "scale_coeff": scale,
        "max_translation": shift,
    }
    # The published file has 1,000 signals more, which the shuffle and the standardisation include.
    x, y = _generate(settings, -(-train * 5 // 4), SEED)
    return ImageData(
        (x[:train], y[:train]),
        _generate(settings, validation, SEED + 1),
        _generate(settings, test, SEED + 2),
        name=name,
        kind="signals",
    )


def _generate(settings: dict[str, Any], count: int, seed: int) -> tuple[Any, Any]:
    """Signals ``(count, 40)`` and classes ``(count,)``, in random order."""
    from mnist1d.data import get_dataset_args, make_dataset

    arguments = get_dataset_args()
    rounded = -(-count // 10) * 10  # as many of each class
    vars(arguments).update(settings, num_samples=rounded, train_split=1.0, seed=seed)
    with generators_restored():
        made = make_dataset(arguments)
    return made["x"][:count].astype(np.float32), made["y"][:count]


@contextmanager
def generators_restored() -> Iterator[None]:
    """Gives the global generators of Python and NumPy their state back, where a package draws from them."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
