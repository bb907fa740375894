"""Reads untrusted pickles of plain containers and numbers, without calling anything that they name.

A pickle is a program that can call any importable function. Here, the few names that measured data needs are
replaced by harmless stand-ins, and every other name is an error. Arrays and tensors, which would be trained
weights, are left out, unless arrays are what the file is read for.
"""

from __future__ import annotations

import pickle
import struct
from array import array
from collections.abc import Callable
from typing import IO, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEFT_OUT", "read_arrays", "read_pickle", "stream_pickle"]


class _LeftOut:
    """Stands for weights, and for objects of a part that was already passed on."""

    def __call__(self, *_: object) -> _LeftOut:
        return self

    def __setstate__(self, _: object) -> None:
        pass

    def __repr__(self) -> str:
        return "something left out"


LEFT_OUT = _LeftOut()

_LARGEST_GAP = 1024
"""Memo entries that a pickle may skip. One that skips more is damaged, and would fill the memory."""


class _Mapping(dict[Any, Any]):
    """Stands for ``OrderedDict``, whose attributes are dropped."""

    def __setstate__(self, _: object) -> None:
        pass


_FORMATS = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u1": "B", "b1": "?"}
"""NumPy's type names and the formats of the module struct."""


class _Kind:
    """Stands for ``numpy.dtype``; accepts numbers only."""

    def __init__(self, name: str, *_: object) -> None:
        if name not in _FORMATS:
            raise pickle.UnpicklingError(f"a number of type {name!r}")
        self.format = "<" + _FORMATS[name]

    def __setstate__(self, state: tuple[object, ...]) -> None:
        if state[1] not in ("<", "|", "="):
            raise pickle.UnpicklingError(f"the byte order {state[1]!r}")


def _scalar(kind: _Kind, data: bytes) -> float | int | bool:
    (value,) = struct.unpack(kind.format, data)
    return value


def _encode(text: str, encoding: str) -> bytes:
    """Stands for ``_codecs.encode``, by which pickles for Python 2 contain bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes as text in {encoding!r}")
    return text.encode("latin1")


_STAND_INS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _Mapping,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encode,
    **{(module, "set"): set for module in ("builtins", "__builtin__")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    # Weights:
    **{(f"numpy.{core}.multiarray", "_reconstruct"): LEFT_OUT for core in ("core", "_core")},
    ("numpy", "ndarray"): LEFT_OUT,
    **{("torch._utils", f"_rebuild_{what}"): LEFT_OUT for what in ("tensor", "tensor_v2", "parameter")},
    **{
        ("torch", f"{kind}Storage"): LEFT_OUT
        for kind in ("Float", "Double", "Half", "Long", "Int", "Byte", "Bool")
    },
    ("torch.storage", "_load_from_bytes"): LEFT_OUT,
}


def _find(module: str, name: str) -> Any:
    try:
        return _STAND_INS[module, name]
    except KeyError:
        raise pickle.UnpicklingError(
            f"it names {module}.{name}, which is neither a container nor a number"
        ) from None


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _find(module, name)

    def persistent_load(self, _: object) -> Any:
        return LEFT_OUT  # the storage of a tensor in files of torch.save


class _Array:
    """Stands for ``numpy.ndarray``; ``values`` is the array."""

    values: NDArray[Any]

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: tuple[int, tuple[int, ...], _Kind, bool, bytes | str]) -> None:
        _, shape, kind, fortran, content = state
        content = content.encode("latin1") if isinstance(content, str) else content
        values = np.frombuffer(content, kind.format)
        self.values = values.reshape(shape, order="F" if fortran else "C")


_ARRAYS: dict[tuple[str, str], Any] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    ("numpy", "ndarray"): _Array,
}


class _ArrayReader(_Reader):
    def find_class(self, module: str, name: str) -> Any:
        return _ARRAYS.get((module, name)) or super().find_class(module, name)


class _Memo:
    """The objects that a pickle can refer back to, in four bytes for each entry.

    Files refer back to texts, tuples of texts and integers, and types from anywhere, but to containers and
    numbers only from the same part; `forget` drops the latter.
    """

    def __init__(self) -> None:
        self.texts: list[Any] = [LEFT_OUT]
        self.numbers: dict[Any, int] = {}
        self.entries = array("I")
        self.recent: dict[int, Any] = {}
        self.types: dict[int, Any] = {}

    def __setitem__(self, entry: int, value: Any) -> None:
        if type(value) is str or (type(value) is tuple and {str, int} >= set(map(type, value))):
            number = self.numbers.get(value)
            if number is None:
                number = self.numbers[value] = len(self.texts)
                self.texts.append(value)
        else:
            number = 0
            (self.types if callable(value) or isinstance(value, _Kind) else self.recent)[entry] = value
        if entry == len(self.entries):
            self.entries.append(number)
        elif entry < len(self.entries):
            self.entries[entry] = number
        elif entry < len(self.entries) + _LARGEST_GAP:
            self.entries.extend([0] * (entry - len(self.entries)) + [number])
        else:
            raise pickle.UnpicklingError(f"it numbers the entry {entry} after {len(self.entries)}")

    def __getitem__(self, entry: int) -> Any:
        if number := self.entries[entry]:
            return self.texts[number]
        return self.types[entry] if entry in self.types else self.recent.get(entry, LEFT_OUT)

    def __len__(self) -> int:
        return len(self.entries)

    def forget(self) -> None:
        self.recent.clear()


_PythonUnpickler: Any = pickle._Unpickler
"""The standard library's unpickler in Python: slower than that in C, but its steps can be overridden."""


