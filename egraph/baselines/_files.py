"""A fitted baseline as one file: safetensors with the training data, and JSON in its header."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from egraph._version import __version__
from egraph.ranker.model_file import write_model

if TYPE_CHECKING:
    from egraph.baselines._base import Baseline

__all__ = ["KIND", "PREFIX", "SCHEMA_VERSION", "is_baseline", "pack", "save"]

SCHEMA_VERSION = 1
PREFIX = "weights."
KIND = "egraph rival"
"""Files keep this word, and the key ``rival`` below, from version 0.1."""


def save(baseline: Baseline, path: str | os.PathLike[str], card: Mapping[str, Any]) -> dict[str, Any]:
    """Writes a fitted baseline and returns its card; see `Baseline.save`."""
    content, tensors = pack(baseline, card)
    saved: dict[str, Any] = json.loads(write_model(path, KIND, content, tensors))["card"]
    return saved


def is_baseline(model: Any) -> bool:
    """Whether a fitted model has what `pack` reads."""
    return hasattr(model, "training_") and hasattr(model, "_weights")


def pack(baseline: Baseline, card: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The header and the tensors of a fitted baseline's file."""
    graphs, values = baseline.training_
    lines = "\n".join(a.to_json() for a in graphs).encode()
    tensors = {
        "architectures": torch.frombuffer(bytearray(lines), dtype=torch.uint8),
        "scores": torch.from_numpy(values),
    }
    tensors |= {PREFIX + name: tensor.contiguous() for name, tensor in baseline._weights().items()}
    content = {
        "schema": SCHEMA_VERSION,
        "egraph": __version__,
        "rival": type(baseline).__name__,
        "parameters": baseline.get_params(),
        **baseline.vocabulary_.to_json(),
        "card": dict(card),
    }
    return content, tensors
