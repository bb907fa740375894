"""CoDeepNEAT: blueprints and the modules that they are filled with, evolved side by side."""

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

_BEST = 5  # networks that count for a module


class _Trial(NamedTuple):
    """What a proposed network was made of."""

    blueprint: Blueprint
    modules: tuple[int, ...]
    generation: int


class CoDeepNEAT(Searcher):
    """Evolves blueprints and modules together: a network is a blueprint filled with modules.

    A module is a run of ``layers`` operations; a blueprint is a graph of the space whose vertices are cut
    into runs of that length, each pointing to a species of modules. To make a network, one module is drawn
    for each species that the blueprint points to, of those least used in this generation, and fills every run
    that points there; a pattern can thus repeat. Where the space refuses an operation the blueprint keeps its
    own, so that global hyper-parameters are the blueprint's.

    A blueprint has the score of its network. A module has the mean score of the five best networks of its
    generation that it is part of. Both populations are divided into species and select parents as in
    `DeepNEAT`. A generation ends with as many results as there are blueprints; then the modules, too, give
    way to their children, except the best of each species, which are tried again. A child blueprint has two
    parents, and changes by a mutation of the space or by another pointer; a child module has two, and one
    operation drawn anew.

    What differs from the source: its modules are graphs of their own, put in the place of vertices. Here they
    are runs of operations, so that spaces of bounded or fixed graphs can be searched: connections are the
    blueprint's alone. Prior knowledge is told as a blueprint with its own layers.

    Args:
        space: where to search.
        seed: of the searcher's own generator.
        blueprints: results of a generation.
        modules: how many there are.
        layers: operations of a module.
        threshold: largest distance within a species: genes that differ; 5 if all layers or pointers do.
        distinct: never ask twice for one key, and never for a key that was told.

    Raises:
        UsageError: ``blueprints`` or ``modules`` is below 2, ``layers`` below 1, or ``threshold`` negative.

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
        # Of this generation: the modules with the numbers of their species, and the scores each had part in.
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
        """The blueprint filled with modules, if that may be proposed."""
        chosen = {pointer: self._choose(pointer) for pointer in sorted({*blueprint.pointers} - {OWN})}
        modules = [None if p == OWN else self._current[chosen[p]][1] for p in blueprint.pointers]
        network = assemble(self.space, blueprint.genome.architecture, modules)
        if not self._is_new(network):
            return None
        for place in chosen.values():
            self._uses[place] += 1
        self._pending[network] = _Trial(blueprint, tuple(chosen.values()), self._generation)
        return network

    def _choose(self, number: int) -> int:
        """The place of a module of the species of that number, of those least used."""
        places = [place for place, (species, _) in enumerate(self._current) if species == number]
        least = min(self._uses[place] for place in places)
        free = [place for place in places if self._uses[place] == least]
        return free[int(self._rng.integers(len(free)))]

    def _found(self, architecture: Architecture, pointer: int | None) -> Blueprint:
        """A blueprint without ancestors, all of its pointers alike, or drawn at random."""
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
        """The blueprint with one pointer a run, none to a species that has died out."""
        runs = math.ceil((blueprint.genome.architecture.num_vertices - 2) / self.layers)
        living = {OWN, *(species for species, _ in self._current)}
        kept = [p if p in living else self._draw_pointer() for p in blueprint.pointers[:runs]]
        kept += [self._draw_pointer() for _ in range(runs - len(kept))]
        return Blueprint(blueprint.genome, tuple(kept))

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            trial = self._pending.pop(architecture, None)
            if trial is not None and trial.generation == self._generation:
                for place in trial.modules:
                    self._scores[place].append(score)
            blueprint = self._found(architecture, OWN) if trial is None else trial.blueprint
            if self._blueprints.add(blueprint, score):
                self._innovations.forget()
                if self._current:
                    self._breed_modules()

    def _draw_modules(self) -> None:
        """First modules: runs of operations that stand in random architectures."""
        for _ in range(self.modules):
            ops = self.space.sample(self._rng).ops[1:-1]
            runs = math.ceil(len(ops) / self.layers)
            start = self.layers * int(self._rng.integers(runs)) if runs else 0  # an edge alone has no run
            module = ops[start : start + self.layers]
            spare = self._rng.choice(self.space.operations, self.layers - len(module)).tolist()
            self._modules.add((*module, *spare), math.nan)
        self._begin([(s.number, member.genome) for s in self._modules.species for member in s.members])

    def _breed_modules(self) -> None:
        """Scores the modules by the networks they had part in, and puts their children in their place."""
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
    """What a module is worth: the mean of the five best scores of its networks; NaN where none has any."""
    best = heapq.nlargest(_BEST, (score for score in scores if score == score))
    return sum(best) / len(best) if best else math.nan


def _parents(species: Species[Any], rng: np.random.Generator) -> tuple[Any, Any]:
    """Two genomes of a species, the fitter first."""
    pair = (tournament(species.members, rng), tournament(species.members, rng))
    fitter, other = sorted(pair, key=lambda member: -member.score)
    return fitter.genome, other.genome