class _Streamer(_PythonUnpickler):
    find_class, persistent_load = _Reader.find_class, _Reader.persistent_load
    dispatch: ClassVar = dict(_PythonUnpickler.dispatch)

    def __init__(self, file: IO[bytes], take: Callable[[dict[Any, Any]], bool]) -> None:
        super().__init__(file)
        self.memo = _Memo()
        self.take = take

    def load_items(self) -> None:
        super().load_setitems()
        self.offer()

    def load_item(self) -> None:
        super().load_setitem()
        self.offer()

    def offer(self) -> None:
        filled = self.stack[-1]
        if isinstance(filled, dict) and self.take(filled):
            filled.clear()
            self.memo.forget()

    dispatch[pickle.SETITEMS[0]] = load_items
    dispatch[pickle.SETITEM[0]] = load_item


def read_pickle(file: IO[bytes]) -> Any:
    """Reads one pickle.

    Raises:
        Exception: The pickle is damaged, which can raise any exception, or it names something other than
            containers and numbers (``pickle.UnpicklingError``).
    """
    return _Reader(file).load()


def read_arrays(file: IO[bytes]) -> dict[str, Any]:
    """Reads one pickle of a dictionary, such as a batch of CIFAR, with the arrays among its values.

    Texts of Python 2 and bytes are read as Latin-1.

    Raises:
        Exception: As for `read_pickle`, or the pickle is no dictionary.
    """
    content = _ArrayReader(file, encoding="latin1").load()
    if not isinstance(content, dict):
        raise pickle.UnpicklingError(f"it is no dictionary, but {type(content).__name__}")
    return {
        key.decode("latin1") if isinstance(key, bytes) else str(key): (
            value.values if isinstance(value, _Array) else value
        )
        for key, value in content.items()
    }


def stream_pickle(file: IO[bytes], take: Callable[[dict[Any, Any]], bool]) -> Any:
    """Reads one pickle that is too large for memory, part by part; about ten times slower.

    Args:
        file: Stream to read from.
        take: Callback with each dictionary after items were added to it. It returns whether the dictionary is
            a finished part, which is then emptied.

    Returns:
        The content of the pickle without the parts taken.

    Raises:
        Exception: As for `read_pickle`.
    """
    return _Streamer(file, take).load()
