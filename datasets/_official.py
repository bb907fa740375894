"""Readers of the files that the authors of benchmarks published."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from egraph.datasets._nasbench101_records import read_nasbench101
from egraph.datasets._nasbench201_pickles import read_nasbench201
from egraph.datasets._table import Table
from egraph.registry import Registry

__all__ = ["OFFICIAL", "Official", "Progress", "find_official"]

Progress = Callable[[float, float], None]


@dataclass(frozen=True, slots=True)
class Official:
    """The published format of one benchmark.

    Attributes:
        files: Names of the files with this format, for texts.
        fits: Whether a path looks like one of them.
        read: Function from a path and a progress callback to a table.
    """

    files: str
    fits: Callable[[Path], bool]
    read: Callable[[Path, Progress | None], Table]


OFFICIAL: Registry[Official] = Registry("benchmark")
OFFICIAL.register(
    "nasbench101",
    Official(
        "nasbench_only108.tfrecord or nasbench_full.tfrecord",
        lambda path: path.suffix == ".tfrecord" and os.path.isfile(path),
        read_nasbench101,
    ),
)
OFFICIAL.register(
    "nasbench201",
    Official(
        "NAS-Bench-201-v1_1-096897.pth, NATS-tss-v1_0-3ffb9.pickle.pbz2 "
        "or the folder NATS-tss-v1_0-3ffb9-simple",
        lambda path: os.path.isdir(path) or (path.suffix in (".pth", ".pbz2") and os.path.isfile(path)),
        read_nasbench201,
    ),
)


def find_official(path: Path) -> Official | None:
    """The benchmark whose format a path seems to have; None for other files."""
    return next((official for official in OFFICIAL.values() if official.fits(path)), None)
