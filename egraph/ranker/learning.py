"""`Ranker.fit`, step by step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from egraph.architecture import Architecture
from egraph.encoding import Vocabulary, encode
from egraph.errors import UsageError
from egraph.ranker.columns import Filling, measure
from egraph.ranker.fitting import fit_scorer
from egraph.ranker.labels import Labels
from egraph.ranker.parameters import check_eps, check_tabular, make_plan, settle_parameters
from egraph.ranker.parts import ask_prior
from egraph.ranker.prior import defer, has_latent, measure_known, read_prior
from egraph.ranker.scale import Scale, Standardiser
from egraph.ranker.training_data import (
    read_groups,
    read_training_data,
)
from egraph.threads import threads_limited

if TYPE_CHECKING:
    from egraph.ranker.ranker import Ranker

__all__ = ["learn"]


def learn(
    ranker: Ranker,
    architectures: Iterable[Architecture],
    scores: ArrayLike,
    groups: Iterable[Hashable] | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Sets all that a ranker learns from measured architectures; see `Ranker.fit`."""
    settle_parameters(ranker)
    check_tabular(ranker)
    check_eps(ranker)
    if ranker.folds < 0 or ranker.folds == 1:
        raise UsageError(f"folds must be 0 or at least 2, got {ranker.folds}")
    prior = read_prior(ranker.prior)
    fewest = {} if prior is None else {"distinct": 0, "networks": 0}
    graphs, values = read_training_data(architectures, scores, **fewest)
    ranker.prior_, ranker.alone_ = prior, False
    if len(np.unique(values)) < 2:
        defer(ranker, graphs)
        return
    kept, sources, ranker.groups_ = read_groups(groups, values)
    graphs, values = [graphs[position] for position in kept], values[kept]
    ranker.vocabulary_ = Vocabulary.of(graphs, ranker.names)
    encoding = encode(graphs, ranker.vocabulary_)
    feature_groups = ranker.vocabulary_.feature_groups
    ranker.filling_ = None
    if ranker.columns is not None:
        values_of_columns = measure(ranker.columns, graphs)
        ranker.filling_ = Filling.fit(values_of_columns)
        encoding = encoding.widen(ranker.filling_.fill(values_of_columns))
        feature_groups = feature_groups + ranker.filling_.groups
    standardiser = Standardiser.fit(encoding.features)
    labels = Labels.of(values, sources, ranker.eps)
    ranker.scale_ = Scale.identity() if ranker.groups_ else Scale.fit(values)
    ranker.eps_ = labels.margin
    ranker.n_trials_ = len(values)
    ranker.largest_ = max(a.num_vertices for a in graphs)
    ranker.card_ = {}
    plan = make_plan(ranker, standardiser, feature_groups)
    if prior is not None:
        encoding = encoding.widen(ask_prior(prior, graphs)[:, None])
        plan = replace(plan, known=measure_known(prior, graphs), latent_prior=has_latent(prior))
    with threads_limited(1):
        ranker.scorer_, ranker.calibration_ = fit_scorer(plan, encoding, labels, progress)
