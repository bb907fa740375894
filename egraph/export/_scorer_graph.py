"""The scores of a fitted ranker from embeddings and features, as ONNX operators.

These are the counterparts of `Scorer`, `Scale` and `Calibration`, in double precision like these.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import spox.opset.ai.onnx.ml.v3 as ml
import spox.opset.ai.onnx.v20 as op
from numpy.typing import NDArray
from scipy import linalg
from spox import Var

from egraph.export._network_graph import Graphs, embed, pair_logits
from egraph.export._operators import integers, linear
from egraph.ranker.calibration import Calibration
from egraph.ranker.heads import PairHead
from egraph.ranker.scale import Scale, Standardiser
from egraph.ranker.scorer import LEAST_DEVIATION, Scorer
from egraph.ranker.tabular import TabularModels
from egraph.surrogates.gaussian_process import GaussianProcess
from egraph.surrogates.trees import Trees

__all__ = ["Judged", "deviation", "factor", "judge", "probabilities", "standardise", "to_scores"]

Floats = NDArray[np.float64]


class Judged(NamedTuple):
    """Predictions of the parts of a ranker for a batch.

    Attributes:
        embedding: Embeddings, ``(members, graphs, width)``.
        features: Standardised features, ``(graphs, features)``.
        members: Utilities or votes of the networks, ``(members, graphs)``.
        tabular: Predictions of the tabular models, ``(graphs,)``; None if the ranker has none.
        latent: Latent scores, ``(graphs,)``.
    """

    embedding: Var
    features: Var
    members: Var
    tabular: Var | None
    latent: Var


def standardise(standardiser: Standardiser, features: Var) -> Var:
    """Standardised analytic features, ``(graphs, kept)``."""
    kept = op.gather(features, integers(*standardiser.kept.tolist()), axis=1)
    z = op.div(op.sub(kept, op.const(standardiser.mean)), op.const(standardiser.sd))
    return op.clip(z, op.const(-8.0), op.const(8.0))


def judge(scorer: Scorer, vertices: Var, counts: Var, sizes: Var, features: Var) -> Judged:
    """Latent scores and the predictions that they are made of; ``features`` are not standardised."""
    x = standardise(scorer.standardiser, features)
    embedding = embed(scorer.network, Graphs(vertices, counts, sizes, op.cast(x, to=np.float32)))
    tabular = None if scorer.tabular is None else _tabular_mean(scorer.tabular, x)
    if scorer.network.shape.pairwise:
        members = _votes(scorer, embedding)
        if tabular is not None:
            members = _blend(scorer, members, _wins(scorer, tabular))
        mean = op.reduce_mean(members, integers(0), keepdims=0)
        return Judged(embedding, x, members, tabular, _quantile(mean))
    raw = op.cast(op.squeeze(linear(scorer.network.utility, embedding), integers(2)), to=np.float64)
    members = op.div(op.sub(raw, op.const(scorer.member_mean[:, None])), op.const(scorer.member_sd[:, None]))
    mean = op.reduce_mean(members, integers(0), keepdims=0)
    return Judged(embedding, x, members, tabular, mean if tabular is None else _blend(scorer, mean, tabular))


def deviation(scorer: Scorer, judged: Judged) -> Var:
    """Estimated error of each latent score, ``(graphs,)``; see `Scorer.latent_with_deviation`."""
    members = scorer.network.shape.members
    spread = _quantile(judged.members) if scorer.network.shape.pairwise else judged.members
    mean = op.reduce_mean(spread, integers(0), keepdims=0)
    apart = op.sub(spread, mean)
    squares = op.reduce_sum(op.mul(apart, apart), integers(0), keepdims=0)
    variance = op.add(op.div(squares, op.const(float(max(members - 1, 1)))), op.const(LEAST_DEVIATION**2))
    if scorer.tabular is not None and judged.tabular is not None:
        process, sd = scorer.tabular.gaussian_process, scorer.tabular.gaussian_process_sd
        own = op.div(_process_variance(process, judged.features), op.const(sd**2))
        beside = op.sub(mean, judged.tabular)
        variance = op.add(op.add(variance, own), op.div(op.mul(beside, beside), op.const(4.0)))
    return op.sqrt(variance)


def probabilities(scorer: Scorer, judged: Judged, pairs: Var) -> Var:
    """Probabilities that the first of each pair is worse, about equal, better, ``(pairs, 3)``."""
    first, second = (op.squeeze(op.gather(pairs, integers(side), axis=1), integers(1)) for side in (0, 1))
    if not scorer.network.shape.pairwise:
        return _three_way(scorer, op.sub(op.gather(judged.latent, first), op.gather(judged.latent, second)))
    head = scorer.network.pair
    assert isinstance(head, PairHead)
    a, b = (op.gather(judged.embedding, side, axis=1) for side in (first, second))
    votes = op.softmax(op.cast(pair_logits(head, a, b), to=np.float64), axis=-1)
    mean = op.reduce_mean(votes, integers(0), keepdims=0)
    if judged.tabular is None:
        return mean
    ahead = op.sub(op.gather(judged.tabular, first), op.gather(judged.tabular, second))
    return _blend(scorer, mean, _three_way(scorer, ahead))


def to_scores(scale: Scale, latent: Var) -> Var:
    """`Scale.to_scores`: linear between training scores, and outside with their mean slope."""
    q, s = scale.quantiles, scale.scores
    below = op.cast(op.less_or_equal(op.const(q[None]), op.unsqueeze(latent, integers(1))), to=np.int64)
    right = op.reduce_sum(below, integers(1), keepdims=0)
    left = op.clip(
        op.sub(right, op.const(np.int64(1))), op.const(np.int64(0)), op.const(np.int64(len(q) - 2))
    )
    inside = op.clip(latent, op.const(q[0]), op.const(q[-1]))
    step = op.sub(inside, op.gather(op.const(q), left))
    slopes = op.gather(op.const(np.diff(s) / np.diff(q)), left)
    between = op.add(op.gather(op.const(s), left), op.mul(slopes, step))
    outside = op.mul(op.sub(latent, inside), op.const((s[-1] - s[0]) / (q[-1] - q[0])))
    return op.add(between, outside)


def factor(calibration: Calibration, level: Var) -> Var:
    """`Calibration.factor`: half the width of an interval in raw deviations, ``()``."""
    ratios = calibration.ratios
    if not len(ratios):
        return _normal_quantile(op.div(op.add(level, op.const(1.0)), op.const(2.0)))
    position = op.sub(op.mul(level, op.const(float(len(ratios) + 1))), op.const(1.0))
    position = op.clip(position, op.const(0.0), op.const(float(len(ratios) - 1)))
    low = op.floor(position)
    high = op.min([op.add(low, op.const(1.0)), op.const(float(len(ratios) - 1))])
    below, above = (op.gather(op.const(ratios), op.cast(end, to=np.int64)) for end in (low, high))
    return op.add(below, op.mul(op.sub(above, below), op.sub(position, low)))


def _blend(scorer: Scorer, networks: Var, tabular: Var) -> Var:
    weight = 0.0 if scorer.tabular is None else scorer.tabular.weight
    return op.div(op.add(networks, op.mul(op.const(weight), tabular)), op.const(1 + weight))


def _tabular_mean(tabular: TabularModels, x: Var) -> Var:
    parts = [op.div(_process_mean(tabular.gaussian_process, x), op.const(tabular.gaussian_process_sd))]
    if tabular.trees is not None:
        parts.append(op.div(_forest(tabular.trees, x), op.const(tabular.trees_sd)))
    total = sum(tabular.weights)
    weighted = [
        op.mul(part, op.const(weight / total)) for part, weight in zip(parts, tabular.weights, strict=True)
    ]
    return weighted[0] if len(weighted) == 1 else op.add(*weighted)


def _kernel(process: GaussianProcess, x: Var) -> Var:
    """Matern 3/2 to the training data, ``(graphs, training graphs)``."""
    unit = process.lengths * math.sqrt(max(process.inputs.shape[1], 1))
    known, scaled = process.inputs / unit, op.div(x, op.const(unit))
    own = op.reduce_sum(op.mul(scaled, scaled), integers(1), keepdims=1)
    squares = op.add(own, op.const((known**2).sum(axis=1)))
    squares = op.add(squares, op.matmul(scaled, op.const(np.ascontiguousarray(-2 * known.T))))
    r = op.sqrt(op.mul(op.max([squares, op.const(0.0)]), op.const(3.0)))
    return op.mul(op.add(r, op.const(1.0)), op.exp(op.neg(r)))


def _process_mean(process: GaussianProcess, x: Var) -> Var:
    return op.squeeze(op.matmul(_kernel(process, x), op.const(process.weights[:, None])), integers(1))


def _process_variance(process: GaussianProcess, x: Var) -> Var:
    # ONNX has no operator for triangular systems, so the file contains the inverse of the factor.
    inverse = linalg.solve_triangular(process.factor, np.eye(len(process.targets)), lower=True)
    solved = op.matmul(_kernel(process, x), op.const(np.ascontiguousarray(inverse.T)))
    explained = op.reduce_sum(op.mul(solved, solved), integers(1), keepdims=0)
    rest = op.sub(op.const(1.0 + process.noise), explained)
    return op.mul(op.const(process.signal), op.max([rest, op.const(process.noise)]))


def _forest(trees: Trees, x: Var) -> Var:
    """The mean over the trees, ``(graphs,)``; nodes are numbered within each tree."""
    many = np.diff([*trees.roots, len(trees.feature)])
    tree = np.repeat(np.arange(len(many)), many)
    first = trees.roots[tree]
    number = np.arange(len(tree)) - first
    leaf = trees.children[:, 0] == np.arange(len(tree))
    left, right = (
        np.where(leaf, 0, trees.children[:, 0] - first),
        np.where(leaf, 0, trees.children[:, 1] - first),
    )
    found = ml.tree_ensemble_regressor(
        op.cast(x, to=np.float32),
        aggregate_function="AVERAGE",
        n_targets=1,
        nodes_treeids=tree.tolist(),
        nodes_nodeids=number.tolist(),
        nodes_featureids=trees.feature.tolist(),
        nodes_modes=["LEAF" if end else "BRANCH_LEQ" for end in leaf],
        nodes_values=trees.single_threshold.tolist(),
        nodes_truenodeids=left.tolist(),
        nodes_falsenodeids=right.tolist(),
        target_treeids=tree[leaf].tolist(),
        target_nodeids=number[leaf].tolist(),
        target_ids=[0] * int(leaf.sum()),
        target_weights=trees.value[leaf].tolist(),
    )
    return op.cast(op.squeeze(found, integers(1)), to=np.float64)


def _votes(scorer: Scorer, embedding: Var) -> Var:
    """`Scorer._votes`: wins less losses against the references, ``(members, graphs)``."""
    head = scorer.network.pair
    assert isinstance(head, PairHead)
    logits = pair_logits(head, embedding, op.const(scorer.references), all_pairs=True)
    p = op.softmax(op.cast(logits, to=np.float64), axis=-1)  # (members, graphs, references, 3)
    return op.reduce_mean(_ahead(p), integers(2), keepdims=0)


def _wins(scorer: Scorer, tabular: Var) -> Var:
    """Wins less losses of the tabular models' predictions against those of the references, ``(graphs,)``."""
    ahead = op.sub(op.unsqueeze(tabular, integers(1)), op.const(scorer.reference_latents[None]))
    return op.reduce_mean(_ahead(_three_way(scorer, ahead)), integers(1), keepdims=0)


