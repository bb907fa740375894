"""The outermost layer of the application: request identity, response to failures, counters, log lines.

Log lines are JSON. They contain no payloads, tokens or queries, because these belong to the client. The text
of an internal error may quote them, so the log has only its type and traceback.
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
    # The page loads all its parts from this service and connects to no other.
    (
        b"content-security-policy",
        b"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
]


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event and the fields of the event."""

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
    """Sends the log of the service and of uvicorn to standard error, as JSON lines."""
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
    """Writes one line: an event and its fields."""
    _logger.log(level, "%s", event, extra={"fields": fields or {}}, exc_info=error)


class Journal:
    """Gives each request an identity, turns errors into responses, and counts and logs requests.

    Args:
        app: Inner application.
        metrics: Counters.
        log_requests: Whether each request is logged; failed ones always are.
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
        except Exception as error:  # noqa: BLE001 - the last resort; clients must not see internal errors
            log("failed", {"request": identity}, logging.ERROR, error)
            if not status:
                await respond(watched, Problem(500, "internal error; see the log of the service"), identity)
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
    """Sends a problem document."""
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
