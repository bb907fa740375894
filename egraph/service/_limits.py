"""Bodies of bounded size: of one request, and of all of them together."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from egraph.service._problems import Problem
from egraph.service._settings import Limits

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Bounded", "Patient"]

_MOST_READ_OVER = 64 << 20
_READING_OVER_SECONDS = 2.0


class Bounded:
    """Reads the whole body, within limits, before the application sees the request.

    A client that hangs up while it waits for the answer has its request cancelled.

    Args:
        app: what gets the body in one piece.
        limits: of the body.
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
                return  # the client has gone
            await _while_connected(self.app, scope, receive, send, bytes(body))
        finally:
            self._held -= len(body)

    async def _read(self, scope: Scope, receive: Receive, body: bytearray) -> bool:
        most = self.limits.body_bytes
        too_large = Problem(413, f"the body has more than {most} bytes; send fewer architectures at a time")
        if _expects(scope):
            too_large.headers["Connection"] = "close"  # who asked whether to send will not send
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
                raise Problem(503, "too many large requests at once; try again", headers={"Retry-After": "1"})
            if not message.get("more_body", False):
                return True


class Patient:
    """Reads over the rest of a refused request, for a moment, where the connection ends with the answer.

    Closed while the client still sends, it would take the answer back. On a connection that stays open the
    server reads over what comes after an answer.

    Args:
        app: what refuses.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more, came = scope["type"] == "http", 0

        async def heard() -> Message:
            nonlocal more, came
            message = await receive()
            more = message.get("more_body", False)
            came += len(message.get("body", b""))
            return message

        try:
            await self.app(scope, heard, send)
        except Problem:
            if _closes(scope) and not _expects(scope):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_READING_OVER_SECONDS):
                        while more and came < _MOST_READ_OVER:
                            await heard()
            raise


async def _while_connected(app: ASGIApp, scope: Scope, receive: Receive, send: Send, body: bytes) -> None:
    """Runs the application on a body that has been read; cancels it when the client hangs up."""
    handed_over = False

    async def replay() -> Message:
        nonlocal handed_over
        if handed_over:
            return await receive()  # files are sent until the client is gone
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
    """Whether the client waits to be told to send its body."""
    return any(name == b"expect" for name, _ in scope["headers"])


def _closes(scope: Scope) -> bool:
    """Whether the connection ends with the answer."""
    return scope.get("http_version") == "1.0" or any(
        name == b"connection" and value.lower() == b"close" for name, value in scope["headers"]
    )


def _length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None
