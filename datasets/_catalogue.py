"""Loads tables by name or path, and lists the known ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from egraph.datasets import (
    _accel_nasbench,
    _journal,
    _nasbench101,
    _nasbench201,
    _nasbench_graph,
    _nasbench_macro,
    _parquet,
)
from egraph.datasets._explaining import explain_absence, explain_foreign, explain_other
from egraph.datasets._folders import find, list_folders
from egraph.datasets._measured import Reading, read_measured
from egraph.datasets._metric import Metric
from egraph.datasets._offers import load_offered, offered
from egraph.datasets._sheet import PARQUET, is_sheet
from egraph.datasets._source import Columns, Source
from egraph.datasets._table import Table
from egraph.errors import DataError, UnknownNameError, UsageError
from egraph.files import expand
from egraph.registry import Registry
from egraph.spaces.base import SearchSpace

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Known", "check_space", "is_measured_file", "is_table", "known", "load", "read_file"]

_sources: Registry[Source] = Registry("table")
for _module in (_nasbench101, _nasbench201, _nasbench_macro, _nasbench_graph, _accel_nasbench):
    for _source in _module.SOURCES:
        _sources.register(_source.name, _source)

PACKAGED = Path(__file__).parent / "data"
"""Folder of the tables that are part of egraph; those of the same name elsewhere come first."""

_ALIASES = {"nasbench_graph": "nasbench_graph_cora"}


@dataclass(frozen=True, slots=True)
class Known:
    """A table that `load` knows by name.

    Attributes:
        name: Name for `load`.
        space: Name of the search space.
        title: Description in a few words.
        rows: Number of rows of the file found, or as published.
        file: Name of the file that is searched for.
        size: Size of the published file in bytes; None where unknown.
        folders: Folders that are searched for it, in this order.
        path: Path of the file found; None where there is none.
        extra: Extra of egraph that installs the table; None where none does.
    """

    name: str
    space: str
    title: str
    rows: int
    file: str
    size: int | None
    folders: tuple[Path, ...]
    path: Path | None
    extra: str | None = None


def load(
    name_or_path: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    *,
    space: SearchSpace | str | None = None,
    architecture: str = "architecture",
    metrics: Iterable[str] | Mapping[str, Metric] | None = None,
    lower_is_better: Iterable[str] = (),
    higher_is_better: Iterable[str] = (),
    na: Iterable[str] = (),
) -> Table:
    """Loads a table by name or from a file.

    A name is searched for in ``root``, in the folder of the variable ``EGRAPH_DATA`` and in the user's cache;
    then among the tables of egraph itself, and in the installed package that contains the benchmark, where
    there is one, or that offers a table by an entry point of the group ``egraph.tables``. ``nasbench_graph``
    without a data set means Cora.

    Args:
        name_or_path: A name that `known` lists, or a path: to a Parquet file that egraph wrote, to the
            published file of a benchmark, to the journal of a study, whose successful trials are the rows, or
            to a CSV, JSON-lines or Parquet file of your own, which needs ``space``.
        root: Folder to search first.
        space: Search space of a file of your own; this and the other arguments are as in `import_table`.
        architecture: Column of its architectures.
        metrics: Its metrics.
        lower_is_better: Those that are costs or errors.
        higher_is_better: Those that are not, although their names sound so.
        na: Cells that mean a failed measurement.

    Raises:
        UnknownNameError: There is no table, space or column of that name.
        DataError: The file is absent, damaged, not a table, or a journal without a successful trial; or a row
            is not an architecture.
        FailedError: A package offers the table, and fails.
        UsageError: A file of your own needs ``space``, the table is of another one, a column of numbers holds
            a text, or the name of a metric asks for its direction.
    """
    how = Reading.of(space, architecture, metrics, lower_is_better, higher_is_better, na)
    name = os.fspath(name_or_path)
    name = _ALIASES.get(name, name)
    source = _sources.get(name)
    path = _find(source, root) if source else _find_plain(name, root) if _is_plain(name) else expand(name)
    if path is not None:
        return read_file(path, how, source)
    if source is None and name in offered:
        return load_offered(name)
    if source is None:
        imported = (table.name for table in _imported(root))
        raise UnknownNameError("table", name, {*_sources, *offered, *imported})
    if source.package and (path := source.package.find()):
        return _adapt(source, source.package.read(path), f"package {source.package.name}, {path.name}")
    raise DataError(explain_absence(source, root))


def recognise(content: pyarrow.Table, path: Path, source: Source | None = None) -> Table | None:
    """The content of a Parquet file as a table, if egraph wrote it or if it is a published benchmark.

    Args:
        content: Content of the file.
        path: Path of the file.
        source: The expected benchmark; None accepts any.

    Returns:
        The table; None for a file of another kind.

    Raises:
        DataError: The file is a damaged table of egraph, or a file of further columns beside it is damaged.
    """
    if _parquet.is_own(content):
        return Table.from_arrow(content, path)
    names = set(content.column_names)
    fitting = [
        candidate for candidate in ([source] if source else _sources.values()) if candidate.fits(names)
    ]
    if not fitting:
        return None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    # Several benchmarks have the same columns; the checksum decides, then the name of the file.
    chosen = min(fitting, key=lambda candidate: (candidate.sha256 != digest, candidate.file != path.name))
    table = _adapt(chosen, _parquet.to_columns(content), str(path), digest)
    if digest != chosen.sha256 and path.name != chosen.file:
        table.name = path.stem
    for companion in chosen.companions:
        companion.join(table, path.parent)
    return table


def begins_as_parquet(path: Path) -> bool:
    """Whether a file is in the format of Parquet, whatever its name."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def is_table(path: Path) -> bool:
    """Whether a Parquet file is a table of architectures, as told by its columns; true for a damaged one."""
    import pyarrow
    import pyarrow.parquet

    try:
        with path.open("rb") as file:
            schema = pyarrow.parquet.read_schema(file)
    except (pyarrow.ArrowException, OSError, ValueError):
        return True  # `load` reports the damage
    own = _parquet.is_own(schema.empty_table())
    return own or any(source.fits(set(schema.names)) for source in _sources.values())


