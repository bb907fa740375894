"""What a door is, and what counts as a fault behind it."""

from __future__ import annotations

import contextlib
import re
import resource
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from egraph.errors import EgraphError, OutOfDistributionWarning, PluginWarning

__all__ = ["Door", "Fault", "InternalError", "Tally", "attempt", "try_batch", "try_input"]

SECONDS = 10
"""Processor time that one input may take."""

LONGEST = 3000
"""Characters of an error text."""


@dataclass
class Door:
    """A way into egraph.

    Attributes:
        inputs: Makes inputs.
        read: Reads an input in a file as users do; every error but those of egraph is a fault.
        suffix: End of the file's name.
    """

    inputs: st.SearchStrategy[bytes]
    read: Callable[[Path], object]
    suffix: str = ""


@dataclass
class Fault:
    """An error that is not egraph's own, an input that took too long, or a crash.

    Attributes:
        key: Kind and place; faults of one key count as one.
        text: The traceback.
        content: The input.
    """

    key: str
    text: str
    content: bytes = b""


@dataclass
class Tally:
    """What has been tried at a door.

    Attributes:
        batches: Batches of inputs, each with a seed of its own.
        tried: Inputs.
        faults: Number of faults by key.
        seconds: Processor time of all inputs.
        slowest: Processor time of the slowest one, in seconds.
        peak: Largest memory of the process, in MiB.
        given: Time that the door's processes had, in seconds.
    """

    batches: int = 0
    tried: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    slowest: float = 0.0
    peak: int = 0
    given: float = 0.0


class TooLong(BaseException):
    """The time of an input is over; no reader catches it."""


class InternalError(Exception):
    """The service, or a command, met an error of another kind."""


class WrongTextError(Exception):
    """The text of an error is not one short line."""


def attempt(read: Callable[[], Any]) -> Any:
    """What a reader gives; None where it refuses with an error of egraph, in one line."""
    try:
        return read()
    except EgraphError as error:
        if "\n" in str(error) or "\r" in str(error) or len(str(error)) > LONGEST:
            raise WrongTextError(f"{len(str(error))} characters: {str(error)[:500]!r}") from error
        return None


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Ends what takes more processor time, as far as Python can."""

    def stop(number: int, frame: object) -> None:
        raise TooLong(f"more than {seconds} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def try_input(door: Door, path: Path, content: bytes, tally: Tally) -> Fault | None:
    """Writes an input to a file and reads it.

    Args:
        door: The door.
        path: The file to write.
        content: The input.
        tally: Counts it.

    Returns:
        The fault, if it is one.
    """
    path.write_bytes(content)
    fault = None
    started = time.process_time()
    try:
        with warnings.catch_warnings(), _limited(SECONDS):
            warnings.simplefilter("error")
            for kind in (OutOfDistributionWarning, PluginWarning):
                warnings.simplefilter("ignore", kind)
            attempt(lambda: door.read(path))
    except (Exception, TooLong, SystemExit) as error:  # noqa: BLE001 - any is a fault
        fault = Fault(_place(error), "".join(traceback.format_exception(error, limit=-30)), content)
        tally.faults[fault.key] = tally.faults.get(fault.key, 0) + 1
    spent = time.process_time() - started
    tally.tried += 1
    tally.seconds += spent
    tally.slowest = max(tally.slowest, spent)
    tally.peak = max(tally.peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    return fault


def try_batch(
    door: Door, path: Path, seed: int, count: int, tally: Tally, found: Callable[[Fault], object]
) -> None:
    """Tries some inputs, the same ones for the same seed."""

    @hypothesis.seed(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(door.inputs)
    def try_each(content: bytes) -> None:
        if (fault := try_input(door, path, content, tally)) is not None:
            found(fault)

    try_each()
    tally.batches += 1


_FRAME = re.compile(r'File "([^"]*)", line (\d+), in (\S+)')


def _place(error: BaseException) -> str:
    """The kind of an error and the last line of egraph that it passed, also of a traceback in its text."""
    if isinstance(error, WrongTextError):
        assert error.__cause__ is not None
        return f"text of {_place(error.__cause__)}"
    told = str(error) if isinstance(error, InternalError) else ""
    frames = _FRAME.findall("".join(traceback.format_tb(error.__traceback__)) + told)
    own = [
        frame
        for frame in frames
        if "/fuzzing/" not in frame[0] and "site-packages" not in frame[0] and "/lib/python" not in frame[0]
    ]
    file, line, function = (own or frames)[-1]
    kind = type(error).__name__
    if told and (kinds := re.findall(r"unexpected (\w+)", told)):
        kind = kinds[-1]
    return f"{kind} at {'/'.join(Path(file).parts[-2:])}:{line} {function}"
