"""The controller of `reinforce`: an LSTM that writes an encoding place by place.

Imports PyTorch, so the searcher imports this module where it is built.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import log_softmax
from torch.nn.utils import skip_init

from egraph.searchers._weights import draw_uniform

__all__ = ["Controller"]

_BOUND = 0.08  # of the first weights, as in the paper


class Controller(torch.nn.Module):
    """A distribution over encodings; each option depends on those before it.

    Args:
        choices: how many options each place has.
        hidden: size of the state.
        rng: draws the first weights; the global generator of PyTorch is neither read nor set.
    """

    def __init__(self, choices: Sequence[int], hidden: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.choices = tuple(choices)
        # One row for the beginning, then one for each option of each place.
        self._offsets = np.cumsum((1, *self.choices))
        self.embedding = skip_init(torch.nn.Embedding, int(self._offsets[-1]), hidden)
        self.cell = skip_init(torch.nn.LSTMCell, hidden, hidden)
        self.heads = torch.nn.ModuleList(
            skip_init(torch.nn.Linear, hidden, options) for options in self.choices
        )
        draw_uniform(self, _BOUND, rng)

    def forward(self, options: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logarithms of the probabilities of encodings, and how open each choice was on the way.

        Shapes:
            options: ``(encodings, places)``, whole numbers.
            returns: log-probabilities ``(encodings,)`` and summed entropies ``(encodings,)``, in nats.
        """
        inputs = torch.zeros(len(options), dtype=torch.long)
        state: tuple[torch.Tensor, torch.Tensor] | None = None
        likelihood = torch.zeros(len(options))
        entropy = torch.zeros(len(options))
        for place, head in enumerate(self.heads):
            state = self.cell(self.embedding(inputs), state)
            logs = log_softmax(head(state[0]), dim=1)  # (encodings, choices[place])
            likelihood = likelihood + logs.gather(1, options[:, place, None])[:, 0]
            entropy = entropy - (logs.exp() * logs).sum(dim=1)
            inputs = options[:, place] + int(self._offsets[place])
        return likelihood, entropy

    @torch.no_grad()
    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Independent encodings from the distribution, ``(count, places)``."""
        drawn = np.empty((count, len(self.choices)), dtype=np.int64)
        inputs = torch.zeros(count, dtype=torch.long)
        state: tuple[torch.Tensor, torch.Tensor] | None = None
        for place, head in enumerate(self.heads):
            state = self.cell(self.embedding(inputs), state)
            shares = torch.softmax(head(state[0]).double(), dim=1).cumsum(dim=1).numpy()
            # The first option whose cumulative share exceeds a uniform number; the last may be below 1.
            chosen = (shares <= rng.random((count, 1))).sum(axis=1)
            drawn[:, place] = np.minimum(chosen, self.choices[place] - 1)
            inputs = torch.from_numpy(drawn[:, place] + self._offsets[place])
        return drawn
