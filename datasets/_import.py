"""Makes a table from a file of measurements."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph import spaces
from egraph.architecture import Architecture
from egraph.datasets._catalogue import read_trials, recognise
from egraph.datasets._folders import cache_folder
from egraph.datasets._metric import Metric
from egraph.datasets._official import OFFICIAL, Official, Progress, find_official
from egraph.datasets._parquet import open_arrow, to_columns
from egraph.datasets._table import Table
from egraph.errors import ArchitectureError, DataError, UnknownNameError, UsageError
from egraph.spaces.base import SearchSpace

__all__ = ["import_table"]


def import_table(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    name: str | None = None,
    space: SearchSpace | str | None = None,
    architecture: str = "architecture",
    metrics: Iterable[str] | Mapping[str, Metric] | None = None,
    lower_is_better: Iterable[str] = (),
    benchmark: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Reads a file of measured architectures, checks every row, and writes it as a table.

    Args:
        source: A ``.csv`` file with a header, ``.jsonl`` with one object a line, ``.parquet``, or the journal
            of a study. Journals, tables of egraph and published files of a benchmark need no ``space``;
            these include the ``.tfrecord`` of
            NAS-Bench-101, the ``.pth`` of NAS-Bench-201, and the ``.pickle.pbz2`` or folder of NATS-Bench.
        out: File to write; None is one in the user's cache, where `load` finds it by ``name``.
        name: Name of the table; None is ``benchmark`` or the stem of ``out`` or ``source``.
        space: Search space of the architectures.
        architecture: Column of the architectures, each in the space's notation or as JSON.
        metrics: Columns that are metrics, or a mapping to their descriptions; None takes all columns of
            numbers.
        lower_is_better: Metrics that are costs or errors.
        benchmark: Benchmark whose authors wrote the file, ``"nasbench101"`` or ``"nasbench201"``; None
            recognises it by the name of the file.
        progress: Callback with the amount of an authors' file that is read, and the amount in all.

    Returns:
        The file written.

    Raises:
        DataError: The source is absent or damaged, or a row is not an architecture; the text says which.
        UnknownNameError: There is no such space, column or benchmark.
        UsageError: The space is missing or another one, a metric has no numbers, ``out`` is the source, or
            metrics are given for an authors' file.
        FailedError: The folder cannot be written, or the disk is full.
    """
    path = Path(source)
    official = find_official(path) if benchmark is None else OFFICIAL[benchmark]
    name = name or benchmark or Path(out if out is not None else path).stem
    target = cache_folder() / f"{name}.parquet" if out is None else Path(out)
    if not path.exists() or (path.is_dir() and official is None):
        files = f"; give {OFFICIAL[benchmark].files}" if benchmark else ""
        raise DataError(f"there is no file {path} to import{files}")
    if target.exists() and target.samefile(path):
        raise UsageError(f"cannot import {path} onto itself; give another file to write")
    if official is None:
        table = _read(path, space, architecture, metrics, set(lower_is_better))
    else:
        if metrics is not None or set(lower_is_better):
            raise UsageError(f"the metrics of {path} are known, and all are taken; leave them out")
        table = _read_official(official, path, space, progress)
    table.name = name
    _ = table.keys  # reads and checks every row
    table.save(target)
    return target


def _read_official(
    official: Official, path: Path, space: SearchSpace | str | None, progress: Progress | None
) -> Table:
    table = official.read(path, progress)
    _check_space(path, table, space)
    table.provenance |= _identify(path)
    return table


