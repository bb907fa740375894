"""A ranker as a service: JSON over HTTP, for those who have no PyTorch, or another machine.

A request passes through, from the outside in:

- `_protocol`: one connection: its deadlines, its headers, how many there may be;
- `_journal`: an identity, a line of the log, a count, and an answer where everything else failed;
- `_security`: the token;
- `_limits`: the size of the body, and of all bodies together;
- `app`: the routes; `_reading` makes architectures of what came, `_schemas` describes both directions;
- `_batching`: architectures of many requests, scored together;
- `_models`: the ranker in use, and how another takes its place.

`_serving` and `_supervising` start the processes and keep them running. What goes wrong is told as a problem
document (`_problems`). Nothing here imports PyTorch: workers run ONNX files.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from egraph.errors import MissingExtraError

if TYPE_CHECKING:
    from egraph.service._serving import serve
    from egraph.service._settings import Limits, Settings
    from egraph.service.app import create_app

__all__ = ["Limits", "Settings", "create_app", "serve"]

_HOMES = {
    "Limits": "egraph.service._settings",
    "Settings": "egraph.service._settings",
    "create_app": "egraph.service.app",
    "serve": "egraph.service._serving",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        try:
            return getattr(importlib.import_module(_HOMES[name]), name)
        except ModuleNotFoundError as error:
            raise MissingExtraError(error.name or str(error), "serve") from None
    raise AttributeError(f"module 'egraph.service' has no attribute {name!r}")
