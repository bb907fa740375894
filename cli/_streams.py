"""Standard streams that are closed or cannot be written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from egraph.errors import FailedError
from egraph.files import printable

__all__ = ["usable_streams"]


@contextmanager
def usable_streams() -> Iterator[None]:
    """Within the block, results that cannot be printed are an error in one line, messages are left out.

    Closed streams lead to nowhere, so that no file that is opened later gets their number. Streams that
    others have put in place of the process's own stay.

    Raises:
        FailedError: By a print to standard output that is closed or cannot be written.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest number that is free
    before = sys.stdout, sys.stderr
    if sys.stdout is sys.__stdout__:
        sys.stdout = _Results(sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _Messages(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Stream:
    """Passes everything on to a stream; None is a closed one."""

    encoding = "utf-8"  # click would replace a stream of ASCII by one of its own

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def real_encoding(self) -> str:
        return self.encoding if self._stream is None else str(self._stream.encoding)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def write(self, text: str) -> int:
        if not isinstance(text, str):  # click tries which kind of stream it is
            raise TypeError("texts only")
        if not text:
            return 0
        try:
            if self._stream is None:
                raise OSError(9, "it is closed")
            return int(self._stream.write(printable(text, self._stream.encoding)))
        except BrokenPipeError:
            raise
        except OSError as error:
            self._fail(error)
            return len(text)

    def flush(self) -> None:
        try:
            if self._stream is not None:
                self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        """Sends what is still held back to nowhere, as Python would try it again at the end."""
        with suppress(OSError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


class _Results(_Stream):
    def _fail(self, error: OSError) -> None:
        super()._fail(error)
        reason = error.strerror or error
        raise FailedError(f"cannot write to standard output: {reason}; send it elsewhere") from None


class _Messages(_Stream):
    pass
