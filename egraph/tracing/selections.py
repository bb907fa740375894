"""Selections by values, such as ``x[x > 0]``, as if they selected everything: their size is then known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["Selections"]


class Selections(TorchFunctionMode):
    """Gives results that have a size by values the largest size that they can have.

    Applies to boolean indices, ``nonzero``, ``masked_select`` and ``nms``. Results depend on the same tensors
    as before, and have other values, so this is for tensors without values. Results of ``unique`` stay as
    they are: networks loop over them.

    Attributes:
        count: Number of such results.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name in ("__getitem__", "__setitem__"):
            args = (args[0], self._index(args[1]), *args[2:]) if self._has_size(args) else args
        elif name == "where" and len(args) + len(kwargs) == 1:
            return self._places(*args, *kwargs.values())
        elif name in _SELECTING or func is _nms():
            return self._select("nms" if func is _nms() else name, *args, **kwargs)
        return func(*args, **kwargs)

    def _has_size(self, args: tuple[Any, ...]) -> bool:
        """Whether a selected size matters: not where one number is written to all places."""
        return len(args) == 2 or (isinstance(args[2], Tensor) and args[2].ndim > 0)

    def _index(self, index: Any) -> Any:
        """An index whose truth values are places."""
        parts = index if isinstance(index, tuple) else (index,)
        if not any(isinstance(part, Tensor) and part.dtype in (torch.bool, torch.uint8) for part in parts):
            return index
        places: list[Any] = []
        for part in parts:
            is_mask = isinstance(part, Tensor) and part.dtype in (torch.bool, torch.uint8)
            places += self._places(part) if is_mask else [part]
        return tuple(places)

    def _places(self, mask: Tensor) -> tuple[Tensor, ...]:
        self.count += 1
        return (mask.flatten().long(),) * max(mask.ndim, 1)

    def _select(self, name: str, value: Tensor, *rest: Any, **options: Any) -> Any:
        if name in ("nonzero", "argwhere"):
            places = self._places(value)
            return places if options.get("as_tuple") or rest[:1] == (True,) else torch.stack(places, 1)
        self.count += 1
        if name == "masked_select":
            mask = options.get("mask", *rest[:1])
            return torch.where(mask, value, value).flatten()
        return (value[:, 0] + rest[0]).long()  # nms


_SELECTING = ("nonzero", "argwhere", "masked_select")


def _nms() -> Any:
    """The operation of torchvision, if it has been loaded."""
    return getattr(getattr(torch.ops, "torchvision", None), "nms", _SELECTING)
