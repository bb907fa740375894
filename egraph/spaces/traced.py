"""The space of networks that were traced: any described graph, in JSON."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from egraph import operations
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, UsageError
from egraph.spaces._registry import add_unlisted
from egraph.spaces.base import SearchSpace

__all__ = ["TracedSpace"]


class TracedSpace(SearchSpace):
    """Networks as `egraph.from_torch` reads them, such as those of a library of models.

    The space has a notation, keys and checks, and no moves: nobody knows how to vary a network of which only
    the graph is there. Tables of such networks train and compare rankers, and are searched among their rows
    (`egraph.datasets.Table.search_space`). To search variants of a network, define a space
    (`egraph.spaces.from_builder`).

    `egraph.spaces.get("traced")` is this space; `egraph.spaces.names` does not list it, as nothing can be
    sampled.
    """

    name = "traced"
    operations = ()

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Refuses: the space has no moves."""
        self._refuse()

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Refuses: the space has no moves."""
        self._refuse()

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """Refuses: the space has no moves."""
        self._refuse()

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """Refuses: the space has no moves."""
        self._refuse()

    def parse(self, text: str) -> Architecture:
        """Reads the JSON of an architecture, which describes its operations."""
        architecture = Architecture.from_json(text)
        self.validate(architecture)
        return architecture

    def format(self, architecture: Architecture) -> str:
        """Writes an architecture as JSON, with the descriptions of its operations."""
        return architecture.to_json()

    def validate(self, architecture: Architecture) -> None:
        """Checks that all operations are described."""
        for op in dict.fromkeys(architecture.ops):
            if not operations.is_known(op) and operations.get(op) == operations.Operation(op, "other"):
                raise ArchitectureError(
                    f"nothing describes the operation {op!r}; give the architecture as "
                    "egraph.from_torch(...).to_json() writes it"
                )

    def _refuse(self) -> NoReturn:
        raise UsageError(
            "traced networks cannot be varied; search among the rows of a table of them, or define a space "
            "with egraph.spaces.from_builder"
        )


add_unlisted(TracedSpace())
