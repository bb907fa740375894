"""Evaluations that happen outside, such as in the queue of a cluster."""

from __future__ import annotations

import math

from egraph.architecture import Architecture
from egraph.errors import ScoreLaterError, UsageError
from egraph.evaluation.base import Evaluation, Evaluator, Fidelity

__all__ = ["Outside", "read_share"]


class Outside(Evaluator):
    """Evaluates nothing: a study with it hands its trials out by `ask`, and gets their scores by `tell`."""

    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        """Never returns.

        Raises:
            ScoreLaterError: Always.
        """
        raise ScoreLaterError(
            "this study evaluates nothing itself; hand trials out by ask, and tell their scores"
        )

    def describe(self) -> dict[str, object]:
        """Only that it is outside."""
        return {"kind": "outside"}

    def at(self, fidelity: str) -> Fidelity:
        """A cheaper evaluation, by its share of the whole one, such as ``"0.3"``.

        Raises:
            UsageError: It is no number above 0 and at most 1.
        """
        return Fidelity(fidelity, read_share(fidelity), self)


def read_share(text: str) -> float:
    """A share of a whole evaluation.

    Raises:
        UsageError: It is no number above 0 and at most 1.
    """
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise UsageError(
            "a fidelity of a training of your own is a share above 0 and at most 1, such as 0.3, which it "
            f"finds in trial.fidelity; got {text!r}"
        )
    return share
