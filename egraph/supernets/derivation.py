"""Architectures of a trained supernet: candidates by its probabilities, and operations by their removal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.errors import SpaceExhaustedError
from egraph.spaces import SearchSpace
from egraph.spaces.relaxation import Derivation, Probabilities, Relaxation
from egraph.supernets.mixing import Sample
from egraph.supernets.run import Run

__all__ = ["derive_by_removal", "removal_strengths", "sample_candidates"]

PATIENCE = 100
"""Draws in a row without a new architecture; then the distribution is flattened."""

FLATTENINGS = 6
"""Most flattenings; odds of 1 to a million are then below 1 to 1.3."""


def sample_candidates(
    relaxation: Relaxation,
    space: SearchSpace,
    probabilities: Probabilities,
    k: int,
    rng: np.random.Generator,
    rules: Derivation | None = None,
) -> list[Architecture]:
    """Different architectures, drawn by the probabilities, in the order of the draws.

    Architectures with one key are one. Where many draws in a row give nothing new, the distribution is
    flattened: each probability becomes its square root, scaled to the sum that its position had.

    Args:
        relaxation: Relaxation whose positions the probabilities are of.
        space: Space of the architectures; those outside of it, as outside of limits, are left out.
        probabilities: Probabilities of the options.
        k: Number of architectures.
        rng: Source of randomness.
        rules: Rules of derivation.

    Returns:
        ``k`` architectures; fewer if no more are found.

    Raises:
        UsageError: ``k`` is below 1.
        SpaceExhaustedError: None of the draws is in the space.
    """
    check_whole(1, k=k)
    found: dict[str, Architecture] = {}
    for _ in range(FLATTENINGS + 1):
        misses = 0
        while len(found) < k and misses < PATIENCE:
            architecture = relaxation.draw(probabilities, rng, rules)
            key = space.key(architecture) if architecture in space else None
            if key is None or key in found:
                misses += 1
            else:
                found[key], misses = architecture, 0
        if len(found) == k:
            break
        probabilities = {name: _flatten(np.asarray(each)) for name, each in probabilities.items()}
    if not found:
        raise SpaceExhaustedError(
            f"none of {(FLATTENINGS + 1) * PATIENCE} draws is an architecture of {space.name!r}; its limits "
            "may be too narrow"
        )
    return list(found.values())


def derive_by_removal(run: Run, *, batches: int | None = None, tune: int = 0, seed: int = 0) -> Architecture:
    """The architecture of the operations whose removal costs the supernet most accuracy (DARTS-PT).

    Args:
        run: A finished run, as in `removal_strengths`, with its rules of derivation.
        batches: Batches of the second half of the examples to measure on; None for one pass.
        tune: Steps that train the weights after each decision.
        seed: Seed of the order of the positions.

    References:
        Wang et al., "Rethinking Architecture Selection in Differentiable NAS", ICLR 2021,
        https://arxiv.org/abs/2108.04392
    """
    strengths = removal_strengths(run, batches=batches, tune=tune, seed=seed)
    return run.relaxation.derive(strengths, run.rules)


def removal_strengths(
    run: Run, *, batches: int | None = None, tune: int = 0, seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """How much the operations of each position are worth to the supernet, by their removal.

    The positions are decided one by one, in random order. At each, one operation after another gets the
    weight 0, and the accuracy on the second half of the examples is measured; of equal ones the loss decides.
    The operation without which it is lowest stays, with weight 1. Where a derived architecture selects among
    the positions that lead into a node, these are then removed one by one in the same way.

    Args:
        run: A finished run. Its batches move on, and its weights change with ``tune``.
        batches: Batches to measure on; None for one pass.
        tune: Steps that train the weights after each decision, at the last learning rate of the run.
        seed: Seed of the order of the positions.

    Returns:
        For each position 1, 1/2, 1/3, ... for its operations, from the one that is worth most; 0 for those
        that may not be derived, or that the supernet lacks. Among the positions into one node they are
        divided by the rank of the position. `Relaxation.derive` reads them as probabilities.

    Raises:
        UsageError: ``batches`` is below 1, or ``tune`` below 0.
    """
    check_whole(1, batches=1 if batches is None else batches)
    check_whole(0, tune=tune, seed=seed)
    bench = _Bench(run, batches)
    positions = run.supernet.positions
    strengths = {name: np.zeros(len(each.options)) for name, each in run.relaxation.positions.items()}
    for name in np.random.default_rng(seed).permutation(list(positions)).tolist():
        barred = positions[name].barred(run.rules.empties)
        numbers = [number for number in range(len(barred)) if not barred[number]]
        worth = bench.rank({(name, number): [(name, number)] for number in numbers})
        whole = run.relaxation.positions[name].options
        for rank, (_, number) in enumerate(worth, start=1):
            strengths[name][whole.index(positions[name].options[number])] = 1 / rank
        bench.keep(name, worth[0][1])
        bench.tune(tune)
    for names in _nodes(run):
        removed = {
            (name, 0): [(name, number) for number in range(len(positions[name].options))] for name in names
        }
        for rank, (name, _) in enumerate(bench.rank(removed), start=1):
            strengths[name] /= rank
    run.supernet.train()
    return strengths


class _Bench:
    """A supernet whose operations can be removed.

    Args:
        run: The run.
        batches: Number of batches to measure on; None for one pass.
    """

    def __init__(self, run: Run, batches: int | None) -> None:
        self._run = run
        count = len(run.validation) if batches is None else batches
        self._examples = [next(run.validation) for _ in range(count)]
        learnt = run.probabilities()
        self._weights = {
            name: np.array([learnt[name][whole.index(option)] for option in position.options])
            for name, position in run.supernet.positions.items()
            for whole in [run.relaxation.positions[name].options]
        }

    def rank(self, removals: Mapping[tuple[str, int], Iterable[tuple[str, int]]]) -> list[tuple[str, int]]:
        """What may be removed, each a list of operations; the most harmful removal first."""
        measured = {each: self._measure(removed) for each, removed in removals.items()}
        return sorted(measured, key=lambda each: measured[each])

    def keep(self, name: str, number: int) -> None:
        """Decides a position for one operation."""
        self._weights[name] = np.eye(len(self._weights[name]))[number]

    def tune(self, steps: int) -> None:
        """Trains the weights with the operations that are left."""
        run = self._run
        run.supernet.train()
        for _ in range(steps):
            run.supernet.use(self._sample(self._weights))
            run.step.done = min(run.step.done, run.step.steps - 1)
            run.step(*next(run.training))

    @torch.no_grad()
    def _measure(self, removed: Iterable[tuple[str, int]]) -> tuple[float, float]:
        """Accuracy and negative loss without some operations."""
        weights = {name: each.copy() for name, each in self._weights.items()}
        for name, number in removed:
            weights[name][number] = 0
        self._run.supernet.eval()
        self._run.supernet.use(self._sample(weights))
        losses, correct = zip(*(self._run.loss(batch) for batch in self._examples), strict=True)
        return torch.stack(correct).mean().item(), -torch.stack(losses).double().mean().item()

    def _sample(self, weights: Mapping[str, NDArray[np.float64]]) -> Sample:
        device = self._run.device
        live = {name: np.flatnonzero(each).tolist() or [0] for name, each in weights.items()}
        tensors = {
            name: torch.tensor(each, dtype=torch.float32, device=device) for name, each in weights.items()
        }
        return Sample(tensors, live)


def _nodes(run: Run) -> list[list[str]]:
    """The positions that lead into each node, where a derived architecture selects some."""
    if not run.relaxation.selects:
        return []
    positions = run.supernet.positions
    return [names for names in run.supernet.nodes() if positions[names[0]].node]


def _flatten(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    roots = np.sqrt(np.maximum(probabilities, 1e-12 * probabilities.sum()))
    return np.asarray(roots / roots.sum() * probabilities.sum(), dtype=np.float64)
