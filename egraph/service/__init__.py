"""A ranker as a service: JSON over HTTP, for clients without PyTorch or on other machines.

A request passes through these layers, from the outside in:

- `_protocol`: deadlines, size of headers and number of connections;
- `_journal`: request identity, log line, counters, and a response to any failure;
- `_security`: the token;
- `_limits`: size of one body, and of all bodies together;
- `app`: the routes; `_reading` parses architectures, `_schemas` describes requests and responses;
- `_batching`: scores architectures of many requests together;
- `_models`: the ranker in use, and its replacement.

`_serving` starts the processes and `_supervising` keeps them running. Errors are problem documents
(`_problems`). Workers do not import PyTorch: they run ONNX files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from egraph._lazy import lazy_names

if TYPE_CHECKING:
    from egraph.service._models import Published, publish
    from egraph.service._opening import open_ranker
    from egraph.service._serving import serve
    from egraph.service._settings import Limits, Settings
    from egraph.service.app import create_app

__all__ = ["Limits", "Published", "Settings", "create_app", "open_ranker", "publish", "serve"]

_HOMES = {
    "Limits": "egraph.service._settings",
    "Published": "egraph.service._models",
    "Settings": "egraph.service._settings",
    "create_app": "egraph.service.app",
    "open_ranker": "egraph.service._opening",
    "publish": "egraph.service._models",
    "serve": "egraph.service._serving",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, extra="serve")
