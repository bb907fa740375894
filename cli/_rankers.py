"""Opens whatever stands for a ranker on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["open_ranker"]


def open_ranker(source: str) -> Any:
    """A ranker that predicts: of a file, exported or not, or one that a service offers.

    Raises:
        ModelError: the file is no ranker.
        ServiceError: the service cannot be asked.
    """
    if source.startswith(("http://", "https://")):
        from egraph.service.client import fitness

        return fitness(source)
    if Path(source).suffix == ".onnx":
        from egraph.export import OnnxRanker

        return OnnxRanker(source)
    from egraph.ranker import load

    return load(source)
