"""A fitted ranker as one file: safetensors, with everything that is no tensor as JSON in its header."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from egraph._version import __version__
from egraph.encoding import Vocabulary
from egraph.errors import ModelError, UsageError
from egraph.files import atomic_path
from egraph.ranker.calibration import Calibration
from egraph.ranker.columns import Columns, Filling, name
from egraph.ranker.companion import Companion
from egraph.ranker.network import RankerNetwork
from egraph.ranker.scale import Scale, Standardiser
from egraph.ranker.scorer import Scorer

if TYPE_CHECKING:
    from egraph.ranker.ranker import Ranker
    from egraph.ranker.rivals import Rival

__all__ = ["RIVAL_KEY", "SCHEMA_VERSION", "load", "save", "write_model"]

SCHEMA_VERSION = 4
_KEY = "egraph ranker"
RIVAL_KEY = "egraph rival"


def save(ranker: Ranker, path: str | os.PathLike[str], card: Mapping[str, Any] | None = None) -> None:
    """Writes a fitted ranker; see `Ranker.save`."""
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
    companion = scorer.companion
    if companion is not None:
        arrays |= {f"companion.{name}": array for name, array in companion.arrays().items()}
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
    weights = scorer.network.state_dict()
    tensors |= {f"network.{name}": tensor.contiguous() for name, tensor in weights.items()}
    content: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "egraph": __version__,
        "parameters": {name: value for name, value in ranker.get_params().items() if name != "columns"},
        "vocabulary": ranker.vocabulary_.to_json(),
        "eps": ranker.eps_,
        "trials": ranker.n_trials_,
        "largest": ranker.largest_,
        "coverage": [None if math.isnan(share) else share for share in ranker.coverage_.values()],
        "steepness": scorer.steepness,
        "tie": scorer.tie,
        "companion": None if companion is None else companion.numbers(),
        "card": dict(card if card is not None else ranker.card),
    }
    if ranker.columns is not None and ranker.filling_ is not None:
        content["columns"] = {"name": name(ranker.columns), "medians": ranker.filling_.medians.tolist()}
    write_model(path, _KEY, content, tensors)
    ranker.card_ = content["card"]


def write_model(
    path: str | os.PathLike[str], key: str, content: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]
) -> str:
    """Writes tensors with JSON in their header, whole or not at all, and returns that JSON.

    Raises:
        UsageError: the content, of which only the card comes from the user, is not JSON-ready.
        FailedError: the file cannot be written.
    """
    try:
        text = json.dumps(content, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"a model card holds JSON values only: {error}") from None
    with atomic_path(path) as temporary:
        try:
            save_file(dict(tensors), temporary, metadata={key: text})
        except SafetensorError as error:
            raise OSError(str(error)) from error
    return text


def load(path: str | os.PathLike[str], *, columns: Columns | None = None) -> Ranker | Rival:
    """Reads what `Ranker.save` or `Rival.save` wrote, ready to predict.

    Args:
        path: of the file.
        columns: the function that the ranker was fitted with, if it was; it must be the same.

    Raises:
        ModelError: the file is absent, damaged, no ranker, or from another version; or the ranker needs
            columns that are not given, or was fitted without.
    """
    if not Path(path).is_file():
        raise ModelError(f"no ranker at {path}: there is no such file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            text, rival = metadata.get(_KEY), metadata.get(RIVAL_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged or no ranker file: {error}") from None
    try:
        if rival is not None:
            _check_columns(path, None, columns)
            from egraph.ranker.rivals._files import restore

            return restore(rival, tensors)
        if text is None:
            raise ModelError(f"{path} holds tensors, but no egraph ranker")
        content = json.loads(text)
        version = content["schema"]
        if version > SCHEMA_VERSION:
            raise ModelError(
                f"{path} was written by a newer egraph ({content.get('egraph')}, schema {version}); "
                f"this one reads schema {SCHEMA_VERSION}: update egraph"
            )
        if version < SCHEMA_VERSION:
            raise ModelError(
                f"{path} was written by an older egraph ({content.get('egraph')}, schema {version}); "
                f"this one reads schema {SCHEMA_VERSION}: fit the ranker again with this version"
            )
        _check_columns(path, content.get("columns"), columns)
        return _restore(content, tensors, columns)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path} is damaged: its parts do not fit together ({error})") from None


def _check_columns(
    path: str | os.PathLike[str], needed: dict[str, Any] | None, given: Columns | None
) -> None:
    if needed is not None and given is None:
        raise ModelError(
            f"{path} was fitted with columns of {needed['name']}, which a file does not hold: give them, "
            "egraph.load(path, columns=...)"
        )
    if needed is None and given is not None:
        raise ModelError(f"{path} was fitted without columns of its caller; leave columns out")


def _restore(
    content: dict[str, Any], tensors: dict[str, torch.Tensor], columns: Columns | None = None
) -> Ranker:
    from egraph.ranker.ranker import Ranker

    arrays = {name: tensor.numpy() for name, tensor in tensors.items() if not name.startswith("network.")}
    ranker = Ranker(**content["parameters"], columns=columns)
    needed = content.get("columns")
    ranker.filling_ = None if needed is None else Filling(np.array(needed["medians"], dtype=np.float64))
    ranker.vocabulary_ = Vocabulary.from_json(content["vocabulary"])
    ranker.scale_ = Scale(arrays["scale.quantiles"], arrays["scale.scores"])
    ranker.eps_, ranker.n_trials_ = content["eps"], content["trials"]
    ranker.largest_ = int(content["largest"])
    coverage = [math.nan if share is None else share for share in content["coverage"]]
    ranker.calibration_ = Calibration(arrays["calibration.ratios"], np.array(coverage))
    ranker.card_ = content["card"]

    standardiser = Standardiser(
        arrays["standardiser.kept"], arrays["standardiser.mean"], arrays["standardiser.sd"]
    )
    shape = ranker.network_shape(ranker.vocabulary_.vertex_width, len(standardiser.kept))
    network = RankerNetwork(shape)
    prefix = "network."
    network.load_state_dict(
        {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
    )
    network.eval().requires_grad_(False)
    companion = None
    if (numbers := content["companion"]) is not None:
        prefix = "companion."
        held = {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
        companion = Companion.restore(held, numbers)
    ranker.scorer_ = Scorer(
        network=network,
        standardiser=standardiser,
        companion=companion,
        member_mean=arrays["member_mean"],
        member_sd=arrays["member_sd"],
        references=arrays["references"],
        reference_latents=arrays["reference_latents"],
        steepness=content["steepness"],
        tie=content["tie"],
    )
    return ranker
