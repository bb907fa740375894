"""Checks of arguments: each names the argument, what came and what was expected.

Numbers of NumPy count like Python's. `to_plain` turns them into Python's, which files and generators need.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from egraph.errors import UsageError, shorten

__all__ = [
    "check_flag",
    "check_fraction",
    "check_not_negative",
    "check_positive",
    "check_probability",
    "check_whole",
    "make_generator",
    "to_plain",
]


def check_whole(least: int, most: int | None = None, /, **values: object) -> None:
    """Checks that each value is a whole number from ``least`` to ``most``.

    Raises:
        UsageError: A value is not; the text names it.
    """
    for name, value in values.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
            raise UsageError(f"{name} must be a whole number of at least {least}, got {shorten(value)}")
        if most is not None and int(value) > most:
            raise UsageError(f"{name} must be at most {most}, got {shorten(value)}")


def check_probability(**values: object) -> None:
    """Checks that each value is a number from 0 to 1.

    Raises:
        UsageError: A value is not; the text names it.
    """
    for name, value in values.items():
        if not 0 <= _to_number(value) <= 1:
            raise UsageError(f"{name} must be a probability, got {shorten(value)}")


def check_fraction(**values: object) -> None:
    """Checks that each value is a number between 0 and 1, both excluded.

    Raises:
        UsageError: A value is not; the text names it.
    """
    for name, value in values.items():
        if not 0 < _to_number(value) < 1:
            raise UsageError(f"{name} must be a number above 0 and below 1, got {shorten(value)}")


def check_positive(**values: object) -> None:
    """Checks that each value is a number above 0.

    Raises:
        UsageError: A value is not; the text names it.
    """
    for name, value in values.items():
        if not _to_number(value) > 0:
            raise UsageError(f"{name} must be a number above 0, got {shorten(value)}")


def check_not_negative(**values: object) -> None:
    """Checks that each value is a number of at least 0.

    Raises:
        UsageError: A value is not; the text names it.
    """
    for name, value in values.items():
        if not _to_number(value) >= 0:
            raise UsageError(f"{name} must be a number of at least 0, got {shorten(value)}")


def check_flag(**values: object) -> None:
    """Checks that each value is true or false.

    Raises:
        UsageError: A value is not; the text names it.
    """
    for name, value in values.items():
        if not isinstance(value, bool | np.bool_):
            raise UsageError(f"{name} must be true or false, got {shorten(value)}")


def make_generator(seed: Any) -> np.random.Generator:
    """A generator of a seed, as `numpy.random.default_rng` makes it.

    Raises:
        UsageError: The seed is none.
    """
    try:
        return np.random.default_rng(to_plain(seed))
    except (TypeError, ValueError):
        raise UsageError(f"seed must be a whole number of at least 0, got {shorten(seed)}") from None


def to_plain(value: Any) -> Any:
    """Numbers, flags and arrays of NumPy as Python's own, also inside of lists, tuples and mappings.

    Everything else is returned as it is, a container without such a part too.
    """
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | str | int | float):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, Mapping):
        plain = {to_plain(key): to_plain(each) for key, each in value.items()}
        unchanged = all(key in value and value[key] is each for key, each in plain.items())
        return value if unchanged and not any(isinstance(key, np.generic) for key in value) else plain
    if isinstance(value, list | tuple):
        parts = [to_plain(each) for each in value]
        if all(part is each for part, each in zip(parts, value, strict=True)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _to_number(value: object) -> float:
    """The value as a float; NaN, which passes no comparison, where it is not a number."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # a whole number beyond the largest float
        return math.nan
