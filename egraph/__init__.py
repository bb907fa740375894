"""egraph finds good neural networks with few trainings.

A ranker, a graph neural network, reads the graphs of networks and predicts which of two will train better. It
is the fitness of a searcher. From time to time the best candidates are trained, and the ranker is refitted.

Names are imported when first used, so that ``import egraph`` does not import PyTorch.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from egraph._lazy import lazy_names
from egraph._version import __version__ as __version__
from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, EgraphError, Unbuildable
from egraph.threads import use_one_thread

if TYPE_CHECKING:
    from egraph import bench, datasets, evaluation, metrics, operations, searchers, spaces
    from egraph.ranker import Ranker, load, pretrained
    from egraph.service.client import fitness
    from egraph.study import Study
    from egraph.tracing import from_onnx, from_torch

__all__ = [
    "Architecture",
    "ArchitectureError",
    "EgraphError",
    "Ranker",
    "Study",
    "Unbuildable",
    "bench",
    "datasets",
    "evaluation",
    "fitness",
    "from_onnx",
    "from_torch",
    "load",
    "metrics",
    "operations",
    "pretrained",
    "searchers",
    "spaces",
]

# onnxruntime reports its use to its maker, from the moment when it is loaded, unless this is set by then.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
if hasattr(os, "register_at_fork"):  # Windows cannot fork
    os.register_at_fork(after_in_child=use_one_thread)

_HOMES = {
    "Ranker": "egraph.ranker",
    "Study": "egraph.study",
    "fitness": "egraph.service.client",
    "from_onnx": "egraph.tracing",
    "from_torch": "egraph.tracing",
    "load": "egraph.ranker",
    "pretrained": "egraph.ranker",
}
_MODULES = {
    *("baselines", "bench", "datasets", "evaluation", "evolve", "export", "metrics", "operations", "report"),
    *("searchers", "service", "spaces", "study", "tracing", "training"),
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, _MODULES)
