"""The questions that a builder asks, and the answers that it gets."""

from __future__ import annotations

import copy
import itertools
import json
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from egraph.architecture import Answer
from egraph.errors import ArchitectureError, Unbuildable, UsageError, shorten, suggest

__all__ = [
    "Answering",
    "Asked",
    "Choose",
    "Question",
    "answers_of",
    "any_option",
    "exactly",
    "kept_or_any",
    "kept_or_first",
    "make_option",
    "show",
]

MOST_QUESTIONS = 2_000
"""Questions of one network; more are an endless recursion."""

MOST_SETS = 4_096
"""Sets of inputs that `Choose.inputs` offers."""

Answering = Callable[["Question"], Answer]
"""Gives the answer to a question."""

Asked = Mapping[str, "tuple[Question, Answer]"]
"""Questions and answers by name, in the order of the questions."""


@dataclass(frozen=True)
class Question:
    """What a builder asks.

    Attributes:
        name: Name of the choice.
        options: The answers that it can have.
        is_setting: Whether the answer is a setting of the training, a field of the recipe.
    """

    name: str
    options: tuple[Answer, ...]
    is_setting: bool = False

    def position(self, answer: Answer) -> int:
        """The number of an option; -1 if it is none of them. True is not 1, and 1.0 is."""
        for number, option in enumerate(self.options):
            if option == answer and isinstance(option, bool) == isinstance(answer, bool):
                return number
        return -1

    def explain(self, answer: Answer) -> str:
        """The error text for an answer that is no option."""
        options = ", ".join(map(str, self.options[:12])) + (", ..." if len(self.options) > 12 else "")
        hint = suggest(answer, [str(option) for option in self.options])
        text = f"the choice {self.name!r} has no option {shorten(answer)}; it has {options}"
        return f"{text}. {hint}" if hint else text


class Choose:
    """Asks for the choices of a network, inside a builder.

    The same name always has the same answer, so a choice may be asked for in several places. What is not
    asked does not exist. `within` gives a chooser whose names begin with a prefix, for a part that is built
    more than once, or that contains itself.

        def build(choose):
            width = choose("width", 16, 32, 64)
            layers = [nn.Conv2d(1, width, 3, padding=1)]
            for i in range(choose("depth", 2, 3, 4)):
                layers.append(choose.module(f"layer{i}", conv3=lambda: conv(width, 3), skip=nn.Identity))
            return nn.Sequential(*layers)

    Args:
        answering: Gives the answer to each new question.
    """

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._asked: dict[str, tuple[Question, Answer]] = {}
        self._prefix = ""

    def __call__(self, name: str, /, *options: Any, **named: Any) -> Any:
        """One of some values.

        Args:
            name: Name of the choice.
            options: Values: numbers, texts, truth values or None, or classes and functions, which are called
                by their names.
            named: Further values with names of their own.

        Raises:
            UsageError: There is no option, two have one name, or the choice was asked for with other options.
        """
        values = self._label(name, options) | named
        if len(values) < len(options) + len(named):
            raise UsageError(
                f"two options of the choice {name!r} have one name; give each a name: {name}=..."
            )
        labels = [_plain(value) if str(value) == label else label for label, value in values.items()]
        question = self._question(name, labels)
        return list(values.values())[question.position(self._ask(question))]

    def module(self, name: str, /, **options: Any) -> Any:
        """One of some modules, or of functions without arguments that make them; only one is called.

        Args:
            name: Name of the choice.
            options: Modules, classes of modules or functions by the name of the option.

        Raises:
            UsageError: As in a call.
        """
        return make_option(options[str(self._ask(self._question(name, list(options))))])

    def inputs(self, name: str, number: int, *, least: int = 1, most: int | None = None) -> tuple[int, ...]:
        """Which of some earlier results a part reads.

        Args:
            name: Name of the choice.
            number: Number of results to choose from.
            least: Fewest that are read.
            most: Most that are read; None for all.

        Returns:
            Numbers of the results, in rising order.

        Raises:
            UsageError: There is no such set, or there are too many; or as in a call.
        """
        top = number if most is None else min(most, number)
        sets = sum(math.comb(number, size) for size in range(least, top + 1))
        if sets > MOST_SETS:
            raise UsageError(
                f"the choice {name!r} has {sets:,} sets of inputs, and at most {MOST_SETS:,} can be offered; "
                "let it read fewer: most=2"
            )
        chosen = [list(itertools.combinations(range(number), size)) for size in range(least, top + 1)]
        answer = self._ask(self._question(name, [each for sizes in chosen for each in sizes]))
        assert isinstance(answer, tuple)
        return answer  # type: ignore[return-value]

    def setting(self, name: str, /, *options: Any) -> Any:
        """One of some settings of the training: a field of `egraph.evaluation.Recipe`, and its values.

        The recipe of the search gives the others. A training function of your own gets them all.

        Raises:
            UsageError: As in a call.
        """
        question = self._question(name, [_plain(option) for option in options], is_setting=True)
        return self._ask(question)

    def within(self, name: str) -> Choose:
        """The same chooser for a part: each name begins with this one and a dot."""
        part = copy.copy(self)
        part._prefix = f"{self._prefix}{name}."
        return part

    @property
    def asked(self) -> Asked:
        """Questions and answers so far, by name, in the order in which they were asked."""
        return self._asked

    def _label(self, name: str, options: tuple[Any, ...]) -> dict[str, Any]:
        if len(options) == 1 and isinstance(options[0], range | list | tuple | set):
            raise UsageError(
                f"the choice {name!r} has one option, {shorten(options[0])}; write choose({name!r}, *options)"
            )
        return {_name_of(value, number): value for number, value in enumerate(options)}

    def _question(self, name: str, options: list[Answer], *, is_setting: bool = False) -> Question:
        if not isinstance(name, str) or not name:
            raise UsageError(f"a choice needs a name, a text, got {shorten(name)}")
        if not options:
            raise UsageError(f"the choice {name!r} has no options")
        return Question(self._prefix + name, tuple(options), is_setting)

    def _ask(self, question: Question) -> Answer:
        known = self._asked.get(question.name)
        if known is None:
            if len(self._asked) >= MOST_QUESTIONS:
                raise Unbuildable(
                    f"more than {MOST_QUESTIONS:,} choices; does the recursion of the builder end?"
                )
            known = question, self._answering(question)
            self._asked[question.name] = known
        elif known[0] != question:
            raise UsageError(
                f"the choice {question.name!r} is asked for twice with other options: first "
                f"{shorten(list(known[0].options))}, then {shorten(list(question.options))}; use another "
                "name, or choose.within(...) for a part that is built more than once"
            )
        return known[1]


