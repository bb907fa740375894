"""A fitted rival as one file: safetensors with the training data, and JSON in its header."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from egraph._version import __version__
from egraph.architecture import Architecture
from egraph.encoding import Vocabulary
from egraph.errors import ModelError
from egraph.ranker.storage import RIVAL_KEY, write_model

if TYPE_CHECKING:
    from egraph.ranker.rivals._rival import Rival

__all__ = ["SCHEMA_VERSION", "restore", "save"]

SCHEMA_VERSION = 1
_PREFIX = "weights."


def save(rival: Rival, path: str | os.PathLike[str], card: Mapping[str, Any]) -> dict[str, Any]:
    """Writes a fitted rival and returns its card; see `Rival.save`."""
    graphs, values = rival.training_
    lines = "\n".join(a.to_json() for a in graphs).encode()
    tensors = {
        "architectures": torch.frombuffer(bytearray(lines), dtype=torch.uint8),
        "scores": torch.from_numpy(values),
    }
    tensors |= {_PREFIX + name: tensor.contiguous() for name, tensor in rival._weights().items()}
    content = {
        "schema": SCHEMA_VERSION,
        "egraph": __version__,
        "rival": type(rival).__name__,
        "parameters": rival.get_params(),
        "vocabulary": rival.vocabulary_.to_json(),
        "card": dict(card),
    }
    return json.loads(write_model(path, RIVAL_KEY, content, tensors))["card"]


def restore(text: str, tensors: Mapping[str, Tensor]) -> Rival:
    """The rival whose file had this header and these tensors.

    Raises:
        ModelError: it comes from a newer version, or operations are described otherwise here.
        KeyError, TypeError, ValueError, RuntimeError: the parts do not fit together.
    """
    from egraph.ranker.rivals import RIVALS

    content = json.loads(text)
    if content["schema"] > SCHEMA_VERSION:
        raise ModelError(
            f"the file was written by a newer egraph ({content.get('egraph')}, schema {content['schema']}); "
            f"this one reads rivals up to schema {SCHEMA_VERSION}: update egraph"
        )
    Vocabulary.from_json(content["vocabulary"])
    lines = tensors["architectures"].numpy().tobytes().decode().split("\n")
    rival = RIVALS[content["rival"]](**content["parameters"])
    weights = {name.removeprefix(_PREFIX): t for name, t in tensors.items() if name.startswith(_PREFIX)}
    values = np.array(tensors["scores"].numpy())
    rival._remember([Architecture.from_json(line) for line in lines], values, weights)
    rival.card_ = content["card"]
    return rival
