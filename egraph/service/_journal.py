"""The outermost layer of the application: each request gets an identity, an answer, a count and a line.

Log lines are JSON. They have no payloads, no tokens and no query: what a client sends is its own affair, and
so is the text of an unexpected error, which may quote it; the log has its kind and the places in the code.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from egraph.service._metrics import Metrics
from egraph.service._problems import MEDIA_TYPE, Problem, body_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Journal", "JsonLines", "log", "set_up_logging"]

_logger = logging.getLogger("egraph.service")

_EVERYWHERE = [
    # The page, all its parts included, comes from here and talks to nobody else.
    (
        b"content-security-policy",
        b"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
]


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level and event, then what the event carries."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of one record."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{stamp}.{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "process": record.process,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["at"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])[-12:]
            ]
        return json.dumps(line, ensure_ascii=True, default=str)


def set_up_logging() -> None:
    """Sends what the service and its server have to say to standard error, as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name, level in (("egraph.service", logging.INFO), ("uvicorn", logging.ERROR)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


def log(
    event: str,
    fields: Mapping[str, Any] | None = None,
    level: int = logging.INFO,
    error: BaseException | None = None,
) -> None:
    """Writes one line: what happened, and the particulars."""
    _logger.log(level, "%s", event, extra={"fields": fields or {}}, exc_info=error)


class Journal:
    """Answers problems with their documents, and keeps the books.

    Args:
        app: the rest of the application.
        metrics: where to count.
        log_requests: whether each request gets a line; those that failed get one always.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, log_requests: bool) -> None:
        self.app, self.metrics, self.log_requests = app, metrics, log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        identity = secrets.token_hex(8)
        scope.setdefault("state", {})["request"] = identity
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                extra = [header for header in _EVERYWHERE if header[0] not in given]
                message["headers"] = [*message["headers"], (b"x-request-id", identity.encode()), *extra]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Problem as problem:
            await respond(watched, problem, identity)
        except Exception as error:  # noqa: BLE001 - the last resort: no client shall see what it was
            log("failed", {"request": identity}, logging.ERROR, error)
            if not status:
                await respond(watched, Problem(500, "an error that is not yours; its log has more"), identity)
        self._close(scope, status, identity, time.perf_counter() - began)

    def _close(self, scope: Scope, status: int, identity: str, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "OPTIONS") else "other"
        self.metrics.requests.labels(route, method, str(status or "gone")).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        if self.log_requests or status >= 500:
            client = scope.get("client")
            fields = {
                "request": identity,
                "method": method,
                "route": route,
                "status": status or None,
                "ms": round(1000 * seconds, 2),
                "client": client[0] if client else None,
            }
            log("request", fields, logging.INFO if status < 500 else logging.WARNING)


async def respond(send: Send, problem: Problem, identity: str) -> None:
    """Sends the document of a problem."""
    body = body_of(problem, identity)
    headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), **problem.headers}
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
