"""Results on disk: one JSON object a line, one line for each finished cell."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from egraph.errors import DataError, FailedError, UsageError
from egraph.files import cannot_write

__all__ = ["Log", "open_log", "read_log"]


class Log:
    """A file to which whole lines are appended; made by `open_log`."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    def append(self, row: Mapping[str, Any]) -> None:
        """Writes a line; it is on disk when this returns.

        Raises:
            FailedError: The disk is full.
        """
        line = (json.dumps(row, allow_nan=False) + "\n").encode()
        try:
            if os.write(self._handle, line) < len(line):
                raise OSError(errno.ENOSPC, "the disk is full")
            os.fsync(self._handle)
        except OSError as error:
            raise cannot_write(self.path, error) from error


@contextmanager
def open_log(path: str | os.PathLike[str], contestant: str) -> Iterator[Log]:
    """Opens a file of results for appending; only one process at a time can.

    An unfinished last line, left by a killed process, is removed.

    Args:
        path: Path of the file, which is created if it does not exist.
        contestant: Name of the first field of every line, such as ``predictor``.

    Raises:
        UsageError: The path is a folder.
        FailedError: Another process has opened the file, or it cannot be written.
        DataError: The file is not a file of such results.
    """
    import filelock

    target = Path(path)
    if os.path.isdir(target):
        raise UsageError(f"{target} is a folder; give the name of a file to write")
    lock = filelock.FileLock(f"{target}.lock", timeout=0)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        raise FailedError(
            f"{target} is being written by another process; wait for it, or choose another file"
        ) from None
    except OSError as error:
        raise cannot_write(target, error) from error
    try:
        read_log(target, contestant)
        try:
            handle = os.open(target, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise cannot_write(target, error) from error
        try:
            os.ftruncate(handle, _find_whole_lines(target.read_bytes()))
            yield Log(target, handle)
        finally:
            os.close(handle)
    finally:
        lock.release()


def read_log(path: str | os.PathLike[str], contestant: str) -> list[dict[str, Any]]:
    """The results in a file, which another process may be writing; empty where there is no file.

    Args:
        path: Path of the file.
        contestant: Name of the first field of every line.

    Raises:
        DataError: A line is not a result, or the file cannot be read.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    end = _find_whole_lines(data)
    lines, rest = data[:end].splitlines(), data[end:]
    rows = []
    start = f'{{"{contestant}": '.encode()
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or contestant not in row:
            raise _refuse_line(path, number, line)
        rows.append(row)
    if not (rest.startswith(start) or start.startswith(rest)):  # no unfinished line of this format
        raise _refuse_line(path, len(lines) + 1, rest)
    return rows


def _find_whole_lines(data: bytes) -> int:
    return data.rfind(b"\n") + 1


def _refuse_line(path: str | os.PathLike[str], number: int, line: bytes) -> DataError:
    return DataError(
        f"{path} is not a file of results: line {number} is {line[:40]!r}; "
        "give another file, or remove that line"
    )
