"""Reads images and labels in the four IDX files of MNIST, and of sets that are laid out like it."""

from __future__ import annotations

import gzip
import math
import os
import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from egraph.datasets._assembling import Reading, assemble
from egraph.datasets._folders import describe_folders, list_folders
from egraph.datasets._image_data import ImageData
from egraph.errors import DataError

__all__ = ["IDX_FILES", "IDX_NAMES", "find_idx", "is_idx", "read_fashion_mnist", "read_idx", "read_idx_files"]

IDX_FILES = {
    "train-images-idx3-ubyte": 26_421_856,
    "train-labels-idx1-ubyte": 29_491,
    "t10k-images-idx3-ubyte": 4_422_079,
    "t10k-labels-idx1-ubyte": 5_125,
}
"""The four files of the MNIST layout, with the compressed sizes of Fashion-MNIST in bytes."""

IDX_NAMES = ("mnist", "kmnist", "emnist")
"""Names of data sets whose files lie in a folder of that name; Fashion-MNIST has more places."""

_NAME = re.compile(
    r"(?P<set>.*?)[-_.]?(?P<part>train|t10k|test)(?:ing)?[-_.]?(?P<what>ima?ge?s?|la?be?ls?)"
    r"[-_.]?(?:idx[13]?(?:[-_.]?ubyte)?|ubyte)(?:\.gz)?"
)

Files = Mapping[tuple[str, str], Path]
"""The four files by part, ``train`` or ``test``, and content, ``images`` or ``labels``."""


def is_idx(path: Path) -> bool:
    """Whether a file is named as an IDX file of images or labels, or a folder contains one."""
    if os.path.isdir(path):
        return any(is_idx(each) for each in path.iterdir() if each.is_file())
    return _NAME.fullmatch(path.name.lower()) is not None


def find_idx(name: str, root: str | os.PathLike[str] | None) -> Path:
    """The folder of a data set by its name.

    Raises:
        DataError: There is none.
    """
    for folder in list_folders(root):
        for inner in (name, f"{name.upper()}/raw"):  # torchvision's folders
            if os.path.isdir(folder / inner) and is_idx(folder / inner):
                return folder / inner
    raise DataError(
        f"{name} is not here: no folder {name} with four IDX files, such as {next(iter(IDX_FILES))}.gz, in "
        f"{describe_folders(root)}; get the files from its authors and put them there"
    )


def read_idx_files(path: Path, split: str | None = None) -> ImageData:
    """Reads the four files of a folder, or those beside a file that belong to it.

    Args:
        path: The folder, or one of the files.
        split: What the names begin with, or end with before the part: ``balanced`` of EMNIST. None where the
            folder has one set of files.

    Raises:
        DataError: A file is absent or damaged, or there are several sets of files.
    """
    sets = _list_sets(path if path.is_dir() else path.parent)
    if not path.is_dir():
        chosen = _match(path)["set"]
    elif split is not None:
        fitting = [each for each in sets if each == split or re.split(r"[-_.]", each)[-1] == split]
        if not fitting:
            raise DataError(f"{path} has no files of {split!r}; it has {', '.join(map(repr, sets))}")
        chosen = fitting[0]
    elif len(sets) == 1:
        (chosen,) = sets
    else:
        last = re.split(r"[-_.]", list(sets)[-1])[-1]
        raise DataError(
            f"{path} has the files of {', '.join(each or 'MNIST' for each in sets)}; name one with an "
            f"option, such as {path}:split={last}"
        )
    folder = path if path.is_dir() else path.parent
    place = folder.resolve()
    name = place.parent.name.lower() if place.name == "raw" else place.name  # torchvision's MNIST/raw
    return _read_set(folder, chosen, sets[chosen], chosen or name)


