"""Opens a ranker, wherever it is."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["open_ranker"]


def open_ranker(source: str | os.PathLike[str]) -> Any:
    """Opens a ranker that predicts: a file, exported or not, or a service.

    Args:
        source: A file that `egraph.Ranker.save` wrote, an ONNX file that `egraph.export.save_onnx` wrote, the
            http address of a service, or ``pretrained`` for the ranker that is part of the package.

    Raises:
        ModelError: The file is not a ranker.
        ServiceError: The service cannot be reached.
        MissingExtraError: The file is ONNX, and onnxruntime is not installed.
    """
    name = os.fspath(source)
    if name.startswith(("http://", "https://")):
        from egraph.service.client import fitness

        return fitness(name)
    if name == "pretrained":
        from egraph.ranker import pretrained

        return pretrained()
    if name.lower().endswith(".onnx"):
        from egraph.export import OnnxRanker

        return OnnxRanker(name)
    from egraph.ranker import load

    return load(name)
