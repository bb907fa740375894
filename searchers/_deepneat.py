"""DeepNEAT: species of architectures, crossed gene by homologous gene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_not_negative, check_probability, check_whole
from egraph.errors import ArchitectureError
from egraph.searchers._base import Searcher
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
PAIRS = 8  # pairs of parents whose children may be known already before a random sample is taken
_REDRAWS = 8  # crossovers that may leave the space before the fitter parent is taken as it is


class DeepNEAT(Searcher):
    """Evolves species of architectures that are crossed where their genes have one origin.

    The first ``population`` proposals are random. As many results as the population holds make a generation,
    divided into species: a genome belongs to one if it is no farther from its representative than
    ``threshold``, in genes that one has and the other lacks. A species is due children by its mean score
    above the worst (fitness sharing), so that none takes all. A child has two parents of one species, or with
    ``1 - p_crossover`` one, each the winner of a tournament among half the species, and is then mutated once
    by the space. Crossover takes all genes of the fitter parent, the layers and states of homologous ones
    from either: innovation numbers, which stay with a vertex for life, say what is homologous.

    The sources leave much of this open. Chosen here: crossover by the numbers of NEAT; tournament (half the
    species, pressure 0.8) and threshold by those of NORD, the framework of the thesis; layers that differ
    count for species too, else spaces of one shape would have one; the representative of a species is its
    best, which lives on; generations overlap, so that any number of workers can be served; vertices of
    architectures without history, the first and those told as prior knowledge, are homologous at equal
    places before the output; where crossed genes leave the space, the fitter parent stands in.

    Args:
        space: where to search; ``deepneat`` has the block genes and global hyper-parameters of the source.
        seed: of the searcher's own generator.
        population: results of a generation.
        threshold: largest distance within a species.
        p_crossover: probability that a child has two parents.
        distinct: never ask twice for one key, and never for a key that was told.

    Raises:
        UsageError: ``population`` is below 2, ``threshold`` negative, or ``p_crossover`` no probability.

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
        """A new child; None where all that was tried is known already."""
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
    """A homologous crossover that belongs to the space; the fitter parent where none is found."""
    for _ in range(_REDRAWS):
        child = cross(fitter, other, rng)
        try:
            space.validate(child.architecture)
        except ArchitectureError:
            continue
        return child
    return fitter
