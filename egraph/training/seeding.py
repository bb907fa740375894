"""Seeds of global random generators, for a limited time."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch

__all__ = ["all_seeded", "seeded"]


@contextlib.contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Within the block, initial weights and dropout follow ``seed``; the generators are restored on exit."""
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        for one in cuda:
            with torch.cuda.device(one):
                torch.cuda.manual_seed(seed)
        yield


@contextlib.contextmanager
def all_seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Within the block, the global generators of Python and NumPy follow ``seed`` too."""
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - a user may draw from it
    try:
        with seeded(seed, device):
            random.seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002
