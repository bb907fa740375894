"""One connection: how long it may take, how large its headers may be, and how many there are.

uvicorn waits for ever for the headers and the body of a request. Here both have a deadline, so that clients
that send a byte now and then do not take all connections.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from egraph.service._problems import MEDIA_TYPE, TITLES, Problem, body_of
from egraph.service._settings import Limits

__all__ = ["protocol_within"]

_MOST_HEADER_BYTES = 65_536
_MOST_READ_OVER = 64 << 20  # bytes of a body that has been refused
_CROWDED_SECONDS = 2.0
_LINGERING_SECONDS = 1.0
_LAST_WORD_SECONDS = 0.3
_CROWD = 2  # times the limit of connections, beyond which there is not even an answer


def protocol_within(limits: Limits) -> type[HttpToolsProtocol]:
    """The protocol of uvicorn, within limits."""
    return type("_Protocol", (_BoundedProtocol,), {"limits": limits})


class _BoundedProtocol(HttpToolsProtocol):
    limits: Limits

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._deadline: asyncio.TimerHandle | None = None
        self._part = "nothing"  # of a request that has begun to arrive: nothing, headers, body
        self._header_bytes = self._read_over = 0
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
        self._part, self._header_bytes, self._read_over = "headers", 0, 0

    def on_headers_complete(self) -> None:
        if self._refused:
            return
        if self._crowded:
            self._refuse(Problem(503, "too many connections; try again", headers={"Retry-After": "1"}))
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
            self._read_over += len(body)
            if self._read_over > _MOST_READ_OVER:
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            self._part = "nothing"
            self._set_deadline(None)
            super().on_message_complete()

    def shutdown(self) -> None:
        """Ends the connection: with its answer, or in a moment, as a client may be asking right now."""
        self._ending = True
        if self.cycle is None or self.cycle.response_started:
            self.loop.call_later(_LAST_WORD_SECONDS, super().shutdown)
        else:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Closes an idle connection, at once where the client has not even read its last answer."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP."""
        self._refuse(Problem(400, "this is not HTTP as it should be"))

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        if self._part == "nothing":
            self.transport.close()  # nothing was asked, so there is nothing to answer
        else:
            self._refuse(Problem(408, "the request did not arrive in time"))

    def _may_answer(self) -> bool:
        if self.cycle is None:
            return True
        return not self.cycle.response_started if self._part == "body" else self.cycle.response_complete

    def _refuse(self, problem: Problem) -> None:
        """Answers, unless an answer is under way, and closes the connection.

        What still comes is read for a moment: to close at once would take the answer back from a client that
        is still sending.
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
