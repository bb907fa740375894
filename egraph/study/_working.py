"""Evaluations on other machines: jobs and results as text, what evaluates as text and arrays.

An engine for other machines is given a `Work`, a function from a text to a text, and `Texts` is the executor
that a study sees. Each text has the version of egraph, and no process works for a study of another one.
"""

from __future__ import annotations

import functools
import json
import math
import socket
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from typing import Any

from egraph import errors
from egraph._version import __version__
from egraph.architecture import Architecture
from egraph.errors import EgraphError, FailedError, UsageError
from egraph.evaluation.base import Evaluation, Evaluator
from egraph.evaluation.packing import pack, unpack
from egraph.executors import Executor, Stoppable, WorkerRefusedError, check_version, describe_error
from egraph.study._jobs import Evaluate, Job, Outcome, Preview
from egraph.study._sameness import describe

__all__ = ["Work", "carry"]

_KEPT = 2
"""Number of descriptions whose evaluators a process keeps."""


@dataclass(frozen=True)
class Work:
    """What does the jobs of a study on any machine: a function from a text to a text.

    The evaluators are made once in each process.

    Attributes:
        parcel: Evaluators and what they describe themselves as, as `egraph.evaluation.packing.pack` writes.
    """

    parcel: bytes

    @classmethod
    def of(cls, evaluate: Evaluate) -> Work:
        """The work of these evaluators.

        Raises:
            UsageError: One cannot go to other machines.
        """
        evaluators = {f"{cost!r}": one for cost, one in evaluate.evaluators.items()}
        content = {
            "egraph": __version__,
            "evaluators": evaluators,
            "preview": evaluate.preview,
            "described": {cost: describe(one) for cost, one in evaluators.items()},
        }
        return cls(pack(content))

    def __call__(self, text: str) -> str:
        """Does the job of a text; the answer has its outcome, or the reason why nothing is done here."""
        try:
            job = read_job(text)
            outcome = _open(self.parcel)(job)
        except Exception as error:  # noqa: BLE001, whatever the code of an evaluator raises when it is made
            reason = str(error) if isinstance(error, EgraphError) else describe_error(error)
            return json.dumps({"egraph": __version__, "refused": f"{socket.gethostname()}: {reason}"})
        return write_outcome(outcome)

    def prepare(self) -> None:
        """Makes the evaluators and loads what they need, before the first job.

        Raises:
            EgraphError: Nothing can be done here; the text tells why.
        """
        _open(self.parcel).prepare()


def carry(executor: Executor[str, str]) -> Texts:
    """An executor of jobs over one of texts whose function is a `Work`; it can end a job if that one can."""
    return StoppableTexts(executor) if isinstance(executor, Stoppable) else Texts(executor)


class Texts:
    """An executor of jobs over one of texts.

    Args:
        executor: Executor whose function is a `Work`.
    """

    def __init__(self, executor: Executor[str, str]) -> None:
        self._executor = executor
        self._futures: dict[Future[str], Future[Outcome]] = {}

    @property
    def capacity(self) -> int:
        """Number of jobs that run at a time, which may change while workers come and go."""
        return self._executor.capacity

    def submit(self, job: Job | Preview) -> Future[Outcome]:
        """Queues a job."""
        future: Future[Outcome] = Future()
        self._futures[self._executor.submit(write_job(job))] = future
        return future

    def wait(self) -> list[Future[Outcome]]:
        """Waits until a job is done, or more can be done at a time."""
        return self._take(self._executor.wait())

    def _take(self, answers: list[Future[str]]) -> list[Future[Outcome]]:
        done = []
        for answered in answers:
            future = self._futures.pop(answered)
            try:
                future.set_result(read_outcome(answered.result()))
            except EgraphError as error:
                future.set_exception(error)
            except Exception as error:  # noqa: BLE001, whatever an engine raises; it is one failed trial
                future.set_result(Outcome(math.nan, reason=describe_error(error)))
            done.append(future)
        return done

    def close(self) -> None:
        """Ends what still runs."""
        self._executor.close()
        self._futures.clear()


