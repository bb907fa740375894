"""How far measured scores are noise: the agreement of repeated trainings, and the best tau that can be."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from egraph.errors import UsageError
from egraph.metrics import kendall_tau

__all__ = ["Interval", "Noise", "estimate_noise"]

Values = NDArray[np.float64]

NEAREST = 15
"""Number of networks of similar score whose deviations stand for the noise of one."""

MOST = 500
"""Number of networks that are simulated; of more, so many are drawn."""

DRAWS = 10
"""Least number of simulations; of few networks there are more."""

SIMULATED = 5000
"""Least number of simulated networks in all."""

RESAMPLES = 200
SCALES = np.linspace(0, 2, 17)
"""Factors of the deviations for which the simulation is run."""


class Interval(NamedTuple):
    """An estimate with its 95 % bootstrap interval over the networks."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of scores, from networks that were trained several times.

    Attributes:
        networks: Number of networks with at least two trainings.
        runs: Largest number of trainings of one.
        deviation: Standard deviation between the trainings of one network, the median over the networks, in
            the unit of the scores.
        tau: Kendall's tau between two single trainings.
        ceiling: Tau of a predictor that knows the true mean of each network, with the measured mean of so
            many trainings. No predictor can expect more.
        ceiling_top: The same on the better half of the networks by that mean.
    """

    networks: int
    runs: int
    deviation: float
    tau: Interval
    ceiling: Mapping[int, Interval]
    ceiling_top: Mapping[int, Interval]


def estimate_noise(runs: ArrayLike, *, seed: int = 0) -> Noise:
    """Measures the agreement of trainings and simulates what a perfect predictor would reach.

    In the simulation, the mean of a network's trainings is its true value. Its noise is drawn from the
    deviations of the networks with the most similar means, since poor networks deviate more than good ones,
    and scaled until two simulated trainings agree as two measured ones do. That factor corrects for the
    means, which are themselves noisy and so spread more than true values.

    Args:
        runs: Scores, ``(networks, runs)``, NaN where a training is missing.
        seed: Seed of simulation and bootstrap.

    Raises:
        UsageError: Fewer than three networks have two trainings.
    """
    values = np.asarray(runs, dtype=np.float64)
    counts = np.isfinite(values).sum(axis=1) if values.ndim == 2 else np.zeros(0)
    values = values[counts > 1] if values.ndim == 2 else values
    if len(values) < 3 or values.ndim != 2:
        raise UsageError(
            f"the noise is estimated from at least 3 networks that were trained twice, got {len(values)}"
        )
    rng = np.random.default_rng(seed)
    tau = _agree(values)
    resampled = np.array(
        [_agree(values[rng.integers(len(values), size=len(values))]) for _ in range(RESAMPLES)]
    )
    simulated = values if len(values) <= MOST else values[rng.choice(len(values), MOST, replace=False)]
    spread = np.nanstd(values, axis=1, ddof=1)
    most = int(counts.max())
    curves = _simulate(simulated, most, rng)
    pairs = np.minimum.accumulate(curves.pairs)[::-1]  # falls with the noise; np.interp needs it rising

    def place(curve: Values) -> Interval:
        """The value of a curve where simulated trainings agree as measured ones, with its interval."""
        return _interval(
            lambda at: np.interp(np.interp(at, pairs, SCALES[::-1]), SCALES, curve), tau, resampled
        )

    return Noise(
        networks=len(values),
        runs=most,
        deviation=float(np.median(spread)),
        tau=_interval(lambda at: at, tau, resampled),
        ceiling={k: place(curve) for k, curve in curves.means.items()},
        ceiling_top={k: place(curve) for k, curve in curves.tops.items()},
    )


def _interval(read: Callable[..., ArrayLike], value: float, resampled: Values) -> Interval:
    low, high = np.nanquantile(np.asarray(read(resampled)), [0.025, 0.975])
    return Interval(float(np.asarray(read(value))), float(low), float(high))


def _agree(values: Values) -> float:
    """The mean of tau over all pairs of columns, each over the rows that have both."""
    taus = []
    for a, b in combinations(values.T, 2):
        both = np.isfinite(a) & np.isfinite(b)
        taus.append(kendall_tau(a[both], b[both]))
    return float(np.nanmean(taus)) if not np.isnan(taus).all() else math.nan


class _Curves(NamedTuple):
    """Tau in the simulation, one value for each of `SCALES`."""

    pairs: Values
    means: dict[int, Values]
    tops: dict[int, Values]


def _simulate(values: Values, most: int, rng: np.random.Generator) -> _Curves:
    truth = np.nanmean(values, axis=1)
    order = np.argsort(truth, kind="stable")
    truth, values = truth[order], values[order]
    counts = np.isfinite(values).sum(axis=1, keepdims=True)
    deviations = (values - truth[:, None]) * np.sqrt(counts / (counts - 1))
    width = min(NEAREST, len(truth))
    starts = np.clip(np.arange(len(truth)) - width // 2, 0, len(truth) - width)
    pools = [pool[np.isfinite(pool)] for pool in (deviations[start : start + width] for start in starts)]
    found: dict[tuple[str, int], list[Values]] = defaultdict(list)
    for _ in range(max(DRAWS, SIMULATED // len(truth))):
        noise = np.stack([rng.choice(pool, max(most, 2)) for pool in pools])  # (networks, runs)
        sampled = truth + SCALES[:, None] * noise.T[:, None]  # (runs, scales, networks)
        found["pairs", 2].append(_taus(sampled[0], sampled[1]))
        for k in range(1, most + 1):
            labels = sampled[:k].mean(axis=0)
            found["means", k].append(_taus(labels, truth))
            found["tops", k].append(_taus(labels, truth, better_half=True))
    curves = {name: np.mean(each, axis=0) for name, each in found.items()}
    means, tops = ({k: curves[part, k] for k in range(1, most + 1)} for part in ("means", "tops"))
    return _Curves(curves["pairs", 2], means, tops)


def _taus(y: Values, s: Values, *, better_half: bool = False) -> Values:
    """Kendall's tau-b of each row, as `kendall_tau` computes it for one, ``(rows,)``; NaN if undefined.

    Args:
        y: ``(rows, networks)``.
        s: ``(rows, networks)`` or ``(networks,)``.
        better_half: Whether only the half of the networks that is best by ``y`` counts.
    """
    first, second = np.triu_indices(y.shape[-1], 1)
    of_y, of_s = (np.sign(each[..., first] - each[..., second]) for each in (y, s))
    if better_half:
        worst = y.shape[-1] - max(1, round(0.5 * y.shape[-1]))
        best = y >= np.partition(y, worst, axis=-1)[:, worst, None]
        counted = best[:, first] & best[:, second]
        of_y, of_s = of_y * counted, of_s * counted
    untied = np.sqrt(np.abs(of_y).sum(axis=-1) * np.abs(of_s).sum(axis=-1))
    with np.errstate(invalid="ignore"):
        taus: Values = (of_y * of_s).sum(axis=-1) / untied
    return taus
