"""What leaves home: rankers as ONNX files, and networks as plain PyTorch.

Of rankers: `OnnxRanker` calls a file in ONNX and needs NumPy and onnxruntime alone; `save_onnx`, which is
`egraph.Ranker.to_onnx`, writes one. Of networks: `save_network` writes a trained one as source, weights and
ONNX, and makes sure that these are the same network; `to_source` gives the source alone.

Names are loaded when first used, so that what needs no PyTorch does not wait for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from egraph.export._network_saving import check_target, save_network
    from egraph.export._runtime import Assessment, OnnxRanker
    from egraph.export._saving import Exported, save_onnx
    from egraph.export._source import Source, to_source

__all__ = [
    "Assessment",
    "Exported",
    "OnnxRanker",
    "Source",
    "check_target",
    "save_network",
    "save_onnx",
    "to_source",
]

_HOMES = {
    "Assessment": "_runtime",
    "Exported": "_saving",
    "OnnxRanker": "_runtime",
    "Source": "_source",
    "check_target": "_network_saving",
    "save_network": "_network_saving",
    "save_onnx": "_saving",
    "to_source": "_source",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"egraph.export.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'egraph.export' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
