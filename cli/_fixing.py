"""``--fix``: choices of a space with fixed answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from egraph.errors import UsageError

__all__ = ["fix_option", "read_answers"]

fix_option = click.option(
    "--fix",
    multiple=True,
    metavar="NAME=ANSWER",
    help="Fixes a choice of the space, and searches the rest: reduce=hand-made in darts (or a genotype with "
    "that cell), a question of a builder, a position. Random architectures have it too. Repeatable.",
)


def read_answers(texts: Sequence[str]) -> dict[str, Any]:
    """The answers by the name of the choice: JSON values, or texts.

    Raises:
        UsageError: A text is not ``NAME=ANSWER``, or a name comes twice.
    """
    answers: dict[str, Any] = {}
    for text in texts:
        name, _, answer = text.partition("=")
        if not (name and answer):
            raise UsageError(f"--fix is NAME=ANSWER, such as reduce=hand-made, got {text!r}")
        if name in answers:
            raise UsageError(f"--fix {name}= is given twice; leave one out")
        try:
            answers[name] = json.loads(answer)
        except ValueError:
            answers[name] = answer
    return answers
