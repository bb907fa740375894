"""Search spaces defined by a function that builds a PyTorch module and asks for its choices."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Answer, Architecture
from egraph.errors import ArchitectureError, SpaceExhaustedError, Unbuildable, UsageError, shorten
from egraph.shapes import kind_of
from egraph.spaces._answering import fix_answers
from egraph.spaces._asking import AskedEpisodes
from egraph.spaces._builder_relaxation import BuilderRelaxation
from egraph.spaces._building import (
    BuilderError,
    Network,
    build_twice,
    call_builder,
    check_outputs,
    inspect_network,
    warn_of,
)
from egraph.spaces._checks import check_text, check_value
from egraph.spaces.base import Builder, Fixer, SearchSpace
from egraph.spaces.choosing import (
    Answering,
    Asked,
    Choose,
    Question,
    answers_of,
    any_option,
    exactly,
    kept_or_any,
    kept_or_first,
    show,
)
from egraph.spaces.episodes import Episodes

if TYPE_CHECKING:
    import torch

    from egraph.spaces.relaxation import Relaxation

__all__ = ["BuilderSpace", "from_builder"]

Build = Callable[..., Any]
_TRIES = 1000
"""Random answers in a row that may be unbuildable."""

_FAILURES = 20
"""Failures of a builder in a row; then it is taken to be wrong."""

_KEPT = 100_000
"""Networks that are remembered, so that equal answers are built once."""


def from_builder(
    build: Build,
    input_shape: Sequence[int] = (3, 32, 32),
    num_classes: int = 10,
    *,
    name: str | None = None,
    fold: bool = False,
) -> BuilderSpace:
    """A search space of the modules that a function builds: see `BuilderSpace`.

    Args:
        build: Called as ``build(choose)`` with a `Choose`; returns a new `torch.nn.Module` on the CPU, which
            maps ``(batch, *input_shape)`` to ``(batch, num_classes)``. Where it has parameters
            ``input_shape`` and ``num_classes``, it gets them. It may raise `egraph.Unbuildable`. For several
            processes it must be defined at the top of a module.
        input_shape: Shape of one input.
        num_classes: Number of outputs.
        name: Name of the space; by default the one that `find` finds, ``module:function@1x28x28,10``.
        fold: Whether runs of equal blocks are one vertex for the ranker, as in `egraph.from_torch`.

    Raises:
        UsageError: The builder fails, returns no module, asks or builds something else when it is called
            twice with the same answers, or all its networks are unbuildable.
    """
    space = BuilderSpace(build, input_shape, num_classes, name=name, fold=fold)
    space.check_builder()
    return space


class BuilderSpace(SearchSpace):
    """The networks that a function builds from its choices.

    An architecture is the graph of the network, as `egraph.from_torch` draws it, and the answers that it is
    built from. **Samples** answer each question at random, all options with equal odds. A **mutation**
    answers one question differently; the other answers stay, those to questions that are no longer asked go,
    and new questions are answered at random. A **crossover** takes each answer from one of the parents that
    were asked. **Neighbours** have one other answer, and the first option of each new question. Combinations
    that the builder refuses are drawn again.

    The **key** is the computation as the network trains, with the settings of the training: two ways of
    answering that give one network have one key. It does not see how random initial weights are drawn; make
    that a `Choose.setting` if it is a choice.

    The **notation** is the JSON of the answers, such as ``{"width": 16, "depth": 2}``.

    `from_builder` makes one, with the same arguments, and checks the builder.
    """

    traced = True

    def __init__(
        self,
        build: Build,
        input_shape: Sequence[int] = (3, 32, 32),
        num_classes: int = 10,
        *,
        name: str | None = None,
        fold: bool = False,
    ) -> None:
        if not callable(build):
            raise UsageError(f"a builder is a function of choose, got {shorten(build)}")
        self.build, self.fold = build, fold
        self.input_shape: tuple[int, ...] = tuple(input_shape)
        self.num_classes: int = num_classes
        own = getattr(build, "__qualname__", type(build).__name__)
        self.name = name or f"{build.__module__}:{own}@{'x'.join(map(str, self.input_shape))},{num_classes}"
        self._kind = kind_of(self.input_shape)
        self._takes = [
            each for each in ("input_shape", "num_classes") if each in inspect.signature(build).parameters
        ]
        self._known: dict[tuple[tuple[str, Answer], ...], Network] = {}
        self._operations: dict[str, None] = {}

    def check_builder(self) -> None:
        """Checks that equal answers give equal networks, by calls of the builder with two seeds.

        Raises:
            UsageError: They do not, or the builder fails: the error text says how.
        """
        first = self._draw(functools.partial(any_option, rng=np.random.default_rng(0)), patience=0)
        answering = exactly(self.name, answers := dict(first.architecture.answers))
        modules = build_twice(self.name, lambda seed: self._build(answering, seed), first.asked)
        again, other = (self._inspect(module, first.asked) for module in modules)
        # With another seed initial numbers may differ, as weights do, also those that the key is made of.
        if (again, other.architecture) != (first, first.architecture):
            raise UsageError(
                f"the builder {self.name} is not deterministic: the answers {show(answers)} gave another "
                "network the second time; let it depend on the answers alone"
            )

    @property
    def operations(self) -> tuple[str, ...]:  # type: ignore[override]
        """The operations of the networks so far; there may be others in the next one."""
        if not self._operations:
            self.sample(np.random.default_rng(0))
        return tuple(self._operations)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Each question answered at random.

        Raises:
            SpaceExhaustedError: The builder refuses many random answers in a row.
        """
        return self._draw(lambda question: any_option(question, rng)).architecture

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """One question answered differently; the same architecture if the builder refuses many."""
        known = self._find(architecture)
        open_ones = [question for question, _ in known.asked.values() if len(question.options) > 1]
        answers = dict(architecture.answers)
        for _ in range(_FAILURES if open_ones else 0):
            question = open_ones[rng.integers(len(open_ones))]
            others = [option for option in question.options if option != answers[question.name]]
            changed = answers | {question.name: others[rng.integers(len(others))]}
            found = self._try(lambda asked, kept=changed: kept_or_any(asked, [kept], rng))  # type: ignore[misc]
            if found is not None:
                return found.architecture
        return architecture

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """Each answer from one of the parents; the first parent if the builder refuses many."""
        parents = [dict(self._find(parent).architecture.answers) for parent in (a, b)]
        for _ in range(_FAILURES):
            found = self._try(lambda asked: kept_or_any(asked, parents, rng))
            if found is not None:
                return found.architecture
        return a

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The networks with one other answer, in the order of the questions, one for each key."""
        known = self._find(architecture)
        answers = dict(architecture.answers)
        found = {known.key: architecture}
        for question, answer in known.asked.values():
            for option in question.options:
                if option != answer:
                    kept = answers | {question.name: option}
                    other = self._try(lambda asked, kept=kept: kept_or_first(asked, kept))  # type: ignore[misc]
                    if other is not None:
                        found.setdefault(other.key, other.architecture)
        return list(found.values())[1:]

    def parse(self, text: str) -> Architecture:
        """Reads the answers as JSON.

        Raises:
            ArchitectureError: The text is of another form, or the builder has no such choices or options.
        """
        try:
            answers = json.loads(check_text(text, self.name))
        except (ValueError, RecursionError):
            answers = None
        if not isinstance(answers, dict) or not answers:
            raise ArchitectureError(
                f'expected the answers of {self.name} as JSON, such as {{"width": 16}}, got {text[:80]!r}'
            )
        if set(answers) >= {"ops", "edges"}:
            architecture = Architecture.from_dict(answers)
            self.validate(architecture)
            return architecture
        return self.from_answers(answers)

    def from_answers(self, answers: Mapping[str, Any]) -> Architecture:
        """The architecture of some answers.

        Raises:
            ArchitectureError: An answer is missing, not asked for or no option, or the builder refuses them.
        """
        named = dict(Architecture(("input", "output"), [(0, 1)], answers=answers).answers)
        return self._answered(named).architecture

    def format(self, architecture: Architecture) -> str:
        """Writes the answers as JSON."""
        self.validate(architecture)
        return json.dumps(architecture.to_dict()["answers"], separators=(",", ":"))

    def validate(self, architecture: Architecture) -> None:
        """Checks that the builder makes this graph from these answers.

        Raises:
            ArchitectureError: It does not; the error text names the choice.
        """
        self._find(architecture)

    def key(self, architecture: Architecture) -> str:
        """A digest of the computation and the settings of the training."""
        return self._find(architecture).key

    def episodes(self) -> Episodes:
        """One action for each question."""
        return AskedEpisodes(self)

    @property
    def builder(self) -> Builder:
        """The builder, with the option ``seed`` for the initial weights."""
        return Builder(self._module, {"seed": 0}, (self._kind,))

    def check_input(self, input_shape: Sequence[int]) -> None:
        """Checks that the networks were drawn for inputs of that shape.

        Raises:
            UsageError: They were not.
        """
        if tuple(input_shape) != self.input_shape:
            raise UsageError(
                f"the space {self.name!r} is for inputs of shape {self.input_shape}, not "
                f"{tuple(input_shape)}; define it for the shape of the data"
            )

    def settings(self, architecture: Architecture) -> dict[str, Any]:
        """The answers to `Choose.setting`, by name."""
        asked = self._find(architecture).asked
        return {name: answer for name, (question, answer) in asked.items() if question.is_setting}

    def questions(self, answering: Answering) -> list[tuple[Question, Answer]]:
        """The questions that the builder asks, and the answers, in order.

        Raises:
            Unbuildable: The builder refuses the answers.
        """
        return list(self._build(answering)[1].values())

    def call(self, choose: Choose, seed: int = 0) -> tuple[torch.nn.Module, Asked]:
        """The module that the builder makes with a chooser, and what it asked for.

        Raises:
            ArchitectureError: The builder fails; `Unbuildable` if it refuses the answers.
            UsageError: It returns no module, or one that is not on the CPU.
        """
        given = {name: getattr(self, name) for name in self._takes}
        return call_builder(self.name, self.build, choose, given, seed)

    def answer(self, answering: Answering) -> Architecture | None:
        """The architecture of the answers to what the builder asks; None if it refuses them or fails."""
        found = self._try(answering)
        return None if found is None else found.architecture

    def relaxation(self, *, fixed: Mapping[str, Answer] | None = None) -> Relaxation:
        """Probabilities of the options of each `Choose.module`: see `BuilderRelaxation`.

        Args:
            fixed: Answers to other questions in the supernet, by name.
        """
        return BuilderRelaxation(self, fixed or {})

    def fixer(self, answers: Mapping[str, Any]) -> Fixer:
        """Answers to questions; one that is not asked for has no effect."""
        return fix_answers(self, answers)

    def fixed_relaxation(self, answers: Mapping[str, Any]) -> Relaxation:
        """The relaxation with these answers in the supernet."""
        return self.relaxation(fixed=answers)

    def _module(
        self, architecture: Architecture, input_shape: tuple[int, ...], num_classes: int, *, seed: int
    ) -> torch.nn.Module:
        known = self._find(architecture)
        check_outputs(self.name, known.outputs, num_classes)
        return self._build(exactly(self.name, dict(architecture.answers)), seed)[0]

    def _find(self, architecture: Architecture) -> Network:
        if not isinstance(architecture, Architecture) or architecture.disabled:
            check_value(architecture, self.name, ())
        known = self._known.get(architecture.answers)
        if known is None or known.architecture != architecture:
            if not architecture.answers:
                raise ArchitectureError(
                    f"an architecture of {self.name} has answers, got a graph without: "
                    f"{shorten(list(architecture.ops))}"
                )
            known = self._answered(dict(architecture.answers))
            if known.architecture != architecture:
                raise ArchitectureError(
                    f"the builder {self.name} makes another graph from the answers "
                    f"{show(dict(architecture.answers))}; they are of another version of it"
                )
        return known

    def _answered(self, answers: Mapping[str, Answer]) -> Network:
        """The network of exactly these answers."""
        known = self._known.get(tuple(answers.items()))
        if known is not None:
            return known
        module, asked = self._build(exactly(self.name, answers))
        if unused := [name for name in answers if name not in asked]:
            raise ArchitectureError(
                f"the builder {self.name} does not ask for {unused[0]!r} with the answers "
                f"{show(answers)}; they are of another version of it, or for another one"
            )
        return self._remember(module, asked)

    def _draw(self, answering: Answering, patience: int = _FAILURES) -> Network:
        """A network of random answers that the builder does not refuse."""
        failures: list[UsageError] = []
        for _ in range(_TRIES):
            try:
                return self._made(answering)
            except Unbuildable as error:
                reason = str(error)
            except BuilderError as error:
                failures.append(error)
                if len(failures) > patience:
                    raise UsageError(str(error)) from error
                warn_of(error)
        raise SpaceExhaustedError(
            f"the builder {self.name} refused {_TRIES:,} random networks; the last: {reason}"
        )

    def _try(self, answering: Answering) -> Network | None:
        """The network of some answers; None where the builder refuses or fails."""
        try:
            return self._made(answering)
        except Unbuildable:
            pass
        except BuilderError as error:
            warn_of(error)
        return None

    def _made(self, answering: Answering) -> Network:
        module, asked = self._build(answering)
        return self._known.get(tuple(answers_of(asked).items())) or self._remember(module, asked)

    def _remember(self, module: torch.nn.Module, asked: Asked) -> Network:
        if len(self._known) >= _KEPT:
            self._known.clear()
        network = self._inspect(module, asked)
        self._known[network.architecture.answers] = network
        self._operations.update(dict.fromkeys(network.architecture.ops[1:-1]))
        return network

    def _build(self, answering: Answering, seed: int = 0) -> tuple[torch.nn.Module, Asked]:
        return self.call(Choose(answering), seed)

    def _inspect(self, module: torch.nn.Module, asked: Asked) -> Network:
        return inspect_network(self.name, module, asked, self.input_shape, self.fold)

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(BuilderSpace, name=self.name, fold=self.fold), (
            self.build, self.input_shape, self.num_classes)  # fmt: skip
