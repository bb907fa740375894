"""DeepNEAT: species of architectures with crossover of homologous genes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_not_negative, check_probability, check_whole
from egraph.errors import ArchitectureError
from egraph.searchers._base import Score, Searcher
from egraph.searchers._innovations import (
    LAYERS_WEIGHT,
    Genome,
    Innovations,
    cross,
    distance,
    read_genome,
    write_genome,
)
from egraph.searchers._species import Population, tournament
from egraph.spaces import SearchSpace

__all__ = ["DeepNEAT", "cross_valid"]

WALK = 16  # mutations of one child before other parents are chosen
PAIRS = 8  # pairs of parents tried before a random sample is taken
_REDRAWS = 8  # crossovers outside the space before the fitter parent is taken unchanged


class DeepNEAT(Searcher):
    """Evolves species of architectures; crossover mixes genes of common origin.

    The first ``population`` proposals are random. Every ``population`` results form a generation, divided
    into species: a genome belongs to a species if its distance from the representative, in genes that only
    one has, is at most ``threshold``. The children of a species are proportional to its mean score above the
    worst (fitness sharing), so that no species takes over. A child has two parents of one species, or with
    probability ``1 - p_crossover`` one. Parents win tournaments among half of the species. The space then
    mutates the child once. Crossover takes all genes of the fitter parent, and the layers and states of
    homologous genes from either. Innovation numbers, which a vertex keeps, identify homologous genes.

    The sources leave details open. Chosen here: crossover as in NEAT; tournament (half of the species,
    pressure 0.8) and threshold as in NORD, the framework of the thesis; layers that differ add to the
    distance, else spaces of one shape would have one species; the representative of a species is its best
    member, which survives; generations overlap, so any number of workers can run in parallel; vertices of
    architectures without ancestors, such as prior knowledge, are homologous at equal distances from the
    output; if a crossover leaves the space, the fitter parent is used.

    Args:
        space: Space to search; ``deepneat`` has the block genes and global hyper-parameters of the source.
        seed: Seed of the searcher's own generator.
        population: Number of results of a generation.
        threshold: Largest distance within a species.
        p_crossover: Probability that a child has two parents.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range.

    References:
        Miikkulainen et al., "Evolving Deep Neural Networks", 2017, https://arxiv.org/abs/1703.00548
        Stanley and Miikkulainen, "Evolving Neural Networks through Augmenting Topologies", Evolutionary
        Computation 2002.
        G. Kyriakides, "Parallel and Distributed Methods for Autonomous Design of Artificial Neural Networks",
        PhD thesis, University of Macedonia, 2022, sections 2.2.1, 4.2.1 and 5.2.1.
    """

    name = "deepneat"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        population: int = 40,
        threshold: float = 4.0,
        p_crossover: float = 0.75,
        distinct: bool = True,
    ) -> None:
        check_whole(2, population=population)
        check_not_negative(threshold=threshold)
        check_probability(p_crossover=p_crossover)
        super().__init__(space, seed=seed, distinct=distinct)
        self.population, self.threshold, self.p_crossover = population, threshold, p_crossover
        self._innovations = Innovations()
        self._living: Population[Genome] = Population(
            population, threshold, lambda a, b: distance(a, b, LAYERS_WEIGHT)
        )
        self._pending: dict[Architecture, Genome] = {}

    def _propose(self) -> Architecture:
        beginning = max(self._proposed, len(self._living)) < self.population or not self._living.species
        child = None if beginning else self._breed()
        return child or self._sample_new()

    def _breed(self) -> Architecture | None:
        """A new child; None if every child tried is known."""
        for _ in range(PAIRS):
            species = self._living.draw(self._rng)
            first = tournament(species.members, self._rng)
            child = first.genome
            if self._rng.random() < self.p_crossover:
                second = tournament(species.members, self._rng)
                fitter, other = sorted((first, second), key=lambda member: -member.score)
                child = cross_valid(self.space, fitter.genome, other.genome, self._rng)
            for _ in range(WALK):
                mutant = self.space.mutate(child.architecture, self._rng)
                child = self._innovations.descend(child, mutant)
                if self._is_new(mutant):
                    self._pending[mutant] = child
                    return mutant
        return None

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            genome = self._pending.pop(architecture, None) or self._innovations.found(architecture)
            if self._living.add(genome, score):
                self._innovations.forget()

    def _rescore(self, score: Score) -> None:
        self._living.rescore(lambda genomes: score([genome.architecture for genome in genomes]))

    def _state(self) -> dict[str, Any]:
        return {
            "living": self._living.state_dict(write_genome),
            "pending": [write_genome(genome) for genome in self._pending.values()],
            "innovations": self._innovations.state_dict(),
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._living.load_state_dict(state["living"], read_genome)
        pending = map(read_genome, state["pending"])
        self._pending = {genome.architecture: genome for genome in pending}
        self._innovations.load_state_dict(state["innovations"])


def cross_valid(space: SearchSpace, fitter: Genome, other: Genome, rng: np.random.Generator) -> Genome:
    """A homologous crossover within the space; the fitter parent if none is found."""
    for _ in range(_REDRAWS):
        child = cross(fitter, other, rng)
        try:
            space.validate(child.architecture)
        except ArchitectureError:
            continue
        return child
    return fitter
