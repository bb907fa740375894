"""Progress of long work: a bar with the remaining time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import click

__all__ = ["Report", "Stages", "describe_seconds", "track", "track_stages"]

SECONDS_BETWEEN_LINES = 10.0
LEAST_SHARE = 0.05
"""Share of the steps that has to be done before the remaining time is estimated."""


class Report(Protocol):
    """Displays the progress of work."""

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None:
        """Shows that ``done`` of ``total`` is done, with a short note."""

    def say(self, line: str) -> None:
        """Prints a line that stays."""


@contextmanager
def track(what: str) -> Iterator[Report]:
    """Shows progress on standard error."""
    if not sys.stderr.isatty():
        yield _Lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    shown = ("{task.description}", "{task.fields[note]}", "[dim]{task.fields[left]}")
    title, note, left = (TextColumn(text) for text in shown)
    columns: list[ProgressColumn] = [title, note, left]
    if console.width >= 90:
        columns = [title, BarColumn(bar_width=24), note, TimeElapsedColumn(), left]
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bar(progress, what)


class Stages:
    """Shows the stages of work, one after another; made by `track_stages`."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack, self._title = stack, ""
        self._report: Report | None = None

    def __call__(self, title: str, done: float = 0, total: float | None = None, note: str = "") -> None:
        """Shows that ``done`` of ``total`` is done in a stage; the first call with a title begins it."""
        if self._report is None or title != self._title:
            self._stack.close()
            self._title, self._report = title, self._stack.enter_context(track(title))
        if total is not None:
            self._report(done, total, note)

    def say(self, line: str) -> None:
        """Prints a line that stays, above the bar of the current stage."""
        assert self._report is not None
        self._report.say(line)


@contextmanager
def track_stages() -> Iterator[Stages]:
    """Shows the progress of work in several stages on standard error, each stage as `track` does."""
    with ExitStack() as stack:
        yield Stages(stack)


class _Clock:
    """The remaining time, from the pace since the last report before the first step."""

    def __init__(self) -> None:
        self.first: tuple[float, float] | None = None

    def left(self, done: float, total: float | None) -> str:
        now = time.monotonic()
        if self.first is None or done <= self.first[1]:
            self.first = (now, done)
        began, start = self.first
        # The first of many steps includes the start of processes and says little about the others.
        if not total or done <= start or done - start < LEAST_SHARE * (total - start):
            return ""
        return f"about {describe_seconds((now - began) / (done - start) * max(total - done, 0))} left"


class _Bar:
    def __init__(self, progress: Any, what: str) -> None:
        self.progress, self.clock = progress, _Clock()
        self.task = progress.add_task(what, total=None, note="", left="")

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None:
        left = self.clock.left(done, total)
        self.progress.update(self.task, completed=done, total=total, note=note, left=left)

    def say(self, line: str) -> None:
        self.progress.console.print(line, markup=False)


class _Lines:
    def __init__(self, what: str) -> None:
        self.clock, self.last = _Clock(), time.monotonic()
        self.say(what)

    def __call__(self, done: float, total: float | None = None, note: str = "") -> None:
        left = self.clock.left(done, total)
        if time.monotonic() - self.last >= SECONDS_BETWEEN_LINES:
            self.last = time.monotonic()
            self.say("  " + ", ".join(filter(None, [note, left])))

    def say(self, line: str) -> None:
        click.echo(line, err=True)


def describe_seconds(seconds: float) -> str:
    """A duration such as ``45 s``, ``3 min`` or ``2 h 5 min``."""
    if seconds < 100:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
