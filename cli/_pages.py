"""Serves the report of a search, which a browser loads again and again."""

from __future__ import annotations

import http.server
from pathlib import Path
from typing import Any

__all__ = ["PageServer"]


class PageServer(http.server.ThreadingHTTPServer):
    """Answers on this machine alone; each answer is the report as the journal has it then.

    Args:
        journal: Path of the journal.
        port: Port; 0 takes a free one.
        seconds: Time after which the browser loads the page again.

    Raises:
        OSError: The port is taken.
    """

    daemon_threads = True

    def __init__(self, journal: str, port: int, seconds: float) -> None:
        self.journal, self.seconds = journal, seconds
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def address(self) -> str:
        """Where to point a browser."""
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: PageServer

    def do_GET(self) -> None:
        """The report; other addresses are not found."""
        from egraph import report
        from egraph.errors import EgraphError
        from egraph.study import open_journal

        if self.path != "/":
            self.send_error(404)
            return
        try:
            with open_journal(self.server.journal) as opened:
                page = report.render(opened, name=Path(self.server.journal).stem)
        except EgraphError as error:
            self.send_error(503, explain=str(error))
            return
        content = page.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Refresh", f"{self.server.seconds:g}")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed for a request."""
