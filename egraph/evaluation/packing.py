"""Evaluators as text and arrays, for processes on other machines. Nothing is pickled.

An evaluator is written as the name of its class and its attributes: numbers, texts, lists, mappings, paths
and arrays as they are, search spaces by their names, functions by their modules and names, data by their
arrays. One that a module holds is written as the name that it has there.
"""

from __future__ import annotations

import dataclasses
import importlib
import io
import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph import spaces
from egraph.architecture import Architecture
from egraph.checks import to_plain
from egraph.errors import FailedError, UsageError, shorten
from egraph.evaluation.base import Evaluator
from egraph.spaces import SearchSpace

__all__ = ["pack", "unpack"]

_MAIN = "__main__"


def pack(thing: Any) -> bytes:
    """Evaluators, and mappings and lists of them, as the bytes of a ZIP file of JSON and arrays.

    Raises:
        UsageError: A part can be described neither by a name nor by values of JSON; the text names it.
    """
    arrays: list[NDArray[Any]] = []
    text = json.dumps(_Packer(arrays).write(thing, "the evaluation"))
    file = io.BytesIO()
    np.savez_compressed(file, text=np.frombuffer(text.encode(), np.uint8), **_number(arrays))
    return file.getvalue()


def unpack(data: bytes) -> Any:
    """Reads the result of `pack`.

    Modules that it names are imported.

    Raises:
        FailedError: The bytes are damaged, or something that they name is not here.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            written = json.loads(file["text"].tobytes())
            arrays = [file[name] for name in _number([0] * (len(file.files) - 1))]
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise FailedError(f"the description of an evaluation is damaged: {error}") from None
    return _Unpacker(arrays).read(written)


def _number(items: list[Any]) -> dict[str, Any]:
    return {f"array{number}": item for number, item in enumerate(items)}


@dataclasses.dataclass(frozen=True, slots=True)
class _Packer:
    """Writes things as values of JSON; each that JSON lacks is an object with one field, its kind."""

    arrays: list[NDArray[Any]]

    def write(self, thing: Any, place: str) -> Any:
        """The thing as values of JSON; ``place`` names it in errors."""
        thing = to_plain(thing) if isinstance(thing, np.generic) else thing
        match thing:
            case None | bool() | int() | float() | str():
                return thing
            case list():
                return [self.write(each, place) for each in thing]
            case tuple():
                return {"tuple": [self.write(each, place) for each in thing]}
            case Mapping():
                return {"map": [[self.write(part, place) for part in pair] for pair in thing.items()]}
            case PurePath():
                return {"path": str(thing)}
            case Architecture():
                return {"architecture": thing.to_json()}
            case SearchSpace():
                return {"space": [thing.name, _module_of(thing)]}
            case np.ndarray() if thing.dtype.kind in "biufcU":
                known = [number for number, one in enumerate(self.arrays) if one is thing]
                if not known:
                    self.arrays.append(thing)
                return {"array": known[0] if known else len(self.arrays) - 1}
        if (name := _find_name(thing)) is not None:
            return {"name": name}
        if _find_name(type(thing)) is not None:
            if dataclasses.is_dataclass(thing) and not isinstance(thing, Evaluator):
                return {"record": [_find_name(type(thing)), self._write_fields(thing, place)]}
            if isinstance(thing, Evaluator):
                return {"evaluator": [_find_name(type(thing)), self._write_state(thing)]}
        return _refuse(thing, place)

    def _write_fields(self, record: Any, place: str) -> dict[str, Any]:
        return {
            field.name: self.write(getattr(record, field.name), f"{place}, {field.name}")
            for field in dataclasses.fields(record)
            if field.init
        }

    def _write_state(self, evaluator: Evaluator) -> Any:
        state: Any = evaluator.__getstate__()
        if not isinstance(state, dict | None):
            _refuse(evaluator, "the evaluation")
        kind = type(evaluator).__name__.lstrip("_")
        return {name: self.write(value, f"{name} of {kind}") for name, value in (state or {}).items()}


@dataclasses.dataclass(frozen=True, slots=True)
class _Unpacker:
    """Reads what a `_Packer` writes."""

    arrays: list[NDArray[Any]]

    def read(self, written: Any) -> Any:
        """The thing of values of JSON."""
        if isinstance(written, list):
            return [self.read(each) for each in written]
        if not isinstance(written, dict):
            return written
        ((kind, value),) = written.items()
        return getattr(self, f"_read_{kind}")(value)

    def _read_tuple(self, value: list[Any]) -> tuple[Any, ...]:
        return tuple(map(self.read, value))

    def _read_map(self, value: list[Any]) -> dict[Any, Any]:
        return {self.read(name): self.read(each) for name, each in value}

    def _read_path(self, value: str) -> Path:
        return Path(value)

    def _read_architecture(self, value: str) -> Architecture:
        return Architecture.from_json(value)

    def _read_space(self, value: list[str]) -> SearchSpace:
        name, module = value
        if not module.startswith("egraph."):
            _import(module)
        return spaces.find(name)

    def _read_array(self, value: int) -> NDArray[Any]:
        return self.arrays[value]

    def _read_name(self, value: str) -> Any:
        return _load(value)

    def _read_record(self, value: list[Any]) -> Any:
        name, fields = value
        return _load(name)(**{field: self.read(each) for field, each in fields.items()})

    def _read_evaluator(self, value: list[Any]) -> Evaluator:
        name, written = value
        kind = _load(name)
        if not (isinstance(kind, type) and issubclass(kind, Evaluator)):
            raise FailedError(f"{name} is no evaluator here; install the same version of it on all machines")
        evaluator = kind.__new__(kind)
        state = {field: self.read(each) for field, each in written.items()}
        restore: Callable[[Any], None] = getattr(evaluator, "__setstate__", vars(evaluator).update)
        restore(state)
        evaluator.arrive()
        return evaluator


def _module_of(space: SearchSpace) -> str:
    """The module that registers a space when it is imported.

    Raises:
        UsageError: It is a script, or the space is not registered.
    """
    module = type(space).__module__
    try:
        known = module != _MAIN and spaces.find(space.name) == space
    except UsageError:
        known = False
    if not known:
        raise UsageError(
            f"the space {space.name!r} cannot go to other machines by its name; call egraph.spaces.register "
            "at the top of a module that all machines can import"
        )
    return module


def _find_name(thing: Any) -> str | None:
    """``module:name`` where a module holds the thing; None where none does that others can import."""
    module = getattr(thing, "__module__", None)
    held = sys.modules.get(module) if isinstance(module, str) and module != _MAIN else None
    if held is None:
        return None
    own = getattr(thing, "__qualname__", None)
    if isinstance(own, str):
        found: Any = held
        for part in own.split("."):
            found = getattr(found, part, None)
        return f"{module}:{own}" if found is thing else None
    if isinstance(thing, Evaluator) or callable(thing):
        return next((f"{module}:{name}" for name, value in vars(held).items() if value is thing), None)
    return None


def _load(name: str) -> Any:
    """What has this ``module:name``.

    Raises:
        FailedError: It is not here.
    """
    module, _, own = name.partition(":")
    found: Any = _import(module)
    for part in own.split("."):
        if not hasattr(found, part):
            raise FailedError(f"module {module!r} has no {own!r} here; have the same files on all machines")
        found = getattr(found, part)
    return found


def _import(module: str) -> Any:
    """A module by its name.

    Raises:
        FailedError: It cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except Exception as error:  # noqa: BLE001, whatever a user's module raises on import
        raise FailedError(
            f"cannot import {module} here ({type(error).__name__}: {error}); install it on all machines"
        ) from None


def _refuse(thing: Any, place: str) -> Any:
    raise UsageError(
        f"{place} cannot go to other machines as text: {shorten(thing)} is neither made of numbers, texts "
        "and arrays nor has it a name in a module; define it at the top of a module that all machines import "
        "(package.module:name)"
    )
