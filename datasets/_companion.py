"""Files of further columns that lie beside the file of a benchmark."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from egraph.datasets import _parquet
from egraph.datasets._metric import Metric
from egraph.datasets._table import Table
from egraph.errors import DataError

__all__ = ["Companion"]


@dataclass(frozen=True, slots=True)
class Companion:
    """A Parquet file of further columns for a benchmark.

    Attributes:
        file: Name of the file.
        size: Size of the file in bytes.
        sha256: Checksum of the file.
        on: Column of both files that identifies a row.
        origin: Publication of the measurements.
        licence: Licence of the measurements.
        metrics: Metrics by column; the file must have all these columns.
        unmeasured: Number that the file has in place of values that were not measured.
    """

    file: str
    size: int
    sha256: str
    on: str
    origin: str
    licence: str
    metrics: Mapping[str, Metric]
    unmeasured: float = math.nan

    def join(self, table: Table, folder: Path) -> None:
        """Adds the columns to a table if the file is in the folder; otherwise an explanation for each.

        Values of rows that the file lacks, and values that were not measured, become NaN.

        Raises:
            DataError: The file is damaged, or lacks a column.
        """
        path = folder / self.file
        if not path.is_file():
            way = f"it is in {self.file} ({self.size:,} bytes), which is not in {folder}; put the file there"
            table.absent |= dict.fromkeys(self.metrics, way)
            return
        columns = _parquet.to_columns(_parquet.open_arrow(path))
        if missing := sorted({self.on, *self.metrics} - set(columns)):
            raise DataError(f"{path} lacks the columns {', '.join(missing)}; fetch it again")
        row_of = {value: row for row, value in enumerate(columns[self.on].tolist())}
        rows = np.array([row_of.get(value, -1) for value in table.columns[self.on].tolist()], dtype=np.int64)
        for metric in self.metrics:
            values = np.append(columns[metric].astype(np.float64), np.nan)
            values[values == self.unmeasured] = np.nan
            table.columns[metric] = values[rows]
        table.metrics |= self.metrics
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        same = "as published" if digest == self.sha256 else "differs from the published file"
        table.provenance[self.file] = f"{self.origin}; {self.licence}; {same}"
