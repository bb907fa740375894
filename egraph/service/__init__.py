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
