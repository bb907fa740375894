"""Derives independent seeds from one."""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["derive"]


def derive(seed: int, purpose: str, number: int = 0) -> int:
    """A seed in [0, 2**32) for one purpose, independent of those for other purposes and numbers."""
    words = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), number])
    return int(words.generate_state(1)[0])
