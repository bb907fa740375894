"""Encodes and scores any number of architectures, part by part, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.encoding import CHUNK, Encoding, encode, in_parts, warn_of_unlike
from egraph.errors import UsageError
from egraph.ranker.columns import measure
from egraph.ranker.prior import is_ranker
from egraph.ranker.threads import in_threads

if TYPE_CHECKING:
    from egraph.ranker.ranker import Ranker

__all__ = ["ask_prior", "compare_parts", "encode_part", "latent_with_deviation", "score_parts"]

Floats = NDArray[np.float64]


def encode_part(ranker: Ranker, part: Encoding | list[Architecture]) -> Encoding:
    """Encodes architectures, unless they are encoded already.

    Adds the columns of the caller and, as the last feature, the opinion of the prior.
    """
    if isinstance(part, Encoding):
        return part
    if ranker.alone_ and is_ranker(ranker.prior_):
        return encode_part(ranker.prior_, part)
    encoding = encode(part, ranker.vocabulary_)
    if ranker.columns is not None and ranker.filling_ is not None:
        # The caller's function may not accept an empty list.
        values = measure(ranker.columns, part) if part else np.zeros((0, len(ranker.filling_.medians)))
        encoding = encoding.widen(ranker.filling_.fill(values))
    if ranker.prior_ is not None:
        encoding = encoding.widen(ask_prior(ranker.prior_, part)[:, None])
    return encoding


def ask_prior(prior: Any, architectures: Iterable[Architecture]) -> Floats:
    """The opinions of a prior, ``(architectures,)``: latent scores where it has them, else its predictions.

    Raises:
        UsageError: The prior did not return one finite score for each architecture.
    """
    found = [np.zeros(0)]
    for part in in_parts(architectures):
        if is_ranker(prior):
            found.append(prior.scorer_.latent(encode_part(prior, part)))
            continue
        scores = np.asarray(prior.predict(part), dtype=np.float64)
        if scores.shape != (len(part),) or not np.isfinite(scores).all():
            raise UsageError(
                f"the prior, a {type(prior).__name__}, must return one finite score for each of {len(part)} "
                f"architectures, got shape {scores.shape} with {np.count_nonzero(~np.isfinite(scores))} not "
                "finite"
            )
        scale = getattr(prior, "scale_", None)
        found.append(scores if scale is None else scale.to_latent(scores))
    return np.concatenate(found)


def score_parts(
    ranker: Ranker,
    score: Callable[[Encoding], Floats],
    architectures: Iterable[Architecture] | Encoding,
    stacklevel: int = 3,
) -> list[Floats]:
    """Results of `score` for one part of the architectures after another.

    Warns:
        OutOfDistributionWarning: An architecture has operations, or a size, that the training data lacks.
    """

    def work(part: Encoding | list[Architecture]) -> tuple[Encoding, Floats]:
        encoding = encode_part(ranker, part)
        return encoding, score(encoding)

    parts = in_parts(architectures)
    if _calls_others(ranker):
        # The calling thread encodes the parts: functions of the caller may not be thread-safe.
        parts = (encode_part(ranker, part) for part in parts)
    return list(warn_of_unlike(in_threads(work, parts), ranker.largest_, stacklevel))


def latent_with_deviation(
    ranker: Ranker, architectures: Iterable[Architecture] | Encoding
) -> tuple[Floats, Floats]:
    """Latent scores and their raw deviations, ``(architectures,)`` each.

    Warns:
        OutOfDistributionWarning: An architecture has operations, or a size, that the training data lacks.
    """
    scorer = ranker.scorer_
    pairs = score_parts(
        ranker, lambda part: np.stack(scorer.latent_with_deviation(part)), architectures, stacklevel=4
    )
    latent, deviation = np.concatenate([np.zeros((2, 0)), *pairs], axis=1)
    return latent, deviation


def compare_parts(ranker: Ranker, first: list[Architecture], second: list[Architecture]) -> Floats:
    """Probabilities of the pairs of two equally long lists, ``(pairs, 3)``; see `Ranker.compare`.

    Warns:
        OutOfDistributionWarning: An architecture has operations, or a size, that the training data lacks.
    """
    rows = [np.zeros((0, 3))]
    chunks = (slice(start, start + CHUNK) for start in range(0, len(first), CHUNK))
    encodings = (encode_part(ranker, first[part] + second[part]) for part in chunks)
    for both in warn_of_unlike(((both, both) for both in encodings), ranker.largest_, stacklevel=3):
        half = np.arange(len(both) // 2)
        rows.append(ranker.scorer_.compare(both.take(half), both.take(half + len(half))))
    return np.concatenate(rows)


def _calls_others(ranker: Ranker) -> bool:
    """Whether predictions call columns of the caller, or a prior that is no ranker."""
    if ranker.columns is not None:
        return True
    return ranker.prior_ is not None and (not is_ranker(ranker.prior_) or _calls_others(ranker.prior_))
