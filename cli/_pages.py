"""Serves the report of a search, which a browser loads again and again."""

from __future__ import annotations

import http.server
import threading
import time
from pathlib import Path
from typing import Any

__all__ = ["PageServer"]

_LONG = 1.0
"""Seconds of rendering from which on a request gets the last page, and the next one is made behind it."""


class PageServer(http.server.ThreadingHTTPServer):
    """Answers on this machine alone; each answer is the report as the journal has it then.

    The report of a large journal takes seconds. Its first request waits for it; a later one gets the report
    of the request before, and the next report is made meanwhile.

    Args:
        journal: Path of the journal.
        port: Port; 0 takes a free one.
        seconds: Time after which the browser loads the page again.

    Raises:
        OSError: The port is taken.
    """

    daemon_threads = True

    def __init__(self, journal: str, port: int, seconds: float) -> None:
        self.page, self.seconds = _Page(Path(journal)), seconds
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def address(self) -> str:
        """Where to point a browser."""
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Page:
    """The report of a journal, made again where the journal has changed."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._content, self._took = b"", 0.0
        self._state: tuple[tuple[int, int], ...] = ()

    def read(self) -> bytes:
        """The report.

        Raises:
            EgraphError: The journal cannot be read.
        """
        if self._content and self._took >= _LONG:
            threading.Thread(target=self._render, daemon=True).start()
            return self._content
        with self._lock:
            return self._make()

    def _render(self) -> None:
        from egraph.errors import EgraphError

        if self._lock.acquire(blocking=False):  # otherwise it is being made
            try:
                self._make()
            except EgraphError:
                self._content = b""  # the next request is told
            finally:
                self._lock.release()

    def _make(self) -> bytes:
        from egraph import report
        from egraph.study import open_journal

        state = self._stamp()
        if not self._content or state != self._state:
            began = time.monotonic()
            with open_journal(self._journal) as opened:
                content = report.render(opened, name=self._journal.stem).encode()
            self._content, self._state, self._took = content, state, time.monotonic() - began
        return self._content

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        """Sizes and times of the files of the journal, which change with it."""
        files = (self._journal, Path(f"{self._journal}-wal"))
        found = [file.stat() for file in files if file.exists()]
        return tuple((one.st_size, one.st_mtime_ns) for one in found)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: PageServer

    def do_GET(self) -> None:
        """The report; other addresses are not found."""
        from egraph.errors import EgraphError

        if self.path != "/":
            self.send_error(404)
            return
        try:
            content = self.server.page.read()
        except EgraphError as error:
            self.send_error(503, explain=str(error))
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Refresh", f"{self.server.seconds:g}")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed for a request."""
