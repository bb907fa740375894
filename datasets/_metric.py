"""Descriptions of columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Metric"]


@dataclass(frozen=True, slots=True)
class Metric:
    """Description of a column of numbers.

    Attributes:
        unit: Unit such as ``"percent"``, ``"fraction"`` or ``"seconds"``; empty where unknown.
        split: Data measured on, ``"validation"`` or ``"test"``; empty where not applicable.
        budget: Number of training epochs; None where unknown or not applicable.
        runs: Number of trainings that each value is the mean of; None where unknown or not constant.
        higher_is_better: False for costs and errors.
        description: One more sentence.
    """

    unit: str = ""
    split: str = ""
    budget: int | None = None
    runs: int | None = None
    higher_is_better: bool = True
    description: str = ""
