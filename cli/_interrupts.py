"""Ctrl-C while modules are imported: it takes effect after the import."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

__all__ = ["keep_interrupts"]

Result = TypeVar("Result")

_PAUSE = 0.1  # seconds until an interrupt is tried again
_LONGEST = 20.0  # seconds after which an import is interrupted all the same
_IMPORTING = "<frozen importlib._bootstrap>"


def keep_interrupts(work: Callable[[], Result]) -> Result:
    """Calls a function, with interrupts that come during an import raised as soon as the import has ended.

    Compiled modules may discard the exceptions of what they import, and an interrupt would be lost with them.
    Outside the main thread, and where interrupts are ignored or handled by others, nothing is changed.

    Raises:
        KeyboardInterrupt: There was an interrupt.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        return work()
    outermost = sys._getframe()
    timer: threading.Timer | None = None
    first = 0.0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal timer, first
        now = time.monotonic()
        first = first or now
        if now - first > _LONGEST or not _is_importing(frame, outermost):
            signal.default_int_handler(number, frame)
        timer = threading.Timer(_PAUSE, _interrupt, [threading.get_ident()])
        timer.daemon = True
        timer.start()

    signal.signal(signal.SIGINT, handle)
    try:
        return work()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if timer is not None:
            timer.cancel()


def _interrupt(thread: int) -> None:
    """Sends the interrupt again, to the thread itself, so that it wakes from waiting."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)  # on Windows this wakes the main thread


def _is_importing(frame: FrameType | None, outermost: FrameType) -> bool:
    """Whether a frame runs for an import that began inside the outermost one."""
    while frame is not None and frame is not outermost:
        if frame.f_code.co_filename == _IMPORTING:
            return True
        frame = frame.f_back
    return False
