"""NAS-Bench-Graph: graph neural networks of four operations, on node classification data sets.

The measurements are in a Parquet file, or in the package nas-bench-graph with one pickle for each data set.
The pickle is not read by `pickle.load`: the reader below builds only dictionaries and numbers.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from egraph.datasets._metric import Metric
from egraph.datasets._pickles import read_pickle
from egraph.datasets._source import Columns, Package, Source
from egraph.errors import DataError

__all__ = ["SOURCES"]

_LINKS = ("0000", "0001", "0011", "0012", "0013", "0111", "0112", "0122", "0123")
_OPS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
_ROWS = 26_206

_METRICS = {
    "valid_perf": Metric("fraction", "validation", None, 3, description="accuracy"),
    "test_perf": Metric("fraction", "test", None, 3, description="accuracy"),
    "latency_s": Metric(
        "seconds",
        higher_is_better=False,
        description="published without unit or device; seconds judging by the size",
    ),
    "params": Metric("parameters", higher_is_better=False),
}

# By name: title, and size and checksum of the Parquet file where there is one.
_DATA: dict[str, tuple[str, int | None, str | None]] = {
    "cora": ("Cora", 284_156, "765896712e43f5d59ddaf16ad98db81f9bc9ffe81f52fbbf0b345131e21c304d"),
    "arxiv": ("ogbn-arxiv", 352_564, "ca7297019dd8a625e0519663f8e3679b254e384931a7edc3f3b072a57f634e84"),
    "photo": ("Amazon Photo", 316_744, "1f84d75c59104e2d2e2b2d452fe360f78da49ef6cd240bf410f8077344482b1a"),
    "citeseer": ("CiteSeer", None, None),
    "computers": ("Amazon Computers", None, None),
    "cs": ("Coauthor CS", None, None),
    "physics": ("Coauthor Physics", None, None),
    "pubmed": ("PubMed", None, None),
}


def _rows_of(columns: Columns) -> list[str]:
    return [f"{link} {ops}" for link, ops in zip(columns["link"], columns["ops"], strict=True)]


def _package_file(data: str) -> Path | None:
    # The package is found but not imported, as that would run its code.
    spec = importlib.util.find_spec("nas_bench_graph")
    for folder in (spec and spec.submodule_search_locations) or ():
        file = Path(folder) / "light" / f"{data}.bench"
        if file.is_file():
            return file
    return None


def _read_package_file(path: Path) -> Columns:
    """The columns of the Parquet file, made from ``{hash: {valid_perf, perf, latency, para}}``.

    The hash has five decimal digits: the number of the link, then those of the four operations. ``para`` is
    in millions.

    Raises:
        DataError: The file is of another kind.
    """
    content = _read_plain_pickle(path)
    names = {"valid_perf": "valid_perf", "test_perf": "perf", "latency_s": "latency", "params": "para"}
    try:
        if not content:
            raise ValueError("no rows")
        hashes = np.array(list(content), dtype=np.int32)
        columns: Columns = {"hash": hashes}
        digits = [f"{number:05d}" for number in content]
        columns["link"] = np.array([_LINKS[int(d[0])] for d in digits], dtype=object)
        columns["ops"] = np.array([",".join(_OPS[int(op)] for op in d[1:]) for d in digits], dtype=object)
        for name, entry in names.items():
            columns[name] = np.array([row[entry] for row in content.values()], dtype=np.float64)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
        raise DataError(
            f"{path} is not a result file of nas-bench-graph; install the package again"
        ) from None
    columns["params"] = np.round(columns["params"] * 1e6).astype(np.int32)
    for name in ("valid_perf", "test_perf", "latency_s"):
        columns[name] = columns[name].astype(np.float32)
    order = np.argsort(hashes, kind="stable")
    return {name: values[order] for name, values in columns.items()}


def _read_plain_pickle(path: Path) -> Any:
    """Reads a pickle of dictionaries and numbers; executes no code.

    Raises:
        DataError: The file is damaged, or contains other types.
    """
    try:
        with path.open("rb") as file:
            return read_pickle(file)
    except Exception as error:  # noqa: BLE001 - a damaged pickle can raise anything; nothing of it is executed
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{path} is damaged, or contains more than numbers ({reason}); install the package again"
        ) from None


def _source(data: str) -> Source:
    title, size, sha256 = _DATA[data]
    return Source(
        name=f"nasbench_graph_{data}",
        space="nasbench_graph",
        title=f"26,206 graph neural networks of NAS-Bench-Graph on {title}",
        rows=_ROWS,
        file=None if size is None else f"nasbench_graph_{data}.parquet",
        size=size,
        sha256=sha256,
        origin="Qin et al., NeurIPS 2022, https://arxiv.org/abs/2206.09166; nas-bench-graph 1.4.0, light",
        licence="Apache-2.0 (THUMNLab/NAS-Bench-Graph)",
        metrics=_METRICS,
        rows_of=_rows_of,
        described_by=("link", "ops"),
        package=Package("nas-bench-graph", "graph", lambda: _package_file(data), _read_package_file),
    )


SOURCES = [_source(data) for data in _DATA]
