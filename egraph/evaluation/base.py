"""What a real evaluation is: one architecture in, one measured result out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.architecture import Architecture

__all__ = ["Evaluation", "Evaluator", "Fitness"]

Fitness = Callable[[Sequence[Architecture]], ArrayLike]
"""Any callable from architectures to scores, shape ``(architectures,)``, higher is better."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one evaluation measured.

    Attributes:
        score: what the search maximises: validation accuracy in [0, 1], or a metric of a table.
        test_score: measured on data that no decision looks at; NaN where there is none.
        seconds: what it cost, in seconds of one device; NaN where unknown.
        params: trainable parameters of the network; 0 where unknown.
        flops: multiply-adds of one forward pass on one input; 0 where unknown.
        source: where the number came from, such as ``"trained on digits (cpu)"`` or ``"table nasbench201"``.
    """

    score: float
    test_score: float = math.nan
    seconds: float = math.nan
    params: int = 0
    flops: int = 0
    source: str = ""


class Evaluator(ABC):
    """Measures architectures one at a time; called with many, it is a fitness.

    An evaluator is picklable, so that worker processes can hold a copy.
    """

    @abstractmethod
    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        """Measures one architecture; the same seed on the same machine gives the same scores.

        Raises:
            EvaluationError: it cannot be measured; the text says why.
        """

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """What is measured and how, as JSON-ready values; two evaluators with equal descriptions agree."""

    def screen(self) -> Fitness | None:
        """A fitness that needs no training and tells what cannot learn; NaN for what it cannot score.

        A study begins with what it likes. None, as here, where there is no such thing.
        """
        return None

    def __call__(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """The scores of many architectures, shape ``(architectures,)``."""
        return np.array(
            [self.evaluate(architecture).score for architecture in architectures], dtype=np.float64
        )
