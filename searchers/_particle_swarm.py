"""Particle swarm optimization of categorical variables: particles are probability distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_fraction, check_whole
from egraph.searchers._base import Score, Searcher
from egraph.searchers._members import rank_failed_last, read_score, write_score
from egraph.spaces import SearchSpace

__all__ = ["ParticleSwarm"]

_MOST = 100_000  # particles, each an array of the size of the encoding
_INERTIA = 0.729
_PULL = 1.49618  # upper limit of the random pull towards each of the two bests
_TRIES = 32  # draws of a particle before a random sample is taken


class ParticleSwarm(Searcher):
    """Moves particles towards their own best positions and the best of the swarm.

    The position of a particle is a distribution over the options at each position of the space's encoding. A
    proposal is a draw from it. Particles take turns. Before a draw, a particle moves by its velocity

        v <- 0.729 v + U(0, 1.496) (own best - x) + U(0, 1.496) (best of all - x)

    with one random number per entry; the probabilities are then clipped to [0, 1] and normalized. If the
    score of a draw is the particle's best, its own best becomes the current distribution, in which the
    probabilities of the other options are multiplied by ``spread`` and the option drawn gets the rest.

    Differences from the paper: the first draw of a particle is a random sample of the space, since in some
    spaces few encodings are valid. A result that was not requested can become the best of all; its
    distribution is derived from the uniform one. With ``distinct``, a particle draws again until the draw is
    new. Results may arrive in any order; particles move by those that are known.

    Args:
        space: Space to search; it must have an encoding.
        seed: Seed of the searcher's own generator.
        particles: Number of particles.
        spread: Share of their probability that the other options keep in a best position, between 0 and 1.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range, or the space has no encoding.

    References:
        Strasser, Goodman, Sheppard and Butcher, "A New Discrete Particle Swarm Optimization Algorithm",
        GECCO 2016, https://doi.org/10.1145/2908812.2908935
    """

    name = "particle-swarm"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        particles: int = 10,
        spread: float = 0.5,
        distinct: bool = True,
    ) -> None:
        check_whole(1, _MOST, particles=particles)
        check_fraction(spread=spread)
        super().__init__(space, seed=seed, distinct=distinct)
        self.particles, self.spread = particles, spread
        choices = np.array(space.choices)
        real = np.arange(choices.max()) < choices[:, None]  # (positions, options), with padding
        self._uniform = real / choices[:, None]
        positions = self._rng.random((particles, *real.shape)) * real
        self._positions = positions / positions.sum(axis=-1, keepdims=True)
        self._velocities = np.zeros_like(self._positions)
        # Bests of the particles, and last that of the swarm.
        self._bests = np.concatenate([self._positions, self._uniform[None]])
        self._scores = np.full(particles + 1, -np.inf)
        self._found: list[Architecture | None] = [None] * (particles + 1)
        self._drawn_by: dict[Architecture, int] = {}

    def _propose(self) -> Architecture:
        turn, particle = divmod(self._proposed, self.particles)
        drawn = None
        if turn:
            self._move(particle)
            drawn = self._draw(particle)
        drawn = drawn or self._sample_new()
        self._drawn_by[drawn] = particle
        return drawn

    def _move(self, particle: int) -> None:
        position = self._positions[particle]
        velocity = _INERTIA * self._velocities[particle]
        for best in (particle, -1):
            if self._scores[best] > -np.inf:
                pull = _PULL * self._rng.random(position.shape)
                velocity += pull * (self._bests[best] - position)
        moved = np.clip(position + velocity, 0, 1)
        total = moved.sum(axis=-1, keepdims=True)
        self._velocities[particle] = velocity
        self._positions[particle] = np.where(total > 0, moved / np.where(total > 0, total, 1), self._uniform)

    def _draw(self, particle: int) -> Architecture | None:
        """A draw from a particle's distribution; None if all draws are known or invalid."""
        bounds = self._positions[particle].cumsum(axis=-1)
        bounds /= bounds[:, -1:]  # so that the last one is exactly 1
        for _ in range(_TRIES):
            options = (self._rng.random((len(bounds), 1)) >= bounds).sum(axis=-1)
            if drawn := self._decode_new(options.tolist()):
                return drawn
        return None

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            particle = self._drawn_by.pop(architecture, None)
            position = self._uniform if particle is None else self._positions[particle]
            for best in (-1,) if particle is None else (particle, -1):
                if score > self._scores[best]:
                    self._scores[best], self._found[best] = score, architecture
                    self._bests[best] = self._lean(position, self.space.encode(architecture))

    def _rescore(self, score: Score) -> None:
        found = [(best, kept) for best, kept in enumerate(self._found) if kept is not None]
        for (best, _), new in zip(found, score([kept for _, kept in found]), strict=True):
            self._scores[best] = rank_failed_last(new)
        leader = int(self._scores.argmax())
        self._scores[-1], self._found[-1] = self._scores[leader], self._found[leader]
        self._bests[-1] = self._bests[leader]

    def _lean(self, position: NDArray[np.float64], options: Sequence[int]) -> NDArray[np.float64]:
        """A distribution, ``(positions, options)``, that favors these options."""
        leaning = self.spread * position
        positions = np.arange(len(leaning))
        leaning[positions, options] = 0
        leaning[positions, options] = 1 - leaning.sum(axis=-1)
        return leaning

    def _state(self) -> dict[str, Any]:
        return {
            "positions": self._positions.tolist(),
            "velocities": self._velocities.tolist(),
            "bests": self._bests.tolist(),
            "scores": [*map(write_score, self._scores.tolist())],
            "found": [None if kept is None else kept.to_dict() for kept in self._found],
            "drawn_by": [[drawn.to_dict(), particle] for drawn, particle in self._drawn_by.items()],
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._positions, self._velocities, self._bests = (
            np.array(state[name]) for name in ("positions", "velocities", "bests")
        )
        self._scores = np.array([*map(read_score, state["scores"])])
        found = state.get("found", [None] * len(self._scores))  # absent from states of older versions
        self._found = [None if kept is None else Architecture.from_dict(kept) for kept in found]
        self._drawn_by = {Architecture.from_dict(drawn): particle for drawn, particle in state["drawn_by"]}
