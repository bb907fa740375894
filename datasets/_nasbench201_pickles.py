"""NAS-Bench-201 and the topology space of NATS-Bench as their authors published them: pickled dictionaries.

For each cell there are two states, for its trainings of 12 and of 200 epochs (called ``less`` and ``full`` in
NAS-Bench-201). ``all_results`` of a state has the measurements after each epoch for each data set and seed.
The folder of NATS-Bench has one pickle for each cell. The other files are one pickle with all cells, which
would fill tens of gigabytes of memory and is therefore read as a stream, cell by cell.

References:
    Dong and Yang, ICLR 2020, https://arxiv.org/abs/2001.00326; format: https://github.com/D-X-Y/NAS-Bench-201
    Dong et al., TPAMI 2021, https://arxiv.org/abs/2009.00437; format: https://github.com/D-X-Y/NATS-Bench
"""

from __future__ import annotations

import bz2
import math
import zipfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from egraph.datasets._metric import Metric
from egraph.datasets._pickles import read_pickle, stream_pickle
from egraph.datasets._runs import mean_of_runs
from egraph.datasets._table import Table
from egraph.errors import DataError

__all__ = ["read_nasbench201"]

BUDGETS = {"less": 12, "12": 12, "full": 200, "200": 200}

DATA = {
    "cifar10-valid": ("cifar10", "CIFAR-10, trained on half of the training images", {"val": "x-valid"}),
    "cifar10": ("cifar10", "CIFAR-10, trained on all training images", {"test": "ori-test"}),
    "cifar100": ("cifar100", "CIFAR-100", {"val": "x-valid", "test": "x-test"}),
    "ImageNet16-120": ("imagenet16", "ImageNet16-120", {"val": "x-valid", "test": "x-test"}),
}
"""By data set: its name in our columns, its description, and the evaluation of each split."""

_SPLITS = {"val": "validation", "test": "test"}

_TORCH_MAGIC, _TORCH_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
"""The start of files of torch.save that are not ZIP archives."""

Progress = Callable[[float, float], None]


def read_nasbench201(path: Path, progress: Progress | None = None) -> Table:
    """Reads the file of NAS-Bench-201, or the file or folder of the topology space of NATS-Bench.

    The reader builds only containers and numbers from the pickles. The memory holds one cell and the table;
    for a file that is one pickle, also four bytes for each text or container.

    Args:
        path: ``NAS-Bench-201-v1_1-096897.pth``, ``NATS-tss-v1_0-3ffb9.pickle.pbz2``, or the unpacked folder
            ``NATS-tss-v1_0-3ffb9-simple``.
        progress: Callback with the cells or bytes read, and their number in all.

    Returns:
        One row a cell, ordered by its official index: the mean of each measurement over the seeds and, where
        a cell has several, the measurement of each seed.

    Raises:
        DataError: A file is absent, damaged, cut off or of another kind, or names a class.
    """
    results = _Results()
    read = _read_folder if path.is_dir() else _read_file
    cells, checksum = read(path, results, progress)
    return results.to_table(cells, checksum, path)


@dataclass(slots=True)
class _Opened:
    """A pickle in a file.

    Attributes:
        pickle: Stream of the unpacked bytes.
        raw: Stream of the file.
        checksum: Description of the file's checksum.
        part: Position in the pickle, for error texts.
    """

    pickle: IO[bytes]
    raw: IO[bytes]
    checksum: str
    part: str = ""


def _read_folder(folder: Path, results: _Results, progress: Progress | None) -> tuple[list[str], str]:
    """Reads NATS-Bench's folder; returns the cells by index, and a description of the checksum."""
    meta = folder / "meta.pickle.pbz2"
    if not meta.is_file():
        raise DataError(
            f"{folder} is not a folder of NATS-Bench: it has no {meta.name}; give the unpacked folder"
        )
    with _open(meta) as opened:
        cells = _read_cells(read_pickle(opened.pickle))
    files = {int(path.name.split(".")[0]): path for path in folder.glob("[0-9]*.pickle.pbz2")}
    if not files:
        raise DataError(f"{folder} has no file of a cell, such as 000000.pickle.pbz2; unpack it again")
    for done, (index, path) in enumerate(sorted(files.items())):
        with _open(path) as opened:
            results.add(read_pickle(opened.pickle), index)
        if progress and done % 20 == 0:
            progress(done, len(files))
    return cells, opened.checksum


