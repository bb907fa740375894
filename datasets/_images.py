"""The door to data that networks are trained on: names, and readers of files."""

from __future__ import annotations

import gzip
import math
import os
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.datasets._folders import list_folders
from egraph.datasets._image_data import ImageData
from egraph.datasets._signals import generate_mnist1d
from egraph.errors import DataError, UsageError
from egraph.specs import check_options, parse

__all__ = ["images"]

SPLIT_SEED = 0
"""Seed of every split in this module. Changing it would change every published number."""

DRAWN_IMAGES = 1000
"""Number of images of a data set that is drawn."""

IDX_FILES = {
    "train-images-idx3-ubyte": 26_421_856,
    "train-labels-idx1-ubyte": 29_491,
    "t10k-images-idx3-ubyte": 4_422_079,
    "t10k-labels-idx1-ubyte": 5_125,
}
"""The four files of the MNIST layout, with the compressed sizes of Fashion-MNIST in bytes."""


def images(name: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> ImageData:
    """Loads images, signals or features by name, or from a path.

    - ``"digits"``: the 1,797 handwritten digits of 8 by 8 pixels in scikit-learn (no download), a third for
      each part. The standard error of an accuracy p on n images is about ``sqrt(p (1 - p) / n)``; with 599
      images it is one percentage point at 94%. The training third is small enough that architectures differ
      by far more.
    - ``"fashion-mnist"``: 60,000 + 10,000 images of clothes, 28 by 28. One training image in six (10,000) is
      used for validation; the published test images are the test part.
    - ``"noise"``: 3 by 32 by 32 random pixels with ten classes in turn, for zero-cost scores. Nothing can be
      learnt from them. ``"noise-16"`` is 16 by 16.
    - ``"photographs"``: 3 by 32 by 32 patches of the two photographs in scikit-learn (no download), reduced
      by factors of 1 to 8, for zero-cost scores that need natural images. The ten classes are five vertical
      strips of each photograph. Patches overlap, also those of different parts. ``"photographs-16"`` is 16
      by 16.
    - ``"mnist1d"``: 4,000 + 5,000 + 5,000 signals of one channel and 40 points, ten classes, made in seconds
      by the package of the extra ``mnist1d`` (no download). Options make them harder or easier, as in
      ``"mnist1d:noise=0.5,shear=1"``; see `egraph.datasets.generate_mnist1d`.
    - A folder of four IDX files with the names of MNIST's, compressed or not: split like Fashion-MNIST.
    - An ``.npz`` file with ``x_train``, ``y_train``, ``x_val``, ``y_val``, ``x_test`` and ``y_test``; for
      signals also the text ``kind``; see `ImageData`.

    Every split is stratified by class and the same on every machine.

    Args:
        name: One of the names, or a path.
        root: Folder to search first, before ``$EGRAPH_DATA``, the user's cache directory and the folder of
            Debian's package dataset-fashion-mnist.

    Raises:
        DataError: The files are absent, truncated or of another kind.
        UsageError: There is neither such a name nor such a path, or an option is unknown or out of range.
        MissingExtraError: The package that generates the data is not installed.
    """
    text = os.fspath(name)
    if text == "digits":
        return _load_digits()
    if text == "fashion-mnist":
        return _load_idx_folder(_find_folder(text, root), text)
    if match := re.fullmatch(r"(noise|photographs)(?:-([1-9]\d{0,2}))?", text):
        return DRAWN[match[1]](text, int(match[2] or 32))
    if text.partition(":")[0] == "mnist1d":
        options = parse(text)[1]
        check_options(text, options, generate_mnist1d)
        return generate_mnist1d(**options, name=text)
    path = Path(text)
    if path.is_dir():
        missing = [file for file in IDX_FILES if _find_file(path, file) is None]
        if missing:
            raise DataError(
                f"{path} lacks {missing[0]} (or {missing[0]}.gz); expected four IDX files with the names of "
                "MNIST's, or the name of a data set: digits, fashion-mnist, mnist1d"
            )
        return _load_idx_folder(path, path.resolve().name)
    if path.suffix == ".npz":
        return _load_npz(path)
    raise UsageError(
        f"unknown image data {text!r}; known: digits, fashion-mnist, mnist1d, "
        "noise, photographs, a folder of IDX files, or an .npz file"
    )


def _load_digits() -> ImageData:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = (bunch.images[:, np.newaxis] / 16).astype(np.float32)  # (1797, 1, 8, 8), 0 to 16 levels of grey
    y = bunch.target.astype(np.int64)
    train, validation, test = _split(y, (1 / 3, 1 / 3, 1 / 3))
    return ImageData((x[train], y[train]), (x[validation], y[validation]), (x[test], y[test]), name="digits")


def _draw_noise(name: str, side: int) -> ImageData:
    rng = np.random.Generator(np.random.PCG64(SPLIT_SEED))
    return _deal(name, rng.random((DRAWN_IMAGES, 3, side, side), dtype=np.float32))


def _draw_photographs(name: str, side: int) -> ImageData:
    from sklearn.datasets import load_sample_images

    photographs = load_sample_images().images  # two of (427, 640, 3), bytes
    height, width, _ = photographs[0].shape
    factors = [factor for factor in (1, 2, 4, 8) if factor * side <= min(height, width)]
    if not factors:
        raise UsageError(
            f"{name}: the photographs are {width} by {height} pixels, a side can have at most "
            f"{min(height, width)}"
        )
    rng = np.random.Generator(np.random.PCG64(SPLIT_SEED))
    x = np.empty((DRAWN_IMAGES, 3, side, side), np.float32)
    for row, label in enumerate(np.arange(DRAWN_IMAGES) % 10):
        photograph, strip = divmod(int(label), 5)
        factor = factors[rng.integers(len(factors))]
        top = rng.integers(height - factor * side + 1)
        left = int((strip + rng.random()) / 5 * (width - factor * side + 1))
        patch = photographs[photograph][top : top + factor * side, left : left + factor * side]
        x[row] = patch.reshape(side, factor, side, factor, 3).mean(axis=(1, 3)).transpose(2, 0, 1) / 255
    return _deal(name, x)


def _deal(name: str, x: NDArray[np.float32]) -> ImageData:
    """Images with ten classes in turn; each class is in each part."""
    y = np.arange(len(x)) % 10
    return ImageData((x[20:], y[20:]), (x[:10], y[:10]), (x[10:20], y[10:20]), name=name)


DRAWN = {"noise": _draw_noise, "photographs": _draw_photographs}
"""Images without files, by name: functions of the full name and the side in pixels."""


def _split(y: NDArray[np.integer], shares: Sequence[float]) -> list[NDArray[np.intp]]:
    """Row numbers of the parts, each with about the same share of every class, in random order."""
    rng = np.random.Generator(np.random.PCG64(SPLIT_SEED))
    # Positions are equally spaced within each class, so that every cut of this order gives stratified parts.
    position = np.empty(len(y))
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        position[rng.permutation(rows)] = (np.arange(len(rows)) + rng.random()) / len(rows)
    order = np.argsort(position, kind="stable")
    cuts = np.round(np.cumsum(shares)[:-1] * len(y)).astype(int)
    return [rng.permutation(part) for part in np.split(order, cuts)]


def _load_idx_folder(folder: Path, name: str) -> ImageData:
    arrays = {}
    for file in IDX_FILES:
        path = _find_file(folder, file)
        assert path is not None
        arrays[file] = _read_idx(path, dimensions=3 if "images" in file else 1)
    for part in ("train", "t10k"):
        x, y = arrays[f"{part}-images-idx3-ubyte"], arrays[f"{part}-labels-idx1-ubyte"]
        if len(x) != len(y):
            raise DataError(
                f"{folder} has {len(x)} {part} images but {len(y)} {part} labels; the numbers must be equal"
            )
    x, y = arrays["train-images-idx3-ubyte"], arrays["train-labels-idx1-ubyte"].astype(np.int64)
    train, validation = _split(y, (5 / 6, 1 / 6))
    test = arrays["t10k-images-idx3-ubyte"], arrays["t10k-labels-idx1-ubyte"]
    try:
        return ImageData((x[train], y[train]), (x[validation], y[validation]), test, name=name)
    except UsageError as error:
        raise DataError(f"{folder}: {error}") from None


def _find_folder(name: str, root: str | os.PathLike[str] | None) -> Path:
    """The first folder with any of the four files; it must contain all of them."""
    folders = _folders(name, root)
    for folder in folders:
        found = [_find_file(folder, file) for file in IDX_FILES]
        if all(found):
            return folder
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


def _folders(name: str, root: str | os.PathLike[str] | None) -> list[Path]:
    folders = [folder for parent in list_folders(root) for folder in (parent / name, parent)]
    return [*folders, Path("/usr/share/dataset-fashion-mnist")]


def _find_file(folder: Path, file: str) -> Path | None:
    return next((path for path in (folder / file, folder / f"{file}.gz") if path.is_file()), None)


def _read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Reads an IDX file: ``00 00 08 <dimensions>``, one big-endian uint32 a dimension, the values."""
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


def _load_npz(path: Path) -> ImageData:
    from zipfile import BadZipFile

    parts: dict[str, Any] = {}
    try:
        # opened here, because np.load leaves a damaged file open
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            for part, suffix in (("train", "train"), ("validation", "val"), ("test", "test")):
                parts[part] = file[f"x_{suffix}"], file[f"y_{suffix}"]
            kind = str(file["kind"]) if "kind" in file else None
        return ImageData(**parts, name=path.stem, kind=kind)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except KeyError as error:
        raise DataError(
            f"{path}: {error.args[0]}; expected x_train, y_train, x_val, y_val, x_test, y_test"
        ) from None
    except UsageError as error:
        raise DataError(f"{path}: {error}") from None
    except (BadZipFile, EOFError, OSError, ValueError, zlib.error) as error:
        raise DataError(f"{path} is not a readable .npz file: {error}") from None
