"""Measured architectures and their metrics."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph import spaces
from egraph.architecture import Architecture
from egraph.checks import make_generator
from egraph.datasets import _parquet
from egraph.datasets._grouping import average, group
from egraph.datasets._metric import Metric
from egraph.datasets._runs import find_runs
from egraph.errors import ArchitectureError, DataError, EgraphError, UnknownNameError, UsageError
from egraph.spaces.base import SearchSpace
from egraph.spaces.rows import Rows

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["Table"]


class Table:
    """Measured architectures of one search space.

    Methods never change a table but return a new one. A missing measurement is NaN.

    Args:
        space: Search space, or its name.
        architectures: One entry a row; entries that are not an `Architecture` are read when first needed.
        columns: Arrays by name with one entry a row. Those named in ``metrics`` contain numbers.
        metrics: Descriptions of the columns that are metrics; other columns are kept beside them.
        name: Name of the table.
        provenance: Origin, such as ``{"source": ..., "licence": ..., "sha256": ...}``.
        read: Function from an entry of ``architectures`` to an `Architecture`; None is ``space.parse``.

    Attributes:
        space: Search space.
        columns: All columns by name, metrics included, in their original type, each ``(rows,)``.
        metrics: Descriptions of the metrics by name.
        name: Name of the table.
        provenance: Origin of the measurements.
        absent: Further columns that the benchmark has but this table lacks, each with the way to get it.

    Raises:
        UnknownNameError: There is no space of that name.
        UsageError: Lengths differ, a metric has no column or no numbers, or a column has a reserved name.
    """

    def __init__(
        self,
        space: SearchSpace | str,
        architectures: Sequence[Any],
        columns: Mapping[str, ArrayLike],
        metrics: Mapping[str, Metric],
        *,
        name: str = "table",
        provenance: Mapping[str, str] | None = None,
        read: Callable[[Any], Architecture] | None = None,
    ) -> None:
        self.space = spaces.get(space)
        self.columns = {
            column: _read_column(column, values, len(architectures)) for column, values in columns.items()
        }
        self.metrics = dict(metrics)
        self.name = name
        self.provenance = dict(provenance or {})
        self.absent: dict[str, str] = {}
        self._rows = architectures
        self._read = read or self._parse
        self._architectures: list[Architecture] | None = None
        self._keys: list[str] | None = None
        for metric in self.metrics:
            if metric not in self.columns:
                raise UsageError(f"the metric {metric!r} of table {name!r} has no column")
            if (values := self.columns[metric]).dtype.kind not in "iuf":
                raise UsageError(
                    f"the metric {metric!r} of table {name!r} must hold numbers, got {values[:1]}"
                )

    @property
    def architectures(self) -> list[Architecture]:
        """The architecture of each row.

        Raises:
            DataError: A row does not describe an architecture; the text says which and why.
        """
        if self._architectures is None:
            read: list[Architecture] = []
            try:
                for row in self._rows:
                    read.append(row if isinstance(row, Architecture) else self._read(row))
            except ArchitectureError as error:
                raise DataError(f"row {len(read) + 1} of table {self.name!r}: {error}") from None
            self._architectures, self._rows = read, read
        return self._architectures

    @property
    def keys(self) -> list[str]:
        """The key of each row; rows with the same key are the same trained network.

        Raises:
            DataError: A row is not an architecture of this space.
        """
        if self._keys is None:
            keys: list[str] = []
            try:
                for architecture in self.architectures:
                    keys.append(self.space.key(architecture))
            except ArchitectureError as error:
                raise DataError(f"row {len(keys) + 1} of table {self.name!r}: {error}") from None
            self._keys = keys
        return self._keys

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, metric: str) -> NDArray[np.float64]:
        """A copy of the values of one metric, ``(rows,)``, NaN where missing.

        Raises:
            UnknownNameError: There is no such metric.
            DataError: It is in a file that is not here.
            UsageError: The name is that of a column that is not a metric.
        """
        if not isinstance(metric, str):
            raise UsageError(f"a metric is named by a text, got {metric!r}; take one at a time")
        if metric in self.metrics:
            return self.columns[metric].astype(np.float64)
        if metric in self.columns:
            raise UsageError(
                f"the column {metric!r} of table {self.name!r} is not a metric; known: "
                f"{', '.join(self.metrics)}"
            )
        raise self._explain("metric", metric, self.metrics)

    def numbers(self, column: str) -> NDArray[np.float64]:
        """A copy of the values of any column of numbers, metric or not, ``(rows,)``, NaN where missing.

        Raises:
            UnknownNameError: There is no such column.
            DataError: It is in a file that is not here.
            UsageError: The column holds no numbers.
        """
        if column not in self.columns:
            raise self._explain("column", column, self.columns)
        values = self.columns[column]
        if values.dtype.kind not in "iuf":
            raise UsageError(f"column {column!r} of table {self.name!r} must hold numbers, got {values[:1]}")
        return values.astype(np.float64)

    def default_metric(self, split: str = "validation") -> str | None:
        """The only metric, or the only one to maximise on data of a split; None where that is ambiguous.

        Single runs beside their mean, such as ``score_0`` beside ``score``, do not count.
        """
        if len(self.metrics) == 1:
            return next(iter(self.metrics))
        single = {
            run for name, runs in find_runs(self.metrics).items() if name in self.metrics for run in runs
        }
        fitting = [
            name
            for name, about in self.metrics.items()
            if about.split == split and about.higher_is_better and name not in single
        ]
        return fitting[0] if len(fitting) == 1 else None

    def choose_metric(self, metric: str | None = None, how: str = "name one") -> str:
        """The given metric, or the default one.

        Args:
            metric: Name of a metric; None is `default_metric`.
            how: How to name a metric, for the error text.

        Raises:
            UnknownNameError: There is no such metric.
            DataError: It is in a file that is not here.
            UsageError: No metric is given and there is no default.
        """
        metric = metric or self.default_metric()
        if metric is None:
            raise UsageError(
                f"table {self.name!r} has several metrics; {how}: {', '.join(self.metrics) or 'none'}"
            )
        self[metric]
        return metric

    def scores(self, metric: str) -> NDArray[np.float64]:
        """The values of one metric as scores, ``(rows,)``: negated where lower is better."""
        values = self[metric]
        return values if self.metrics[metric].higher_is_better else -values

    def take(self, indices: ArrayLike) -> Table:
        """The rows with these numbers, in this order.

        Raises:
            UsageError: An index is not a row number.
        """
        rows = np.asarray(indices)
        if not rows.size:
            rows = rows.astype(np.int64)
        if (
            rows.ndim != 1
            or rows.dtype.kind not in "iu"
            or (rows.size and not 0 <= rows.min() <= rows.max() < len(self))
        ):
            raise UsageError(f"indices must be row numbers from 0 to {len(self) - 1}, got {indices!s:.60}")
        numbers = rows.tolist()
        taken = self._with(
            [self._rows[i] for i in numbers], {name: v[rows] for name, v in self.columns.items()}
        )
        taken._architectures = self._architectures and [self._architectures[i] for i in numbers]
        taken._keys = self._keys and [self._keys[i] for i in numbers]
        return taken

    def distinct(self) -> Table:
        """One row for each key, in order of first appearance.

        Metrics are averaged over the rows of a key without NaN. The architecture and the other columns are
        those of the first row of the key.
        """
        first, groups = group(self.keys)
        table = self.take(first)
        for metric in self.metrics:
            table.columns[metric] = average(self[metric], groups, len(first))
        return table

    def measured(self, *columns: str) -> Table:
        """The rows with a finite number in each of these columns; `numbers` has the errors."""
        known = np.ones(len(self), dtype=bool)
        for column in columns:
            known &= np.isfinite(self.numbers(column))
        return self if known.all() else self.take(np.flatnonzero(known))

    def search_space(self) -> SearchSpace:
        """The search space if the table has all of it, else the space of its rows (`egraph.spaces.Rows`).

        Raises:
            UsageError: The table is empty.
            DataError: A row is not an architecture of the space.
        """
        keys = len(set(self.keys))
        try:
            whole = len(self.space) <= keys
        except TypeError:  # the space is infinite, or too large to count
            whole = False
        return self.space if whole else Rows(self.space, self.architectures, self.name)

    def split(self, n: int, seed: int = 0) -> tuple[Table, Table]:
        """Splits by key: no network is on both sides.

        The keys of a smaller ``n`` are among those of a larger one under the same seed.

        Args:
            n: Number of distinct keys on the first side.
            seed: Seed of the choice.

        Returns:
            The rows of ``n`` keys, and all other rows, both in the order of this table.

        Raises:
            UsageError: One of the sides would be empty.
        """
        first, groups = group(self.keys)
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n < len(first):
            raise UsageError(
                f"n must be a whole number from 1 to {len(first) - 1}, got {n!r}: "
                f"table {self.name!r} has {len(first)} distinct keys"
            )
        chosen = np.zeros(len(first), dtype=bool)
        chosen[make_generator(seed).permutation(len(first))[:n]] = True
        train = chosen[groups]
        return self.take(np.flatnonzero(train)), self.take(np.flatnonzero(~train))

    def to_frame(self) -> pandas.DataFrame:
        """A pandas DataFrame: ``architecture`` in the space's own notation, then all columns."""
        import pandas

        return pandas.DataFrame({"architecture": self.texts(), **self.columns})

    def texts(self) -> list[str]:
        """Each row's architecture in the space's own notation, ``(rows,)``.

        Architectures that were not read before are not kept, as they take far more memory than their texts.

        Raises:
            DataError: A row does not describe an architecture of this space.
        """
        texts: list[str] = []
        try:
            for row in self._rows:
                texts.append(self.space.format(row if isinstance(row, Architecture) else self._read(row)))
        except ArchitectureError as error:
            raise DataError(f"row {len(texts) + 1} of table {self.name!r}: {error}") from None
        return texts

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the table as Parquet, whole or not at all; `load` reads it.

        Raises:
            FailedError: The folder cannot be written, or the disk is full.
            UsageError: A column has values that Parquet cannot store.
        """
        header = {
            "name": self.name,
            "space": self.space.name,
            "provenance": self.provenance,
            "metrics": {name: asdict(metric) for name, metric in self.metrics.items()},
        }
        _parquet.write(path, header, self.texts(), self.columns)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Table:
        """Reads a file that `save` wrote.

        Raises:
            DataError: The file is absent, damaged, or not a table of egraph.
        """
        return cls.from_arrow(_parquet.open_arrow(path), path)

    @classmethod
    def from_arrow(cls, content: pyarrow.Table, path: str | os.PathLike[str]) -> Table:
        """Makes a table of the content of a file that `save` wrote.

        Args:
            content: Content of the file.
            path: Name of the file in error texts.

        Raises:
            DataError: The file is not a table of egraph, is damaged, or has an unknown schema version.
        """
        header = _parquet.read_header(content.schema, path)
        try:
            metrics = {name: Metric(**fields) for name, fields in header["metrics"].items()}
            columns = _parquet.to_columns(content)
            return cls(
                header["space"],
                columns.pop("architecture").tolist(),
                columns,
                metrics,
                name=header["name"],
                provenance=header["provenance"],
            )
        except UsageError as error:  # an unknown space, a metric without a column
            raise DataError(f"{path}: {error}") from None
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise DataError(
                f"{path} has a damaged header ({_parquet.one_line(error)}); import it again"
            ) from None

    def __repr__(self) -> str:
        return f"<table {self.name}: {len(self)} rows of {self.space.name}, {len(self.metrics)} metrics>"

    def _parse(self, row: Any) -> Architecture:
        if not isinstance(row, str):
            raise ArchitectureError(f"an architecture must be an Architecture or a text, got {row!s:.60}")
        return self.space.parse(row)

    def _explain(self, kind: str, name: str, known: Mapping[str, object]) -> EgraphError:
        """Why there is no such metric or column."""
        if name in self.absent:
            return DataError(f"table {self.name!r} has no {kind} {name!r} here: {self.absent[name]}")
        return UnknownNameError(kind, name, known, f"table {self.name!r}")

    def _with(self, rows: Sequence[Any], columns: Mapping[str, NDArray[Any]]) -> Table:
        table = Table(
            self.space,
            rows,
            columns,
            self.metrics,
            name=self.name,
            provenance=self.provenance,
            read=self._read,
        )
        table.absent = self.absent
        return table


def _read_column(name: str, values: ArrayLike, rows: int) -> NDArray[Any]:
    if name == "architecture":
        raise UsageError(
            "a column cannot be called 'architecture': the name is reserved for the architectures"
        )
    array = np.asarray(values)
    if array.dtype.kind == "U":  # objects, because NumPy's strings have a fixed length
        array = array.astype(object)
    if array.shape != (rows,):
        raise UsageError(
            f"the column {name!r} must have one value for each of {rows} rows, got shape {array.shape}"
        )
    return array
