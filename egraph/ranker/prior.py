"""A prior: a model fitted before, whose opinion of an architecture counts in the ensemble."""

from __future__ import annotations

import copy
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.encoding import Encoding, Vocabulary
from egraph.errors import UsageError
from egraph.ranker.calibration import Calibration
from egraph.ranker.heads import three_way
from egraph.ranker.scale import Scale, Standardiser
from egraph.ranker.scorer import Scorer
from egraph.ranker.weighing import share_known

if TYPE_CHECKING:
    from egraph.ranker.ranker import Ranker

__all__ = ["PriorAlone", "defer", "has_latent", "is_ranker", "measure_known", "read_prior"]

Floats = NDArray[np.float64]

_LONGEST = 4
"""Most priors in a chain; the oldest of a longer one is forgotten, so that the files of a series of studies
do not grow."""

_TIE = 0.1


def is_ranker(model: Any) -> bool:
    """Whether a fitted model is a `Ranker`, which has latent scores and deviations."""
    return isinstance(getattr(model, "scorer_", None), Scorer | PriorAlone)


def has_latent(prior: Any) -> bool:
    """Whether a prior's opinions are latent scores, and not in a unit of its own."""
    return is_ranker(prior) or hasattr(prior, "scale_")


def measure_known(prior: Any, graphs: Sequence[Architecture]) -> float:
    """How much a prior knows of the operations in some architectures; see `share_known`."""
    needed = Vocabulary.of(graphs)
    count = Counter(needed.describe(name).name for graph in graphs for name in graph.ops)
    counts = np.array([count[operation.name] for operation in needed.interior], dtype=np.float64)
    return share_known(getattr(prior, "vocabulary_", None), needed, counts)


def read_prior(prior: Any) -> Any:
    """The model that speaks for a prior: itself, or the one that it defers to; None for None.

    Raises:
        UsageError: It is no fitted model that predicts.
    """
    if prior is None:
        return None
    kind = type(prior).__name__
    if not callable(getattr(prior, "predict", None)) or isinstance(prior, type):
        raise UsageError(
            f"prior must be a fitted ranker, or another fitted model with predict(architectures), got {kind}"
        )
    if hasattr(prior, "__sklearn_is_fitted__") and not prior.__sklearn_is_fitted__():
        raise UsageError(f"the prior, a {kind}, is not fitted yet; call its fit(architectures, scores) first")
    while is_ranker(prior) and prior.alone_:
        prior = prior.prior_
    return _shorten(prior, _LONGEST)


def _shorten(prior: Any, most: int) -> Any:
    """The same prior with at most so many models in its chain of priors, itself included."""
    if not is_ranker(prior) or prior.prior_ is None:
        return prior
    older = _shorten(prior.prior_, most - 1) if most > 1 else None
    if older is prior.prior_:
        return prior
    copied = copy.copy(prior)
    copied.prior = copied.prior_ = older
    if older is None:
        copied.scorer_ = replace(prior.scorer_, voice=None)
    return copied


@dataclass(frozen=True, eq=False)
class PriorAlone:
    """Takes the place of a `Scorer` where a prior that is no ranker decides alone.

    Its latent scores are the prior's opinions, the last feature of encodings. Nothing is known of their
    errors: deviations are 1.

    Attributes:
        standardiser: Keeps no feature.
        tabular: There are none.
        voice: There is no ensemble to join.
    """

    standardiser: Standardiser
    tabular: None = None
    voice: None = None

    def latent(self, encoding: Encoding) -> Floats:
        """Latent scores, ``(graphs,)``; higher is better."""
        return encoding.features[:, -1]

    def latent_with_deviation(self, encoding: Encoding) -> tuple[Floats, Floats]:
        """Latent scores and their deviations, both ``(graphs,)``."""
        return self.latent(encoding), np.ones(len(encoding))

    def compare(self, a: Encoding, b: Encoding) -> Floats:
        """P(a worse), P(about equal), P(a better) of each pair, ``(pairs, 3)``."""
        return three_way(self.latent(a) - self.latent(b), _TIE)


def defer(ranker: Ranker, graphs: Sequence[Architecture]) -> None:
    """Sets what `Ranker.fit` learns to that of the prior, which decides alone.

    Args:
        ranker: Ranker with its `prior_`.
        graphs: Architectures that it was fitted to, too few to learn from.
    """
    prior = ranker.prior_
    if is_ranker(prior):
        for name in (
            "vocabulary_",
            "filling_",
            "scale_",
            "eps_",
            "groups_",
            "largest_",
            "scorer_",
            "calibration_",
        ):
            setattr(ranker, name, getattr(prior, name))
    else:
        ranker.vocabulary_ = getattr(prior, "vocabulary_", None) or Vocabulary.of(graphs)
        ranker.filling_ = None
        ranker.scale_ = getattr(prior, "scale_", None) or Scale.identity()
        ranker.eps_, ranker.groups_, ranker.largest_ = 0.0, {}, sys.maxsize
        nothing = Standardiser(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
        alone: Any = PriorAlone(nothing)  # what a ranker asks of its scorer
        ranker.scorer_ = alone
        ranker.calibration_ = Calibration.none()
    ranker.alone_, ranker.n_trials_, ranker.card_ = True, len(graphs), {}
