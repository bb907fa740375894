"""Further architectures of a trained supernet, beside the most probable one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import UsageError, shorten
from egraph.spaces.relaxation import Derivation
from egraph.supernets.derivation import derive_by_removal, sample_candidates

if TYPE_CHECKING:
    from egraph.supernets.searcher import SupernetStart
    from egraph.supernets.workers import Workers

__all__ = ["FurtherRule"]


@dataclass(frozen=True)
class FurtherRule:
    """How a trained supernet gives further architectures.

    - ``ranks=3,4``: each node takes its inputs of these ranks (`Derivation.ranks`)
    - ``drawn=8``: so many different ones are drawn by the probabilities (`sample_candidates`)
    - ``removal``: the operations whose removal costs most accuracy, by the weights of the last epoch
      (`derive_by_removal`)

    Attributes:
        text: One of these.

    Raises:
        UsageError: The text is another one.
    """

    text: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"ranks=\d+(,\d+)+|drawn=[1-9]\d*|removal", self.text):
            raise UsageError(
                f"an architecture is derived by ranks=3,4, drawn=8 or removal, got {shorten(self.text)}"
            )
        if self.text.startswith("ranks="):
            Derivation(ranks=self._numbers)

    @property
    def _numbers(self) -> tuple[int, ...]:
        return tuple(map(int, self.text.partition("=")[2].split(",")))

    def check(self, start: SupernetStart, workers: Workers) -> None:
        """Checks that space and workers have what the rule needs.

        Raises:
            UsageError: Nodes of the space do not select their inputs, so that these have no ranks, or select
                another number of them; several workers train a supernet whose operations are to be removed.
        """
        if self.text == "removal" and workers.count > 1:
            raise UsageError("removal measures a supernet in one process; leave it out, or use one worker")
        if not self.text.startswith("ranks="):
            return
        if not start.relaxation.selects:
            raise UsageError(
                f"{self.text}: in the space {start.space.name!r} a node does not select among its inputs, so "
                "there are no ranks; leave it out, or use darts"
            )
        even = {name: np.ones(len(each.options)) for name, each in start.relaxation.positions.items()}
        start.relaxation.derive(even, Derivation(ranks=self._numbers))

    def derive(self, start: SupernetStart, result: Mapping[str, Any], seed: int) -> list[Architecture]:
        """The architectures, in the space that is searched.

        Args:
            start: The supernet, trained.
            result: What `SupernetStart.prepare` returned.
            seed: Seed of the draws.
        """
        best = result["epochs"][result["best"] - 1]["probabilities"]
        probabilities = {name: np.array(each) for name, each in best.items()}
        rules = start.options.make().rules
        if self.text == "removal":
            return [derive_by_removal(start.restore())]
        if self.text.startswith("ranks="):
            return [start.relaxation.derive(probabilities, replace(rules, ranks=self._numbers))]
        (k,), rng = self._numbers, np.random.default_rng(seed)
        return sample_candidates(start.relaxation, start.space, probabilities, k, rng, rules)
