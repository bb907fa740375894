"""Bodies of bounded size: of one request, and of all of them together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from egraph.service._problems import Problem
from egraph.service._settings import Limits

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Bounded"]

_DISCARDED_AT_MOST = 64 << 20
_DISCARDING_SECONDS = 2.0


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
        announced = _length(scope)
        if announced is not None and announced > self.limits.body_bytes:
            await self._refuse(scope, receive, announced)
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            chunk = message.get("body", b"")
            body += chunk
            self._held += len(chunk)
            if len(body) > self.limits.body_bytes:
                await self._refuse(scope, receive, len(body))
            if self._held > self.limits.bodies_bytes:
                raise Problem(
                    503,
                    "too many large requests at once; try again",
                    headers={"Retry-After": "1", "Connection": "close"},
                )
            if not message.get("more_body", False):
                return True

    async def _refuse(self, scope: Scope, receive: Receive, came: int) -> None:
        """Reads on for a moment, as a client that still sends would not see the answer."""
        if not any(name == b"expect" for name, _ in scope["headers"]):
            try:
                async with asyncio.timeout(_DISCARDING_SECONDS):
                    while came < _DISCARDED_AT_MOST:
                        message = await receive()
                        came += len(message.get("body", b""))
                        if not message.get("more_body", False):
                            break
            except TimeoutError:
                pass
        raise Problem(
            413,
            f"the body has more than {self.limits.body_bytes} bytes; send fewer architectures at a time",
            headers={"Connection": "close"},
        )


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


def _length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None
