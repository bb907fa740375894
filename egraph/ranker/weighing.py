"""The share of a prior in an ensemble: from what is known before any label, and from held-out predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from egraph.encoding import Vocabulary
from egraph.operations import attributes
from egraph.ranker.labels import Labels, pairs_within

__all__ = ["share_known", "weigh_prior"]

Floats = NDArray[np.float64]

# Chosen by the transfers of docs/results/ranker-parts.md, seeds 100 and up.
_OWN_USUALLY, _OWN_COUNTS = 0.78, 70
"""Fisher transform of the usual correlation of an ensemble's held-out predictions, and how many labels that
counts as."""
_PRIOR_UNKNOWN, _PRIOR_KNOWN, _PRIOR_COUNTS = -1.0, 1.9, 6
"""The same for a prior that knows none, or all, of the operations."""
_OVERLAP_COUNTS = 42
"""Weight in labels of the assumption that the errors of both are independent."""
_HALF = 10
"""Number of labels that halves the odds of a prior: brief trainings on fewer labels make the ensemble's own
held-out predictions look too bad."""
_ENOUGH_KNOWN = 2 / 3
_MOST_COMPARED = 600


def share_known(known: Vocabulary | None, needed: Vocabulary, counts: Floats) -> float:
    r"""How much of some architectures a model knows, by the descriptions of their operations, in [0, 1].

    .. math:: \min\left(1, \tfrac{3}{2} \, \overline{\max_k e^{-|x - x_k|_1}}\right)

    with the descriptions :math:`x` of the operations in the architectures, and :math:`x_k` in the model's
    training data.

    Args:
        known: Operations of the model's training data; None if it does not tell.
        needed: Operations of the architectures.
        counts: Number of vertices with each of its interior operations, ``(operations,)``.
    """
    if known is None or not counts.sum():
        return 0.5
    if not known.interior:
        return 0.0
    there = np.stack([attributes(operation) for operation in known.interior])
    here = np.stack([attributes(operation) for operation in needed.interior])
    likeness = np.exp(-np.abs(here[:, None] - there).sum(axis=2)).max(axis=1)
    return float(min(1.0, (counts @ likeness) / counts.sum() / _ENOUGH_KNOWN))


def weigh_prior(
    own: Floats | None, prior: Floats, labels: Labels, known: float, restriction: float = 1.0
) -> float:
    r"""The share of a prior's opinion, in [0, 1], beside an ensemble's own of the same spread.

    Kendall's tau of either opinion and the scores gives its correlation with the truth, :math:`a` of the own
    and :math:`p` of the prior. Fisher transforms of both are averaged with usual values, which count as some
    labels; the usual value of a prior depends on how much it knows of the operations. The share is that of
    the best linear combination, with :math:`c` the correlation of both opinions,

    .. math:: \frac{p - ca}{(p - ca) + (1 + n / 10 u^2) (a - cp)},

    with :math:`u = 1`, see ``restriction``, and 0 for a prior of :math:`p \le ca`. Only the order of the
    prior's opinions enters.

    Args:
        own: Held-out predictions of the ensemble, ``(architectures,)``; None where none were held out.
        prior: Opinions of the prior, ``(architectures,)``.
        labels: Scores of the architectures, of which at least two of a group differ.
        known: Result of `share_known`.
        restriction: Spread of the prior's opinions among the architectures that the share is for, over that
            among those with labels, :math:`u \ge 1`. A correlation :math:`r` in a narrow range is one of
            :math:`ur / \sqrt{1 + r^2 (u^2 - 1)}` in a range that is :math:`u` times as wide, and labels from
            there tell less of it.

    References:
        Thorndike: Personnel selection, 1949, case 2 (restriction of range)
    """
    count, scores = len(labels), labels.scores
    first, second = pairs_within(labels.groups, _MOST_COMPARED)

    def correlate(a: Floats, b: Floats) -> float:
        a, b = (np.sign(x[first] - x[second]) for x in (a, b))
        pairs = np.sqrt(np.count_nonzero(a) * np.count_nonzero(b))
        # Of normal variables, the correlation is this function of tau. Perfect order by chance is frequent.
        return float(np.sin(np.pi / 2 * np.clip(a @ b / max(pairs, 1.0), -0.97, 0.97)))

    def average(correlation: float, seen: int, usual: float, counts: int) -> float:
        return (np.arctanh(correlation) * seen + usual * counts) / (seen + counts)

    seen = count - len(np.unique(labels.groups))
    usual = _PRIOR_UNKNOWN + (_PRIOR_KNOWN - _PRIOR_UNKNOWN) * known
    p = max(np.tanh(average(correlate(prior, scores), seen, usual, _PRIOR_COUNTS)), 0.0)
    p *= restriction / np.sqrt(1 + p**2 * (restriction**2 - 1))
    a = np.tanh(_OWN_USUALLY)
    c = a * p
    if own is not None:
        a = max(np.tanh(average(correlate(own, scores), seen, _OWN_USUALLY, _OWN_COUNTS)), 0.02)
        c = (correlate(own, prior) * seen + a * p * _OVERLAP_COUNTS) / (seen + _OVERLAP_COUNTS)
        c = min(max(c, 0.0), 0.95)
    by_prior, by_own = max(p - c * a, 0.0), max(a - c * p, 1e-9)
    by_own *= 1 + count / (_HALF * restriction**2)
    return float(by_prior / (by_prior + by_own))
