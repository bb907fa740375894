"""Makes a table from a file of measurements."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from egraph.datasets._catalogue import check_space, read_file
from egraph.datasets._folders import cache_folder
from egraph.datasets._measured import Reading, identify
from egraph.datasets._metric import Metric
from egraph.datasets._official import OFFICIAL, Official, Progress, find_official
from egraph.datasets._sheet import stem_of
from egraph.datasets._table import Table
from egraph.errors import DataError, UsageError
from egraph.files import expand
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
    higher_is_better: Iterable[str] = (),
    na: Iterable[str] = (),
    benchmark: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Reads a file of measured architectures, checks every row, and writes it as a table.

    Args:
        source: A CSV file with a header (``.csv``, ``.tsv``), ``.jsonl`` with one object a line or ``.json``
            with a list of them, also ``.gz``; ``.parquet``; the journal of a study; a table of egraph; or
            a published file of a benchmark. Only the first three need ``space``.
        out: File to write; None is one in the user's cache, where `load` finds it by ``name``.
        name: Name of the table; None is ``benchmark`` or the stem of ``out`` or ``source``.
        space: Search space of the architectures.
        architecture: Column of the architectures, for `egraph.spaces.read_architecture`.
        metrics: Columns that are metrics, or a mapping to their descriptions; None takes all columns of
            numbers.
        lower_is_better: Metrics that are costs or errors.
        higher_is_better: Metrics that are not, although their names sound so.
        na: Cells that mean a failed measurement, beside empty ones and the usual ``nan``.
        benchmark: Benchmark whose authors wrote the file, ``"nasbench101"`` or ``"nasbench201"``; None
            recognises it by the name of the file.
        progress: Callback with the amount of an authors' file that is read, and the amount in all.

    Returns:
        The file written.

    Raises:
        DataError: The source is absent or damaged, or a row is not an architecture; the text names the line.
        UnknownNameError: There is no such space, column or benchmark.
        UsageError: The space is missing or another one, a column of numbers holds a text, the name of a
            metric asks for its direction, ``out`` is the source, or metrics are given for an authors' file.
        FailedError: The folder cannot be written, or the disk is full.
    """
    path = expand(source)
    official = find_official(path) if benchmark is None else OFFICIAL[benchmark]
    name = name or benchmark or stem_of(Path(out) if out is not None else path)
    target = _find_place(name) if out is None else expand(out)
    if not os.path.exists(path) or (os.path.isdir(path) and official is None):
        files = f"; give {OFFICIAL[benchmark].files}" if benchmark else ""
        raise DataError(f"there is no file {path} to import{files}")
    if os.path.exists(target) and target.samefile(path):
        raise UsageError(f"cannot import {path} onto itself; give another file to write")
    how = Reading.of(space, architecture, metrics, lower_is_better, higher_is_better, na)
    table = read_file(path, how) if official is None else _read_official(official, path, how, progress)
    if "journal" in table.provenance:
        table.provenance |= identify(path)
    table.name = name
    _ = table.keys  # reads and checks every row
    table.save(target)
    return target


def _find_place(name: str) -> Path:
    """The file of a table in the user's cache.

    Raises:
        UsageError: The user has no home, or the name is that of a file in another folder.
    """
    if Path(name).name != name or "\0" in name:
        raise UsageError(f"the name of a table is a plain name, got {name!r}; --out takes a path")
    if (folder := cache_folder()) is None:
        raise UsageError("there is no home to keep the table in; set HOME, or give the file to write (--out)")
    return folder / f"{name}.parquet"


def _read_official(official: Official, path: Path, how: Reading, progress: Progress | None) -> Table:
    if how.metrics is not None or how.lower_is_better or how.higher_is_better:
        raise UsageError(f"the metrics of {path} are known, and all are taken; leave them out")
    table = official.read(path, progress)
    check_space(path, table, how.space)
    table.provenance |= identify(path)
    return table
