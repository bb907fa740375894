"""Reads CIFAR-10 and CIFAR-100 from their published archives for Python."""

from __future__ import annotations

import io
import os
import re
import tarfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.datasets._assembling import Reading, assemble
from egraph.datasets._folders import describe_folders, list_folders
from egraph.datasets._image_data import ImageData
from egraph.datasets._pickles import read_arrays
from egraph.errors import DataError

__all__ = ["CIFAR", "find_cifar", "is_cifar", "read_cifar"]

HELD_OUT = (0.8, 0.2)
"""Shares of training and validation images: 40,000 and 10,000, as in NAS-Bench-101."""


@dataclass(frozen=True)
class Layout:
    """The files of one of the data sets.

    Attributes:
        archive: Name of the archive.
        size: Size of the archive in bytes.
        folder: Name of the folder in it.
        train: Files of training images.
        test: File of test images.
        names: File with the names of the classes.
        labels: Key of the classes.
        label_names: Key of the names.
    """

    archive: str
    size: int
    folder: str
    train: tuple[str, ...]
    test: str
    names: str
    labels: str
    label_names: str

    @property
    def files(self) -> tuple[str, ...]:
        """All files."""
        return *self.train, self.test, self.names


CIFAR = {
    "cifar10": Layout(
        "cifar-10-python.tar.gz", 170_498_071, "cifar-10-batches-py",
        tuple(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta",
        "labels", "label_names",
    ),
    "cifar100": Layout(
        "cifar-100-python.tar.gz", 169_001_437, "cifar-100-python", ("train",), "test", "meta",
        "fine_labels", "fine_label_names",
    ),
}  # fmt: skip
"""The data sets by name."""


_ARCHIVE = re.compile(r"cifar[-_]?100?\b.*\.(tar|tgz|tar\.gz)")


_OTHERS = ("cifar-10-batches-bin", "cifar-10-batches-mat", "cifar-100-binary", "cifar-100-matlab")
"""Folders of the versions for C and MATLAB, which are told apart."""


def is_cifar(path: Path) -> bool:
    """Whether a path is an archive, by its name, or the folder in it, which may be incomplete."""
    if not os.path.isdir(path):
        return _ARCHIVE.fullmatch(path.name.lower()) is not None
    return _recognise(path) is not None or path.name in _OTHERS


def find_cifar(name: str, root: str | os.PathLike[str] | None) -> Path:
    """The archive of a data set, or its folder, in the folders of data.

    Raises:
        DataError: There is neither.
    """
    layout = CIFAR[name]
    for folder in list_folders(root):
        for parent in (folder, folder / name):
            for path in (parent / layout.folder, parent / layout.archive, parent):
                if os.path.exists(path) and is_cifar(path) and _recognise(path) == name:
                    return path
    raise DataError(
        f"{name} is not here: no {layout.archive} ({layout.size:,} bytes) or folder {layout.folder} in "
        f"{describe_folders(root)}; get it from https://www.cs.toronto.edu/~kriz/cifar.html and put it there"
    )


def read_cifar(path: Path) -> ImageData:
    """Reads an archive, or the folder in it.

    Raises:
        DataError: The archive is damaged or incomplete.
    """
    every = {file: name for name, layout in CIFAR.items() for file in layout.files}
    files = _read_files(path, every)
    name = every[next(iter(files))]
    layout = CIFAR[name]
    if missing := [file for file in layout.files if file not in files]:
        raise DataError(f"{path} lacks {', '.join(missing)}; get it again")
    batches = [_read_batch(path, files, file, layout.labels) for file in layout.train]
    parts = {
        "train": (np.concatenate([x for x, _ in batches]), np.concatenate([y for _, y in batches])),
        "test": _read_batch(path, files, layout.test, layout.labels),
    }
    names = _read(path, files, layout.names).get(layout.label_names)
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise DataError(f"{path}: {layout.names} has no names of classes, {layout.label_names}")
    for part, (_, y) in parts.items():
        if len(y) and not (y.min() >= 0 and y.max() < len(names)):
            raise DataError(
                f"{path}: the labels of the {part} part are {y.min()} to {y.max()}, but {layout.names} names "
                f"{len(names)} classes"
            )
    how = Reading(name, str(path), kind="images", held_out=HELD_OUT, by_content=False, names=names)
    return assemble(parts, how)


def _recognise(path: Path) -> str | None:
    """The name of the data set, as told by the names of files alone; None for another folder."""
    if not path.is_dir():
        return "cifar100" if re.match(r"cifar[-_]?100", path.name.lower()) else "cifar10"
    for name, layout in CIFAR.items():
        if sum((path / file).is_file() for file in layout.files) > 1:
            return name
    return None


def _read_files(path: Path, names: Collection[str]) -> dict[str, bytes]:
    """The content of the files of a folder or an archive that are wanted, read in one pass."""
    try:
        if path.is_dir():
            found = {name: (path / name).read_bytes() for name in names if (path / name).is_file()}
        else:
            found = {}
            with tarfile.open(path, "r|*") as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.isfile() else None
                    if file is not None and (name := Path(member.name).name) in names:
                        found[name] = file.read()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise DataError(f"{path} is damaged: {_explain(error)}; get it again") from None
    if not found:
        raise DataError(
            f"{path} has none of CIFAR's files for Python, such as {next(iter(names))}; get "
            f"{' or '.join(layout.archive for layout in CIFAR.values())}"
        )
    return found


def _read(path: Path, files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        return read_arrays(io.BytesIO(files[name]))
    except Exception as error:  # noqa: BLE001, damaged pickles raise any
        raise DataError(f"{path}: {name} is damaged: {_explain(error)}; get it again") from None


def _explain(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__


def _read_batch(
    path: Path, files: Mapping[str, bytes], name: str, labels: str
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Images ``(n, 3, 32, 32)`` and classes ``(n,)``."""
    batch = _read(path, files, name)
    x, y = batch.get("data"), batch.get(labels)
    if not isinstance(x, np.ndarray) or x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != 3072:
        raise DataError(f"{path}: {name} has no data of bytes, (images, 3072)")
    if (
        not isinstance(y, list)
        or len(y) != len(x)
        or not all(type(label) is int and abs(label) < 2**31 for label in y)
    ):
        raise DataError(f"{path}: {name} has no {labels}, one whole number for each of {len(x)} images")
    return x.reshape(-1, 3, 32, 32), np.array(y, dtype=np.int64)
