"""The tables of benchmarks, and measured networks in files of the user's own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from egraph import datasets
from egraph.datasets import Table

__all__ = ["Tables"]


@dataclass(frozen=True, eq=False)
class Tables:
    """Where tables come from.

    Attributes:
        root: Folder in which data is searched for first.
        reading: How files of the user's own are read: arguments of `egraph.datasets.load`.
    """

    root: str | os.PathLike[str] | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, root: str | os.PathLike[str] | None, reading: Mapping[str, Any] | None) -> Tables:
        """The arguments of a public function."""
        return cls(root, dict(reading or {}))

    def load(self, name: str, *metrics: str) -> Table:
        """A table; of a file of the user's own, ``metrics`` unless ``reading`` names some, or all numbers.

        Raises:
            UnknownNameError: There is no such table or column.
            DataError: The table is absent or damaged.
            UsageError: A file of the user's own cannot be read in this way.
        """
        return datasets.load(name, self.root, **{"metrics": metrics or None, **self.reading})

    def identify(self, name: str, table: Table) -> str | None:
        """A digest of a file of the user's own and of how it is read; None for other tables.

        The name of a benchmark means the same everywhere, while the rows of a file of one's own change.
        """
        if not datasets.is_measured_file(name):
            return None
        how = {each: str(value) for each, value in self.reading.items() if value}
        text = json.dumps([table.provenance["sha256"], how], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