class StoppableTexts(Texts):
    """The same over an executor that can end one job.

    Args:
        executor: Executor whose function is a `Work`.
    """

    def __init__(self, executor: Stoppable[str, str]) -> None:
        super().__init__(executor)
        self._stoppable = executor

    def wait(self, seconds: float | None = None) -> list[Future[Outcome]]:
        """Waits until a job is done, more can be done at a time, or so many seconds have passed."""
        return self._take(self._stoppable.wait(seconds))

    def elapsed(self, future: Future[Outcome]) -> float:
        """Seconds that a job has run; 0 while it waits, or its worker starts."""
        return sum(self._stoppable.elapsed(one) for one in self._find(future))

    def drop(self, future: Future[Outcome]) -> None:
        """Ends a job; `wait` does not return its future."""
        for one in self._find(future):
            del self._futures[one]
            self._stoppable.drop(one)

    def _find(self, future: Future[Outcome]) -> list[Future[str]]:
        return [theirs for theirs, ours in self._futures.items() if ours is future]


def write_job(job: Job | Preview) -> str:
    """A job as JSON."""
    content: dict[str, Any] = {"egraph": __version__, "architecture": job.architecture.to_json()}
    if isinstance(job, Job):
        content |= {"seed": job.seed, "fidelity": job.fidelity, "number": job.number}
    return json.dumps(content)


def read_job(text: str) -> Job | Preview:
    """Reads the result of `write_job`.

    Raises:
        FailedError: It is of another version of egraph.
    """
    content = json.loads(text)
    check_version(content.pop("egraph", None))
    architecture = Architecture.from_json(content.pop("architecture"))
    return Job(architecture, **content) if content else Preview(architecture)


def write_outcome(outcome: Outcome) -> str:
    """An outcome as JSON."""
    content = {
        "seconds": outcome.seconds,
        "evaluation": None if outcome.evaluation is None else asdict(outcome.evaluation),
        "values": list(outcome.values),
        "reason": outcome.reason,
        "later": outcome.later,
        "fatal": None if outcome.fatal is None else [type(outcome.fatal).__name__, str(outcome.fatal)],
    }
    return json.dumps({"egraph": __version__, "outcome": content})


def read_outcome(text: str) -> Outcome:
    """Reads the answer of a `Work`.

    Raises:
        WorkerRefusedError: The worker does nothing for this study.
        FailedError: The answer is of another version of egraph.
    """
    answer = json.loads(text)
    if "refused" in answer:
        raise WorkerRefusedError(answer["refused"])
    check_version(__version__, answer["egraph"])
    content = answer["outcome"]
    evaluation, fatal = content["evaluation"], content["fatal"]
    return Outcome(
        content["seconds"],
        evaluation=None if evaluation is None else Evaluation(**evaluation),
        values=tuple(content["values"]),
        reason=content["reason"],
        later=content["later"],
        fatal=None if fatal is None else _make_error(*fatal),
    )


def _make_error(kind: str, text: str) -> EgraphError:
    """An error of another process, as the class that it had where that takes a text alone."""
    found = getattr(errors, kind, FailedError)
    if found.__init__ is not EgraphError.__init__:
        found = UsageError if issubclass(found, UsageError) else FailedError
    error: EgraphError = found(text)
    return error


@functools.lru_cache(maxsize=_KEPT)
def _open(parcel: bytes) -> Evaluate:
    """The evaluators of a parcel.

    Raises:
        EgraphError: It is of another version, or something that it names is absent or differs here.
    """
    content = unpack(parcel)
    check_version(content["egraph"])
    evaluators: Mapping[str, Evaluator] = content["evaluators"]
    for cost, evaluator in evaluators.items():
        _check_same(content["described"][cost], describe(evaluator))
    return Evaluate({float(cost): one for cost, one in evaluators.items()}, content["preview"])


def _check_same(wanted: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Refuses other data or another function of the same name.

    Raises:
        FailedError: Something differs.
    """
    differing = [name for name in sorted({*wanted, *here}) if wanted.get(name) != here.get(name)]
    if differing:
        shown = ", ".join(f"{name} {here.get(name)}, not {wanted.get(name)}" for name in differing)
        raise FailedError(
            f"the evaluation differs here: {errors.shorten(shown, 200)}; have the same files, the same data "
            "and the same Python on all machines"
        )
