"""Measured architectures in a file of rows and columns as a table."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from egraph import spaces
from egraph.architecture import Architecture
from egraph.checks import to_plain
from egraph.datasets._metric import Metric
from egraph.datasets._sheet import Sheet, read_sheet, stem_of
from egraph.datasets._table import Table
from egraph.errors import ArchitectureError, DataError, UnknownNameError, UsageError, shorten
from egraph.spaces.base import SearchSpace
from egraph.spaces.notations import find_fields, gather_fields, read_architecture

__all__ = ["Reading", "asks_direction", "identify", "read_measured"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a file of measurements is read.

    Attributes:
        space: Search space of the architectures.
        architecture: Column of the architectures, in any notation; where it is absent, the fields of a
            notation may be columns, such as ``module_adjacency`` and ``module_operations``.
        metrics: Columns that are metrics, or a mapping to their descriptions; None takes all columns of
            numbers.
        lower_is_better: Metrics that are costs or errors.
        higher_is_better: Metrics that are not, although their names sound so.
        na: Cells that mean a failed measurement, beside empty ones and the usual ``nan``.
    """

    space: SearchSpace | None = None
    architecture: str = "architecture"
    metrics: Collection[str] | Mapping[str, Metric] | None = None
    lower_is_better: Collection[str] = ()
    higher_is_better: Collection[str] = ()
    na: Collection[str] = ()

    @classmethod
    def of(
        cls,
        space: SearchSpace | str | None,
        architecture: str,
        metrics: Iterable[str] | Mapping[str, Metric] | None,
        lower_is_better: Iterable[str],
        higher_is_better: Iterable[str],
        na: Iterable[str],
    ) -> Reading:
        """The arguments of a public function, a space found by its name.

        Raises:
            UnknownNameError: There is no such space.
            UsageError: An argument is no list of texts.
        """
        return cls(
            space=None if space is None else spaces.find(space),
            architecture=architecture,
            metrics=metrics if metrics is None or isinstance(metrics, Mapping) else _read_names(metrics),
            lower_is_better=_read_names(lower_is_better),
            higher_is_better=_read_names(higher_is_better),
            na=_read_names(na),
        )


def _read_names(names: Iterable[str]) -> list[str]:
    """A list of texts; a single text is a list of one."""
    names = to_plain(names)
    given = [names] if isinstance(names, str) else list(names) if isinstance(names, Iterable) else None
    if given is None or not all(isinstance(name, str) for name in given):
        raise UsageError(f"expected a list of texts, such as ['acc'], got {shorten(names)}")
    return given


def read_measured(path: Path, how: Reading) -> Table:
    """Reads a file, and checks every row.

    Raises:
        DataError: The file is absent or damaged, or a row is not an architecture; the text names the line.
        UnknownNameError: There is no such space or column.
        UsageError: The space is missing, a column of numbers holds a text, or the name of a metric asks for
            its direction.
    """
    if how.space is None:
        raise UsageError(
            f"say which search space the rows of {path} belong to (--space NAME), here or once for all in "
            f"`egraph data import`; known: {', '.join(spaces.names())}"
        )
    sheet = read_sheet(path, texts=[how.architecture], na=how.na)
    names = [str(name) for name in sheet.frame.columns]
    fields = [how.architecture] if how.architecture in names else find_fields(names)
    if not fields:
        raise UnknownNameError("column", how.architecture, names, f"{path}, which --architecture names")
    others = [name for name in names if name not in fields and name != "architecture"]
    metrics, columns = _read_metrics(sheet, others, how)
    rows = _read_architectures(sheet, fields, how.space)
    columns = {name: columns.get(name, sheet.other(name)) for name in others}
    provenance = identify(path) | ({"reading": "; ".join(sheet.notes)} if sheet.notes else {})
    return Table(how.space, rows, columns, metrics, name=stem_of(path), provenance=provenance)


