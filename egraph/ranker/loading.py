"""`load`: fitted rankers and baselines from their files."""

from __future__ import annotations

import importlib
import itertools
import json
import math
import os
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from egraph.architecture import Architecture
from egraph.encoding import Vocabulary
from egraph.errors import ModelError, shorten
from egraph.ranker.calibration import Calibration
from egraph.ranker.columns import Columns, Filling
from egraph.ranker.model_file import read_model
from egraph.ranker.network import RankerNetwork
from egraph.ranker.parameters import make_shape
from egraph.ranker.prior import defer
from egraph.ranker.ranker import Ranker
from egraph.ranker.recorded import from_recorded
from egraph.ranker.scale import Scale, Standardiser
from egraph.ranker.scorer import Scorer
from egraph.ranker.storage import KIND, PRIOR, SCHEMA_VERSION
from egraph.ranker.tabular import TabularModels
from egraph.ranker.voice import Voice

if TYPE_CHECKING:
    from egraph.baselines import Baseline

__all__ = ["load"]

Value = TypeVar("Value")

_OLDEST = 4
"""Oldest schema that is read."""


def load(path: str | os.PathLike[str], *, columns: Columns | None = None) -> Ranker | Baseline:
    """Reads what `Ranker.save` or `Baseline.save` wrote, ready to predict.

    Args:
        path: Path of the file.
        columns: The function that the ranker was fitted with, if any; it must be the same.

    Raises:
        ModelError: The file is absent, damaged, no ranker, or from another version; or the ranker needs
            columns that are not given, or was fitted without.
    """
    texts, tensors = read_model(path)
    try:
        if KIND in texts:
            content = json.loads(texts[KIND])
            _check_columns(path, _needed_columns(content), columns)
            return _restore(path, content, tensors, columns)
        # Baselines import the rankers, so they are looked up by name, and only where a file needs them.
        baselines = importlib.import_module("egraph.baselines.loading")
        if baselines.KIND in texts:
            _check_columns(path, None, columns)
            baseline: Baseline = baselines.restore(json.loads(texts[baselines.KIND]), tensors)
            return baseline
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001 - the parts of a damaged file raise any
        raise ModelError(f"{path} is damaged: its parts do not fit together ({error})") from None
    raise ModelError(f"{path} holds tensors, but no egraph ranker")


def _restore(
    path: str | os.PathLike[str],
    content: dict[str, Any],
    tensors: dict[str, torch.Tensor],
    columns: Columns | None,
) -> Ranker:
    """A ranker from the header and the tensors of a file; its prior, too, is one."""
    _check_version(path, content)
    needed = content.get("columns")
    columns_here = None if needed is None else columns
    ranker = Ranker(**from_recorded(content["parameters"]), columns=columns_here)
    ranker.prior_, ranker.alone_ = None, False
    if (held := content.get("prior")) is not None:
        inner = _part(tensors, PRIOR)
        if held["kind"] == KIND:
            ranker.prior_ = _restore(path, held["content"], inner, columns)
        else:
            baselines = importlib.import_module("egraph.baselines.loading")
            ranker.prior_ = baselines.restore(held["content"], inner)
        ranker.prior = ranker.prior_
    if "vocabulary" in content:
        _restore_own(ranker, content, {n: t for n, t in tensors.items() if not n.startswith(PRIOR)})
        if needed is None:
            _try(ranker)
    else:
        defer(ranker, [])
    if not isinstance(content["card"], dict):
        raise ValueError(f"its card is {shorten(content['card'])}")
    ranker.n_trials_, ranker.card_ = int(content["trials"]), content["card"]
    return ranker


def _try(ranker: Ranker) -> None:
    """Scores architectures, because parts that do not fit together may raise errors only then."""
    ops = [operation.name for operation in ranker.vocabulary_.operations if operation.name not in _ENDS][:1]
    chain = Architecture([_ENDS[0], *ops, _ENDS[1]], itertools.pairwise(range(len(ops) + 2)))
    chains = [chain] * 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the chains are unlike the training data
        ranker.predict(chains, return_std=True)
        ranker.intervals(chains)
        ranker.compare(chains, chains)


_ENDS = ("input", "output")


def _check_version(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    version = content["schema"]
    if version > SCHEMA_VERSION:
        raise ModelError(
            f"{path} was written by a newer egraph ({content.get('egraph')}, schema {version}); "
            f"this one reads schema {SCHEMA_VERSION}: update egraph"
        )
    if version < _OLDEST:
        raise ModelError(
            f"{path} was written by an older egraph ({content.get('egraph')}, schema {version}); "
            f"this one reads schema {SCHEMA_VERSION}: fit the ranker again with this version"
        )


def _restore_own(ranker: Ranker, content: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
    """Sets what a ranker has learnt itself."""
    arrays = {name: tensor.numpy() for name, tensor in tensors.items() if not name.startswith("network.")}
    needed = content.get("columns")
    ranker.filling_ = None if needed is None else Filling(np.array(needed["medians"], dtype=np.float64))
    ranker.vocabulary_ = Vocabulary.from_json(content, ranker.names)
    ranker.scale_ = Scale(arrays["scale.quantiles"], arrays["scale.scores"])
    ranker.eps_ = float(content["eps"])
    ranker.groups_ = dict(content.get("groups", {}))
    ranker.largest_ = int(content["largest"])
    coverage = [math.nan if share is None else share for share in content["coverage"]]
    tau = math.nan if (held := content.get("held_out_tau")) is None else held  # version 0.1 lacks it
    ranker.calibration_ = Calibration(arrays["calibration.ratios"], np.array(coverage), tau)
    standardiser = Standardiser(
        arrays["standardiser.kept"], arrays["standardiser.mean"], arrays["standardiser.sd"]
    )
    shape = make_shape(ranker, ranker.vocabulary_.vertex_width, len(standardiser.kept))
    network = RankerNetwork(shape)
    network.load_state_dict(_part(tensors, "network."))
    network.eval().requires_grad_(False)
    tabular = None
    if (numbers := content["companion"]) is not None:
        tabular = TabularModels.restore(_part(arrays, "companion."), numbers)
    voice = None
    if (numbers := content.get("voice")) is not None:
        voice = Voice.restore(_part(arrays, "voice."), numbers, len(standardiser.kept))
    ranker.scorer_ = Scorer(
        network=network,
        standardiser=standardiser,
        tabular=tabular,
        member_mean=arrays["member_mean"],
        member_sd=arrays["member_sd"],
        references=arrays["references"],
        reference_latents=arrays["reference_latents"],
        steepness=float(content["steepness"]),
        tie=float(content["tie"]),
        voice=voice,
    )


def _part(named: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    """Those whose names have a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}


def _needed_columns(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """The columns that a ranker or one of its priors reads."""
    needed: dict[str, Any] | None = content.get("columns")
    prior = content.get("prior")
    if needed is None and prior is not None and prior["kind"] == KIND:
        return _needed_columns(prior["content"])
    return needed


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
