"""Damage: the edits that turn a valid input into another one."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

__all__ = ["CELL", "ODD", "damage", "damaged", "edit_json", "edited_json", "write_json"]

CELL = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|avg_pool_3x3~1|nor_conv_1x1~2|"
"""An architecture of nasbench201."""


def _nest(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2, 7, 2**31, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400, 0.5, -0.0, 1e-320,
    1e308, float("nan"), float("inf"), float("-inf"), "", " ", "a", "nan", "1", "0x10", "1e999", "٣", "１２",
    "\x00", "a\nb", "\u2028", "\ufeff", "é", "\ud800", "🙂", "x" * 10_000, "../x", "__class__", "{}",
    "[]", "null", [], {}, [[]], [None], [1, 2], {"a": 1}, {"": None}, _nest(60), _nest(700), [0] * 5000,
    CELL, {"input": 1},
]  # fmt: skip
"""Values that stand where others were expected."""

NUMBERS = [
    *(b"0", b"-1", b"1", b"2", b"255", b"65536", b"2147483648", b"-9223372036854775809", b"1" + b"0" * 30),
    *(b"9" * 5000, b"1e999", b"-1e999", b"1e-320", b"NaN", b"Infinity", b"0.1.2", b"1_000", b"1,5", b"50%"),
    *(b"true", b"null", b"''", b"[]", b"0x10", "٣".encode(), "１".encode()),
]
PIECES = [
    *(
        b"[" * 50,
        b"[" * 100_000,
        b'{"a":' * 1000,
        b"(" * 300,
        b"\x00",
        b"\n",
        b"\r",
        b"\r\n",
        b'"',
        b"'",
        b",",
    ),
    *(b";", b"\t", b"#", b"\\", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"\x1f\x8b"),
    *(
        b"\x80" * 9,
        b"=1+1",
        b"PAR1",
        b"PK\x03\x04",
        b"|",
        b"~",
        b"}",
        b"]",
        b"\\ud800",
        b"1" * 30,
        b"e",
        b" ",
    ),
]
WORDS = [b"\x00", b"\xff", b"\x7f", b"\x01", b"\x80"]

_FIGURES = re.compile(rb"\d+(\.\d+)?")


def damage(content: bytes, seed: int, others: Sequence[bytes] = ()) -> bytes:
    """A content with one to four edits.

    Args:
        content: A valid input.
        seed: Seed of the choices.
        others: Inputs from which pieces may come.
    """
    rng = random.Random(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        content = rng.choice(_EDITS)(content, rng)
    if others and rng.random() < 0.1:
        other = rng.choice(others)
        content = content[: _place(content, rng)] + other[_place(other, rng) :]
    return _encode(content, rng) if rng.random() < 0.05 else content


def damaged(seeds: Sequence[bytes], whole: float = 0.05) -> st.SearchStrategy[bytes]:
    """Inputs that are edited ones of some; with a small probability they are left as they are."""

    def make(content: bytes, seed: int) -> bytes:
        return content if seed % 1000 < 1000 * whole else damage(content, seed, seeds)

    return st.builds(make, st.sampled_from(list(seeds)), st.integers(0, 2**40))


def _place(content: bytes, rng: random.Random) -> int:
    return rng.randrange(len(content) + 1)


def _span(content: bytes, rng: random.Random) -> tuple[int, int]:
    start = _place(content, rng)
    return start, min(len(content), start + rng.choice((1, 2, 4, 8, 40, 400)))


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    if changed:
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(content: bytes, rng: random.Random) -> bytes:
    start, length = _place(content, rng), rng.choice((1, 2, 4, 8))
    return content[:start] + rng.choice(WORDS) * length + content[start + length :]


def _cut(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(content, rng)
    return content[:start] if rng.random() < 0.3 else content[:start] + content[end:]


def _repeat(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(content, rng)
    return content[:end] + content[start:end] * rng.choice((1, 1, 2, 50)) + content[end:]


def _swap(content: bytes, rng: random.Random) -> bytes:
    (a, b), (c, d) = sorted((_span(content, rng), _span(content, rng)))
    return content if c < b else content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def _insert(content: bytes, rng: random.Random) -> bytes:
    place = _place(content, rng)
    return content[:place] + rng.choice(PIECES) + content[place:]


def _change_number(content: bytes, rng: random.Random) -> bytes:
    found = list(_FIGURES.finditer(content[:200_000]))
    if not found:
        return _insert(content, rng)
    match = rng.choice(found)
    return content[: match.start()] + rng.choice(NUMBERS) + content[match.end() :]


_EDITS: list[Callable[[bytes, random.Random], bytes]] = [
    *(_flip, _overwrite, _cut, _repeat, _swap, _insert, _change_number, _change_number),
]


def _encode(content: bytes, rng: random.Random) -> bytes:
    text = content.decode("latin-1")
    encoding = rng.choice(("utf-16", "utf-16-be", "utf-32", "utf-8", "utf-8-sig", "gzip", "gzip twice"))
    if encoding.startswith("gzip"):
        packed = gzip.compress(content, mtime=0)
        return packed if encoding == "gzip" else gzip.compress(packed, mtime=0)
    return text.encode(encoding)


def write_json(value: Any) -> bytes:
    """JSON with everything that Python writes, NaN and halves of characters included."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def edit_json(value: Any, rng: random.Random) -> Any:
    """A JSON value in which one to three parts are left out, repeated, renamed or odd."""
    value = _copy(value)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_list_places(value))
        if not places:
            return rng.choice(ODD)
        # each level is as likely as the others, so that fields are met as often as the numbers of a matrix
        level = rng.choice(sorted({depth for depth, _, _ in places}))
        _, holder, key = rng.choice([place for place in places if place[0] == level])
        how = rng.random()
        if how < 0.15:
            del holder[key]
        elif how < 0.25 and isinstance(holder, dict):
            holder[rng.choice(("", "a", "ops", "x" * 300))] = holder.pop(key)
        elif how < 0.25:
            holder.insert(rng.randrange(len(holder) + 1), _copy(holder[key]))
        elif how < 0.35:
            holder[key] = [holder[key]]
        elif how < 0.45:
            holder[key] = _copy(rng.choice(places)[1])
        else:
            holder[key] = _copy(rng.choice(ODD))
    return value


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))  # unlike copy.deepcopy for deep values too


def _list_places(value: Any, depth: int = 0) -> Any:
    """The places in a value, at most some thousand: depth, container and key."""
    keys = (
        list(value)
        if isinstance(value, dict)
        else range(min(len(value), 200))
        if isinstance(value, list)
        else ()
    )
    for key in keys:
        yield depth, value, key
        if depth < 8:
            yield from _list_places(value[key], depth + 1)


def edited_json(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Edited ones of some JSON values."""
    return st.builds(
        lambda value, seed: edit_json(value, random.Random(seed)),
        st.sampled_from(list(values)),
        st.integers(0, 2**40),
    )
