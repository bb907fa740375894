"""The ranker in use, and how another takes its place.

The parent process publishes a ranker by writing a file into a folder of its own and then, in one step, the
note that says which file is the current one. Workers look at the note now and then. A file that is no ranker
is never published, so that the old one stays.
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
from egraph.files import write_text
from egraph.spaces import SearchSpace

if TYPE_CHECKING:
    from egraph.export import OnnxRanker

__all__ = ["Model", "Published", "publish"]

Floats = NDArray[np.float64]
NOTE = "current.json"


@dataclass(frozen=True, eq=False)
class Model:
    """A ranker that is being served.

    Attributes:
        ranker: scores and compares.
        name: of the file it came from.
        version: digest of that file.
    """

    ranker: OnnxRanker
    name: str
    version: str

    @classmethod
    def load(cls, path: Path, name: str, version: str, threads: int | None) -> Model:
        """Loads an ONNX file.

        Raises:
            ModelError: it is none that `Ranker.to_onnx` wrote.
        """
        from egraph.export import OnnxRanker

        return cls(OnnxRanker(path, threads=threads), name, version)

    @property
    def identity(self) -> dict[str, str]:
        """What answers name the model by."""
        return {"name": self.name, "version": self.version}

    @functools.cached_property
    def trained_on(self) -> frozenset[str]:
        """Names of the operations of the training data."""
        return frozenset(operation.name for operation in self.ranker.vocabulary.operations)

    @functools.cached_property
    def operations(self) -> frozenset[str]:
        """Names of all operations that it can read."""
        return self.trained_on | frozenset(operations.registry)

    @functools.cached_property
    def space(self) -> SearchSpace | None:
        """The search space of its training data, if that is one that is known here."""
        try:
            return spaces.get(self.ranker.space) if self.ranker.space else None
        except UnknownNameError:
            return None

    @functools.cached_property
    def example(self) -> Architecture:
        """An architecture to begin with: of the ranker's space, or a chain of what it was trained on."""
        if self.space is not None:
            return self.space.sample(np.random.default_rng(0))
        names = (operation.name for operation in self.ranker.vocabulary.operations)
        ops = ["input", *[name for name in names if name not in ("input", "output")][:3], "output"]
        return Architecture(ops, [(v, v + 1) for v in range(len(ops) - 1)])

    def unfamiliar(self, architecture: Architecture) -> str | None:
        """In what an architecture is unlike all that the ranker was trained on, if it is."""
        reasons = []
        if not self.trained_on.issuperset(architecture.ops):
            strangers = self.ranker.encode([architecture]).strangers
            reasons += [f"operations that training lacked: {', '.join(strangers)}"] if strangers else []
        if len(architecture.ops) > self.ranker.largest:
            vertices = len(simplify(architecture).ops)
            if vertices > self.ranker.largest:
                reasons.append(f"{vertices} vertices, where {self.ranker.largest} was the most in training")
        return "; ".join(reasons) or None

    def assess(self, level: float) -> Assess:
        """The work that scores architectures, for a batch."""
        return Assess(self, level)

    def compare(self) -> Compare:
        """The work that compares pairs, for a batch."""
        return Compare(self)


@dataclass(frozen=True)
class Assess:
    """Maps architectures to ``(architectures, 4)``: score, deviation, lower and upper end; NaN at level 0."""

    model: Model
    level: float

    def __call__(self, architectures: list[Architecture]) -> Floats:
        if self.level == 0:
            rows = np.full((len(architectures), 4), np.nan)
            rows[:, 0] = self.model.ranker(architectures)
            return rows
        return np.stack(self.model.ranker.assess(architectures, level=self.level), axis=1)


@dataclass(frozen=True)
class Compare:
    """Maps pairs to ``(pairs, 3)``: worse, equal, better."""

    model: Model

    def __call__(self, pairs: list[tuple[Architecture, Architecture]]) -> Floats:
        first, second = [a for a, _ in pairs], [b for _, b in pairs]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutOfDistributionWarning)
            return self.model.ranker.compare(first, second)


class Published:
    """The ranker that a folder's note names, and whether it has changed since.

    Args:
        folder: where `publish` writes.
        threads: of onnxruntime.

    Raises:
        ModelError: the folder names none that can be loaded.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self.folder, self.threads = folder, threads
        self._seen = self._stamp()
        self.model = self._load()

    def refresh(self) -> bool:
        """Loads the current ranker if it is another one; requests in flight keep the old one.

        Raises:
            ModelError: it cannot be loaded; the old one stays, and is not tried again.
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
    """Makes a ranker the current one of a folder: converts it where that is needed, and tries it.

    Args:
        source: an ONNX file is taken as it is, any other is read as a ranker of PyTorch.
        folder: that workers look at.

    Returns:
        Its note.

    Raises:
        ModelError: the file is no ranker; what was current stays so.
    """
    try:
        version = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
        target = folder / f"{version}.onnx"
        if source.suffix == ".onnx":
            shutil.copyfile(source, target)
    except OSError as error:
        raise ModelError(f"cannot read {source}: {error.strerror or error}") from None
    if source.suffix != ".onnx":
        from egraph.ranker import load

        load(source).to_onnx(target)
    _try(Model.load(target, source.stem, version, threads=1))
    note = {"file": target.name, "name": source.stem, "version": version}
    before = _current(folder)
    write_text(folder / NOTE, json.dumps(note))
    for path in folder.glob("*.onnx"):
        if path.name not in (target.name, before):  # a worker may be about to read the one before
            path.unlink()
    return note


def _try(model: Model) -> None:
    """Scores one architecture, so that a file that loads and does not run is found out here."""
    tiny = Architecture(["input", "output"], [(0, 1)])
    try:
        rows = model.assess(0.8)([tiny])
    except Exception as error:
        raise ModelError(f"the ranker cannot score: {type(error).__name__}") from error
    if not np.isfinite(rows[:, 0]).all():
        raise ModelError("the ranker scores not with finite numbers")


def _current(folder: Path) -> str | None:
    try:
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except OSError:
        return None
    return str(note["file"])
