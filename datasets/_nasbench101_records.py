"""NAS-Bench-101 as its authors published it: one record for each training run.

A record contains JSON: the module hash of the cell, the number of epochs, the adjacency matrix as a text of 0
and 1, the operations separated by commas, and in base64 a protocol buffer with the measurements at the start,
half-way and at the end. The small file has three runs of 108 epochs for each cell; the full one also has
three of 4, 12 and 36 epochs. The records may be in any order.

References:
    Ying et al., ICML 2019, https://arxiv.org/abs/1902.09635; format: nasbench/api.py and
    nasbench/lib/model_metrics.proto of https://github.com/google-research/nasbench
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from egraph import spaces
from egraph.architecture import Architecture
from egraph.datasets._metric import Metric
from egraph.datasets._protobuf import read_fields
from egraph.datasets._runs import mean_of_runs
from egraph.datasets._table import Table
from egraph.datasets._tfrecord import read_records
from egraph.errors import DataError

__all__ = ["read_nasbench101"]

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")

RUNS = 3
"""Number of trainings of a cell with the same number of epochs."""

_BLOCK = 4096
"""Number of cells in one array. Arrays are added and never moved, so that growth needs no copies."""


def read_nasbench101(path: Path, progress: Callable[[float, float], None] | None = None) -> Table:
    """Reads ``nasbench_only108.tfrecord`` or ``nasbench_full.tfrecord``, record by record.

    Memory: about 250 bytes for each cell, and 192 more for each number of epochs.

    Args:
        path: The file.
        progress: Callback with the bytes read and the size of the file.

    Returns:
        One row a cell, in the order of the file. For each number of epochs: the means over the runs at the
        end and half-way, and the accuracies of the single runs.

    Raises:
        DataError: A record is damaged, cut off or of another kind; the text says which, and where.
    """
    cells = _Cells()
    size = path.stat().st_size
    record = None
    for record in read_records(path):
        try:
            cells.add(_read_run(record.data))
        except (ValueError, RecursionError) as error:  # an ArchitectureError is a ValueError
            raise DataError(
                f"{path}: record {record.number:,} at byte {record.offset:,} is not a run of NAS-Bench-101: "
                f"{' '.join(str(error).split())}"
            ) from None
        if progress and record.number % 1000 == 0:
            progress(record.offset, size)
    if record is None:
        raise DataError(f"{path} contains no records; get the file again")
    return cells.to_table(record.number + 1)


class _Run(NamedTuple):
    """One training.

    Attributes:
        module_hash: Hash of 16 bytes.
        epochs: Number of epochs.
        cell: The graph as `_encode` returns it.
        params: Number of trainable parameters.
        measured: Time and accuracies on training, validation and test images half-way, then at the end.
    """

    module_hash: bytes
    epochs: int
    cell: int
    params: int
    measured: list[float]


class _Cells:
    """All runs so far as arrays."""

    def __init__(self) -> None:
        self.space = spaces.get("nasbench101")
        self.numbers: dict[bytes, int] = {}
        self.cells: list[int] = []
        self.params: list[int] = []
        self.runs: dict[int, list[NDArray[np.float64]]] = {}
        self.counts: dict[int, bytearray] = {}

    def add(self, run: _Run) -> None:
        """Adds a run; raises ValueError where it contradicts others."""
        number = self.numbers.get(run.module_hash)
        if number is None or self.cells[number] != run.cell:
            if (key := self.space.key(_decode(run.cell))) != run.module_hash.hex():
                raise ValueError(f"its graph has the hash {key}, not {run.module_hash.hex()}")
            if number is None:
                number = self.numbers[run.module_hash] = len(self.cells)
                self.cells.append(run.cell)
                self.params.append(run.params)
        blocks = self.runs.setdefault(run.epochs, [])
        counts = self.counts.setdefault(run.epochs, bytearray())
        while len(blocks) * _BLOCK <= number:
            blocks.append(np.full((_BLOCK, RUNS, 8), np.nan))
            counts.extend(bytes(_BLOCK))
        if counts[number] == RUNS:
            raise ValueError(f"it is the fourth of {run.epochs} epochs of its cell; there are only {RUNS}")
        blocks[number // _BLOCK][number % _BLOCK, counts[number]] = run.measured
        counts[number] += 1

    def to_table(self, num_records: int) -> Table:
        """The table of all runs; releases their arrays, so that the numbers are not in memory twice."""
        columns: dict[str, NDArray[Any]] = {}
        metrics: dict[str, Metric] = {}
        for epochs in sorted(self.runs, reverse=True):
            blocks, counts = self.runs.pop(epochs), self._take_counts(epochs)
            for position, (name, metric) in enumerate(_describe(epochs, counts).items()):
                runs = np.full((len(counts), RUNS), np.nan)
                for first, block in zip(range(0, len(counts), _BLOCK), blocks, strict=False):
                    runs[first : first + _BLOCK] = block[: len(counts) - first, :, position]
                columns[name], metrics[name] = mean_of_runs(runs)[0], metric
                if metric.budget == epochs and metric.split in ("validation", "test"):
                    for run in range(int(counts.max())):
                        columns[f"{name}_{run}"] = runs[:, run].copy()
                        metrics[f"{name}_{run}"] = replace(metric, runs=1, description=f"CIFAR-10; run {run}")
        columns["params"] = np.array(self.params)
        metrics["params"] = Metric(
            "parameters", higher_is_better=False, description="trainable parameters of the full network"
        )
        provenance = {
            "origin": "Ying et al., ICML 2019, https://arxiv.org/abs/1902.09635",
            "licence": "Apache-2.0 (google-research/nasbench)",
            "cells": f"{len(self.cells):,} of the {len(self.space):,} of the benchmark",
            "records": f"{num_records:,}, each with the right checksum; every cell has the hash it goes by",
        }
        table = Table(self.space, self.cells, columns, metrics, provenance=provenance, read=_decode)
        table._keys = [module_hash.hex() for module_hash in self.numbers]  # `add` has checked them
        return table

    def _take_counts(self, epochs: int) -> NDArray[np.uint8]:
        """Number of runs of each cell with this number of epochs, ``(cells,)``."""
        counts = np.zeros(len(self.cells), dtype=np.uint8)
        known = np.frombuffer(self.counts.pop(epochs), dtype=np.uint8)[: len(counts)]
        counts[: len(known)] = known
        return counts


def _describe(epochs: int, counts: NDArray[np.uint8]) -> dict[str, Metric]:
    """The columns of one number of epochs, in the order of the numbers of a run."""
    runs = int(counts.max()) if counts.min() == counts.max() else None
    metrics = {}
    for prefix, budget, when in (
        ("half_", epochs // 2, f"; half-way through a training of {epochs} epochs"),
        ("", epochs, ""),
    ):
        note = f"{when}; mean of 1 to {counts.max()} runs" if runs is None else when
        metrics[f"{prefix}train_time_{epochs}"] = Metric(
            "seconds", "", budget, runs, higher_is_better=False, description=f"of training{note}"
        )
        for part, split in (("train", "train"), ("val", "validation"), ("test", "test")):
            metrics[f"{prefix}{part}_acc_{epochs}"] = Metric(
                "fraction", split, budget, runs, description=f"CIFAR-10{note}"
            )
    return metrics


def _read_run(data: bytes) -> _Run:
    """Reads a record; raises ValueError where it is not one of this benchmark."""
    content = json.loads(data)
    if not isinstance(content, list) or len(content) != 5:
        raise ValueError("it is not a list of five")
    module_hash, epochs, adjacency, operations, metrics = content
    if not all(isinstance(text, str) for text in (module_hash, adjacency, operations, metrics)):
        raise ValueError("its hash, adjacency, operations and metrics are not all texts")
    digest = bytes.fromhex(module_hash)
    if len(digest) != 16:
        raise ValueError(f"{module_hash!r} is not a hash of 32 hexadecimal digits")
    if type(epochs) is not int or not 0 < epochs < 1 << 31:
        raise ValueError(f"{epochs!r} is not a number of epochs")
    params, evaluations = 0, []
    for field, value in read_fields(base64.b64decode(metrics)):
        if field == 1 and isinstance(value, bytes):
            evaluations.append(_read_evaluation(value))
        elif field == 2 and isinstance(value, int) and value < 1 << 31:
            params = value
    if len(evaluations) != 3:
        raise ValueError(
            f"it has {len(evaluations)} evaluations, not three: at the start, half-way and at the end"
        )
    return _Run(digest, epochs, _encode(adjacency, operations), params, evaluations[1] + evaluations[2])


def _read_evaluation(message: bytes) -> list[float]:
    """Training time, then accuracy on the training, validation and test images."""
    values = {field: value for field, value in read_fields(message) if 2 <= field <= 5}
    # The format defines absent fields as zero.
    numbers = [values.get(field, 0.0) for field in range(2, 6)]
    measured = [number for number in numbers if isinstance(number, float)]
    if len(measured) < len(numbers) or not all(map(math.isfinite, measured)):
        raise ValueError(f"{numbers} are not a time and three accuracies")
    if measured[0] < 0 or not all(0 <= accuracy <= 1 for accuracy in measured[1:]):
        raise ValueError(f"{measured} are not a time and three fractions")
    return measured


def _encode(adjacency: str, operations: str) -> int:
    """A cell as one number: from the lowest bits, its vertices, its operations and its possible edges."""
    ops = operations.split(",")
    n = len(ops)
    if not 2 <= n <= 7 or len(adjacency) != n * n or set(adjacency) - {"0", "1"}:
        raise ValueError(
            f"{adjacency!r:.80} is not an adjacency matrix of {n} vertices, of which there are 2 to 7"
        )
    if (ops[0], ops[-1]) != ("input", "output") or not set(ops[1:-1]) <= set(OPERATIONS):
        raise ValueError(f"{operations!r:.200} are not operations of a cell, such as input,maxpool3x3,output")
    cell = 0
    for i in range(n):
        for j in range(n):
            if i < j:
                cell = cell << 1 | (adjacency[i * n + j] == "1")
            elif adjacency[i * n + j] == "1":
                raise ValueError(f"the edge {i} -> {j} does not lead forward")
    for op in ops[1:-1]:
        cell = cell << 2 | OPERATIONS.index(op)
    return cell << 3 | n


def _decode(cell: int) -> Architecture:
    n, cell = cell & 7, cell >> 3
    ops = []
    for _ in range(n - 2):
        ops.append(OPERATIONS[cell & 3])
        cell >>= 2
    edges = []
    for i in reversed(range(n)):
        for j in reversed(range(i + 1, n)):
            if cell & 1:
                edges.append((i, j))
            cell >>= 1
    return Architecture(("input", *reversed(ops), "output"), edges)
