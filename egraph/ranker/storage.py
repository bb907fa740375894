"""The content of a ranker's file."""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from egraph._version import __version__
from egraph.checks import to_plain
from egraph.errors import UsageError
from egraph.ranker.columns import name
from egraph.ranker.model_file import write_model
from egraph.ranker.prior import is_ranker
from egraph.ranker.recorded import to_recorded

if TYPE_CHECKING:
    from egraph.ranker.ranker import Ranker

__all__ = ["KIND", "PRIOR", "SCHEMA_VERSION", "save"]

SCHEMA_VERSION = 8
"""Version of the layout of ranker files; 4, without priors, 5, without their correction, 6, without measured
attributes, and 7, without answers, are read too."""

_UNMEASURED, _UNASKED = 6, 7
"""Versions of files without measured attributes or answers, so that earlier versions read them."""

PRIOR = "prior."
"""Prefix of the tensors of a prior."""

KIND = "egraph ranker"
"""Key of the metadata in a ranker's file."""


def save(ranker: Ranker, path: str | os.PathLike[str], card: Mapping[str, Any] | None = None) -> None:
    """Writes a fitted ranker to a file; see `Ranker.save`."""
    content, tensors = pack(ranker, ranker.card if card is None else card)
    write_model(path, KIND, content, tensors)
    ranker.card_ = to_plain(content["card"])


def pack(ranker: Ranker, card: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The header and the tensors of a fitted ranker's file.

    Raises:
        UsageError: Its prior is neither a ranker nor a baseline.
    """
    parameters = to_recorded(ranker.get_params(deep=False))
    content: dict[str, Any] = {
        "schema": _schema(ranker),
        "egraph": __version__,
        "parameters": {k: value for k, value in parameters.items() if k not in ("columns", "prior")},
        "trials": ranker.n_trials_,
        "card": dict(card),
    }
    tensors: dict[str, torch.Tensor] = {}
    if ranker.prior_ is not None:
        content["prior"], held = _pack_prior(ranker.prior_)
        tensors |= {PRIOR + name: tensor for name, tensor in held.items()}
    if not ranker.alone_:
        own, held = _pack_own(ranker)
        content |= own
        tensors |= held
    return content, tensors


def _schema(ranker: Ranker) -> int:
    """The oldest version that has all that the ranker reads."""
    if ranker.alone_:
        return _UNMEASURED
    if ranker.vocabulary_.asked.questions:
        return SCHEMA_VERSION
    return _UNASKED if ranker.vocabulary_.measured else _UNMEASURED


def _pack_prior(prior: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    if is_ranker(prior):
        content, tensors = pack(prior, prior.card)
        return {"kind": KIND, "content": content}, tensors
    # Baselines import the rankers, so they are looked up by name.
    files = importlib.import_module("egraph.baselines._files")
    if not files.is_baseline(prior):
        raise UsageError(
            f"a file cannot hold the prior, a {type(prior).__name__}: fit an egraph.Ranker or a baseline of "
            "egraph.ranker.predictors as the prior"
        )
    content, tensors = files.pack(prior, prior.card)
    return {"kind": files.KIND, "content": content}, tensors


def _pack_own(ranker: Ranker) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """What a ranker has learnt itself."""
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
    if scorer.voice is not None:
        arrays |= {f"voice.{name}": array for name, array in scorer.voice.arrays().items()}
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
    weights = scorer.network.state_dict()
    tensors |= {f"network.{name}": tensor.contiguous() for name, tensor in weights.items()}
    content: dict[str, Any] = {
        **ranker.vocabulary_.to_json(),
        "eps": ranker.eps_,
        "groups": dict(ranker.groups_),
        "largest": ranker.largest_,
        "coverage": [None if math.isnan(share) else share for share in ranker.coverage_.values()],
        "held_out_tau": None if math.isnan(ranker.held_out_tau_) else ranker.held_out_tau_,
        "steepness": scorer.steepness,
        "tie": scorer.tie,
        "companion": None if tabular is None else tabular.numbers(),
    }
    if ranker.columns is not None and ranker.filling_ is not None:
        content["columns"] = {"name": name(ranker.columns), "medians": ranker.filling_.medians.tolist()}
    if (voice := scorer.voice) is not None:
        content["voice"] = voice.numbers()
    return content, tensors
