"""The moving average of the weights of a module."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["WeightAverage"]


class WeightAverage:
    """An exponential moving average of weights and statistics, which replaces them at the end.

    After step ``t``, counted from 1, the average is ``d * average + (1 - d) * weights`` with ``d`` the
    smaller of ``decay`` and ``t / (t + 9)``, so that first weights are soon forgotten in short trainings.

    Args:
        module: Module whose weights are averaged.
        decay: Largest share of the average that a step keeps, in [0, 1).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        # Whole numbers, as the count of batches in batch normalisation, have no average.
        self._weights = [one for one in module.state_dict().values() if one.is_floating_point()]
        self._averages = [one.detach().clone() for one in self._weights]
        self._decay = decay
        self._steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Takes in the weights after a step."""
        self._steps += 1
        kept = min(self._decay, self._steps / (self._steps + 9))
        torch._foreach_lerp_(self._averages, self._weights, 1 - kept)

    def state_dict(self) -> dict[str, Any]:
        """The averages and the number of steps."""
        return {"averages": self._averages, "steps": self._steps}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        torch._foreach_copy_(self._averages, state["averages"])
        self._steps = int(state["steps"])

    @torch.no_grad()
    def apply(self) -> None:
        """Gives the module the averages as its weights."""
        torch._foreach_copy_(self._weights, self._averages)