def _read(
    path: Path,
    space: SearchSpace | str | None,
    architecture: str,
    metrics: Iterable[str] | Mapping[str, Metric] | None,
    lower_is_better: set[str],
) -> Table:
    wanted = _find_space(space)
    if (trials := read_trials(path)) is not None:
        _check_space(path, trials, space)
        trials.provenance |= _identify(path)
        return trials
    if path.suffix == ".parquet":
        content = open_arrow(path)
        table = recognise(content, path)
        if table is not None:
            _check_space(path, table, space)
            return table
        columns = to_columns(content)
    elif path.suffix == ".csv":
        columns = _read_csv(path, architecture)
    elif path.suffix in (".jsonl", ".ndjson"):
        columns = _read_json_lines(path)
    else:
        raise UsageError(
            f"cannot tell what kind of file {path} is: its name must end in .csv, .jsonl, .parquet or .db"
        )
    if wanted is None:
        raise UsageError(
            f"say which search space the rows of {path} belong to; known: {', '.join(spaces.names())}"
        )
    if architecture not in columns:
        raise UnknownNameError("column", architecture, columns, str(path))
    rows = columns.pop(architecture).tolist()
    described = _describe_metrics(columns, metrics, lower_is_better, path)
    return Table(wanted, rows, columns, described, provenance=_identify(path), read=_Reader(wanted))


def _find_space(space: SearchSpace | str | None) -> SearchSpace | None:
    return spaces.get(space) if isinstance(space, str) else space


def _check_space(path: Path, table: Table, space: SearchSpace | str | None) -> None:
    if _find_space(space) not in (None, table.space):
        raise UsageError(f"{path} is a table of the space {table.space.name!r}, not of {space!r}")


def _identify(path: Path) -> dict[str, str]:
    """The name of the source, and the checksum if it is a file."""
    identity = {"imported from": path.name}
    if path.is_file():
        with path.open("rb") as file:
            identity["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    return identity


def _describe_metrics(
    columns: Mapping[str, NDArray[Any]],
    metrics: Iterable[str] | Mapping[str, Metric] | None,
    lower_is_better: set[str],
    path: Path,
) -> dict[str, Metric]:
    if metrics is None:
        metrics = [name for name, values in columns.items() if values.dtype.kind in "iuf"]
    described = dict(metrics) if isinstance(metrics, Mapping) else {name: Metric() for name in metrics}
    for name in (*described, *lower_is_better):
        if name not in columns:
            raise UnknownNameError("column", name, columns, str(path))
    if not described:
        raise UsageError(
            f"{path} has no column of numbers, so there is nothing to import but the architectures"
        )
    for name in lower_is_better:
        described[name] = replace(described.get(name, Metric()), higher_is_better=False)
    return described


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads an architecture in the notation of a space or as JSON."""

    space: SearchSpace

    def __call__(self, value: Any) -> Architecture:
        if isinstance(value, dict):
            return Architecture.from_dict(value)
        if not isinstance(value, str) or not value.strip():
            raise ArchitectureError(f"expected an architecture, got {value!r}")
        text = value.strip()
        return Architecture.from_json(text) if text.startswith("{") else self.space.parse(text)


def _read_csv(path: Path, architecture: str) -> dict[str, NDArray[Any]]:
    import pandas

    try:
        # As text, because a notation of digits must keep its leading zeros.
        frame = pandas.read_csv(path, dtype={architecture: object}, skipinitialspace=True, encoding="utf-8")
    except (ValueError, OSError) as error:  # pandas' own errors are ValueErrors
        raise DataError(f"{path} is not a CSV file: {_one_line(error)}") from None
    columns = {}
    for name in frame.columns:
        values = frame[name].to_numpy()
        if values.dtype.kind not in "iuf":
            values = frame[name].astype(object).where(frame[name].notna(), None).to_numpy()
        columns[str(name)] = values
    return columns


def _read_json_lines(path: Path) -> dict[str, NDArray[Any]]:
    records: list[dict[str, Any]] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not a file of JSON lines: {_one_line(error)}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"line {number} of {path} is not JSON: {_one_line(error)}") from None
        if not isinstance(record, dict):
            raise DataError(f"line {number} of {path} must be an object with one value a column")
        records.append(record)
    names = dict.fromkeys(name for record in records for name in record)
    return {name: _as_column([record.get(name) for record in records]) for name in names}


def _as_column(values: list[Any]) -> NDArray[Any]:
    """An array of numbers if all are numbers or missing; otherwise texts and objects, the rest as JSON."""
    if all(value is None or type(value) in (int, float) for value in values):
        return np.array([np.nan if value is None else value for value in values])
    column = np.empty(len(values), dtype=object)
    column[:] = [v if v is None or isinstance(v, str | dict) else json.dumps(v) for v in values]
    return column


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
