"""One connection, over a real socket."""

import asyncio
import contextlib
import json
import re

import pytest
import uvicorn
from asking import CELL, Fixed

from egraph.service import Limits, Settings, create_app
from egraph.service._protocol import protocol_within

SCORE = json.dumps({"architectures": [CELL]}).encode()
HEAD = b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
REQUEST = HEAD + b"Content-Length: %d\r\n\r\n" % len(SCORE) + SCORE
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def talk(model):
    """Runs a conversation with a service of some limits; the conversation is given its port."""

    def run(conversation, token=None, **limits):
        async def main():
            settings = Settings(token=token, limits=Limits(**limits))
            app = create_app(Fixed(model), settings)
            config = uvicorn.Config(
                app,
                http=protocol_within(settings.limits),
                ws="none",
                log_config=None,
                port=0,
                timeout_keep_alive=int(settings.limits.idle_seconds),
            )
            server = uvicorn.Server(config)
            server.capture_signals = contextlib.nullcontext
            task = asyncio.create_task(server.serve())
            run.server = server
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            try:
                return await asyncio.wait_for(conversation(port), 20)
            finally:
                server.should_exit = True
                await task

        return asyncio.run(main())

    return run


async def exchange(port, *pieces, pause=0.0):
    """Sends pieces, and reads meanwhile all that comes until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send():
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)

    sending = asyncio.create_task(send())
    try:
        return await reader.read()
    finally:
        sending.cancel()
        writer.close()


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", answer)]


def problem(answer):
    head, _, body = answer.rpartition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return json.loads(body)


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(talk, noise):
    answer = talk(lambda port: exchange(port, noise), header_seconds=1.0)
    assert statuses(answer) == [400]
    assert problem(answer)["title"] == "The request is malformed"


def test_headers_that_come_too_slowly_are_not_waited_for(talk):
    pieces = [bytes([byte]) for byte in HEAD]
    answer = talk(lambda port: exchange(port, *pieces, pause=0.02), header_seconds=0.3)
    assert statuses(answer) == [408]
    assert problem(answer)["detail"] == "the request did not arrive in time"


def test_a_body_that_comes_too_slowly_is_not_waited_for(talk):
    pieces = [REQUEST[: -len(SCORE)], *(bytes([byte]) for byte in SCORE)]
    answer = talk(lambda port: exchange(port, *pieces, pause=0.02), body_seconds=0.3)
    assert statuses(answer) == [408]


def test_a_connection_on_which_nothing_comes_is_closed_in_silence(talk):
    assert talk(lambda port: exchange(port), header_seconds=0.2) == b""


def test_empty_lines_between_requests_do_not_hold_a_connection(talk):
    pieces = [HEALTH, *[b"\r\n"] * 100]
    answer = talk(lambda port: exchange(port, *pieces, pause=0.02), header_seconds=0.3, idle_seconds=30)
    assert statuses(answer) == [200]


def test_an_idle_connection_is_closed(talk):
    assert statuses(talk(lambda port: exchange(port, HEALTH), idle_seconds=1)) == [200]


def test_who_asks_on_an_idle_connection_at_the_end_is_answered(talk):
    async def talking(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEALTH)
        first = await reader.readuntil(b"}")
        [connection] = talk.server.server_state.connections
        connection.shutdown()
        writer.write(HEALTH)
        last = await reader.read()
        writer.close()
        return first, last

    first, last = talk(talking)
    assert statuses(first) == statuses(last) == [200]
    assert b"connection: close" in last
    assert b"connection: close" not in first


def test_an_idle_connection_on_which_nobody_asks_ends_with_the_service(talk):
    async def talking(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEALTH)
        await reader.readuntil(b"}")
        talk.server.should_exit = True
        last = await reader.read()
        writer.close()
        return last

    assert talk(talking, idle_seconds=30) == b""


def test_large_headers_are_refused(talk):
    async def talking(port):
        return await exchange(
            port, b"GET / HTTP/1.1\r\n", *[b"X-%d: " % i + b"x" * 8000 + b"\r\n" for i in range(20)]
        )

    answer = talk(talking)
    assert statuses(answer) == [431]


def test_one_header_without_end_is_refused(talk):
    async def talking(port):
        return await exchange(port, b"GET / HTTP/1.1\r\nX: ", *[b"x" * 8000] * 20)

    assert statuses(talk(talking)) == [431]


def test_more_connections_than_are_allowed_are_told_so(talk):
    async def talking(port):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        answers = await asyncio.gather(*(exchange(port, REQUEST) for _ in range(2)))
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        again = await reader.readline()
        writer.close()
        return answers, again

    answers, again = talk(talking, connections=3)
    assert [statuses(answer) for answer in answers] == [[503], [503]]
    assert problem(answers[0])["detail"] == "too many connections; try again later"
    assert again == b"HTTP/1.1 200 OK\r\n"


def test_far_too_many_connections_are_not_even_answered(talk):
    async def talking(port):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        try:
            return await exchange(port, REQUEST)
        except ConnectionError:
            return b""
        finally:
            for _, writer in held:
                writer.close()

    assert talk(talking, connections=2) == b""


def test_requests_one_behind_the_other_are_answered_in_order(talk):
    async def talking(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST + HEALTH + REQUEST.replace(b"/v1/score", b"/v1/nowhere"))
        found = b""
        while found.count(b"HTTP/1.1 ") < 3 or not found.endswith(b"}"):
            found += await reader.read(1 << 16)
        writer.close()
        return found

    assert statuses(talk(talking)) == [200, 200, 404]


def test_a_large_body_gets_its_answer_while_it_is_sent(talk):
    async def talking(port):
        head = HEAD + b"Content-Length: 5000000\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        line = await reader.readline()
        writer.close()
        return line

    assert statuses(talk(talking, body_bytes=1000)) == [413]


def test_what_comes_after_a_refusal_is_read_over(talk):
    async def talking(port):
        head = HEAD + b"Content-Length: 5000000\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.writelines([head, *[b" " * 100_000] * 50, HEALTH])  # sends all before it reads anything
        await writer.drain()
        found = b""
        while b'{"status":"ok"}' not in found:
            found += await reader.read(1 << 16)
        writer.close()
        return found

    assert statuses(talk(talking, body_bytes=1000)) == [413, 200]


def test_a_body_without_end_is_not_read_over_for_ever(talk):
    async def talking(port):
        head = HEAD + b"Content-Length: 500000000\r\n\r\n"
        return await exchange(port, head, *[b" " * 1_000_000] * 500)

    with contextlib.suppress(ConnectionResetError):
        assert statuses(talk(talking, body_bytes=1000)) == [413]


def test_who_asks_first_whether_a_large_body_is_welcome_is_told_at_once(talk):
    async def talking(port):
        return await exchange(port, HEAD + b"Expect: 100-continue\r\nContent-Length: 5000000\r\n\r\n")

    assert statuses(talk(talking, body_bytes=1000)) == [413]


def test_who_asks_first_and_closes_is_told_at_once_too(talk):
    head = HEAD + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 5000000\r\n\r\n"
    assert statuses(talk(lambda port: exchange(port, head), body_bytes=1000)) == [413]


def test_a_stranger_who_closes_sees_the_answer_to_a_large_body(talk):
    async def talking(port):
        head = HEAD + b"Connection: close\r\nContent-Length: 3000000\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.writelines([head, *[b" " * 100_000] * 30])  # sends all before it reads anything
        await writer.drain()
        answer = await reader.read()
        writer.close()
        return answer

    assert statuses(talk(talking, token="secret")) == [401]


def test_a_body_in_pieces_without_a_length_is_bounded_too(talk):
    async def talking(port):
        chunk = b"3e8\r\n" + b" " * 1000 + b"\r\n"
        pieces = [HEAD, b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n", *[chunk] * 20]
        return await exchange(port, *pieces, b"0\r\n\r\n")

    assert statuses(talk(talking, body_bytes=5000)) == [413]
