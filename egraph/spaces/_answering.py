"""Fixed answers to questions of a builder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, Unbuildable, UsageError
from egraph.spaces.base import Fixer
from egraph.spaces.choosing import Question, any_option, kept_or_first, show

if TYPE_CHECKING:
    from egraph.spaces.builder import BuilderSpace

__all__ = ["fix_answers"]

_LOOKED_AT = 100
"""Random networks whose questions are known."""


def fix_answers(space: BuilderSpace, answers: Mapping[str, Any]) -> Fixer:
    """Gives architectures fixed answers; what is newly asked then is answered by the first option.

    Args:
        space: Space of a builder.
        answers: Answers by the name of the question. One that a network does not ask has no effect on it.

    Raises:
        UsageError: None of many random networks asks such a question, or it has no such option.
    """
    fixed = {name: tuple(each) if isinstance(each, list) else each for name, each in answers.items()}
    for name, question in _find_questions(space, fixed).items():
        if question.position(fixed[name]) < 0:
            raise UsageError(question.explain(fixed[name]))

    def put(architecture: Architecture) -> Architecture:
        space.validate(architecture)
        kept = dict(architecture.answers) | fixed
        if (found := space.answer(lambda asked: kept_or_first(asked, kept))) is None:
            raise ArchitectureError(f"the builder {space.name} refuses the answers {show(kept)}")
        return found

    return Fixer(put, {name: str(each) for name, each in fixed.items()})


def _find_questions(space: BuilderSpace, names: Iterable[str]) -> dict[str, Question]:
    """The questions of these names."""
    rng, asked = np.random.default_rng(0), dict[str, Question]()
    missing = list(names)
    for _ in range(_LOOKED_AT):
        try:
            found = space.questions(lambda question: any_option(question, rng))
        except Unbuildable:
            continue
        for question, _ in found:
            asked.setdefault(question.name, question)
        if not (missing := [name for name in names if name not in asked]):
            return {name: asked[name] for name in names}
    raise UsageError(
        f"the builder {space.name} does not ask for {missing[0]!r}; it asks for {', '.join(asked)}"
    )