def _read_file(path: Path, results: _Results, progress: Progress | None) -> tuple[list[str], str]:
    """Reads one pickle with all cells; returns them by index, and a description of the checksum."""
    size = path.stat().st_size
    with _open(path) as opened:

        def take(content: dict[Any, Any]) -> bool:
            if not any(isinstance(state, dict) and "all_results" in state for state in content.values()):
                return False
            results.add(content)
            opened.part = f", after {len(results.cells):,} cells"
            if progress and len(results.cells) % 20 == 0:
                progress(opened.raw.tell(), size)
            return True

        cells = _read_cells(stream_pickle(opened.pickle, take))
    return cells, opened.checksum


class _OtherSpaceError(Exception):
    """The file is whole, but of a search space that is not supported."""


@contextmanager
def _open(path: Path) -> Iterator[_Opened]:
    """Opens the pickle in a file; at the end of the block, the checksums are verified.

    Raises:
        DataError: An error occurred in the block; the text gives the position in the pickle.
    """
    opened = None
    with path.open("rb") as raw, ExitStack() as stack:
        try:
            opened = _unpack(raw, stack)
            yield opened
            if opened.pickle is not raw:
                while opened.pickle.read(1 << 20):
                    pass  # the checksums follow the last byte
        except _OtherSpaceError as error:
            raise DataError(f"{path} {error}") from None
        except Exception as error:  # noqa: BLE001 - a damaged pickle can raise anything; nothing of it is executed
            where = (
                "" if opened is None else f" near byte {opened.pickle.tell():,} of its pickle{opened.part}"
            )
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DataError(
                f"{path} is damaged, cut off or of another kind{where} ({reason}); get it again"
            ) from None


def _unpack(raw: IO[bytes], stack: ExitStack) -> _Opened:
    start = raw.read(4)
    raw.seek(0)
    if start.startswith(b"BZh"):
        return _Opened(stack.enter_context(bz2.open(raw)), raw, "of bzip2, right")
    if start == b"PK\x03\x04":
        archive = stack.enter_context(zipfile.ZipFile(raw))
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise ValueError("a ZIP archive without the data.pkl of torch.save")
        return _Opened(stack.enter_context(archive.open(names[0])), raw, "of ZIP, right")
    if (
        not start.startswith(b"\x80")
        or read_pickle(raw) != _TORCH_MAGIC
        or read_pickle(raw) != _TORCH_PROTOCOL
    ):
        raise ValueError("neither bzip2 nor a file of torch.save")
    read_pickle(raw)  # the machine that wrote it
    return _Opened(raw, raw, "none: files of torch.save before version 1.6 have none")


def _read_cells(meta: Any) -> list[str]:
    """The cells by their official index, from the outermost dictionary."""
    cells = meta.get("meta_archs") if isinstance(meta, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, str) for cell in cells):
        raise ValueError("it has no list meta_archs of cells")
    if cells and not cells[0].startswith("|"):
        raise _OtherSpaceError(
            f"is of NATS-Bench's size space, whose networks are widths such as {cells[0]!r:.40}; only the "
            "topology space is supported: give NATS-tss-v1_0-3ffb9-simple or another file that the help names"
        )
    return cells


class _Results:
    """All cells so far, with eight bytes for each number."""

    def __init__(self) -> None:
        self.rows: dict[int, int] = {}
        self.cells: list[str] = []
        self.metrics: dict[str, Metric] = {}
        self.runs: dict[str, dict[int, array[float]]] = {}

    def add(self, states: Any, index: int | None = None) -> None:
        """Adds the cell of that index; raises ValueError where its content is invalid."""
        if not isinstance(states, dict) or not states or not states.keys() <= BUDGETS.keys():
            raise ValueError("it is not the dictionary of a cell, with states of 12 and 200 epochs")
        names = {(state.get("arch_index"), state.get("arch_str")) for state in map(_as_dict, states.values())}
        own, cell = names.pop()
        if names or type(own) is not int or not isinstance(cell, str) or own in self.rows:
            raise ValueError(f"it has no cell, several cells or one for the second time: {own}, {cell!s:.80}")
        if index not in (None, own):
            raise ValueError(f"it has the cell {own}, not {index}")
        row = self.rows[own] = len(self.cells)
        self.cells.append(cell)
        costs: dict[str, float] = {}
        for label in sorted(states, key=BUDGETS.__getitem__, reverse=True):
            for name, metric, seed, value in _measurements(states[label], BUDGETS[label]):
                self.metrics.setdefault(name, metric)
                self._put(name, seed, row, value)
            costs = {**_costs(states[label]), **costs}
        for name, cost in costs.items():
            self._put(name, 0, row, cost)

    def to_table(self, cells: list[str], checksum: str, path: Path) -> Table:
        """One row a cell, sorted by index.

        Raises:
            DataError: There is no cell, or one has the index of another.
        """
        if not self.cells:
            raise DataError(f"{path} has no results; give the file or folder with the results of all cells")
        for index, row in self.rows.items():
            if not 0 <= index < len(cells) or cells[index] != self.cells[row]:
                raise DataError(f"{path} has under the index {index} the wrong cell {self.cells[row]:.80}")
        indices = np.array(sorted(self.rows))
        order = [self.rows[index] for index in indices.tolist()]
        columns: dict[str, NDArray[Any]] = {"index": indices}
        metrics = {}
        for name, metric in {**self.metrics, **_COSTS}.items():
            if name not in self.runs:
                continue
            runs = np.full((len(order), len(self.runs[name])), np.nan)
            for column, values in enumerate(self.runs[name].values()):
                runs[: len(values), column] = values
            columns[name], counts = mean_of_runs(runs[order])
            some = f"; mean of {counts.min()} to {counts.max()} runs" if counts.min() < counts.max() else ""
            number = None if some or not metric.budget else int(counts.max())
            metrics[name] = replace(metric, runs=number, description=metric.description + some)
            if counts.max() > 1 and metric.split:
                for seed, column in sorted((seed, i) for i, seed in enumerate(self.runs[name])):
                    columns[f"{name}_seed{seed}"] = runs[order, column]
                    metrics[f"{name}_seed{seed}"] = replace(metric, runs=1)
        provenance = {
            "origin": "Dong and Yang, ICLR 2020, https://arxiv.org/abs/2001.00326",
            "licence": "MIT (D-X-Y/NATS-Bench)",
            "cells": f"{len(order):,} of the {len(cells):,} that {path.name} names",
            "checksum": checksum,
        }
        return Table(
            "nasbench201", [self.cells[row] for row in order], columns, metrics, provenance=provenance
        )

    def _put(self, name: str, seed: int, row: int, value: float) -> None:
        values = self.runs.setdefault(name, {}).setdefault(seed, array("d"))
        values.extend([math.nan] * (row - len(values)))
        values.append(value)


