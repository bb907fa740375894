"""Reads the wire format of protocol buffers, as far as messages of numbers need it.

References:
    "Encoding", https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["read_fields"]

_DOUBLE = struct.Struct("<d")

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_fields(message: bytes) -> Iterator[tuple[int, float | int | bytes]]:
    """The number and value of each field of a message, in order.

    Values of 8 bytes are read as doubles and varints as unsigned integers. Values of 4 bytes and
    length-delimited ones (texts and nested messages) are returned as bytes.

    Raises:
        ValueError: The message is cut off, or the bytes are not a message.
    """
    position, end = 0, len(message)
    while position < end:
        tag, position = _read_varint(message, position)
        field, kind = tag >> 3, tag & 7
        value: float | int | bytes
        if kind == _FIXED64 and position + 8 <= end:
            (value,) = _DOUBLE.unpack_from(message, position)
            position += 8
        elif kind == _VARINT:
            value, position = _read_varint(message, position)
        elif kind in (_BYTES, _FIXED32):
            length, position = _read_varint(message, position) if kind == _BYTES else (4, position)
            value = message[position : position + length]
            position += length
            if position > end:
                raise ValueError(f"field {field} is cut off")
        else:
            raise ValueError(f"no field of a message begins with {tag}, or it is cut off")
        yield field, value


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    """The varint at a position, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ValueError("a number is cut off")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number has more than 64 bits")