def is_measured_file(path: str | os.PathLike[str]) -> bool:
    """Whether a path is that of a CSV, JSON-lines or Parquet file that is no table of egraph."""
    file = expand(path)
    packed = file.name.lower().endswith(PARQUET)
    return os.path.isfile(file) and is_sheet(file) and not (packed and is_table(file))


def known(root: str | os.PathLike[str] | None = None) -> list[Known]:
    """The tables that `load` finds by name: benchmarks, present or not, and imported and packaged tables."""
    listed = []
    for source in _sources.values():
        path = _find(source, root) or (source.package.find() if source.package else None)
        listed.append(
            Known(
                source.name,
                source.space,
                source.title,
                _count_rows(path, source.rows),
                source.file or f"{source.name}.parquet",
                source.size,
                tuple(list_folders(root)),
                path,
                source.package.extra if source.package else None,
            )
        )
    return listed + list(_imported(root))


def _is_plain(name: str) -> bool:
    return not Path(name).suffix and Path(name).name == name and not os.path.isfile(name)


def _find_plain(name: str, root: str | os.PathLike[str] | None) -> Path | None:
    packaged = PACKAGED / f"{name}.parquet"
    return find(packaged.name, root) or (packaged if os.path.isfile(packaged) else None)


def _find(source: Source, root: str | os.PathLike[str] | None) -> Path | None:
    """A table imported under the name of a benchmark takes precedence over the published file."""
    files = dict.fromkeys(file for file in (f"{source.name}.parquet", source.file) if file)
    return next((path for file in files if (path := find(file, root))), None)


def _count_rows(path: Path | None, published: int) -> int:
    """The number of rows of the file found, which may differ from the published one."""
    import pyarrow
    import pyarrow.parquet

    if path is None or path.suffix != ".parquet":
        return published
    try:
        with path.open("rb") as file:
            return int(pyarrow.parquet.read_metadata(file).num_rows)
    except (pyarrow.ArrowException, OSError, ValueError):
        return published  # `load` reports the damage


