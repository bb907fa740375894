"""The file of a journal: opened, checked, held by one writer, changed in transactions."""

from __future__ import annotations

import contextlib
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from egraph.errors import JournalError
from egraph.executors import end_unguarded
from egraph.files import is_special
from egraph.journals import APPLICATION, check_cells, open_to_read
from egraph.study import _migrations

__all__ = ["JournalFile"]

_BUSY_SECONDS = 30.0
_WAYS_OUT = {
    sqlite3.SQLITE_BUSY: "wait for the process that holds it",
    sqlite3.SQLITE_LOCKED: "wait for the process that holds it",
    sqlite3.SQLITE_READONLY: "choose a file that can be written",
    sqlite3.SQLITE_CANTOPEN: "choose a file that can be written",
}
"""What to do, by the kind of the error, which is the low byte of its code."""


class JournalFile:
    """One SQLite file, or a database in memory.

    Args:
        path: The file, made where it does not exist; None keeps everything in memory.
        read_only: Whether it is never written, and no writer is waited for.
        wait: Seconds to wait for another writer.

    Raises:
        JournalError: The file is no journal, damaged, of a newer version, cannot be written, or is held by
            another process.

    Attributes:
        db: The connection.
    """

    def __init__(self, path: Path | None, *, read_only: bool, wait: float = 0) -> None:
        if path is not None and is_special(path):
            raise JournalError(f"{path} is no plain file; name the file of a journal, such as runs/x.db")
        self.path, self.read_only = path, read_only
        release = _no_lock if path is None or read_only else _lock(path, wait)
        with contextlib.ExitStack() as opened:
            opened.callback(release)
            with self.errors():
                self.db = self._connect()
                opened.callback(self.db.close)
                self._check()
            self.close = weakref.finalize(self, opened.pop_all().close)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of the block are made, or none."""
        with self.errors():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turns the errors of SQLite into `JournalError`."""
        name = self.path or "the journal in memory"
        try:
            yield
        except sqlite3.ProgrammingError as error:  # closed
            raise JournalError(f"{name}: {error}") from None
        except sqlite3.OperationalError as error:
            if not hasattr(error, "sqlite_errorcode"):  # of Python itself: a text that is not UTF-8
                raise JournalError(f"{name} is damaged: {error}") from error
            way_out = _WAYS_OUT.get(error.sqlite_errorcode & 0xFF, "make room or choose another file")
            raise JournalError(f"cannot use {name}: {error}; {way_out} (nothing written is lost)") from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise JournalError(f"{name} is damaged, or not the journal of a study: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        if self.path is None:
            return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        if not self.read_only:
            return sqlite3.connect(
                self.path,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,  # what nobody closes is closed by the thread that collects garbage
            )
        return open_to_read(self.path, _BUSY_SECONDS)

    def _check(self) -> None:
        """Refuses what is no journal; makes the tables of a new one and updates an older one."""
        application = self.db.execute("PRAGMA application_id").fetchone()[0]
        found = self.db.execute("PRAGMA user_version").fetchone()[0]
        empty = not self.db.execute("SELECT 1 FROM sqlite_master").fetchall()
        if application != APPLICATION and not (empty and application == 0):
            raise JournalError(
                f"{self.path} is a database, but not the journal of a study; choose another file"
            )
        if found > _migrations.version():
            raise JournalError(
                f"{self.path} has journal version {found}, this egraph reads up to {_migrations.version()}; "
                "install a newer egraph"
            )
        if empty and self.read_only:
            raise JournalError(f"{self.path} is the journal of a study that has not begun")
        if self.path is not None and self.db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("its pages contradict each other")
        if not empty and self.path is not None:
            check_cells(self.db)
        if self.read_only:
            return
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        if empty:
            _migrations.create(self.db, APPLICATION)
        else:
            _migrations.migrate(self.db, found)


def _no_lock() -> None:
    pass


def _lock(path: Path, wait: float) -> Callable[[], object]:
    """Makes this process the only writer; returns the function that releases the file."""
    import filelock

    holder = Path(f"{path}.lock")
    lock = filelock.FileLock(holder, timeout=wait)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        end_unguarded()  # a worker that runs the script of its parent, which holds the file
        raise JournalError(
            f"{path} is held by another process{_name_holder(path)}; wait for it, or choose another file"
        ) from None
    except OSError as error:
        raise JournalError(
            f"cannot write {path}: {error.strerror or error}; choose a folder that can be written"
        ) from error
    return lock.release


def _name_holder(path: Path) -> str:
    """The process that last opened the journal to write, as the journal itself says."""
    try:
        file = JournalFile(path, read_only=True)
    except JournalError:
        return ""
    with file.errors():
        row = file.db.execute("SELECT pid FROM session ORDER BY number DESC LIMIT 1").fetchone()
    file.close()
    return f" (pid {row[0]})" if row else ""
