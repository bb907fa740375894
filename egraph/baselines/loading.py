"""Fitted baselines from their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from egraph import operations
from egraph.architecture import Architecture
from egraph.baselines import BASELINES, Baseline
from egraph.baselines._files import KIND, PREFIX, SCHEMA_VERSION
from egraph.encoding import Vocabulary
from egraph.errors import ModelError

__all__ = ["KIND", "restore"]


def restore(content: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Baseline:
    """Restores a baseline from the header and the tensors of its file.

    Raises:
        ModelError: The file is of a newer version, or describes operations differently.
        KeyError, TypeError, ValueError, RuntimeError: The parts do not fit together.
    """
    if content["schema"] > SCHEMA_VERSION:
        raise ModelError(
            f"the file was written by a newer egraph ({content.get('egraph')}, schema {content['schema']}); "
            f"this one reads baselines up to schema {SCHEMA_VERSION}: update egraph"
        )
    for operation in Vocabulary.from_json(content).operations:
        # The file holds the training networks, whose operations are described here again.
        if operation.kind != "other" and operations.get(operation.name) != operation:
            raise ModelError(
                f"operation {operation.name!r} has another description here than when the baseline was "
                "trained; fit it again"
            )
    lines = tensors["architectures"].numpy().tobytes().decode().split("\n")
    baseline = BASELINES[content["rival"]](**content["parameters"])
    weights = {name.removeprefix(PREFIX): t for name, t in tensors.items() if name.startswith(PREFIX)}
    values = np.array(tensors["scores"].numpy())
    baseline._remember([Architecture.from_json(line) for line in lines], values, weights)
    baseline.card_ = content["card"]
    return baseline
