"""NAS-Bench-101: image classification cells of up to seven vertices, trained on CIFAR-10."""

from __future__ import annotations

from typing import Any

from egraph.architecture import Architecture
from egraph.datasets._metric import Metric
from egraph.datasets._source import Columns, Source
from egraph.errors import ArchitectureError

__all__ = ["SOURCES"]

_OPS = {"0": "conv3x3-bn-relu", "1": "conv1x1-bn-relu", "2": "maxpool3x3"}


def _rows_of(columns: Columns) -> list[tuple[int, int, str]]:
    return list(
        zip(
            columns["num_vertices"].tolist(),
            columns["adjacency"].tolist(),
            columns["ops"].tolist(),
            strict=True,
        )
    )


def _read(row: tuple[int, int, str]) -> Architecture:
    """Bit ``j (j - 1) / 2 + i`` of the adjacency is the edge ``(i, j)``; each interior vertex has a digit."""
    num_vertices, adjacency, digits = row
    if len(digits) != num_vertices - 2 or not set(digits) <= set(_OPS):
        raise ArchitectureError(
            f"{num_vertices} vertices need {num_vertices - 2} digits of 0, 1, 2, got {digits!r}"
        )
    edges = [
        (i, j) for j in range(1, num_vertices) for i in range(j) if adjacency >> (j * (j - 1) // 2 + i) & 1
    ]
    return Architecture(("input", *(_OPS[digit] for digit in digits), "output"), edges)


def _accuracy(epochs: int) -> Metric:
    return Metric(
        "fraction", "validation", epochs, 1, description="CIFAR-10; a run of its own, with its own schedule"
    )


_METRICS: dict[str, Any] = {
    **{f"val_acc_{epochs}": _accuracy(epochs) for epochs in (108, 36, 12, 4)},
    "train_time_s": Metric(
        "seconds",
        "",
        None,
        1,
        higher_is_better=False,
        description="of training; its size fits the 108-epoch run",
    ),
    "params": Metric(
        "parameters", higher_is_better=False, description="trainable parameters of the full network"
    ),
}

SOURCES = [
    Source(
        name="nasbench101",
        space="nasbench101",
        title="20,001 of the 423,624 cells of NAS-Bench-101, CIFAR-10; in effect a uniform sample",
        rows=20_001,
        file="nasbench101_20k.parquet",
        size=688_163,
        sha256="9f35f1e72c29bd1d98304d273d8042b85ba03581afaa7613473ae51d4e7eb6e3",
        origin="Ying et al., ICML 2019, https://arxiv.org/abs/1902.09635; tiga1231/nasbench-vis (7aec0e7)",
        licence="Apache-2.0 (google-research/nasbench)",
        metrics=_METRICS,
        rows_of=_rows_of,
        described_by=("num_vertices", "adjacency", "ops"),
        read=_read,
    )
]
