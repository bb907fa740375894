"""Reads images from folders, one for each class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.checks import check_whole
from egraph.datasets._assembling import PARTS, Reading, assemble
from egraph.datasets._image_data import ImageData
from egraph.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["is_image_folder", "read_image_folder"]

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm", ".pbm")
"""Endings of the names of images."""

GREY = ("1", "L", "LA", "La")
"""Pillow's modes of grey images."""

DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
"""Pillow's modes of grey images of more than 8 bits."""


def is_image_folder(path: Path) -> bool:
    """Whether a folder has folders of images, or parts that have such folders."""
    if not os.path.isdir(path):
        return False
    classes = [inner for each in _list_folders(path) for inner in (each, *_list_folders(each))]
    return any(_is_image(file) for folder in classes for file in folder.iterdir())


def read_image_folder(path: Path, size: int | None = None) -> ImageData:
    """Reads class folders of images, or the folders ``train``, ``val`` and ``test`` of class folders.

    Images of any colour make all images colour images. Transparency is left out.

    Args:
        path: The folder.
        size: Sides that all images are resized to; None expects images of one size.

    Raises:
        DataError: An image is damaged or of another size, or a folder has none.
        UsageError: ``size`` is below 1.
    """
    if size is not None:
        check_whole(1, size=size)
    inner = _list_folders(path)
    parts = {PARTS[each.name.lower()]: each for each in inner if each.name.lower() in PARTS}
    if parts and len(parts) < len(inner):
        odd = next(each for each in inner if each.name.lower() not in PARTS)
        raise DataError(
            f"{path} has {', '.join(each.name for each in parts.values())} beside {odd.name}; expected "
            "folders of parts, or of classes alone"
        )
    if parts and ("train" not in parts or len(parts) < 2):
        raise DataError(
            f"{path} has {next(iter(parts.values())).name} alone; expected train, and val or test"
        )
    ordered: list[tuple[str, Path]] = [
        (part, parts[part]) for part in ("train", "validation", "test") if part in parts
    ]
    found = {part: _list_images(folder) for part, folder in ordered or [("all", path)]}
    names = {name for images in found.values() for name, _ in images}
    numbered = all(name.isdecimal() for name in names)
    reader = _Reader([file for images in found.values() for _, file in images], size)
    arrays: dict[str, tuple[Any, Any]] = {}
    for part, images in found.items():
        labels = np.array([int(name) if numbered else name for name, _ in images])
        arrays[part] = reader.read([file for _, file in images]), labels
    how = Reading(
        path.resolve().name, str(path), kind="images", layout="first", target="classes", notes=reader.notes
    )
    return assemble(arrays, how)


def _list_folders(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith((".", "__")))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()


def _list_images(folder: Path) -> list[tuple[str, Path]]:
    """The images of a part, each with the name of its class folder.

    Raises:
        DataError: A class folder has none, or there is no class folder.
    """
    found: list[tuple[str, Path]] = []
    for each in _list_folders(folder):
        files = sorted(file for file in each.rglob("*") if _is_image(file))
        if not files:
            raise DataError(f"{each} has no images; expected files that end in {', '.join(ENDINGS)}")
        found.extend((each.name, file) for file in files)
    if not found:
        raise DataError(f"{folder} has no folders of images; expected one for each class")
    return found


@dataclass
class _Reader:
    """Reads images as bytes of one shape.

    Attributes:
        files: All images, to find out whether any is in colour.
        size: Sides to resize to.
        notes: What is done to the images.
    """

    files: Sequence[Path]
    size: int | None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        modes = [_open(file, lambda image: image.mode) for file in self.files]
        grey = sum(mode in GREY for mode in modes)
        self._mode = "L" if grey == len(modes) else "RGB"
        self._first: tuple[Path, tuple[int, ...]] | None = None
        if 0 < grey < len(modes):
            self.notes.append(f"{grey} of {len(modes)} images were grey, now in colour")
        if self.size is not None:
            self.notes.append(f"resized to {self.size} x {self.size}")

    def read(self, files: Sequence[Path]) -> NDArray[np.uint8]:
        """Images ``(files, channels, height, width)``.

        Raises:
            DataError: An image is damaged or of another size.
        """
        return np.stack([self._read(file) for file in files])

    def _read(self, file: Path) -> NDArray[np.uint8]:
        pixels = np.asarray(_open(file, self._convert))
        first, shape = self._first = self._first or (file, pixels.shape)
        if pixels.shape != shape:
            (height, width), (other_height, other_width) = shape[:2], pixels.shape[:2]
            raise DataError(
                f"{file} has {other_width} x {other_height} pixels, {first} {width} x {height}; resize them "
                "with the option size=N, such as FOLDER:size=32"
            )
        return pixels[np.newaxis] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)

    def _convert(self, image: Image.Image) -> Image.Image:
        from PIL import Image, ImageOps

        image = ImageOps.exif_transpose(image)
        if image.mode == "P":  # a palette with transparency becomes one of the next mode
            image = image.convert("RGBA")
        image = image.convert(self._mode)
        if self.size is not None:
            image = image.resize((self.size, self.size), Image.Resampling.BILINEAR)
        return image


def _open(file: Path, use: Any) -> Any:
    """What ``use`` makes of an image.

    Raises:
        DataError: The file cannot be read, or has more than 8 bits a channel.
    """
    from PIL import Image

    try:
        with Image.open(file) as image:
            if image.mode not in DEEP:
                return use(image)
            mode = image.mode
    except Exception as error:  # noqa: BLE001, damaged images raise any
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise DataError(f"{file} is not a readable image: {reason}") from None
    raise DataError(f"{file} has more than 8 bits a channel ({mode}); convert it to 8 bits")
