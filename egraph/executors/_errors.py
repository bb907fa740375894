"""Errors of worker processes. Callers turn them into texts that name what they do."""

from __future__ import annotations

import os
import signal
import traceback

from egraph._version import __version__
from egraph.errors import FailedError, UsageError

__all__ = [
    "UnsendableError",
    "WorkerDiedError",
    "WorkerLoadError",
    "WorkerLostError",
    "WorkerRefusedError",
    "WorkerStartError",
    "WorkerTimeoutError",
    "check_version",
    "describe_error",
    "one_line",
]


class UnsendableError(UsageError):
    """The function cannot be pickled, so that no other process can have it."""


class WorkerStartError(FailedError):
    """A worker process ended before it was ready.

    Args:
        code: Exit code of the process.
    """

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(
            f"a worker process could not start (exit code {code}); run a script under "
            "`if __name__ == '__main__':`"
        )


class WorkerLoadError(FailedError):
    """A worker process could not unpickle the function.

    Args:
        reason: The error in one line.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"a worker process could not load its function: {reason}")


class WorkerDiedError(FailedError):
    """A worker process ended in the middle of a job.

    Args:
        code: Exit code of the process; negative where a signal ended it.
        seconds: Time that the job had run.
    """

    def __init__(self, code: int, seconds: float) -> None:
        self.code, self.seconds = code, seconds
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        hint = ", perhaps out of memory" if code == -signal.SIGKILL else ""
        super().__init__(f"the worker process died ({how}{hint})")


class WorkerLostError(FailedError):
    """A job was lost with its worker, on each of several workers.

    Args:
        times: Number of workers that were lost with it.
        seconds: Time that the job had run on the last one.
        reason: What is known of the last loss.
    """

    def __init__(self, times: int, seconds: float, reason: str) -> None:
        self.times, self.seconds, self.reason = times, seconds, reason
        super().__init__(f"the worker was lost {times} times ({reason}), perhaps out of memory")


class WorkerRefusedError(FailedError):
    """A worker does nothing for this study, such as one with another version of egraph."""


class WorkerTimeoutError(FailedError):
    """A worker process was ended because its job took too long.

    Args:
        seconds: Time limit of a job.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"not finished after {seconds:g} s; the process was ended")


def check_version(study: object, worker: object = __version__) -> None:
    """Refuses work between two versions of egraph.

    Args:
        study: Version that the study is of.
        worker: Version of the process that evaluates.

    Raises:
        FailedError: They differ.
    """
    if study != worker:
        raise FailedError(
            f"the worker has egraph {worker}, but the study is of egraph {study}; install the same version "
            "on all machines"
        )


def describe_error(error: Exception) -> str:
    """The error in one line, with the file and line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    raised_at = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return one_line(f"{type(error).__name__}: {error}") + raised_at


def one_line(text: str) -> str:
    """The text without line breaks, shortened to 300 characters."""
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:297] + "..."
