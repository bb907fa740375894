"""Limits of connections: deadlines, size of headers, number.

uvicorn sets no time limit for headers and body of a request. Here both have a deadline, so that slow clients
cannot occupy all connections.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from egraph.service._problems import MEDIA_TYPE, TITLES, Problem, body_of
from egraph.service._settings import Limits

__all__ = ["protocol_within"]

_MOST_HEADER_BYTES = 65_536
_MOST_DRAINED = 64 << 20  # bytes of a rejected body
_CROWDED_SECONDS = 2.0
_LINGERING_SECONDS = 1.0
_LAST_WORD_SECONDS = 0.3
_CROWD = 2  # times the limit of connections; further ones are closed without a response


def protocol_within(limits: Limits) -> type[HttpToolsProtocol]:
    """The HTTP protocol of uvicorn with limits."""
    return type("_Protocol", (_BoundedProtocol,), {"limits": limits})


class _BoundedProtocol(HttpToolsProtocol):
    limits: Limits

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._deadline: asyncio.TimerHandle | None = None
        self._part = "nothing"  # part of the request that is arriving: nothing, headers, body
        self._header_bytes = self._drained = 0
        self._crowded = self._refused = self._ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._crowded = len(self.connections) > self.limits.connections
        self._set_deadline(_CROWDED_SECONDS if self._crowded else self.limits.header_seconds)
        if len(self.connections) > _CROWD * self.limits.connections:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._set_deadline(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        if self._deadline is None:
            self._set_deadline(self.limits.header_seconds)
        super().data_received(data)
        if self._part == "headers":
            self._header_bytes += len(data)
            if self._header_bytes > _MOST_HEADER_BYTES:
                self._refuse(Problem(431, f"the headers have more than {_MOST_HEADER_BYTES} bytes"))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._part, self._header_bytes, self._drained = "headers", 0, 0

    def on_headers_complete(self) -> None:
        if self._refused:
            return
        if self._crowded:
            self._refuse(Problem(503, "too many connections; try again later", headers={"Retry-After": "1"}))
            return
        self._part = "body"
        self._set_deadline(self.limits.body_seconds)
        super().on_headers_complete()
        if self._ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        if self._refused:
            return
        if self.cycle.response_complete:
            self._drained += len(body)
            if self._drained > _MOST_DRAINED:
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            self._part = "nothing"
            self._set_deadline(None)
            super().on_message_complete()

    def shutdown(self) -> None:
        """Closes the connection after its response, or after a short wait for a request on its way."""
        self._ending = True
        if self.cycle is None or self.cycle.response_started:
            self.loop.call_later(_LAST_WORD_SECONDS, super().shutdown)
        else:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Closes an idle connection; aborts it if the client has not read its last response."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """Responds to data that is not HTTP."""
        self._refuse(Problem(400, "the request is not valid HTTP"))

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        if self._part == "nothing":
            self.transport.close()  # there is no request to respond to
        else:
            self._refuse(Problem(408, "the request did not arrive in time"))

    def _may_answer(self) -> bool:
        if self.cycle is None:
            return True
        return not self.cycle.response_started if self._part == "body" else self.cycle.response_complete

    def _refuse(self, problem: Problem) -> None:
        """Sends a response, unless one has begun, and closes the connection.

        Data is still read for a short time: closing at once would discard the response of a client that is
        still sending.
        """
        self._set_deadline(None)
        self._refused = True
        if self.transport.is_closing():
            return
        if self._may_answer():
            body = body_of(problem)
            headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), **problem.headers}
            lines = [f"HTTP/1.1 {problem.status} {TITLES[problem.status]}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            self.transport.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("ascii") + body)
            self.transport.write_eof()
            self.loop.call_later(_LINGERING_SECONDS, self.transport.close)
        else:
            self.transport.close()