def make_option(option: Any) -> Any:
    """The module that an option of `Choose.module` is or makes."""
    # A class and a function make a module; a module would be called with inputs.
    return option() if isinstance(option, type) or not hasattr(option, "forward") else option


def _plain(value: Any) -> Any:
    """A number or text as JSON has it."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else str(value)


def _name_of(value: Any, number: int) -> str:
    """A name for an option that is the same in each process."""
    if isinstance(value, bool | str | numbers.Real) or value is None:
        return str(value)
    name = getattr(value, "__name__", "")
    return name if name and name != "<lambda>" else f"option{number}"


def answers_of(asked: Asked) -> dict[str, Answer]:
    """The answers alone, by name."""
    return {name: answer for name, (_, answer) in asked.items()}


def show(answers: Mapping[str, Answer]) -> str:
    """Answers for an error text."""
    text = json.dumps(answers)
    return text if len(text) <= 300 else f"{text[:297]}..."


def any_option(question: Question, rng: np.random.Generator) -> Answer:
    """A random option, all with equal odds."""
    return question.options[rng.integers(len(question.options))]


def kept_or_any(question: Question, kept: Sequence[Mapping[str, Answer]], rng: np.random.Generator) -> Answer:
    """The answer of one of those that have an answer, with equal odds; else a random option."""
    known = [answers[question.name] for answers in kept if question.name in answers]
    known = [answer for answer in known if question.position(answer) >= 0]
    if not known:
        return any_option(question, rng)
    return known[rng.integers(len(known))] if len(known) > 1 else known[0]


def kept_or_first(question: Question, kept: Mapping[str, Answer]) -> Answer:
    """The answer, if it is one; else the first option."""
    known = question.name in kept and question.position(kept[question.name]) >= 0
    return kept[question.name] if known else question.options[0]


def exactly(builder: str, answers: Mapping[str, Answer]) -> Answering:
    """Gives these answers and no others.

    Raises:
        ArchitectureError: The builder asks for something else, or has no such option.
    """

    def answer(question: Question) -> Answer:
        if question.name not in answers:
            raise ArchitectureError(
                f"the builder {builder} asks for {question.name!r}, which is not among the answers "
                f"{show(answers)}; they are of another version of it, or for another one"
            )
        position = question.position(answers[question.name])
        if position < 0:
            raise ArchitectureError(question.explain(answers[question.name]))
        return question.options[position]

    return answer
