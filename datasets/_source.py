"""Descriptions of the files of public benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.datasets._companion import Companion
from egraph.datasets._metric import Metric

__all__ = ["Columns", "Source"]

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """One benchmark: its file, and the way from its columns to a table.

    Attributes:
        name: Name for `load`.
        space: Name of the search space.
        title: Description in a few words.
        rows: Number of rows.
        file: Name of the Parquet file; None where only a package contains the benchmark.
        size: Size of that file in bytes.
        sha256: Checksum of that file.
        origin: Publication of the measurements.
        licence: Licence of the measurements.
        metrics: Metrics by column; the file must have all these columns.
        rows_of: Function from the columns to one description a row, the argument of ``read``.
        described_by: Columns that ``rows_of`` needs.
        read: Function from a description to an architecture; None is the space's ``parse``.
        package: Installed package that also contains the benchmark.
        companions: Files of further columns, which are joined if they lie beside the file.
    """

    name: str
    space: str
    title: str
    rows: int
    file: str | None
    size: int | None
    sha256: str | None
    origin: str
    licence: str
    metrics: Mapping[str, Metric]
    rows_of: Callable[[Columns], list[Any]]
    described_by: tuple[str, ...]
    read: Callable[[Any], Architecture] | None = None
    package: Package | None = None
    companions: tuple[Companion, ...] = ()

    def fits(self, columns: Set[str]) -> bool:
        """Whether a file with these columns can be this benchmark."""
        return columns >= {*self.metrics, *self.described_by}


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package that contains a benchmark.

    Attributes:
        name: Name of the package in the package index.
        extra: Extra of egraph that installs it.
        find: Function that returns the file in the package, or None where it is not installed.
        read: Function from that file to the columns of the Parquet file.
    """

    name: str
    extra: str
    find: Callable[[], Path | None]
    read: Callable[[Path], Columns]
