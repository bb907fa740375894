"""Conformance checks for searchers, also of other packages.

    from egraph.searchers import testing

    @pytest.mark.parametrize("check", testing.CHECKS)
    def test_my_searcher_conforms(check):
        check(MySearcher)

Each check takes a callable that makes a searcher from ``space, seed=``: a class, a `SearcherSpec`, or
`functools.partial` of a class with options. It raises AssertionError if the searcher does not conform.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, SpaceExhaustedError, UsageError
from egraph.searchers._base import MakeSearcher, Searcher
from egraph.spaces import SearchSpace
from egraph.spaces.relaxation import Derivation, Position, Probabilities, Relaxation

__all__ = ["CHECKS", "MakeSearcher", "ToySpace"]


class ToySpace(SearchSpace):
    """Chains of operations: one of ``choices[i]`` at position ``i``; the size is the product of all.

    `value` is the sum of the numbers of the operations, greatest if each is the last.
    """

    name = "toy"

    def __init__(self, *choices: int) -> None:
        self._choices = choices or (4, 5)
        self.operations = tuple(f"op{number}" for number in range(max(self.choices)))

    @property
    def choices(self) -> tuple[int, ...]:
        """Number of operations at each position."""
        return self._choices

    def encode(self, architecture: Architecture) -> tuple[int, ...]:
        """The numbers of its operations."""
        self.validate(architecture)
        return tuple(self.numbers(architecture))

    def decode(self, options: Sequence[int]) -> Architecture:
        """The chain of operations with these numbers."""
        architecture = self.make(options)
        self.validate(architecture)
        return architecture

    def relaxation(self) -> Relaxation:
        """Its positions, without a network."""
        return ToyRelaxation(self)

    def make(self, numbers: Sequence[int]) -> Architecture:
        """The chain of operations with these numbers."""
        last = len(numbers) + 1
        ops = ["input", *(f"op{number}" for number in numbers), "output"]
        return Architecture(ops, [(i, i + 1) for i in range(last)])

    def numbers(self, architecture: Architecture) -> list[int]:
        """The numbers of its operations."""
        return [int(op[2:]) for op in architecture.ops[1:-1]]

    def value(self, architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        """A fitness without ties between neighbors, ``(architectures,)``."""
        return np.array([sum(self.numbers(a)) + 0.1 * self.numbers(a)[0] for a in architectures])

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A uniform random number at each position."""
        return self.make([int(rng.integers(size)) for size in self.choices])

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Another number at one position."""
        numbers = self.numbers(architecture)
        position = int(rng.integers(len(numbers)))
        size = self.choices[position]
        numbers[position] = int((numbers[position] + rng.integers(1, size)) % size)
        return self.make(numbers)

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """Each number from one of the parents."""
        pairs = zip(self.numbers(a), self.numbers(b), strict=True)
        return self.make([pair[int(rng.integers(2))] for pair in pairs])

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """All chains with another number at one position."""
        numbers = self.numbers(architecture)
        return [
            self.make([*numbers[:position], other, *numbers[position + 1 :]])
            for position, size in enumerate(self.choices)
            for other in range(size)
            if other != numbers[position]
        ]

    def parse(self, text: str) -> Architecture:
        """Reads numbers separated by dots."""
        architecture = self.make([int(number) for number in text.split(".")])
        self.validate(architecture)
        return architecture

    def format(self, architecture: Architecture) -> str:
        """The numbers, separated by dots."""
        return ".".join(map(str, self.numbers(architecture)))

    def validate(self, architecture: Architecture) -> None:
        """Checks length and numbers."""
        names = [{f"op{number}" for number in range(size)} for size in self.choices]
        ops = architecture.ops[1:-1]
        if len(ops) != len(names) or not all(op in known for op, known in zip(ops, names, strict=True)):
            raise ArchitectureError(f"not a chain of {self.choices} choices: {architecture.ops}")

    def key(self, architecture: Architecture) -> str:
        """The numbers; all chains differ."""
        self.validate(architecture)
        return self.format(architecture)

    def __len__(self) -> int:
        return int(np.prod(self.choices))

    def __iter__(self) -> Iterator[Architecture]:
        for index in np.ndindex(*self.choices):
            yield self.make([int(number) for number in index])


class ToyRelaxation(Relaxation):
    """The positions of a `ToySpace`; there is no network."""

    def __init__(self, space: ToySpace) -> None:
        self._space, self.options = space, {}
        self.positions = {
            str(number): Position(str(number), space.operations[:size])
            for number, size in enumerate(space.choices)
        }

    def network(self, *_: Any, **__: Any) -> NoReturn:
        """There is none."""
        raise UsageError("the toy space builds no networks; use another space")

    def derive(self, probabilities: Probabilities, rules: Derivation | None = None) -> Architecture:
        """The most probable operation at each position."""
        return self._space.make([int(np.argmax(probabilities[name])) for name in self.positions])

    def draw(
        self, probabilities: Probabilities, rng: np.random.Generator, rules: Derivation | None = None
    ) -> Architecture:
        """The operations at all positions, drawn independently."""
        drawn = [int(rng.choice(len(probabilities[name]), p=probabilities[name])) for name in self.positions]
        return self._space.make(drawn)

    def chosen(self, architecture: Architecture) -> dict[str, int]:
        """The numbers of the operations."""
        return dict(zip(self.positions, self._space.encode(architecture), strict=True))


def check_one_seed_gives_one_history(make: MakeSearcher) -> None:
    """Two runs with one seed are equal even if the global generators are seeded in between."""
    space = ToySpace(5, 5, 5, 5)
    expected = _history(make(space, seed=3), space, 50)
    searcher = make(space, seed=3)
    disturbed: list[Architecture] = []
    before = random.getstate(), np.random.get_state()  # noqa: NPY002, the global one is meant
    try:
        for step in range(50):
            random.seed(step)
            np.random.seed(step)  # noqa: NPY002
            disturbed += _history(searcher, space, 1)
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
    assert disturbed == expected, "a searcher must use its own generator only"
    assert _history(make(space, seed=4), space, 50) != expected, "the seed must matter"


def check_state_restored_continues_identically(make: MakeSearcher) -> None:
    """A state saved as JSON at any point, also with outstanding results, continues identically."""
    space = ToySpace(4, 5)
    for steps in (0, 1, 7, 18):
        searcher = make(space, seed=1)
        _history(searcher, space, steps)
        outstanding = searcher.ask(2)
        text = json.dumps(searcher.state_dict(), allow_nan=False)
        restored = make(space, seed=2)
        restored.load_state_dict(json.loads(text))
        for one in (searcher, restored):
            one.tell(outstanding, space.value(outstanding))
        left = 20 - steps - len(outstanding)
        assert _history(restored, space, left) == _history(searcher, space, left)


def check_state_of_another_search_is_refused(make: MakeSearcher) -> None:
    """A state of another space, or a damaged one, is refused."""
    state = make(ToySpace(4, 5), seed=0).state_dict()
    for change in ({"space": "another"}, {"rng": None}, {"proposed": "three"}):
        try:
            make(ToySpace(4, 5), seed=0).load_state_dict({**state, **change})
        except UsageError:
            continue
        raise AssertionError(f"a state with {change} must be refused with a UsageError")


def check_failures_are_survived(make: MakeSearcher) -> None:
    """Proposals stay valid if some or all scores are NaN."""
    space = ToySpace(5, 5, 5, 5)
    for share in (3, 1):
        searcher = make(space, seed=0)
        for step in range(60):
            (architecture,) = searcher.ask()
            space.validate(architecture)
            searcher.tell([architecture], [np.nan] if step % share == 0 else space.value([architecture]))
        json.dumps(searcher.state_dict(), allow_nan=False)


def check_only_valid_architectures_are_asked(make: MakeSearcher) -> None:
    """All proposals belong to the space, and no key is proposed twice."""
    space = ToySpace(5, 5, 5, 5)
    asked = _history(make(space, seed=5), space, 160)
    keys = [space.key(architecture) for architecture in asked]
    assert len(set(keys)) == len(keys), "a network must not be proposed twice"


def check_a_small_space_is_exhausted(make: MakeSearcher) -> None:
    """All of a space of 20 is proposed, the optimum included; then the searcher reports exhaustion."""
    space = ToySpace(4, 5)
    searcher = make(space, seed=0)
    asked = _history(searcher, space, 17)
    last = searcher.ask(8)
    assert len(last) == 3, "if fewer are left than asked for, those must be proposed"
    assert {space.key(a) for a in asked + last} == {space.key(a) for a in space}
    searcher.tell(last, space.value(last))
    for _ in range(2):
        try:
            searcher.ask()
        except SpaceExhaustedError:
            continue
        raise AssertionError("an exhausted space must raise SpaceExhaustedError")


def check_any_batch_size_works(make: MakeSearcher) -> None:
    """Batches of any size can be told later, in parts and in another order."""
    space = ToySpace(5, 5, 5, 5)
    searcher = make(space, seed=0)
    outstanding: list[Architecture] = []
    for n in (1, 7, 80, 2, 20):
        asked = searcher.ask(n)
        assert len(asked) == n
        outstanding += asked
        told, outstanding = outstanding[::-1][: n // 2 + 1], outstanding[::-1][n // 2 + 1 :]
        searcher.tell(told, space.value(told))
    searcher.tell([], [])


def check_prior_knowledge_is_accepted(make: MakeSearcher) -> None:
    """Results that were not requested can be told at any time, and are not proposed afterwards."""
    space = ToySpace(4, 5)
    everything = list(space)
    searcher = make(space, seed=0)
    searcher.tell(everything[:8], space.value(everything[:8]))
    asked = _history(searcher, space, 4)
    searcher.tell(everything[8:10], [np.nan, 1.0])
    known = {space.key(a) for a in everything[:10] + asked}
    asked = _history(searcher, space, 20 - len(known))
    assert not known & {space.key(a) for a in asked}


def check_another_fitness_is_searched_on(make: MakeSearcher) -> None:
    """After `rescore`, what was asked may be asked again, except for what is said to be known."""
    space = ToySpace(4, 5)
    searcher = make(space, seed=0)
    asked = _history(searcher, space, 18)
    known = asked[:5]
    told: list[Architecture] = []

    def fitness(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
        told.extend(architectures)
        return -space.value(architectures)

    searcher.rescore(fitness, known)
    for architecture in told:
        space.validate(architecture)
    json.dumps(searcher.state_dict(), allow_nan=False)
    again = _history(searcher, space, 15)
    assert not {space.key(a) for a in known} & {space.key(a) for a in again}
    assert len({space.key(a) for a in again}) == 15
    searcher.rescore(lambda architectures: np.full(len(architectures), np.nan))
    _history(searcher, space, 5)


def check_wrong_use_is_refused(make: MakeSearcher) -> None:
    """Wrong numbers of scores, infinite scores, wrong counts and invalid architectures are refused."""
    space = ToySpace(4, 5)
    searcher = make(space, seed=0)
    (architecture,) = searcher.ask()
    foreign = Architecture(["input", "output"], [(0, 1)])
    for wrong in (
        lambda: searcher.ask(0),
        lambda: searcher.ask(1.5),  # type: ignore[arg-type]
        lambda: searcher.tell([architecture], [1.0, 2.0]),
        lambda: searcher.tell([architecture], [np.inf]),
        lambda: searcher.tell([foreign], [1.0]),
    ):
        try:
            wrong()
        except UsageError:
            continue
        raise AssertionError("wrong use must raise a UsageError")


CHECKS: list[Callable[[MakeSearcher], None]] = [
    check_one_seed_gives_one_history,
    check_state_restored_continues_identically,
    check_state_of_another_search_is_refused,
    check_failures_are_survived,
    check_only_valid_architectures_are_asked,
    check_a_small_space_is_exhausted,
    check_any_batch_size_works,
    check_prior_knowledge_is_accepted,
    check_another_fitness_is_searched_on,
    check_wrong_use_is_refused,
]
"""What must hold for every searcher; each takes a `MakeSearcher` and raises `AssertionError`."""


def _history(searcher: Searcher, space: ToySpace, steps: int) -> list[Architecture]:
    """The proposals of a searcher that is told their values one by one."""
    asked: list[Architecture] = []
    for _ in range(steps):
        (architecture,) = searcher.ask()
        space.validate(architecture)
        searcher.tell([architecture], space.value([architecture]))
        asked.append(architecture)
    return asked
