"""Limits for the body of a request, and for all bodies together."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from egraph.service._problems import Problem
from egraph.service._settings import Limits

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Bounded", "Draining"]

_MOST_DRAINED = 64 << 20  # bytes
_DRAIN_SECONDS = 2.0


class Bounded:
    """Reads the whole body, within limits, before the inner application runs.

    If the client disconnects while it waits for the response, its request is cancelled.

    Args:
        app: Inner application; it receives the body in one piece.
        limits: Limits of the body.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        try:
            if not await self._read(scope, receive, body):
                return  # the client disconnected
            await _while_connected(self.app, scope, receive, send, bytes(body))
        finally:
            self._held -= len(body)

    async def _read(self, scope: Scope, receive: Receive, body: bytearray) -> bool:
        most = self.limits.body_bytes
        too_large = Problem(413, f"the body has more than {most} bytes; split the request")
        if _expects(scope):
            too_large.headers["Connection"] = "close"  # the client will not send the body
        if (_length(scope) or 0) > most:
            raise too_large
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            chunk = message.get("body", b"")
            body += chunk
            self._held += len(chunk)
            if len(body) > most:
                raise too_large
            if self._held > self.limits.bodies_bytes:
                raise Problem(
                    503, "too many large requests at once; try again later", headers={"Retry-After": "1"}
                )
            if not message.get("more_body", False):
                return True


class Draining:
    """Briefly drains a rejected body if the connection closes after the response.

    Closing while the client still sends would discard the response. On connections that stay open the server
    itself skips the rest of the body.

    Args:
        app: Inner application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more, came = scope["type"] == "http", 0

        async def observed() -> Message:
            nonlocal more, came
            message = await receive()
            more = message.get("more_body", False)
            came += len(message.get("body", b""))
            return message

        try:
            await self.app(scope, observed, send)
        except Problem:
            if _closes(scope) and not _expects(scope):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_DRAIN_SECONDS):
                        while more and came < _MOST_DRAINED:
                            await observed()
            raise


async def _while_connected(app: ASGIApp, scope: Scope, receive: Receive, send: Send, body: bytes) -> None:
    """Runs the application on a body that has been read; cancels it if the client disconnects."""
    handed_over = False

    async def replay() -> Message:
        nonlocal handed_over
        if handed_over:
            return await receive()  # responses with files watch for a disconnect
        handed_over = True
        return {"type": "http.request", "body": body, "more_body": False}

    if scope["method"] != "POST":
        await app(scope, replay, send)
        return
    work = asyncio.ensure_future(app(scope, replay, send))
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
        if not work.cancelled():
            work.result()
    finally:
        gone.cancel()
        work.cancel()


def _expects(scope: Scope) -> bool:
    """Whether the client waits for permission to send its body."""
    return any(name == b"expect" for name, _ in scope["headers"])


def _closes(scope: Scope) -> bool:
    """Whether the connection closes after the response."""
    return scope.get("http_version") == "1.0" or any(
        name == b"connection" and value.lower() == b"close" for name, value in scope["headers"]
    )


def _length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None
