"""The controller of `reinforce`: an LSTM that writes an encoding position by position.

Imports PyTorch; the searcher therefore imports this module when it is made.
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

_BOUND = 0.08  # range of the initial weights, as in the paper


class Controller(torch.nn.Module):
    """A distribution over encodings; each option depends on those before it.

    Args:
        choices: Number of options at each position.
        hidden: Size of the state.
        rng: Source of the initial weights; the global generator of PyTorch is neither read nor set.
    """

    def __init__(self, choices: Sequence[int], hidden: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.choices = tuple(choices)
        # One row for the start, then one for each option of each position.
        self._offsets = np.cumsum((1, *self.choices))
        self.embedding = skip_init(torch.nn.Embedding, int(self._offsets[-1]), hidden)
        self.cell = skip_init(torch.nn.LSTMCell, hidden, hidden)
        self.heads = torch.nn.ModuleList(
            skip_init(torch.nn.Linear, hidden, options) for options in self.choices
        )
        draw_uniform(self, _BOUND, rng)

    def forward(self, options: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of encodings, and the entropies of the choices.

        Shapes:
            options: ``(encodings, positions)``, integers.
            returns: log-probabilities ``(encodings,)`` and summed entropies ``(encodings,)``, in nats.
        """
        inputs = torch.zeros(len(options), dtype=torch.long)
        state: tuple[torch.Tensor, torch.Tensor] | None = None
        likelihood = torch.zeros(len(options))
        entropy = torch.zeros(len(options))
        for position, head in enumerate(self.heads):
            state = self.cell(self.embedding(inputs), state)
            logs = log_softmax(head(state[0]), dim=1)  # (encodings, choices[position])
            likelihood = likelihood + logs.gather(1, options[:, position, None])[:, 0]
            entropy = entropy - (logs.exp() * logs).sum(dim=1)
            inputs = options[:, position] + int(self._offsets[position])
        return likelihood, entropy

    @torch.no_grad()
    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Independent encodings from the distribution, ``(count, positions)``."""
        drawn = np.empty((count, len(self.choices)), dtype=np.int64)
        inputs = torch.zeros(count, dtype=torch.long)
        state: tuple[torch.Tensor, torch.Tensor] | None = None
        for position, head in enumerate(self.heads):
            state = self.cell(self.embedding(inputs), state)
            shares = torch.softmax(head(state[0]).double(), dim=1).cumsum(dim=1).numpy()
            # The first option whose cumulative share exceeds a uniform number; the last share may be below 1.
            chosen = (shares <= rng.random((count, 1))).sum(axis=1)
            drawn[:, position] = np.minimum(chosen, self.choices[position] - 1)
            inputs = torch.from_numpy(drawn[:, position] + self._offsets[position])
        return drawn
