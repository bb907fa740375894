"""CoDeepNEAT: coevolution of blueprints and the modules that fill them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_not_negative, check_whole
from egraph.searchers._base import Searcher
from egraph.searchers._blueprints import (
    OWN,
    Blueprint,
    Module,
    assemble,
    blueprint_distance,
    module_distance,
    read_blueprint,
    write_blueprint,
)
from egraph.searchers._deepneat import PAIRS, WALK, cross_valid
from egraph.searchers._innovations import Innovations
from egraph.searchers._options import LARGEST
from egraph.searchers._species import Population, Species, tournament
from egraph.spaces import SearchSpace

__all__ = ["CoDeepNEAT", "credit"]

_BEST = 5  # networks that determine the score of a module


class _Trial(NamedTuple):
    """The parts of a proposed network."""

    blueprint: Blueprint
    modules: tuple[int, ...]
    generation: int


class CoDeepNEAT(Searcher):
    """Evolves blueprints and modules together: a network is a blueprint filled with modules.

    A module is a run of ``layers`` operations. A blueprint is a graph of the space whose vertices are divided
    into runs of that length, each with a pointer to a species of modules. To assemble a network, one module
    is drawn for each species among the blueprint's pointers, from those least used in this generation, and
    fills every run with that pointer, so that patterns can repeat. If an operation is not valid at a vertex,
    the blueprint's own stays; global hyper-parameters are therefore the blueprint's.

    The score of a blueprint is that of its network. The score of a module is the mean over the five best
    networks of its generation that contain it. Both populations are divided into species and select parents
    as in `DeepNEAT`. A generation ends after ``blueprints`` results. Then children replace the modules,
    except the best of each species, which are evaluated again. A child blueprint has two parents and changes
    by a mutation of the space or of a pointer; a child module has two parents and one new random operation.

    Difference from the source: there, modules are graphs that replace vertices. Here they are runs of
    operations, so that spaces of bounded or fixed graphs can be searched; connections come from the blueprint
    alone. Prior knowledge becomes a blueprint with its own layers.

    Args:
        space: Space to search.
        seed: Seed of the searcher's own generator.
        blueprints: Number of results of a generation.
        modules: Number of modules.
        layers: Number of operations of a module.
        threshold: Largest distance within a species, in genes; if all layers or pointers differ, it is 5.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range.

    References:
        Miikkulainen et al., "Evolving Deep Neural Networks", 2017, https://arxiv.org/abs/1703.00548
        G. Kyriakides, "Parallel and Distributed Methods for Autonomous Design of Artificial Neural Networks",
        PhD thesis, University of Macedonia, 2022, section 2.2.1.
    """

    name = "codeepneat"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        blueprints: int = 25,
        modules: int = 15,
        layers: int = 2,
        threshold: float = 4.0,
        distinct: bool = True,
    ) -> None:
        check_whole(2, LARGEST, blueprints=blueprints, modules=modules)
        check_whole(1, LARGEST, layers=layers)
        check_not_negative(threshold=threshold)
        super().__init__(space, seed=seed, distinct=distinct)
        self.blueprints, self.modules = blueprints, modules
        self.layers, self.threshold = layers, threshold
        self._innovations = Innovations()
        self._blueprints: Population[Blueprint] = Population(blueprints, threshold, blueprint_distance)
        self._modules: Population[Module] = Population(modules, threshold, module_distance, keeps_best=False)
        # Modules of this generation with the numbers of their species; their networks' scores; their uses.
        self._current: list[tuple[int, Module]] = []
        self._scores: list[list[float]] = []
        self._uses: list[int] = []
        self._generation = 0
        self._pending: dict[Architecture, _Trial] = {}

    def _propose(self) -> Architecture:
        if not self._current:
            self._draw_modules()
        beginning = max(self._proposed, len(self._blueprints)) < self.blueprints
        for _ in range(PAIRS):
            fresh = beginning or not self._blueprints.species
            child = self._found(self.space.sample(self._rng), None) if fresh else self._cross()
            for _ in range(WALK):
                child = child if fresh else self._mutate(child)
                if (proposal := self._try(child)) is not None:
                    return proposal
        return self._sample_new()

    def _try(self, blueprint: Blueprint) -> Architecture | None:
        """The blueprint filled with modules, if it may be proposed."""
        chosen = {pointer: self._choose(pointer) for pointer in sorted({*blueprint.pointers} - {OWN})}
        modules = [None if p == OWN else self._current[chosen[p]][1] for p in blueprint.pointers]
        network = assemble(self.space, blueprint.genome.architecture, modules)
        if not self._is_new(network):
            return None
        for position in chosen.values():
            self._uses[position] += 1
        self._pending[network] = _Trial(blueprint, tuple(chosen.values()), self._generation)
        return network

    def _choose(self, number: int) -> int:
        """The position of a random module of a species among those least used."""
        positions = [position for position, (species, _) in enumerate(self._current) if species == number]
        least = min(self._uses[position] for position in positions)
        free = [position for position in positions if self._uses[position] == least]
        return free[int(self._rng.integers(len(free)))]

    def _found(self, architecture: Architecture, pointer: int | None) -> Blueprint:
        """A blueprint without ancestors; None draws its pointers at random."""
        genome = self._innovations.found(architecture)
        runs = math.ceil((architecture.num_vertices - 2) / self.layers)
        if pointer is not None:
            return Blueprint(genome, (pointer,) * runs)
        return Blueprint(genome, tuple(self._draw_pointer() for _ in range(runs)))

    def _draw_pointer(self) -> int:
        numbers = sorted({species for species, _ in self._current})
        return numbers[int(self._rng.integers(len(numbers)))]

    def _cross(self) -> Blueprint:
        fitter, other = _parents(self._blueprints.draw(self._rng), self._rng)
        genome = cross_valid(self.space, fitter.genome, other.genome, self._rng)
        pointers = list(fitter.pointers)
        for run, pointer in enumerate(other.pointers[: len(pointers)]):
            if self._rng.random() < 0.5:
                pointers[run] = pointer
        return self._repair(Blueprint(genome, tuple(pointers)))

    def _mutate(self, blueprint: Blueprint) -> Blueprint:
        genome, pointers = blueprint
        if pointers and self._rng.random() < 0.5:
            run = int(self._rng.integers(len(pointers)))
            return Blueprint(genome, (*pointers[:run], self._draw_pointer(), *pointers[run + 1 :]))
        mutant = self.space.mutate(genome.architecture, self._rng)
        return self._repair(Blueprint(self._innovations.descend(genome, mutant), pointers))

    def _repair(self, blueprint: Blueprint) -> Blueprint:
        """The blueprint with one pointer per run, none of an extinct species."""
        runs = math.ceil((blueprint.genome.architecture.num_vertices - 2) / self.layers)
        living = {OWN, *(species for species, _ in self._current)}
        kept = [p if p in living else self._draw_pointer() for p in blueprint.pointers[:runs]]
        kept += [self._draw_pointer() for _ in range(runs - len(kept))]
        return Blueprint(blueprint.genome, tuple(kept))

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            trial = self._pending.pop(architecture, None)
            if trial is not None and trial.generation == self._generation:
                for position in trial.modules:
                    self._scores[position].append(score)
            blueprint = self._found(architecture, OWN) if trial is None else trial.blueprint
            if self._blueprints.add(blueprint, score):
                self._innovations.forget()
                if self._current:
                    self._breed_modules()

    def _draw_modules(self) -> None:
        """Draws the first modules: runs of operations of random architectures."""
        for _ in range(self.modules):
            ops = self.space.sample(self._rng).ops[1:-1]
            runs = math.ceil(len(ops) / self.layers)
            start = self.layers * int(self._rng.integers(runs)) if runs else 0  # an edge alone has no run
            module = ops[start : start + self.layers]
            spare = self._rng.choice(self.space.operations, self.layers - len(module)).tolist()
            self._modules.add((*module, *spare), math.nan)
        self._begin([(s.number, member.genome) for s in self._modules.species for member in s.members])

    def _breed_modules(self) -> None:
        """Scores the modules by their networks and replaces them by their children."""
        for (_, module), scores in zip(self._current, self._scores, strict=True):
            self._modules.add(module, credit(scores))
        kept = [(species.number, species.members[0].genome) for species in self._modules.species]
        self._begin(kept + [self._breed_module() for _ in range(self.modules - len(kept))])

    def _breed_module(self) -> tuple[int, Module]:
        species = self._modules.draw(self._rng)
        fitter, other = _parents(species, self._rng)
        child = [pair[self._rng.integers(2)] for pair in zip(fitter, other, strict=True)]
        operations = self.space.operations
        child[self._rng.integers(self.layers)] = operations[self._rng.integers(len(operations))]
        return species.number, tuple(child)

    def _begin(self, modules: list[tuple[int, Module]]) -> None:
        self._current = modules
        self._scores, self._uses = [[] for _ in modules], [0] * len(modules)
        self._generation += 1

    def _state(self) -> dict[str, Any]:
        pending = [
            [network.to_dict(), write_blueprint(trial.blueprint), list(trial.modules), trial.generation]
            for network, trial in self._pending.items()
        ]
        return {
            "generation": self._generation,
            "blueprints": self._blueprints.state_dict(write_blueprint),
            "modules": self._modules.state_dict(list),
            "current": [[species, list(module)] for species, module in self._current],
            "scores": [[None if math.isnan(score) else score for score in each] for each in self._scores],
            "uses": list(self._uses),
            "pending": pending,
            "innovations": self._innovations.state_dict(),
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._generation = state["generation"]
        self._blueprints.load_state_dict(state["blueprints"], read_blueprint)
        self._modules.load_state_dict(state["modules"], tuple)
        self._current = [(species, tuple(module)) for species, module in state["current"]]
        self._scores = [[math.nan if score is None else score for score in each] for each in state["scores"]]
        self._uses = list(state["uses"])
        self._pending = {
            Architecture.from_dict(network): _Trial(read_blueprint(blueprint), tuple(modules), generation)
            for network, blueprint, modules, generation in state["pending"]
        }
        self._innovations.load_state_dict(state["innovations"])


def credit(scores: Sequence[float]) -> float:
    """The score of a module: the mean of the five best scores of its networks; NaN if there is none."""
    best = heapq.nlargest(_BEST, (score for score in scores if score == score))
    return sum(best) / len(best) if best else math.nan


def _parents(species: Species[Any], rng: np.random.Generator) -> tuple[Any, Any]:
    """Two genomes of a species, the fitter first."""
    pair = (tournament(species.members, rng), tournament(species.members, rng))
    fitter, other = sorted(pair, key=lambda member: -member.score)
    return fitter.genome, other.genome
