"""A table of traced models, joined with their labels."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.datasets._folders import describe_folders, find
from egraph.datasets._measured import asks_direction, identify
from egraph.datasets._metric import Metric
from egraph.datasets._sheet import is_sheet, read_sheet, stem_of
from egraph.datasets._table import Table
from egraph.datasets._zoos import Model, describe_source, list_models
from egraph.errors import DataError, FailedError, UsageError
from egraph.spaces import get

__all__ = ["Traced", "trace_models"]

Progress = Callable[[int, int, str], None]
Trace = dict[str, Any]

_ACCURACIES = ("top1", "top5", "acc", "acc1", "acc5", "accuracy", "score")
"""Names of labels that are metrics; other numbers are columns beside them, unless they are asked for."""


@dataclass(frozen=True)
class Traced:
    """What `trace_models` made.

    Attributes:
        path: The file of the table.
        table: The table.
        failures: One line for each model that could not be traced.
        traces: The file of the traces.
    """

    path: Path
    table: Table
    failures: tuple[str, ...]
    traces: Path


def trace_models(
    models: str,
    out: str | os.PathLike[str],
    *,
    labels: str | os.PathLike[str] | None = None,
    metrics: Sequence[str] | None = None,
    part: str | None = None,
    root: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Traced:
    """Builds models without weights, traces them, and writes a table of their graphs and labels.

    Each trace is appended at once to a file beside ``out``, ``NAME.traces.jsonl``; the same call goes on
    after an interruption, and failures are not repeated. Delete the file to trace anew. The table holds
    descriptions of all operations, so that any process reads it.

    Args:
        models: ``"timm"``, ``"torchvision"`` or ``package.module:name``; see `docs/how-to/real-models.md`.
        out: Parquet file to write.
        labels: CSV, JSON-lines or Parquet file, or the stem of one in the folders of data, with a row for
            each label: a column ``architecture`` (or ``model``) with the name of the model, maybe
            ``img_size`` with the side of its input, and any others. None takes the labels of the list itself.
        metrics: Columns that are metrics; None for those whose names say so, such as ``top1``.
        part: Name of a submodule to trace in place of each model, such as ``"backbone"``.
        root: Folder to search for the labels first.
        progress: Function that is called with the number of finished models, their total and a name.

    Raises:
        UsageError: There are no such models, or no metric among the labels.
        DataError: There is no such file of labels, or it names no model.
        FailedError: All models failed, or the file cannot be written.
    """
    rows, source = _read_labels(labels, root)
    pairs = None if rows is None else list(dict.fromkeys(_identify(row) for row in rows))
    found = list_models(models, pairs)
    if rows is None:
        rows = [_row_of(model) for model in found]
    elif models not in ("timm", "torchvision"):
        found = [
            replace(model, size=size) for model in found for name, size in pairs or () if name == model.name
        ]
    target = Path(out)
    kept = target.with_name(f"{stem_of(target)}.traces.jsonl")
    traces = _trace_all(found, kept, part, progress)
    failures = _list_failures(traces)
    usable = [row for row in rows if "architecture" in traces.get(_identify(row), {})]
    if not usable:
        raise FailedError(f"no model of {models} could be traced; the first: {next(iter(failures), 'none')}")
    architectures = [Architecture.from_dict(traces[_identify(row)]["architecture"]) for row in usable]
    columns = _to_columns(usable)
    provenance = {"traced from": describe_source(models), **source} | ({"part": part} if part else {})
    table = Table(
        get("traced"), architectures, columns, _choose_metrics(columns, metrics), name=stem_of(target),
        provenance=provenance,
    )  # fmt: skip
    table.save(target)
    return Traced(target, table, failures, kept)


def _row_of(model: Model) -> dict[str, Any]:
    """The labels that the list of models itself gives."""
    size = {} if model.size is None else {"img_size": model.size}
    return {"architecture": model.name, **size, **model.labels}


def _list_failures(traces: Mapping[Any, Trace]) -> tuple[str, ...]:
    return tuple(
        f"{name}{'' if size is None else f' at {size}'}: {trace['failed']}"
        for (name, size), trace in traces.items()
        if "failed" in trace
    )


def _identify(row: Mapping[str, Any]) -> tuple[str, int | None]:
    """The name of the model of a row, and the side of its input."""
    name = row.get("architecture", row.get("model"))
    size = row.get("img_size")
    return str(name), None if size is None or size != size else int(size)


def _read_labels(
    labels: str | os.PathLike[str] | None, root: str | os.PathLike[str] | None
) -> tuple[list[dict[str, Any]] | None, dict[str, str]]:
    if labels is None:
        return None, {}
    path = Path(labels)
    if not path.exists():
        names = [path.name] if is_sheet(path) else [f"{path.name}.parquet", f"{path.name}.csv"]
        place = next((there for name in names if (there := find(name, root)) is not None), None)
        if place is None:
            raise DataError(
                f"there are no labels {os.fspath(labels)}; give a file, or its name in "
                f"{describe_folders(root)}"
            )
        path = place
    rows = read_sheet(path, texts=["architecture", "model"]).records()
    if not rows or not {"architecture", "model"} & set(rows[0]):
        raise DataError(f"{path} has no column architecture or model, which names the model of each row")
    return rows, {f"labels {key}": value for key, value in identify(path).items()}


def _trace_all(
    models: Sequence[Model], kept: Path, part: str | None, progress: Progress | None
) -> dict[Any, Trace]:
    """The traces by name and size; those of the file, if they are of the same part, are not made again."""
    traces = {
        (trace["model"], trace["size"]): trace for trace in _read_traces(kept) if trace.get("part") == part
    }
    missing = [model for model in models if (model.name, model.size) not in traces]
    done = len(models) - len(missing)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("a", encoding="utf-8") as file:
            for model in missing:
                if progress is not None:
                    progress(done, len(models), model.name)
                trace = traces[model.name, model.size] = _trace(model, part)
                file.write(json.dumps(trace, separators=(",", ":")) + "\n")
                file.flush()
                done += 1
    except OSError as error:
        raise FailedError(f"cannot write {kept}: {error.strerror or error}; choose another place") from error
    if progress is not None:
        progress(done, len(models), "")
    return traces


def _read_traces(kept: Path) -> Iterator[Trace]:
    """The traces in a file; a line that a killed process left unfinished is cut off."""
    if not kept.exists():
        return
    content = kept.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with kept.open("r+b") as file:
            file.truncate(len(whole))
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            trace = json.loads(line)
            yield {"size": None, **trace, "model": trace["model"]}
        except (ValueError, TypeError, KeyError, RecursionError):
            raise DataError(f"{kept}, line {number} is no trace; delete the file to trace anew") from None


def _trace(model: Model, part: str | None) -> Trace:
    """Builds and traces a model, without memory for its weights where it can be built so."""
    import torch

    from egraph.tracing import from_onnx, from_torch

    record: Trace = {"model": model.name, "size": model.size} | ({"part": part} if part else {})
    for place in ("meta", "cpu"):
        try:
            with torch.device(place) if place == "meta" else nullcontext():
                module, example = model.make(model.size)
                if isinstance(module, str | os.PathLike):
                    architecture = from_onnx(module, example)
                else:
                    architecture = from_torch(module, example, part=part)
            record.pop("failed", None)
            record["architecture"] = architecture.to_dict()
            break
        except Exception as error:  # noqa: BLE001 - any library may raise anything
            record["failed"] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    module = example = None
    gc.collect()
    return record


def _to_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """Columns of labels; the one of the name is called ``model`` where there is no other of that name."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns: dict[str, NDArray[Any]] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        is_number = all(v is None or (isinstance(v, int | float) and not isinstance(v, bool)) for v in values)
        if is_number:
            numbers = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
            whole = np.isfinite(numbers).all() and (numbers == numbers.astype(np.int64)).all()
            array: NDArray[Any] = numbers.astype(np.int64) if whole else numbers
        else:
            array = np.array([None if v is None else str(v) for v in values], dtype=object)
        columns["network" if name == "architecture" else name] = array
    return columns


def _choose_metrics(columns: Mapping[str, NDArray[Any]], asked: Sequence[str] | None) -> dict[str, Metric]:
    numbers = [name for name, values in columns.items() if values.dtype.kind in "iuf"]
    chosen = list(asked) if asked else [name for name in numbers if name.lower() in _ACCURACIES]
    if unknown := [name for name in chosen if name not in numbers]:
        raise UsageError(f"no label {unknown[0]!r} of numbers; known: {', '.join(numbers) or 'none'}")
    if not chosen:
        raise UsageError(
            f"name the labels that are metrics (--metric); known: {', '.join(numbers) or 'none'}"
        )
    return {name: Metric(higher_is_better=not asks_direction(name)) for name in chosen}