def _ahead(p: Var) -> Var:
    """P(better) - P(worse)."""
    worse, better = (op.gather(p, op.const(np.int64(column)), axis=-1) for column in (0, 2))
    return op.sub(better, worse)


def _three_way(scorer: Scorer, ahead: Var) -> Var:
    """`heads.three_way` of a difference of latent scores, with a last axis of 3."""
    logit, tie = op.mul(ahead, op.const(scorer.steepness)), op.const(scorer.tie)
    better, worse = op.sigmoid(op.sub(logit, tie)), op.sigmoid(op.sub(op.neg(logit), tie))
    equal = op.max([op.sub(op.sub(op.const(1.0), better), worse), op.const(0.0)])
    return op.concat([op.unsqueeze(part, integers(-1)) for part in (worse, equal, better)], axis=-1)


def _quantile(votes: Var) -> Var:
    return _normal_quantile(op.add(op.mul(votes, op.const(0.4999)), op.const(0.5)))


# Rational approximations of the normal quantile, in its middle and in its tails; relative error below 1.2e-9.
# Acklam: An algorithm for computing the inverse normal cumulative distribution function, 2003
_MIDDLE = (
    [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
     2.506628277459239],
    [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1.0],
)  # fmt: skip
_TAIL = (
    [-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
     2.938163982698783],
    [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1.0],
)  # fmt: skip
_TAIL_BEGINS = 0.02425


def _normal_quantile(p: Var) -> Var:
    """The inverse of the normal distribution function, for numbers between 0 and 1."""
    centre = op.sub(p, op.const(0.5))
    square = op.mul(centre, centre)
    middle = op.div(op.mul(_polynomial(_MIDDLE[0], square), centre), _polynomial(_MIDDLE[1], square))
    outer = op.min([p, op.sub(op.const(1.0), p)])
    root = op.sqrt(op.mul(op.log(outer), op.const(-2.0)))
    lower = op.div(_polynomial(_TAIL[0], root), _polynomial(_TAIL[1], root))
    tail = op.where(op.less(centre, op.const(0.0)), lower, op.neg(lower))
    return op.where(op.less(outer, op.const(_TAIL_BEGINS)), tail, middle)


def _polynomial(coefficients: list[float], x: Var) -> Var:
    total = op.const(coefficients[0])
    for coefficient in coefficients[1:]:
        total = op.add(op.mul(total, x), op.const(coefficient))
    return total
