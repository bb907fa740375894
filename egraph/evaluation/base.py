"""The interface of evaluators: one architecture in, one measured result out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.architecture import Architecture
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.datasets import Metric

__all__ = ["Evaluation", "Evaluator", "Fidelity", "Fitness"]

Fitness = Callable[[Sequence[Architecture]], ArrayLike]
"""Any callable from architectures to scores, shape ``(architectures,)``, higher is better."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of one evaluation.

    Attributes:
        score: Number that the search maximises: validation accuracy in [0, 1], or a metric of a table.
        test_score: Score on data that no decision uses; NaN where there is none.
        seconds: Cost in seconds of one device; NaN where unknown.
        params: Number of trainable parameters; 0 where unknown.
        flops: Multiply-adds of one forward pass on one input; 0 where unknown.
        source: Origin of the score, such as ``"trained on digits (cpu)"`` or ``"table nasbench201"``.
    """

    score: float
    test_score: float = math.nan
    seconds: float = math.nan
    params: int = 0
    flops: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """A cheaper way to measure what an evaluator measures, or the whole way.

    Attributes:
        name: Text that names it, such as ``"0.1"`` or ``"epochs=3"``.
        cost: Its cost relative to that of a whole evaluation, above 0 and at most 1.
        evaluator: Evaluator that measures in this way.
    """

    name: str
    cost: float
    evaluator: Evaluator


class Evaluator(ABC):
    """Measures one architecture at a time; called with many, it is a fitness.

    Evaluators are picklable, so that each worker process can have a copy.
    """

    @abstractmethod
    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        """Measures one architecture; the same seed on the same machine gives the same scores.

        Raises:
            EvaluationError: The architecture cannot be measured; the text gives the reason.
        """

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """The settings that scores depend on, as JSON-ready values.

        Evaluators with equal descriptions give equal scores.
        """

    @property
    def takes_seed(self) -> bool:
        """Whether the seed changes the scores; where it does not, repeats are the same evaluation."""
        return True

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Columns of a table that are looked up, whose units a journal keeps; none by default."""
        return {}

    def screen(self) -> Fitness | None:
        """A cheap fitness that recognises architectures that cannot learn; NaN for those without a score.

        A study uses it to choose its first trials. None, the default, means that there is no such fitness.
        """
        return None

    def at(self, fidelity: str) -> Fidelity:
        """A cheaper evaluation of this name, such as one with fewer epochs; `egraph.Study` tells what for.

        Args:
            fidelity: Name; each evaluator that has fidelities says how it reads them.

        Raises:
            UsageError: The evaluator measures in one way only, or has no fidelity of this name.
        """
        raise UsageError(
            f"{type(self).__name__.lstrip('_')} measures in one way only; fidelities are for trainings and "
            "tables, or an Evaluator of your own with the method at"
        )

    def keeping(self, folder: Path) -> Evaluator:
        """An evaluator with the same scores that goes on from what shorter evaluations left in a folder.

        A study with a file as storage and with fidelities asks for it. The default is the evaluator itself.
        """
        return self

    def within(self, seconds: float) -> Evaluator:
        """An evaluator with the same scores that fails where an evaluation takes longer than this.

        A study with a time limit for trials asks for it. The default is the evaluator itself, which nothing
        ends in the study's own process; worker processes are ended in any case.
        """
        return self

    def numbered(self, trial: int) -> Evaluator:
        """An evaluator with the same scores that knows the number of the trial; by default itself."""
        return self

    def arrive(self) -> None:
        """Called after the evaluator was read on another machine, such as to choose its device there.

        Evaluators go there as the name of their class and their attributes: numbers, texts, lists, mappings,
        paths, arrays, data, registered spaces, and functions at the top of a module.
        """
        return

    def prepare(self) -> None:
        """Loads what all evaluations need, such as the data.

        A study with a time limit calls it once in each worker process, before the clock runs.
        """
        return

    def __call__(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """The scores of many architectures, shape ``(architectures,)``."""
        return np.array(
            [self.evaluate(architecture).score for architecture in architectures], dtype=np.float64
        )
