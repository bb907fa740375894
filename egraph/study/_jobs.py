"""One evaluation as a job: what is asked, how it ends, and what does it."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, EgraphError, EvaluationError, ScoreLaterError
from egraph.evaluation import ZeroCost
from egraph.evaluation.base import Evaluation, Evaluator
from egraph.executors import describe_error, one_line
from egraph.study._trial import WHOLE_COST, State

__all__ = ["Evaluate", "Job", "Outcome", "Preview"]


@dataclass(frozen=True, slots=True)
class Job:
    """One evaluation.

    Attributes:
        architecture: Architecture to evaluate.
        seed: Seed of the evaluation.
        fidelity: Cost relative to a whole evaluation, which names the evaluator.
        number: Number of the trial; None for an evaluation that is no trial.
    """

    architecture: Architecture
    seed: int
    fidelity: float = WHOLE_COST
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The score of an architecture without training.

    Attributes:
        architecture: Architecture to score.
    """

    architecture: Architecture


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a job.

    Attributes:
        seconds: Duration of the job.
        evaluation: The measurement; None where the job failed or was a preview.
        values: The scores of a preview, one a proxy; empty where it failed.
        reason: Reason of the failure.
        later: Whether the measurement comes later, from outside.
        fatal: An error that every other job would raise too, so that the run must stop.
    """

    seconds: float
    evaluation: Evaluation | None = None
    values: tuple[float, ...] = ()
    reason: str = ""
    later: bool = False
    fatal: EgraphError | None = None

    @property
    def state(self) -> State:
        """State of a trial with this outcome."""
        if self.later:
            return "asked"
        return "failed" if self.evaluation is None else "complete"

    @property
    def measured(self) -> Evaluation:
        """The measurement; where the job failed, one without a score."""
        return self.evaluation or Evaluation(math.nan, seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Evaluate:
    """The function of an executor of evaluations.

    Attributes:
        evaluators: Evaluators by the cost of their fidelity.
        preview: Does the previews; None where there are none.
    """

    evaluators: Mapping[float, Evaluator]
    preview: Evaluator | None = None

    def __call__(self, job: Job | Preview) -> Outcome:
        begun = time.perf_counter()

        def outcome(**what: Any) -> Outcome:
            return Outcome(time.perf_counter() - begun, **what)

        try:
            if isinstance(job, Preview):
                return outcome(values=self._preview(job.architecture))
            evaluator = self.evaluators[job.fidelity]
            if job.number is not None:
                evaluator = evaluator.numbered(job.number)
            evaluation = evaluator.evaluate(job.architecture, seed=job.seed)
            usable = math.isfinite(evaluation.score)
        except ScoreLaterError as error:
            return outcome(later=True, reason=one_line(str(error)))
        except (EvaluationError, ArchitectureError) as error:
            return outcome(reason=one_line(str(error)))
        except EgraphError as error:
            return outcome(fatal=error)
        except Exception as error:  # noqa: BLE001, a training may fail in any way; it is one failed trial
            return outcome(reason=describe_error(error))
        if not usable:
            return outcome(reason=f"the score is {evaluation.score}")
        return outcome(evaluation=evaluation)

    def prepare(self) -> None:
        """Loads what the evaluations share. An error comes again in each of them, which tells it."""
        with contextlib.suppress(Exception):
            for evaluator in self.evaluators.values():
                evaluator.prepare()

    def _preview(self, architecture: Architecture) -> tuple[float, ...]:
        """The scores of an architecture; of several proxies each has its own, because ranks need all."""
        assert self.preview is not None
        if isinstance(self.preview, ZeroCost):
            return tuple(self.preview.columns([architecture])[0].tolist())
        return (float(self.preview([architecture])[0]),)