def _imported(root: str | os.PathLike[str] | None) -> Iterator[Known]:
    """The tables that egraph wrote, in the folders and in egraph itself, and that are no known benchmark."""
    import pyarrow
    import pyarrow.parquet

    seen = {file for source in _sources.values() for file in (source.file, f"{source.name}.parquet")}
    for folder in (*list_folders(root), PACKAGED):
        for path in sorted(folder.glob("*.parquet")) if os.path.isdir(folder) else ():
            if path.name in seen:
                continue
            seen.add(path.name)
            try:
                with path.open("rb") as file:
                    read = pyarrow.parquet.read_metadata(file)
                rows = read.num_rows
                header = _parquet.read_header(read.schema.to_arrow_schema(), path)
            except (pyarrow.ArrowException, OSError, ValueError, DataError):
                continue  # not a table of egraph
            yield Known(
                path.stem,
                str(header["space"]),
                f"{'part of egraph' if folder == PACKAGED else 'imported'}: {header['name']}",
                rows,
                path.name,
                path.stat().st_size,
                tuple(list_folders(root)),
                path,
            )


def read_trials(path: Path) -> Table | None:
    """The successful trials of the journal of a study as a table; None for a file of another kind.

    Raises:
        DataError: The file is a database without such trials.
    """
    return _journal.read_journal(path, _find_metrics) if _journal.is_database(path) else None


def _find_metrics(name: str) -> Mapping[str, Metric]:
    """The metrics of a benchmark, or of a table that is part of egraph; none of other tables."""
    if name in _sources:
        return _sources[name].metrics
    packaged = PACKAGED / f"{name}.parquet"
    return Table.load(packaged).metrics if packaged.parent == PACKAGED and os.path.isfile(packaged) else {}


def read_file(path: Path, how: Reading, source: Source | None = None) -> Table:
    """The table in a file of any kind; only one of your own needs to be told how it is read.

    Args:
        path: The file.
        how: How a file of your own is read.
        source: The benchmark that is expected; None accepts any table.

    Raises:
        DataError: The file is absent, damaged or of another kind.
        UsageError: A file of your own is read in a wrong way, or the table is of another space.
        UnknownNameError: There is no such column.
    """
    table = _read_known(path, source, how)
    if table is None:
        return read_measured(path, how)
    check_space(path, table, how.space)
    for told, names in ((False, how.lower_is_better), (True, how.higher_is_better)):
        for name in names:
            if name in table.metrics and table.metrics[name].higher_is_better is not told:
                words = ("lower", "higher")
                raise UsageError(
                    f"{path} says that {words[not told]} is better for {name!r}; leave "
                    f"--{words[told]}-is-better {name} out, or import the measurements anew"
                )
    return table


def check_space(path: Path, table: Table, space: SearchSpace | None) -> None:
    """Refuses a table of another space.

    Raises:
        UsageError: It is of another one.
    """
    if space not in (None, table.space):
        raise UsageError(f"{path} is a table of the space {table.space.name!r}, not of {space.name!r}")


def _read_known(path: Path, source: Source | None, how: Reading) -> Table | None:
    """The table of a file that says what it is; None for a file of your own."""
    if (trials := read_trials(path)) is not None:
        return trials
    if not path.name.lower().endswith(PARQUET) and os.path.isfile(path):
        if is_sheet(path):
            return None
        if not begins_as_parquet(path):
            raise DataError(explain_other(path))
    try:
        content = _parquet.open_arrow(path)
    except DataError as error:
        expected = f"; {path.name} as published has {source.size:,} bytes" if source and source.size else ""
        raise DataError(f"{error}{expected}") from None
    table = recognise(content, path, source)
    if table is None and (how.space is None or source is not None):
        raise DataError(explain_foreign(content, path, source))
    return table


def _adapt(source: Source, columns: Columns, where: str, digest: str | None = None) -> Table:
    provenance = {"origin": source.origin, "licence": source.licence, "read from": where}
    if digest is not None:
        provenance["sha256"] = digest
        provenance["checksum"] = (
            "as published" if digest == source.sha256 else "differs from the published file"
        )
    return Table(
        source.space,
        source.rows_of(columns),
        columns,
        source.metrics,
        name=source.name,
        provenance=provenance,
        read=source.read,
    )
