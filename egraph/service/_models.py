"""The ranker in use, and its replacement.

The parent process publishes a ranker: it writes the file into a folder and then, atomically, a note with the
name of the current file. Workers check the note regularly. A file that is not a valid ranker is never
published, so the old ranker stays in use.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph import operations, spaces
from egraph.architecture import Architecture
from egraph.canonical import simplify
from egraph.errors import ModelError, OutOfDistributionWarning, UnknownNameError
from egraph.files import is_special, write_text
from egraph.spaces import SearchSpace
from egraph.units import clip_interval

if TYPE_CHECKING:
    from egraph.export import OnnxRanker

__all__ = ["Model", "Published", "publish"]

Floats = NDArray[np.float64]
NOTE = "current.json"


@dataclass(frozen=True, eq=False)
class Model:
    """A ranker in use by the service.

    Attributes:
        ranker: Ranker that scores and compares.
        name: Name of its file.
        version: Digest of its file.
    """

    ranker: OnnxRanker
    name: str
    version: str

    @classmethod
    def load(cls, path: Path, name: str, version: str, threads: int | None) -> Model:
        """Loads an ONNX file.

        Raises:
            ModelError: The file is not a ranker in ONNX format.
        """
        from egraph.export import OnnxRanker

        return cls(OnnxRanker(path, threads=threads), name, version)

    @property
    def identity(self) -> dict[str, str]:
        """Name and version, as responses contain them."""
        return {"name": self.name, "version": self.version}

    @functools.cached_property
    def trained_on(self) -> frozenset[str]:
        """Names of the operations of the training data."""
        return frozenset(operation.name for operation in self.ranker.vocabulary.operations)

    @functools.cached_property
    def operations(self) -> frozenset[str]:
        """Names of all operations that the ranker accepts."""
        return self.trained_on | frozenset(operations.registry)

    @functools.cached_property
    def space(self) -> SearchSpace | None:
        """The search space of the training data; None if it is unknown here."""
        try:
            return spaces.get(self.ranker.space) if self.ranker.space else None
        except UnknownNameError:
            return None

    @functools.cached_property
    def example(self) -> Architecture:
        """An example: an architecture of the ranker's space, or a chain of operations it was trained on."""
        if self.space is not None:
            return self.space.sample(np.random.default_rng(0))
        names = (operation.name for operation in self.ranker.vocabulary.operations)
        ops = ["input", *[name for name in names if name not in ("input", "output")][:3], "output"]
        return Architecture(ops, [(v, v + 1) for v in range(len(ops) - 1)])

    def unfamiliar(self, architecture: Architecture) -> str | None:
        """How an architecture differs from all training data; None if it does not."""
        ops = architecture.ops
        if len(ops) <= self.ranker.largest and self.trained_on.issuperset(ops):
            return None
        ops = simplify(architecture).ops  # parts without effect do not count
        unknown = sorted(set(filter(self._is_unfamiliar, ops)))
        reasons = [f"operations missing from the training data: {', '.join(unknown)}"] if unknown else []
        if len(ops) > self.ranker.largest:
            reasons.append(f"{len(ops)} vertices, more than the {self.ranker.largest} in the training data")
        return "; ".join(reasons) or None

    def _is_unfamiliar(self, name: str) -> bool:
        vocabulary = self.ranker.vocabulary
        # One operation may have another name in the training data.
        known = name in self.trained_on or vocabulary.describe(name).name in self.trained_on
        return not known and not vocabulary.is_like_known(operations.get(name))

    def assess(self, level: float) -> Assess:
        """A function that scores a batch of architectures."""
        return Assess(self, level)

    def compare(self) -> Compare:
        """A function that compares a batch of pairs."""
        return Compare(self)


@dataclass(frozen=True)
class Assess:
    """Maps architectures to ``(architectures, 4)``: score, deviation, lower and upper bound.

    At level 0 only the score is computed; the others are NaN.
    """

    model: Model
    level: float

    def __call__(self, architectures: list[Architecture]) -> Floats:
        if self.level == 0:
            rows = np.full((len(architectures), 4), np.nan)
            rows[:, 0] = self.model.ranker(architectures)
            return rows
        ranker = self.model.ranker
        score, deviation, lower, upper = ranker.assess(architectures, level=self.level)
        return np.stack([score, deviation, *clip_interval(ranker.card, lower, upper)], axis=1)


@dataclass(frozen=True)
class Compare:
    """Maps pairs to ``(pairs, 3)``: probabilities of worse, equal, better."""

    model: Model

    def __call__(self, pairs: list[tuple[Architecture, Architecture]]) -> Floats:
        first, second = [a for a, _ in pairs], [b for _, b in pairs]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutOfDistributionWarning)
            return self.model.ranker.compare(first, second)


class Published:
    """The current ranker of a folder that `publish` writes to.

    Args:
        folder: Folder with the note and the rankers.
        threads: Number of threads of onnxruntime.

    Raises:
        ModelError: The folder has no ranker that can be loaded.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self.folder, self.threads = folder, threads
        self._seen = self._stamp()
        self.model = self._load()

    def refresh(self) -> bool:
        """Loads the current ranker if it has changed; requests in progress keep the old one.

        Returns:
            Whether it has changed.

        Raises:
            ModelError: The new ranker cannot be loaded. The old one stays, and loading is not tried again.
        """
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        self.model = self._load()
        return True

    def _stamp(self) -> tuple[int, int]:
        try:
            found = (self.folder / NOTE).stat()
        except OSError:
            raise ModelError(f"no ranker is published in {self.folder}") from None
        return found.st_mtime_ns, found.st_ino

    def _load(self) -> Model:
        note = json.loads((self.folder / NOTE).read_text(encoding="utf-8"))
        return Model.load(self.folder / note["file"], note["name"], note["version"], self.threads)


def publish(source: Path, folder: Path) -> dict[str, Any]:
    """Makes a ranker the current one of a folder: converts it if necessary, and tests it.

    Args:
        source: ONNX file, or a saved `egraph.Ranker`, which is converted.
        folder: Folder that workers watch.

    Returns:
        The note: file, name and version.

    Raises:
        ModelError: The file is not a ranker; the current one does not change.
    """
    if is_special(source):
        raise ModelError(f"cannot read {source}: it is no plain file")
    exported = source.suffix.lower() == ".onnx"
    try:
        version = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
        target = folder / f"{version}.onnx"
        if exported:
            shutil.copyfile(source, target)
    except OSError as error:
        raise ModelError(f"cannot read {source}: {error.strerror or error}") from None
    if not exported:
        from egraph.ranker import load

        load(source).to_onnx(target)
    _try(Model.load(target, source.stem, version, threads=1))
    note = {"file": target.name, "name": source.stem, "version": version}
    before = _current(folder)
    write_text(folder / NOTE, json.dumps(note))
    for path in folder.glob("*.onnx"):
        if path.name not in (target.name, before):  # a worker may be reading the previous one
            path.unlink()
    return note


def _try(model: Model) -> None:
    """Scores one architecture, so that a file that loads but does not run is rejected here."""
    tiny = Architecture(["input", "output"], [(0, 1)])
    try:
        rows = model.assess(0.8)([tiny])
    except Exception as error:
        raise ModelError(f"the ranker cannot score: {type(error).__name__}") from error
    if not np.isfinite(rows[:, 0]).all():
        raise ModelError("the ranker returned non-finite scores")


def _current(folder: Path) -> str | None:
    try:
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except OSError:
        return None
    return str(note["file"])
