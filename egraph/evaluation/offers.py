"""The registry of evaluators and training functions that users name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from egraph.errors import UsageError, shorten
from egraph.evaluation.base import Evaluator
from egraph.registry import Registry

__all__ = ["evaluators"]


def _check(name: str, thing: object) -> None:
    """Refuses what is neither an evaluator nor a training function."""
    if isinstance(thing, type) and issubclass(thing, Evaluator):
        raise UsageError(
            f"{name} is a class; give an evaluator made of it, such as my_{name.lower()} = {name}()"
        )
    if not isinstance(thing, Evaluator) and not callable(thing):
        raise UsageError(
            f"expected a function fit(module, trial) or an egraph.evaluation.Evaluator, got {shorten(thing)}"
        )


evaluators: Registry[Evaluator | Callable[..., Any]] = Registry(
    "evaluator", group="egraph.evaluators", check=_check
)
"""Evaluators, and functions for `OwnTraining`, by name; installed packages add theirs by entry points."""
