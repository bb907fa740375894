"""Stepwise building of the networks of a builder: each action answers one question."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from egraph.architecture import Answer, Architecture
from egraph.errors import ArchitectureError, Unbuildable
from egraph.spaces.choosing import Answering, Question
from egraph.spaces.episodes import Action, Bits, Pick

if TYPE_CHECKING:
    from egraph.spaces.builder import BuilderSpace

__all__ = ["AskedEpisodes"]

_LOOKED_AT = 100
"""Random networks whose questions have outputs of their own."""


class AskedEpisodes:
    """Each action chooses an option of the next question; the state is the options so far.

    Questions that random networks ask have one output for each option. Further ones, such as deep in a
    recursion, share outputs by the number of the option.

    Args:
        space: Space of a builder.
    """

    def __init__(self, space: BuilderSpace) -> None:
        self._space = space
        self._begins: dict[Question, int] = {}
        end = 0
        rng = np.random.default_rng(0)
        for _ in range(_LOOKED_AT):
            with suppress(ArchitectureError):  # refused, or failed
                for question, _ in space.questions(
                    lambda asked: asked.options[rng.integers(len(asked.options))]
                ):
                    if question not in self._begins:
                        self._begins[question] = end
                        end += len(question.options)
        self._common = end
        self._most = max((len(question.options) for question in self._begins), default=1)
        self.bits = self.outputs = end + self._most

    def observe(self, actions: Sequence[Action]) -> Bits:
        """The state after these actions, ``(bits,)``."""
        state = np.zeros(self.bits, dtype=np.float32)
        for (chosen,) in actions:
            state[chosen] = 1.0
        return state

    def picks(self, actions: Sequence[Action]) -> list[Pick]:
        """One option of the next question; empty where the network is complete, or refused."""
        try:
            self._space.questions(self._answering(actions))
        except _Waiting as waiting:
            begin = self._begins.get(waiting.question, self._common)
            return [Pick(range(begin, min(begin + len(waiting.question.options), self.outputs)), 1)]
        except Unbuildable:
            pass
        return []

    def build(self, actions: Sequence[Action]) -> Architecture:
        """The architecture of these answers.

        Raises:
            ArchitectureError: The builder refuses them, or they are too few.
        """
        try:
            asked = self._space.questions(self._answering(actions))
        except _Waiting as waiting:
            raise ArchitectureError(f"the choice {waiting.question.name!r} has no answer yet") from None
        return self._space.from_answers({question.name: answer for question, answer in asked})

    def trace(self, architecture: Architecture) -> list[Action]:
        """The answers of an architecture."""
        given = dict(architecture.answers)
        asked = self._space.questions(lambda question: given[question.name])
        return [
            (self._begins.get(question, self._common) + question.position(answer),)
            for question, answer in asked
        ]

    def _answering(self, actions: Sequence[Action]) -> Answering:
        """Gives the answers of actions one after another."""
        left = iter(actions)

        def answer(question: Question) -> Answer:
            try:
                (chosen,) = next(left)
            except StopIteration:
                raise _Waiting(question) from None
            return question.options[chosen - self._begins.get(question, self._common)]

        return answer


class _Waiting(BaseException):
    """Ends a builder at a question without an answer; it passes handlers of exceptions in the builder."""

    def __init__(self, question: Question) -> None:
        self.question = question
