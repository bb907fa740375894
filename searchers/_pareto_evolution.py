"""Multi-objective evolution with aging, rank-sum selection and tournaments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_probability, check_whole
from egraph.errors import UsageError
from egraph.searchers._base import Score
from egraph.searchers._multi_objective import Cost, Member, MultiObjective, read_members, write_members
from egraph.searchers._options import check_callable
from egraph.searchers._pareto import rank_sum_order
from egraph.searchers._variation import Birth, Variation
from egraph.spaces import SearchSpace

__all__ = ["ParetoEvolution"]

EVERY = 3
"""Generations whose number this divides end with tournaments."""

_TRIES = 32  # children tried before a random sample is taken

Tournament = Sequence[Architecture]
Choose = Callable[[Sequence[Tournament], np.random.Generator], Sequence[int]]


class ParetoEvolution(MultiObjective):
    """Evolves a small population whose members live for one generation, with tournaments in every third.

    Proposals are random until ``children`` results have been told. Every ``children`` results end a
    generation: its children, and the renewed members, compete for ``population`` positions. The negative
    score and the costs are minimized. Architectures that no other beats in all values at once come first. If
    these are too many, the best in each value are selected, then those of the smallest sum of ranks; if they
    are too few, those beaten by the fewest others follow. Architectures that exceed a limit come after all
    others. Failed ones are never selected.

    **Tournaments.** In every third generation ``population * tournament`` architectures are selected in this
    way. Random tournaments among ``tournament`` of them then have one survivor each. ``choose`` decides all
    tournaments in one call. In the source a network does, which mixes the cells of a tournament by softmax
    weights: `egraph.supernets.Tournament`, in a study ``"supernet"``. If ``choose`` is None, the best score
    wins.

    **Children.** The parent of a child is drawn at random. The child is mutated with probability
    ``p_mutation``, and then may be crossed with another member. `egraph.searchers._variation.Variation`
    defines both operators, and learns from which children survive. The space repairs children.

    **Aging.** A member lives for one generation. If a child equals a member, the member is renewed and the
    child is not proposed. The best member can therefore leave the population, but not `front`.

    The source minimizes three scores of untrained networks and trains none: the condition number of the
    neural tangent kernel, minus the log-determinant of the kernel of activation signs, and the correlation of
    gradients of different images times the logarithm of the number of parameters. They are the proxies
    ``ntk``, ``naswot`` and ``gradient-correlation`` of `egraph.evaluation.zero_cost`, which correct two
    faults of the source: without a GPU its first score is a constant, and its third is multiplied by the
    first. Here the score is one objective and the costs are the others; without costs there is one objective.

    Other differences from the source: any space can be searched, ``concat-cell`` is that of the source;
    generations overlap, so any number of workers can run in parallel; parents and mates are drawn, not taken
    in turn; with ``distinct``, a known child that is no member is mutated again. The work for one proposal
    grows with the population and with the size of `front`, not with the number of results.

    Args:
        space: Space to search.
        seed: Seed of the searcher's own generator.
        costs: Functions from an architecture to a cost, by name; lower is better. One that raises
            EvaluationError marks the architecture as failed.
        limits: Upper limits of costs, by name.
        population: Number of members.
        children: Number of results of a generation.
        tournament: Number of members in a tournament.
        choose: Decides tournaments. It is called with ``(tournaments,)`` sequences of up to ``tournament``
            architectures and the searcher's generator, and returns the position of each winner.
        p_mutation: Probability that a child is mutated.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range, or a limit is of an unknown cost. In
            `tell`: ``choose`` does not return the position of one winner for each tournament.

    References:
        T. Reolon, "Neural Architecture Search with genetic algorithms and DARTS", 2021,
        https://github.com/thomasreolon/Evolutive-NAS
        Chen et al., "Neural Architecture Search on ImageNet in Four GPU Hours: A Theoretically Inspired
        Perspective", ICLR 2021, https://arxiv.org/abs/2102.11535
        Liu et al., "DARTS: Differentiable Architecture Search", ICLR 2019, https://arxiv.org/abs/1806.09055
    """

    name = "pareto-evolution"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        costs: Mapping[str, Cost] | None = None,
        limits: Mapping[str, float] | None = None,
        population: int = 5,
        children: int = 30,
        tournament: int = 2,
        choose: Choose | None = None,
        p_mutation: float = 0.8,
        distinct: bool = True,
    ) -> None:
        check_whole(1, population=population, children=children, tournament=tournament)
        check_probability(p_mutation=p_mutation)
        if choose is not None:
            check_callable(choose=choose)
        if population > children:
            raise UsageError(
                "population must not be larger than children, "
                f"got population={population} and children={children}"
            )
        super().__init__(space, seed=seed, costs=costs, limits=limits, distinct=distinct)
        self.population, self.children, self.tournament = population, children, tournament
        self.choose, self.p_mutation = choose, p_mutation
        self._variation = Variation(space)
        self._members: list[Member] = []
        self._renewed: list[bool] = []  # whether each member was renewed
        self._fresh: list[tuple[Member, Birth | None]] = []  # results since the last selection
        self._births: dict[Architecture, Birth] = {}  # of children without a result
        self._generation = 1

    @property
    def members(self) -> list[Architecture]:
        """The population: the survivors of the last generation; empty in the first."""
        return [member.architecture for member in self._members]

    def _propose(self) -> Architecture:
        child = self._breed() if self._members else None
        return child or self._sample_new()

    def _breed(self) -> Architecture | None:
        """A new child; None if every child tried is known."""
        child, birth = self._bear()
        for _ in range(_TRIES):
            if (twin := self._find(child)) is not None:
                self._renewed[twin] = True
                child, birth = self._bear()
            elif self._is_new(child):
                self._births[child] = birth
                return child
            else:
                child, grown = self._variation.mutate(child, self._rng)
                birth = birth._replace(grown=grown)
        return None

    def _bear(self) -> tuple[Architecture, Birth]:
        """A child of one or two members."""
        parent, mate = self._rng.integers(len(self._members), size=2).tolist()
        child = self._members[parent].architecture
        grown: tuple[str, ...] = ()
        crossover: str | None = None
        if self._rng.random() < self.p_mutation:
            child, grown = self._variation.mutate(child, self._rng)
        if mate != parent:
            child, crossover = self._variation.cross(child, self._members[mate].architecture, self._rng)
        return child, Birth(grown, crossover)

    def _find(self, child: Architecture) -> int | None:
        """The position of an equal member, if any."""
        return next((n for n, member in enumerate(self._members) if member.architecture == child), None)

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            member = self._measure(architecture, score)
            self._fresh.append((member, self._births.pop(architecture, None)))
            if len(self._fresh) >= self.children:
                self._select()

    def _select(self) -> None:
        """Ends a generation."""
        alive = [member for member, renewed in zip(self._members, self._renewed, strict=True) if renewed]
        pool = alive + [member for member, _ in self._fresh if member.values is not None]
        pool = pool or self._members  # if all failed
        is_tournament = self._generation % EVERY == 0
        positions = self.population * (self.tournament if is_tournament else 1)
        violations = [self._violation(member) for member in pool]
        order = rank_sum_order(self._points(pool), violations).tolist() if pool else []
        chosen = [pool[number] for number in order[:positions]]
        self._members = self._decide(chosen) if is_tournament and chosen else chosen
        self._renewed = [False] * len(self._members)
        survivors = {member.architecture for member in self._members}
        self._variation.credit(
            (birth, member.architecture in survivors) for member, birth in self._fresh if birth is not None
        )
        self._fresh = []
        self._generation += 1

    def _decide(self, members: list[Member]) -> list[Member]:
        """The winners of tournaments among members."""
        shuffled = [members[number] for number in self._rng.permutation(len(members))]
        groups = [shuffled[i : i + self.tournament] for i in range(0, len(members), self.tournament)]
        if self.choose is None:
            return [min(group, key=lambda m: (self._violation(m), m.values or ())) for group in groups]
        tournaments = [[member.architecture for member in group] for group in groups]
        winners = [int(position) for position in self.choose(tournaments, self._rng)]
        sizes = [len(group) for group in groups]
        if len(winners) != len(groups) or not all(0 <= w < n for w, n in zip(winners, sizes, strict=True)):
            raise UsageError(
                f"choose must return the position of one winner in each of {len(groups)} tournaments among "
                f"{sizes} architectures, got {winners}"
            )
        return [group[winner] for group, winner in zip(groups, winners, strict=True)]

    def _rescore(self, score: Score) -> None:
        super()._rescore(score)
        self._members = self._rescored(self._members, score)
        fresh = self._rescored([member for member, _ in self._fresh], score)
        births = [birth for _, birth in self._fresh]
        self._fresh = list(zip(fresh, births, strict=True))

    def _state(self) -> dict[str, Any]:
        fresh = [member for member, _ in self._fresh]
        return {
            "generation": self._generation,
            "members": write_members(self._members),
            "renewed": self._renewed.copy(),
            "fresh": write_members(fresh),
            "births": [birth for _, birth in self._fresh],
            "outstanding": [[child.to_dict(), birth] for child, birth in self._births.items()],
            "variation": self._variation.state_dict(),
            **super()._state(),
        }

    def _load(self, state: dict[str, Any]) -> None:
        super()._load(state)
        self._generation = state["generation"]
        self._members, self._renewed = read_members(state["members"]), list(state["renewed"])
        births = [None if birth is None else _read_birth(birth) for birth in state["births"]]
        self._fresh = list(zip(read_members(state["fresh"]), births, strict=True))
        self._births = {Architecture.from_dict(c): _read_birth(birth) for c, birth in state["outstanding"]}
        self._variation.load_state_dict(state["variation"])


def _read_birth(state: Sequence[Any]) -> Birth:
    grown, crossover = state
    return Birth(tuple(grown), crossover)
