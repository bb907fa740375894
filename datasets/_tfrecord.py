"""Reads files of TensorFlow's record format without TensorFlow.

A record consists of its length (8 bytes, little-endian), a checksum of the length (4 bytes), the data, and a
checksum of the data (4 bytes). The checksum is a CRC-32C, rotated, plus a constant.

References:
    "TFRecord and tf.train.Example", https://www.tensorflow.org/tutorials/load_data/tfrecord
    RFC 3720, appendix B.4 (test values of CRC-32C), https://www.rfc-editor.org/rfc/rfc3720
"""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from egraph.errors import DataError

__all__ = ["Record", "crc32c", "mask", "read_records"]

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")

_LONGEST = 1 << 16
"""Largest length of a record in bytes; a longer one is not from a table of measurements."""

_BATCH = 1 << 20
"""Bytes that are checked at a time, which bounds the memory."""

_PREFIX = bytes.fromhex("54641f64")
"""Four bytes that change the register of CRC-32C from all zeros to its initial value of all ones."""


class Record(NamedTuple):
    """One record of a file.

    Attributes:
        number: Number of the record in its file, from 0.
        offset: Position of its first byte in the file.
        data: Content of the record.
    """

    number: int
    offset: int
    data: bytes


def read_records(path: str | os.PathLike[str]) -> Iterator[Record]:
    """The records of a file in order, each after its checksum was verified.

    Raises:
        DataError: A record is cut off or damaged, or the file is of another kind; the text gives the number
            and offset of the record.
    """
    for batch in _batches(Path(path)):
        found = crc32c([record.data for record, _ in batch]).tolist()
        for (record, stored), checksum in zip(batch, found, strict=True):
            if mask(checksum) != stored:
                raise _damage(path, record, "does not fit its checksum: it is damaged; get the file again")
            yield record


def crc32c(chunks: Sequence[bytes]) -> NDArray[np.uint32]:
    """The CRC-32C of each chunk, ``(chunks,)``, computed in parallel by NumPy."""
    if not chunks:
        return np.zeros(0, dtype=np.uint32)
    # Leading zeros leave a register of zeros unchanged, so that chunks can be padded to one length.
    width = len(_PREFIX) + max(map(len, chunks))
    width += width % 2
    padded = b"".join((_PREFIX + chunk).rjust(width, b"\0") for chunk in chunks)
    pairs = np.frombuffer(padded, dtype="<u2").reshape(len(chunks), width // 2).T.astype(np.int64)
    table = _table()
    register = np.zeros(len(chunks), dtype=np.int64)
    for pair in pairs:
        register = table[(register ^ pair) & 0xFFFF] ^ (register >> 16)
    return (register ^ 0xFFFFFFFF).astype(np.uint32)


def mask(checksum: int) -> int:
    """The form in which the record format stores a checksum."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _batches(path: Path) -> Iterator[list[tuple[Record, int]]]:
    """Records that are checked together, each with its stored checksum."""
    batch: list[tuple[Record, int]] = []
    longest = 0
    try:
        for frame in _frames(path):
            longest = max(longest, len(frame[0].data))
            if longest * (len(batch) + 1) > _BATCH:
                yield batch
                batch, longest = [], len(frame[0].data)
            batch.append(frame)
    except DataError:
        yield batch  # an earlier record may be damaged too, and is reported first
        raise
    yield batch


def _frames(path: Path) -> Iterator[tuple[Record, int]]:
    offset = 0
    with path.open("rb") as file:
        for number in itertools.count():
            header = file.read(_HEADER.size)
            if not header:
                return
            record = Record(number, offset, header)
            if len(header) < _HEADER.size:
                raise _cut(path, record, _HEADER.size)
            length, stored = _HEADER.unpack(header)
            if _masked_length(header[:8]) != stored:
                raise _damage(
                    path,
                    record,
                    "has a length that does not fit its checksum: it is damaged, or not a TFRecord file",
                )
            if length > _LONGEST:
                raise _damage(
                    path, record, f"has {length:,} bytes, more than any record of a table; give another file"
                )
            data = file.read(length + _FOOTER.size)
            if len(data) < length + _FOOTER.size:
                raise _cut(path, Record(number, offset, header + data), _HEADER.size + length + _FOOTER.size)
            yield Record(number, offset, data[:length]), _FOOTER.unpack_from(data, length)[0]
            offset += _HEADER.size + len(data)


@lru_cache(maxsize=4096)
def _masked_length(length: bytes) -> int:
    return mask(int(crc32c([length])[0]))


def _cut(path: str | os.PathLike[str], record: Record, size: int) -> DataError:
    return _damage(path, record, f"is cut off after {len(record.data)} of {size} bytes; get the file again")


def _damage(path: str | os.PathLike[str], record: Record, what: str) -> DataError:
    return DataError(f"{path}: record {record.number:,} at byte {record.offset:,} {what}")


@lru_cache(maxsize=1)
def _table() -> NDArray[np.int64]:
    """The change of the register for each value of its two lowest bytes, ``(65536,)``."""
    register = np.arange(1 << 16, dtype=np.int64)
    for _ in range(16):
        register = register >> 1 ^ (register & 1) * 0x82F63B78
    return register
