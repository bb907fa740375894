"""What was found and fitted, for use without egraph.

- `save_network` writes a trained network as plain PyTorch source, weights (safetensors) and ONNX, and makes
  sure that these are the same network; `to_source` gives the source alone.

Names are loaded when first used, so that what needs no PyTorch does not wait for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from egraph.export._source import Source, to_source
    from egraph.export._network_saving import check_target, save_network

__all__ = ["Source", "check_target", "save_network", "to_source"]

_HOMES = {
    "Source": "egraph.export._source",
    "check_target": "egraph.export._network_saving",
    "save_network": "egraph.export._network_saving",
    "to_source": "egraph.export._source",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'egraph.export' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