def identify(path: Path) -> dict[str, str]:
    """The name of the source, and the checksum if it is a file."""
    identity = {"imported from": path.name}
    if os.path.isfile(path):
        with path.open("rb") as file:
            identity["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    return identity


def _read_architectures(sheet: Sheet, fields: list[str], space: SearchSpace) -> list[Architecture]:
    parts = [sheet.cells(name) for name in fields]
    found: list[Architecture] = []
    for row, cells in enumerate(zip(*parts, strict=True)):
        content = cells[0] if len(fields) == 1 else gather_fields(dict(zip(fields, cells, strict=True)))
        try:
            if content is None:
                raise ArchitectureError("expected an architecture, got an empty cell")
            architecture = read_architecture(content, space)
            space.validate(architecture)
        except ArchitectureError as error:
            raise DataError(f"{sheet.place(row)}: {error}") from None
        found.append(architecture)
    return found


def _read_metrics(
    sheet: Sheet, others: list[str], how: Reading
) -> tuple[dict[str, Metric], dict[str, NDArray[Any]]]:
    """The descriptions of the metrics, and the numbers of all columns that have nothing else."""
    named = how.metrics
    numbers: dict[str, NDArray[Any]] = {}
    for name in dict.fromkeys([*(named or ()), *how.lower_is_better, *how.higher_is_better]):
        if name not in others:
            raise UnknownNameError("column", name, others, str(sheet.path))
    for name in others:
        values, wrong, count = sheet.numbers(name, parse=named is not None and name in named)
        if wrong is None and (count or (named and name in named)):
            numbers[name] = values
        elif wrong is not None and (
            name in named if named is not None else count or _holds_figures(sheet, name)
        ):
            raise _refuse(sheet, name, wrong, named is not None)
    described = dict(named) if isinstance(named, Mapping) else {n: Metric() for n in (named or numbers)}
    if not described:
        raise UsageError(
            f"{sheet.path} has no column of numbers, so there is nothing to learn from its architectures"
        )
    if both := sorted(set(how.lower_is_better) & set(how.higher_is_better)):
        raise UsageError(f"{both[0]!r} is given both as lower and as higher is better; leave one out")
    for name in how.lower_is_better:
        described[name] = replace(described.get(name, Metric()), higher_is_better=False)
    told = {*how.lower_is_better, *how.higher_is_better, *(named if isinstance(named, Mapping) else ())}
    if unclear := [name for name in described if asks_direction(name) and name not in told]:
        options = " ".join(f"--lower-is-better {name}" for name in unclear)
        raise UsageError(
            f"{sheet.path}: is lower better for {', '.join(unclear)}? say so with {options}, or with "
            f"--higher-is-better {unclear[0]}"
            + ("" if named else "; or name the metrics that you need with --metric")
        )
    return described, numbers


def _refuse(sheet: Sheet, name: str, row: int, named: bool) -> UsageError:
    value = sheet.cells(name)[row]
    ways = ["write a number"]
    if isinstance(value, str) and "," not in value and value.isprintable() and len(value) <= 40:
        ways.append(f"or --na {shlex.quote(value)} if that stands for a failed measurement")
    if not named:
        ways.append("or, if the column is no metric, name those that are with --metric")
    return UsageError(
        f"{sheet.place(row)}: the column {name!r} has {shorten(value, 40)} where numbers were expected; "
        f"{', '.join(ways)}"
    )


_FIGURE = re.compile(r"[+-]?(\d[\d.,]*\s?%|\d{1,3}(,\d{3})+(\.\d+)?|\d+,\d+)")
"""A number with a sign of per cent, separators of thousands or a decimal comma."""


def _holds_figures(sheet: Sheet, name: str) -> bool:
    """Whether a column of texts is one of numbers that are written otherwise."""
    cells = [cell for cell in sheet.cells(name) if cell is not None]
    return bool(cells) and all(isinstance(cell, str) and _FIGURE.fullmatch(cell) for cell in cells)


_COSTS = (
    *("loss", "losses", "error", "errors", "err", "mse", "rmse", "mae", "mape", "nll", "wer", "cer", "fid"),
    *("perplexity", "ppl", "bpc", "bpb", "regret", "cost", "costs", "energy", "memory", "flops", "macs"),
    *("latency", "latencies", "time", "times", "seconds", "secs", "sec", "ms", "duration", "runtime"),
    *("params", "parameters"),
)
"""Words in the names of metrics of which less is better as a rule."""


def asks_direction(name: str) -> bool:
    """Whether the name of a metric sounds like a cost or an error, of which less is better."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return any(word.lower() in _COSTS for word in words)
