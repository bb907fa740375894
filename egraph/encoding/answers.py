"""Numbers from the answers that a builder makes a network of, for what the graph does not show.

Settings of the training, activations and the like are answers of a builder (`egraph.spaces.from_builder`)
that leave no trace in the graph. Questions that only some networks were asked are left out: they are mostly
about parts, which the graph shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Answer, Architecture

__all__ = ["AskedQuestions"]

Floats = NDArray[np.float64]

_MOST_QUESTIONS = 64
_LARGEST = 1e300
_NOT_ASKED: Any = object()
_MOST_OPTIONS = 16
"""Most options of a question whose answers are no numbers; others are left out."""


@dataclass(frozen=True)
class AskedQuestions:
    """The questions that all architectures of the training data were asked, and answered differently.

    Numbers become their position among the distinct answers, whatever their scale; between two of them it is
    interpolated. Of other answers each is a column of zeros and ones. Who was not asked is in the middle.

    Attributes:
        questions: The distinct answers to each, by its name; numbers in rising order.
    """

    questions: tuple[tuple[str, tuple[Answer, ...]], ...] = ()

    @classmethod
    def of(cls, architectures: Sequence[Architecture]) -> AskedQuestions:
        """The questions in some architectures."""
        if not architectures or not all(a.answers for a in architectures):
            return cls()
        each = [dict(architecture.answers) for architecture in architectures]
        found = []
        for name in sorted(set(each[0]).intersection(*each[1:])):
            distinct = _distinct([answers[name] for answers in each])
            if len(distinct) > 1 and (_are_numbers(distinct) or len(distinct) <= _MOST_OPTIONS):
                found.append((name, distinct))
        return cls(tuple(found[:_MOST_QUESTIONS]))

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [
            name if _are_numbers(options) else f"{name} is {option}"
            for name, options in self.questions
            for option in options[: 1 if _are_numbers(options) else None]
        ]

    @property
    def groups(self) -> list[str]:
        """The group of each column: those of one question."""
        return [
            f"answers to {name}"
            for name, options in self.questions
            for _ in options[: 1 if _are_numbers(options) else None]
        ]

    def encode(self, architectures: Sequence[Architecture]) -> Floats:
        """The answers of some architectures, ``(architectures, len(names))``."""
        each = [dict(architecture.answers) for architecture in architectures]
        columns = [np.zeros((len(each), 0))]
        for name, options in self.questions:
            answers = [answers.get(name, _NOT_ASKED) for answers in each]
            if _are_numbers(options):
                known = np.array([answer if _is_number(answer) else np.nan for answer in answers], np.float64)
                place = np.interp(known, np.array(options, np.float64), np.arange(len(options)))
                columns.append(np.where(np.isnan(known), (len(options) - 1) / 2, place)[:, None])
            else:
                chosen = [
                    [_told_apart(answer) == _told_apart(option) for option in options] for answer in answers
                ]
                known = np.array([[answer is not _NOT_ASKED] for answer in answers])
                columns.append(np.where(known, np.array(chosen, np.float64), 1 / len(options)))
        return np.hstack(columns)

    def to_json(self) -> list[list[Any]]:
        """The questions as JSON-ready values."""
        return [
            [name, [list(a) if isinstance(a, tuple) else a for a in each]] for name, each in self.questions
        ]

    @classmethod
    def from_json(cls, content: Any) -> AskedQuestions:
        """Reads the result of `to_json`.

        Raises:
            TypeError, ValueError: It is none.
        """
        found = []
        for name, options in content:
            read = tuple(tuple(option) if isinstance(option, list) else option for option in options)
            if not isinstance(name, str) or _distinct(read) != read or len(read) < 2:
                raise ValueError(f"no question and its answers: {name!r}")
            found.append((name, read))
        return cls(tuple(found))


def _is_number(answer: Answer) -> bool:
    """Whether an answer is a number that a column can hold."""
    return isinstance(answer, int | float) and not isinstance(answer, bool) and abs(answer) < _LARGEST


def _are_numbers(options: Sequence[Answer]) -> bool:
    return all(map(_is_number, options))


def _told_apart(answer: Answer) -> tuple[Answer, bool]:
    """Keeps True apart from 1, which it equals."""
    return answer, isinstance(answer, bool)


def _distinct(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """Each answer once: numbers in rising order, others in that of their texts."""
    found = list({_told_apart(answer): answer for answer in answers}.values())
    if _are_numbers(found):
        return tuple(sorted(found))  # type: ignore[type-var]
    return tuple(sorted(found, key=lambda answer: (str(answer), str(type(answer)))))
