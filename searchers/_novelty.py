"""Keeps a searcher from proposing one network twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import SpaceExhaustedError
from egraph.spaces import SearchSpace

__all__ = ["Novelty"]

_TRIES = 200  # random samples tried before the space is enumerated


class Novelty:
    """Known keys, proposed or told, and samples with other keys.

    Args:
        space: Space of the keys.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._seen: dict[str, None] = {}  # an ordered set
        self._asked: set[Architecture] = set()  # saves computing the key again when the result is told
        self._enumerating = False  # whether random samples are all known
        self._left: list[tuple[str, Architecture]] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Known keys, as JSON-ready values."""
        return {"seen": list(self._seen), "enumerating": self._enumerating}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self._seen = dict.fromkeys(state["seen"])
        self._asked = set()
        self._enumerating, self._left = state["enumerating"], None

    def admit(self, architecture: Architecture) -> bool:
        """Whether the key is new; it is known afterwards."""
        key = self._space.key(architecture)
        if key in self._seen:
            return False
        self._seen[key] = None
        self._asked.add(architecture)
        return True

    def note(self, architectures: Iterable[Architecture]) -> None:
        """Adds the keys of results, also of architectures that others proposed."""
        for architecture in architectures:
            if architecture in self._asked:
                self._asked.discard(architecture)
            else:
                self._seen[self._space.key(architecture)] = None

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random architecture with a new key.

        Samples until a key is new; enumerates a finite space when nearly all keys are known.

        Raises:
            SpaceExhaustedError: Every key is known, or samples of an infinite space are all known.
        """
        if not self._enumerating:
            for _ in range(_TRIES):
                if self.admit(architecture := self._space.sample(rng)):
                    return architecture
            self._enumerating = True
        # In the order of the space, so that a restored state draws the same.
        everything = self._everything() if self._left is None else self._left
        self._left = [(key, architecture) for key, architecture in everything if key not in self._seen]
        if not self._left:
            raise SpaceExhaustedError(
                f"the space {self._space.name!r} is exhausted: "
                f"all of its {len(self._seen)} architectures have been asked or told"
            )
        _, architecture = self._left[int(rng.integers(len(self._left)))]
        self.admit(architecture)
        return architecture

    def _everything(self) -> Iterable[tuple[str, Architecture]]:
        try:
            everything = iter(self._space)
        except TypeError:
            raise SpaceExhaustedError(
                f"the space {self._space.name!r} seems exhausted: {_TRIES} samples brought none that is new "
                f"after {len(self._seen)}; search in a larger space or allow repeats"
            ) from None
        return ((self._space.key(architecture), architecture) for architecture in everything)
