"""Fits a `Scorer` to encoded training data, and calibrates it on held-out folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from egraph.encoding import Encoding
from egraph.ranker.calibration import FEWEST, Calibration, split_folds
from egraph.ranker.labels import Labels, centre
from egraph.ranker.network import Graphs, NetworkShape, RankerNetwork
from egraph.ranker.scale import Standardiser, fit_three_way
from egraph.ranker.scorer import Scorer
from egraph.ranker.stacking import fit_shares
from egraph.ranker.tabular import FEW, TabularModels
from egraph.ranker.training import Schedule, train
from egraph.ranker.voice import Voice, measure_spread
from egraph.ranker.weighing import weigh_prior

__all__ = ["Plan", "fit_scorer"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Progress = Callable[[int, int], None]

_MOST_MEMBERS = 2
"""Most networks of the ensemble of a fold."""

_TRAININGS = 256
"""With a prior, most held-out parts times distinct architectures, where that is more than `Plan.folds`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Settings of a fit.

    Attributes:
        shape: Shape of the networks.
        standardiser: Fitted standardiser of the analytic features.
        groups: Group of each feature that it keeps; see `GaussianProcess.fit`.
        tabular: Whether a Gaussian process is averaged with the networks.
        trees: Whether trees are added to the Gaussian process.
        measured: Whether the features include the sizes of layers.
        schedule: Training schedule of the networks.
        folds: Number of folds to hold out; 0 for none.
        seed: Seed of weights, batches, dropout, trees and folds.
        known: How much a prior knows of the training data, see `share_known`; None without a prior.
        latent_prior: Whether the prior's opinions are latent scores.
    """

    shape: NetworkShape
    standardiser: Standardiser
    groups: Sequence[str]
    tabular: bool
    trees: bool
    measured: bool
    schedule: Schedule
    folds: int
    seed: int
    known: float | None = None
    latent_prior: bool = True


def fit_scorer(
    plan: Plan, encoding: Encoding, labels: Labels, progress: Progress | None = None
) -> tuple[Scorer, Calibration]:
    """Fits a scorer to all data, and smaller ones, in half the epochs, to all data but one fold.

    The errors of the smaller scorers on their held-out folds calibrate the intervals. With few labels they
    also set the weights of networks, Gaussian process and trees. With many labels they do not: networks that
    are trained so briefly would count for too little.

    Args:
        plan: Settings of the fit.
        encoding: Training data.
        labels: Scores of the training data.
        progress: Function that is called with the number of finished training steps and their total.
    """
    everything = np.arange(len(labels))
    held_out = _hold_out(plan, encoding, labels)
    rest = [np.setdiff1d(everything, fold) for fold in held_out]
    brief = replace(
        plan,
        shape=replace(plan.shape, members=min(plan.shape.members, _MOST_MEMBERS)),
        schedule=replace(plan.schedule, epochs=max(plan.schedule.epochs // 2, 1)),
    )
    steps = plan.schedule.steps(len(labels))
    total = steps + (brief.schedule.steps(min(map(len, rest))) if rest else 0)

    def emit(done: int) -> None:
        if progress is not None:
            progress(done, total)

    [scorer] = _fit(plan, encoding, labels, [everything], emit)
    if not held_out:
        return _hear([scorer], plan, encoding, labels, [])[0], Calibration.none()
    parts = _fit(brief, encoding, labels, rest, lambda done: emit(steps + done))
    folds = [encoding.take(fold) for fold in held_out]
    # Networks with a pairwise head score pairs, so they have no opinion on a single architecture.
    if not plan.shape.pairwise and len(labels) <= FEW:
        opinions = [part.opinions(fold) for part, fold in zip(parts, folds, strict=True)]
        tested = labels.take(np.concatenate(held_out))
        shares = fit_shares(np.concatenate(opinions, axis=1), tested, scorer.shares)
        scorer, *parts = (each.share_out(shares) for each in (scorer, *parts))
    scorer, *parts = _hear([scorer, *parts], plan, encoding, labels, held_out)
    targets, ratios, predicted = labels.targets, [], []
    for rows, part, fold in zip(held_out, parts, folds, strict=True):
        latent, deviation = part.latent_with_deviation(fold)
        # Nothing orders the predictions for different groups, so that each group has an offset of its own.
        ratios.append(np.abs(centre(targets[rows] - latent, labels.groups[rows])) / deviation)
        predicted.append(latent)
    tau = labels.take(np.concatenate(held_out)).tau(np.concatenate(predicted))
    if sum(map(len, held_out)) < FEWEST:
        return scorer, replace(Calibration.none(), tau=tau)
    return scorer, Calibration.fit(ratios, tau)


def _hold_out(plan: Plan, encoding: Encoding, labels: Labels) -> list[Rows]:
    """Positions that are held out in turn; with a prior, of few labels each in turn."""
    # Architectures that compute the same have the same features.
    features = encoding.features if plan.known is None else encoding.features[:, :-1]
    computations = np.unique(features, axis=0, return_inverse=True)[1].reshape(-1)
    if plan.known is None or plan.folds == 0:
        return split_folds(computations, plan.folds, plan.seed)
    distinct = int(computations.max()) + 1
    folds = max(plan.folds, min(distinct, _TRAININGS // distinct))
    held_out = split_folds(computations, min(folds, distinct), plan.seed, fewest=2)
    return [fold for fold in held_out if len(np.unique(np.delete(labels.scores, fold))) > 1]


def _hear(
    scorers: list[Scorer], plan: Plan, encoding: Encoding, labels: Labels, held_out: list[Rows]
) -> list[Scorer]:
    """Lets a prior, if there is one, join a scorer and those of its folds."""
    if plan.known is None:
        return scorers
    scorer, *parts = scorers
    rows, own = np.arange(len(labels)), None
    if parts:
        rows = np.concatenate(held_out)
        folds = [encoding.take(fold) for fold in held_out]
        own = np.concatenate([part.latent(fold) for part, fold in zip(parts, folds, strict=True)])
    elif scorer.tabular is not None and len(labels) > 2:
        own = scorer.tabular.leave_one_out()
    prior, seen = encoding.features[:, -1], labels.take(rows)
    inputs = plan.standardiser.transform(encoding.features)
    # Where a prior knows the architectures, its latent scores of them all have a spread of one.
    wide = max(1 / measure_spread(prior, labels.groups), 1.0) if plan.latent_prior else 1.0
    share, far = (
        weigh_prior(own, prior[rows], seen, plan.known, restriction)
        for restriction in (1.0, 1 + plan.known * (wide - 1))
    )
    spread = measure_spread(own, seen.groups)
    voice = Voice.fit(share, far, prior, inputs, labels, spread, plan.latent_prior)
    scorer, *parts = (
        replace(each, voice=heard)
        for each, heard in zip(scorers, [voice, *map(voice.without, held_out)], strict=True)
    )
    if not parts:
        return [scorer]
    joined = [part.latent(encoding.take(fold)) for part, fold in zip(parts, held_out, strict=True)]
    steepness, tie = fit_three_way(np.concatenate(joined), seen)
    return [replace(each, steepness=steepness, tie=tie) for each in (scorer, *parts)]


def _fit(
    plan: Plan, encoding: Encoding, labels: Labels, parts: Sequence[Rows], emit: Callable[[int], None]
) -> list[Scorer]:
    """Fits one scorer to each part of the training data; all their networks are trained together."""
    features = plan.standardiser.transform(encoding.features)
    members = plan.shape.members
    network = RankerNetwork(
        replace(plan.shape, members=members * len(parts)), torch.Generator().manual_seed(plan.seed)
    )
    # Networks that are trained together need equally many architectures.
    shortest = min(map(len, parts))
    rows = np.repeat(np.stack([part[:shortest] for part in parts]), members, axis=0)
    train(
        network,
        Graphs.of(encoding, features),
        labels,
        plan.schedule,
        plan.seed,
        lambda done, _: emit(done),
        rows,
    )
    scorers = []
    for number, part in enumerate(parts):
        chosen = network.select(number * members, (number + 1) * members).eval().requires_grad_(False)
        tabular = None
        if plan.tabular:
            targets = labels.take(part).targets
            tabular = TabularModels.fit(
                features[part], targets, plan.groups, plan.trees, plan.seed, plan.measured
            )
        scorers.append(Scorer.fit(chosen, plan.standardiser, tabular, encoding.take(part), labels.take(part)))
    return scorers
