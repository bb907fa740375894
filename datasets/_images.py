"""The door to data that networks are trained on: names, and readers of files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from egraph.datasets._cifar import CIFAR, find_cifar, is_cifar, read_cifar
from egraph.datasets._drawn import DRAWN, load_digits
from egraph.datasets._feature_table import is_feature_table, read_feature_table
from egraph.datasets._idx import IDX_NAMES, find_idx, is_idx, read_fashion_mnist, read_idx_files
from egraph.datasets._image_data import ImageData
from egraph.datasets._image_folder import is_image_folder, read_image_folder
from egraph.datasets._npz import read_npz
from egraph.datasets._options import check_known, split_options
from egraph.datasets._python_data import from_dataset
from egraph.datasets._reducing import reduce
from egraph.datasets._signals import generate_mnist1d
from egraph.errors import UsageError
from egraph.specs import call_named, check_options, current_folder_first, parse

__all__ = ["NAMES", "images", "is_generated", "is_training_data"]


@dataclass(frozen=True)
class Format:
    """A kind of file or folder.

    Attributes:
        title: What it is, for errors.
        fits: Tells by its name, or by the names in a folder, whether a path is of this kind.
        read: Reads it; called with the path and options.
        options: Names of the options.
        bare: Option that may stand behind the path without its name.
    """

    title: str
    fits: Callable[[Path], bool]
    read: Callable[..., ImageData]
    options: tuple[str, ...] = ()
    bare: str = ""


FORMATS = (
    Format("CIFAR's archives", is_cifar, read_cifar),
    Format("IDX files", is_idx, read_idx_files, ("split",), "split"),
    Format("a folder of class folders of images", is_image_folder, read_image_folder, ("size",)),
    Format(
        "a .csv or .parquet file of features",
        is_feature_table,
        read_feature_table,
        ("label", "target"),
        "label",
    ),
    Format(
        "an .npz file",
        lambda path: path.suffix.lower() == ".npz",
        read_npz,
        ("kind", "layout", "target"),
    ),
)
"""The formats, in the order in which they are tried."""

NAMES = ("digits", "fashion-mnist", *IDX_NAMES, *CIFAR, "mnist1d")
"""Names of data sets; those of drawn images are beside them."""


def images(name: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> ImageData:
    """Loads images, signals or features by name, or from a path; docs/how-to/own-data.md has examples.

    - ``"digits"``: the 1,797 handwritten digits of 8 by 8 pixels in scikit-learn, a third for each part. The
      training third is small enough that architectures differ by far more than the standard error of an
      accuracy on 599 images, one percentage point at 94%.
    - ``"fashion-mnist"``, ``"mnist"``, ``"kmnist"`` and ``"emnist:balanced"``: four IDX files. One training
      image in six validates. EMNIST's images, which are published transposed, stand upright.
      ``"fashion-mnist:train=4000,validation=2500"`` has fewer examples in these parts.
    - ``"cifar10"`` and ``"cifar100"``: the archive for Python or the folder in it. One training image in five
      validates.
    - ``"mnist1d"``: signals of 40 points, made in seconds by the package mnist1d. Options make them
      harder or easier, as in ``"mnist1d:noise=0.5,shear=1"``; see `generate_mnist1d`.
    - ``"noise"`` and ``"photographs"``: 3 by 32 by 32 random pixels, and patches of the two photographs in
      scikit-learn, reduced by factors of 1 to 8, in ten classes, for zero-cost scores. Patches overlap, also
      those of different parts. ``"noise-16"`` is 16 by 16.
    - A path: a folder of IDX files or one of them, CIFAR's archive or folder, a folder of class folders of
      images, an ``.npz`` file, or a CSV or Parquet file of features. Options follow a colon, as in
      ``"waves.npz:kind=signals"`` or ``"flowers.csv:species"``, the column of labels. A path that does not
      exist is looked for in the folders of data.
    - ``"package.module:make"``: what that function returns, for `from_dataset`. Modules are searched for in
      the current folder first.

    Nothing is downloaded. Data without a part for validation, or in one part, are split. Every split is
    stratified by class and the same on every machine.

    Args:
        name: One of the names, or a path.
        root: Folder to search first, before ``$EGRAPH_DATA``, the user's cache directory and the folder of
            Debian's package dataset-fashion-mnist.

    Raises:
        DataError: The files are absent, truncated or of another kind.
        UsageError: There is neither such a name nor such a path, or an option is unknown or out of range.
    """
    text = _usual_name(os.fspath(name))
    if (data := _read_name(text, root)) is not None:
        return data
    path, rest = split_options(text, root)
    path = _step_inside(path)
    for each in FORMATS:
        if each.fits(path):
            return each.read(path, **check_known(text, rest, each.options, each.bare))
    if (match := _FUNCTION.fullmatch(text)) and not os.path.exists(path):
        options = check_known(text, match["options"] or "", ("kind", "layout", "target"))
        with current_folder_first():
            return from_dataset(call_named(match["name"], "--data"), name=match["name"], **options)
    known = f"{', '.join(NAMES)}, noise, photographs, {', '.join(each.title for each in FORMATS)}"
    known += ", or PACKAGE.MODULE:FUNCTION"
    what = "there is nothing to train on in" if os.path.exists(path) else "unknown image data"
    raise UsageError(f"{what} {text!r}; known: {known}")


def _usual_name(text: str) -> str:
    """The name of a data set where it is written as elsewhere: CIFAR-10, FashionMNIST."""
    stem, colon, rest = text.partition(":")
    usual = {name.replace("-", ""): name for name in NAMES}.get(re.sub("[-_ ]", "", stem.lower()), stem)
    return text if os.path.exists(stem) else usual + colon + rest


def _step_inside(path: Path) -> Path:
    """The archive, or the folder of IDX files or batches, that is alone of its kind in a folder around it.

    Raises:
        UsageError: There are several.
    """
    if not os.path.isdir(path) or any(each.fits(path) for each in FORMATS):
        return path
    inner = [each for entry in sorted(path.iterdir()) for each in (entry, entry / "raw")]
    found = [each for each in inner if is_cifar(each) or (os.path.isdir(each) and is_idx(each))]
    folders = [each for each in found if os.path.isdir(each)]
    found = folders if len(folders) == 1 else found  # an archive beside what was unpacked of it
    if len(found) > 1:
        raise UsageError(f"{path} has several data sets: {', '.join(map(str, found))}; name one of them")
    return found[0] if found else path


_DRAWN = re.compile(r"(noise|photographs)(?:-([1-9]\d{0,2}))?")
_FUNCTION = re.compile(r"(?P<name>[^\W\d][\w.]*:[^\W\d]\w*)(:(?P<options>.*))?")


def _read_name(text: str, root: str | os.PathLike[str] | None) -> ImageData | None:
    """The data of a name; None where it is none."""
    stem, _, rest = text.partition(":")
    if stem in ("digits", *CIFAR):
        check_known(text, rest, ())
    if stem == "digits":
        return load_digits()
    if stem == "fashion-mnist":
        sizes = check_known(text, rest, ("train", "validation", "test"))
        return reduce(read_fashion_mnist(root), text, **sizes) if sizes else read_fashion_mnist(root)
    if stem in CIFAR:
        return read_cifar(find_cifar(stem, root))
    if stem in IDX_NAMES:
        return read_idx_files(find_idx(stem, root), **check_known(text, rest, ("split",), "split"))
    if stem == "mnist1d":
        options = parse(text)[1]
        check_options(text, options, generate_mnist1d)
        return generate_mnist1d(**options, name=text)
    if match := _DRAWN.fullmatch(text):
        return DRAWN[match[1]](text, int(match[2] or 32))
    return None


def is_generated(name: str) -> bool:
    """Whether `images` makes the data of that name from no file, which may take seconds."""
    return _usual_name(name).partition(":")[0] == "mnist1d" or _DRAWN.fullmatch(name) is not None


def is_training_data(name: str, root: str | os.PathLike[str] | None = None) -> bool:
    """Whether `images` is for that name or path, as told by the name and the names of files alone."""
    name = _usual_name(name)
    if name.partition(":")[0] in (*NAMES, *DRAWN):
        return True
    path, _ = split_options(name, root)
    if os.path.isdir(path) or any(each.fits(path) for each in FORMATS):
        return True
    return not os.path.exists(path) and _FUNCTION.fullmatch(name) is not None
