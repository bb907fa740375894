"""What leaves home: rankers as ONNX files.

`OnnxRanker` calls such a file and needs NumPy and onnxruntime alone; `save_onnx`, which is
`egraph.Ranker.to_onnx`, writes one. Names are loaded when first used, so that the former does not wait for
PyTorch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from egraph.export._runtime import Assessment, OnnxRanker
    from egraph.export._saving import Exported, save_onnx

__all__ = ["Assessment", "Exported", "OnnxRanker", "save_onnx"]

_HOMES = {
    "Assessment": "_runtime",
    "Exported": "_saving",
    "OnnxRanker": "_runtime",
    "save_onnx": "_saving",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"egraph.export.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'egraph.export' has no attribute {name!r}")
