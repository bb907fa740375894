"""A fitted ranker as one ONNX model, with everything needed to call it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v20 as op
from spox import Tensor, Var, argument, build

from egraph._version import __version__
from egraph.checks import to_plain
from egraph.errors import UsageError
from egraph.export import _scorer_graph as parts
from egraph.export._schema import KEY, SCHEMA_VERSION
from egraph.ranker import Ranker
from egraph.ranker.calibration import ONE_DEVIATION

if TYPE_CHECKING:
    import onnx

__all__ = ["to_model"]


def to_model(ranker: Ranker) -> onnx.ModelProto:
    """The ranker as an ONNX model; docs/how-to/onnx.md describes its inputs and outputs.

    Raises:
        UsageError: The ranker has a prior; or it reads columns of its caller, which no file can hold; or one
            of its parts has no ONNX writer.
    """
    if ranker.prior_ is not None:
        raise UsageError(
            "a ranker with a prior cannot be exported: the file would have to hold two rankers, which encode "
            "networks differently; export one that is fitted without prior, or serve it with egraph serve"
        )
    if ranker.columns is not None:
        raise UsageError(
            "a ranker that reads columns of its caller cannot be exported: its function would be missing in "
            "the file; fit one without columns"
        )
    vocabulary = ranker.vocabulary_
    inputs = {
        "vertices": argument(Tensor(np.float32, ("graphs", "vertices", vocabulary.vertex_width))),
        "counts": argument(Tensor(np.float32, ("graphs", "vertices", "vertices"))),
        "sizes": argument(Tensor(np.int64, ("graphs",))),
        "features": argument(Tensor(np.float64, ("graphs", len(vocabulary.feature_names)))),
        "level": argument(Tensor(np.float64, ())),
        "pairs": argument(Tensor(np.int64, ("pairs", 2))),
    }
    model = build(inputs, _outputs(ranker, **inputs))
    model.producer_name = "egraph"
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps(to_plain(_describe(ranker)), allow_nan=False)
    return model


def _outputs(
    ranker: Ranker, vertices: Var, counts: Var, sizes: Var, features: Var, level: Var, pairs: Var
) -> dict[str, Var]:
    scorer, scale, calibration = ranker.scorer_, ranker.scale_, ranker.calibration_
    judged = parts.judge(scorer, vertices, counts, sizes, features)
    latent = judged.latent

    def measured() -> list[Var]:
        raw = parts.deviation(scorer, judged)
        one = op.mul(raw, op.const(calibration.factor(ONE_DEVIATION)))
        half = op.mul(raw, parts.factor(calibration, level))
        below, above, lower, upper = (
            parts.to_scores(scale, end)
            for end in (op.sub(latent, one), op.add(latent, one), op.sub(latent, half), op.add(latent, half))
        )
        return [op.div(op.sub(above, below), op.const(2.0)), lower, upper]

    def skipped() -> list[Var]:
        return [op.expand(op.const(math.nan), op.shape(latent)) for _ in range(3)]

    wanted = op.greater(level, op.const(0.0))
    deviation, lower, upper = op.if_(wanted, then_branch=measured, else_branch=skipped)
    return {
        "score": parts.to_scores(scale, latent),
        "deviation": deviation,
        "lower": lower,
        "upper": upper,
        "probabilities": parts.probabilities(scorer, judged, pairs),
    }


def _describe(ranker: Ranker) -> dict[str, Any]:
    """The description in the metadata of the file."""
    card = dict(ranker.card)
    standardiser = ranker.scorer_.standardiser
    names = [ranker.vocabulary_.feature_names[position] for position in standardiser.kept]
    scaling = zip(names, standardiser.mean.tolist(), standardiser.sd.tolist(), strict=True)
    levels = ranker.coverage_.items()
    return {
        "schema": SCHEMA_VERSION,
        "egraph": __version__,
        "space": card.get("space"),
        **ranker.vocabulary_.to_json(),
        "names": ranker.names,
        "features": [{"name": name, "mean": mean, "sd": sd} for name, mean, sd in scaling],
        "head": ranker.head,
        "members": ranker.members,
        "eps": ranker.eps_,
        "largest": ranker.largest_,
        "trials": ranker.n_trials_,
        "coverage": {str(level): None if math.isnan(share) else share for level, share in levels},
        "card": card,
    }
