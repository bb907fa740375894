"""Checks of arguments: each names the argument, what came and what was expected."""

from __future__ import annotations

import math
from numbers import Integral, Real

from egraph.errors import UsageError, shorten

__all__ = [
    "check_flag",
    "check_fraction",
    "check_not_negative",
    "check_positive",
    "check_probability",
    "check_whole",
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
        if not isinstance(value, bool):
            raise UsageError(f"{name} must be true or false, got {shorten(value)}")


def _to_number(value: object) -> float:
    """The value as a float; NaN, which passes no comparison, where it is not a number."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # a whole number beyond the largest float
        return math.nan