def read_fashion_mnist(root: str | os.PathLike[str] | None) -> ImageData:
    """Fashion-MNIST, from the folders of data or that of Debian's package.

    Raises:
        DataError: Files are absent or damaged.
    """
    name = "fashion-mnist"
    folders = [
        folder
        for parent in list_folders(root)
        for folder in (parent / name, parent / "FashionMNIST" / "raw", parent)
    ]
    folders.append(Path("/usr/share/dataset-fashion-mnist"))
    for folder in folders:
        found = [_find_file(folder, file) for file in IDX_FILES]
        if all(found):
            return _read_set(folder, "", _list_sets(folder)[""], name)
        if any(found):
            file = next(file for file, path in zip(IDX_FILES, found, strict=True) if path is None)
            raise DataError(
                f"{folder} lacks {file}.gz ({IDX_FILES[file]:,} bytes); the other files of {name} are there"
            )
    looked = ", ".join(str(folder) for folder in folders)
    file, size = next(iter(IDX_FILES.items()))
    raise DataError(
        f"{name} is not here: no {file}.gz ({size:,} bytes) and the three other files (31 MB in all) in "
        f"{looked}; get them by 'apt install dataset-fashion-mnist' or from "
        f"https://github.com/zalandoresearch/fashion-mnist and put them in a folder {name} under $EGRAPH_DATA"
    )


def _find_file(folder: Path, file: str) -> Path | None:
    return next((path for path in (folder / file, folder / f"{file}.gz") if os.path.isfile(path)), None)


def _match(path: Path) -> re.Match[str]:
    match = _NAME.fullmatch(path.name.lower())
    assert match is not None
    return match


def _list_sets(folder: Path) -> dict[str, dict[tuple[str, str], Path]]:
    """The IDX files of a folder by what their names begin with; of two, the one that is not compressed."""
    sets: dict[str, dict[tuple[str, str], Path]] = {}
    for path in sorted(folder.iterdir(), key=lambda path: (path.suffix == ".gz", path.name)):
        if path.is_file() and (match := _NAME.fullmatch(path.name.lower())):
            part = "train" if match["part"] == "train" else "test"
            what = "images" if match["what"].startswith("im") else "labels"
            sets.setdefault(match["set"], {}).setdefault((part, what), path)
    return sets


def _read_set(folder: Path, prefix: str, files: Files, name: str) -> ImageData:
    lead = f"{prefix}-" if prefix else ""
    arrays = {}
    for file in IDX_FILES:
        part, what = ("train" if "train" in file else "test"), ("images" if "images" in file else "labels")
        if (part, what) not in files:
            raise DataError(f"{folder} lacks {lead}{file} (or {lead}{file}.gz); expected four IDX files")
        arrays[part, what] = read_idx(files[part, what], dimensions=3 if what == "images" else 1)
    for part, word in (("train", "train"), ("test", "t10k")):
        x, y = arrays[part, "images"], arrays[part, "labels"]
        if len(x) != len(y):
            raise DataError(
                f"{folder} has {len(x)} {word} images but {len(y)} {word} labels; the numbers must be equal"
            )
    notes = []
    if "emnist" in f"{prefix} {name}".lower():
        for part in ("train", "test"):
            arrays[part, "images"] = arrays[part, "images"].transpose(0, 2, 1)
        notes.append("EMNIST's rows and columns exchanged, so that its images stand upright")
    parts = {part: (arrays[part, "images"], arrays[part, "labels"]) for part in ("train", "test")}
    return assemble(parts, Reading(name, str(folder), kind="images", notes=notes, by_content=False))


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Reads an IDX file: ``00 00 08 <dimensions>``, one big-endian uint32 a dimension, the values.

    Raises:
        DataError: The file is unreadable, damaged or of another kind.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} ({path.stat().st_size:,} bytes) is damaged: {error}; get it again") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    header = 4 + 4 * dimensions
    magic = bytes((0, 0, 8, dimensions))
    if len(content) < header or content[:4] != magic:
        raise DataError(
            f"{path} is not an IDX file of {dimensions} dimension{'s' * (dimensions > 1)}: "
            f"it must begin with {magic.hex(' ')} and have at least {header} bytes, "
            f"but begins with {content[:4].hex(' ') or 'nothing'} and has {len(content):,}"
        )
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    expected = header + math.prod(shape)
    if len(content) != expected:
        sizes = " x ".join(str(size) for size in shape)
        raise DataError(
            f"{path} announces {sizes} values, {expected:,} bytes in all, but has {len(content):,}; "
            "get it again"
        )
    if not math.prod(shape):
        raise DataError(f"{path} contains no values")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
