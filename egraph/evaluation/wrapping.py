"""A user's own function as an evaluator."""

from __future__ import annotations

import hashlib
import inspect
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import CodeType
from typing import Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import EvaluationError, UsageError
from egraph.evaluation.base import Evaluation, Evaluator

__all__ = ["as_evaluator", "digest_code", "explain", "name_function"]


def as_evaluator(function: Callable[..., Any]) -> Evaluator:
    """Makes an evaluator of any function that scores architectures.

    An evaluator is returned as it is. Any other callable is taken as a fitness: it accepts a list of
    architectures and returns as many scores, higher is better. A function of one architecture works, too: the
    first call passes a list of one. If that raises TypeError, AttributeError, KeyError, IndexError or
    ValueError, or returns anything but a sequence of one score, the architecture itself is passed, and the
    form that worked is used from then on. A score is a number or an `Evaluation`. An exception in the
    function fails that one evaluation.

    A parameter with the name ``seed`` gets the seed of the evaluation, a whole number. A function without it
    cannot be repeated with fresh seeds.

    Worker processes call the function themselves, so it must be picklable: defined at the top of a module.

    Args:
        function: Evaluator, or a function of architectures.

    Raises:
        UsageError: The argument is not callable.
    """
    if isinstance(function, Evaluator):
        return function
    if not callable(function):
        kind = type(function).__name__
        raise UsageError(f"an evaluator must be an Evaluator or a function of architectures; got {kind}")
    return _FunctionEvaluator(function)


class _FunctionEvaluator(Evaluator):
    """Calls a function with a list of one architecture, or with the architecture itself."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.takes_many: bool | None = None
        self._takes_seed = _takes_seed(function)

    @property
    def takes_seed(self) -> bool:
        return self._takes_seed

    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        started = time.perf_counter()
        try:
            result = self._call(architecture, {"seed": seed} if self.takes_seed else {})
        except EvaluationError:
            raise
        except Exception as error:
            raise EvaluationError(f"{self.name} failed: {explain(error)}") from error
        evaluation = self._read(result)
        if math.isnan(evaluation.seconds):
            evaluation = replace(evaluation, seconds=time.perf_counter() - started)
        return evaluation

    def describe(self) -> dict[str, object]:
        described: dict[str, object] = {"kind": "function", "function": self.name}
        code = digest_code(self.function)
        return described if code is None else {**described, "code": code}

    @property
    def name(self) -> str:
        """Module and name of the function, or of the class of a callable object."""
        return name_function(self.function)

    def _call(self, architecture: Architecture, seed: dict[str, int]) -> Any:
        if self.takes_many is False:
            return self.function(architecture, **seed)
        if self.takes_many:
            return self._only(self.function([architecture], **seed))
        try:
            result = self._only(self.function([architecture], **seed))
        except (TypeError, AttributeError, LookupError, ValueError) as error:
            try:
                result = self.function(architecture, **seed)
            except (TypeError, AttributeError, LookupError, ValueError) as second:
                raise EvaluationError(
                    f"{self.name} failed with a list of architectures: {explain(error)}, "
                    f"and with one architecture: {explain(second)}"
                ) from error
            self.takes_many = False
        else:
            self.takes_many = True
        return result

    def _only(self, results: Any) -> Any:
        """The one result of a list of one architecture."""
        if isinstance(results, Sequence) and not isinstance(results, str):
            found = len(results)
        else:
            results = np.asarray(results)
            found = results.size if results.ndim == 1 else -1
        if found != 1:
            what = f"{found} scores" if found >= 0 else f"{type(results).__name__} of shape {results.shape}"
            raise TypeError(f"expected 1 score for 1 architecture, got {what}")
        return results[0]

    def _read(self, result: Any) -> Evaluation:
        if not isinstance(result, Evaluation):
            try:
                result = Evaluation(float(result), source=self.name)
            except (TypeError, ValueError):
                raise EvaluationError(
                    f"{self.name} must return numbers or Evaluations; got {type(result).__name__}"
                ) from None
        if not math.isfinite(result.score):
            raise EvaluationError(f"{self.name} returned the score {result.score}")
        return result


def _takes_seed(function: Callable[..., Any]) -> bool:
    """Whether a parameter ``seed`` can be given by its name."""
    try:
        parameter = inspect.signature(function).parameters.get("seed")
    except (TypeError, ValueError):  # such as of some compiled functions
        return False
    return parameter is not None and parameter.kind in (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )


def name_function(function: object) -> str:
    """Module and name of a function, or of the class of a callable object."""
    named: Any = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def digest_code(function: object) -> str | None:
    """A digest of what a function does itself, whatever its name; None for what has no code of its own.

    Functions that it calls are part of it by their names alone.
    """
    called = function if hasattr(function, "__code__") else vars(type(function)).get("__call__")
    code = getattr(called, "__code__", None)
    if code is None:
        return None
    sha = hashlib.sha256()

    def add(part: CodeType) -> None:
        values = [each for each in part.co_consts if not isinstance(each, CodeType)]
        sha.update(repr((part.co_code, part.co_names, [_order(value) for value in values])).encode())
        for each in part.co_consts:
            if isinstance(each, CodeType):
                add(each)

    add(code)
    return sha.hexdigest()[:16]


def _order(value: object) -> object:
    """A constant whose repr is the same in each process: the order of sets is not."""
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value


def explain(error: Exception) -> str:
    """Class and text of an error as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}" if str(error) else type(error).__name__
