"""The content of a ranker's file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from egraph._version import __version__
from egraph.ranker.columns import name
from egraph.ranker.model_file import write_model
from egraph.ranker.recorded import to_recorded

if TYPE_CHECKING:
    from egraph.ranker.ranker import Ranker

__all__ = ["KIND", "SCHEMA_VERSION", "save"]

SCHEMA_VERSION = 4
"""Version of the layout of ranker files."""

KIND = "egraph ranker"
"""Key of the metadata in a ranker's file."""


def save(ranker: Ranker, path: str | os.PathLike[str], card: Mapping[str, Any] | None = None) -> None:
    """Writes a fitted ranker to a file; see `Ranker.save`."""
    scorer = ranker.scorer_
    arrays = {
        "standardiser.kept": scorer.standardiser.kept,
        "standardiser.mean": scorer.standardiser.mean,
        "standardiser.sd": scorer.standardiser.sd,
        "scale.quantiles": ranker.scale_.quantiles,
        "scale.scores": ranker.scale_.scores,
        "calibration.ratios": ranker.calibration_.ratios,
        "member_mean": scorer.member_mean,
        "member_sd": scorer.member_sd,
        "references": scorer.references,
        "reference_latents": scorer.reference_latents,
    }
    # Files call the tabular models by the name they had in version 0.1.
    tabular = scorer.tabular
    if tabular is not None:
        arrays |= {f"companion.{name}": array for name, array in tabular.arrays().items()}
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
    weights = scorer.network.state_dict()
    tensors |= {f"network.{name}": tensor.contiguous() for name, tensor in weights.items()}
    parameters = to_recorded(ranker.get_params())
    content: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "egraph": __version__,
        "parameters": {name: value for name, value in parameters.items() if name != "columns"},
        "vocabulary": ranker.vocabulary_.to_json(),
        "eps": ranker.eps_,
        "trials": ranker.n_trials_,
        "groups": dict(ranker.groups_),
        "largest": ranker.largest_,
        "coverage": [None if math.isnan(share) else share for share in ranker.coverage_.values()],
        "held_out_tau": None if math.isnan(ranker.held_out_tau_) else ranker.held_out_tau_,
        "steepness": scorer.steepness,
        "tie": scorer.tie,
        "companion": None if tabular is None else tabular.numbers(),
        "card": dict(card if card is not None else ranker.card),
    }
    if ranker.columns is not None and ranker.filling_ is not None:
        content["columns"] = {"name": name(ranker.columns), "medians": ranker.filling_.medians.tolist()}
    write_model(path, KIND, content, tensors)
    ranker.card_ = content["card"]
