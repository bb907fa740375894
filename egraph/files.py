"""Atomic writes: a file is written completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from egraph.errors import FailedError

__all__ = ["atomic_path", "cannot_write", "expand", "is_special", "printable", "write_text"]


def expand(path: str | os.PathLike[str]) -> Path:
    """The path with the user's home in place of ``~``; as it is where the user has no home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def is_special(path: str | os.PathLike[str]) -> bool:
    """Whether there is something other than a plain file: a folder, or a pipe, which makes readers wait."""
    return os.path.exists(path) and not os.path.isfile(path)


def printable(text: str, encoding: str = "utf-8") -> str:
    """The text with escapes for what the encoding lacks, such as the bytes of names that are not UTF-8."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path`` that replaces it when the block ends without an error.

    ``~`` is the user's home. Missing parent folders are made. If the block raises, the temporary file is
    removed.

    Raises:
        FailedError: The folder cannot be written, or the disk is full.
    """
    target = expand(path)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def cannot_write(path: str | os.PathLike[str], error: OSError) -> FailedError:
    """The error of a file or folder that cannot be written; more room is advised where the disk is full."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    way_out = "make room or choose another place" if full else "choose another place"
    return FailedError(f"cannot write {os.fspath(path)}: {error.strerror or error}; {way_out}")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes ``text`` as UTF-8, atomically; names in it that are not UTF-8 are escaped."""
    with atomic_path(path) as temporary:
        temporary.write_text(printable(text), encoding="utf-8")