_COSTS = {
    "params": Metric("parameters", higher_is_better=False, description="of the network for CIFAR-10"),
    "flops": Metric("flops", higher_is_better=False, description="of the network for CIFAR-10"),
    "latency": Metric("seconds", higher_is_better=False, description="of a batch; on the authors' machine"),
}


def _measurements(state: dict[Any, Any], budget: int) -> Iterator[tuple[str, Metric, int, float]]:
    """The column, its metric, the seed and the value of each measurement after the last epoch."""
    for key, content in _as_dict(state.get("all_results")).items():
        data, seed = key if isinstance(key, tuple) and len(key) == 2 else (None, None)
        if data not in DATA or type(seed) is not int:
            raise ValueError(f"{key!r:.80} is not a data set and seed")
        run = _as_dict(content)
        if run.get("epochs") != budget:
            raise ValueError(f"a training of {run.get('epochs')!r:.20} epochs is among those of {budget}")
        name, title, splits = DATA[data]
        accuracies = _as_dict(run.get("eval_acc1es"))
        for split, evaluation in splits.items():
            if (key := f"{evaluation}@{budget - 1}") in accuracies:
                metric = Metric("percent", _SPLITS[split], budget, description=title)
                yield f"{name}_{split}_{budget}", metric, seed, _as_number(accuracies[key], 100)
        if times := run.get("train_times"):
            part = "half_" if data == "cifar10-valid" else ""
            metric = Metric(
                "seconds", "", budget, higher_is_better=False, description=f"of training; {title}"
            )
            spent = math.fsum(_as_number(time) for time in _as_dict(times).values())
            yield f"{name}_{part}train_time_{budget}", metric, seed, spent


def _costs(state: dict[Any, Any]) -> dict[str, float]:
    """The costs of the network for CIFAR-10, in the units of `_COSTS`."""
    runs = {
        seed: run
        for (data, seed), run in state["all_results"].items()
        if data in ("cifar10", "cifar10-valid")
    }
    costs = {}
    for name, field in (("params", "params"), ("flops", "flop")):
        values = {seed: _as_number(run.get(field)) for seed, run in runs.items()}
        if len({round(value, 5) for value in values.values()}) > 1 and 888 in values:
            # Some older counts are wrong; the authors' own reader takes those of this seed.
            values = {888: values[888]}
        if values:
            costs[name] = float(round(1e6 * sum(values.values()) / len(values)))
    times = [_as_number(time) for run in runs.values() for time in run.get("latency") or ()]
    if times := [time for time in times if time > 0]:
        costs["latency"] = math.fsum(times) / len(times)
    return costs


def _as_dict(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected a dictionary, got {value!r:.80}")
    return value


def _as_number(value: Any, most: float = math.inf) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= most
        or value == math.inf
    ):
        raise ValueError(f"expected a number from 0{f' to {most}' * (most < math.inf)}, got {value!r:.80}")
    return float(value)
