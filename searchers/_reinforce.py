"""Reinforcement learning of a controller by policy gradients."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_fraction, check_not_negative, check_positive, check_whole
from egraph.errors import ArchitectureError
from egraph.searchers._base import Searcher
from egraph.searchers._rewards import Rewards
from egraph.spaces import SearchSpace

if TYPE_CHECKING:
    from egraph.searchers._controller import Controller

__all__ = ["Reinforce"]

_MOST = 1000  # controllers, each a copy of the network
_HIDDEN = 32
_DRAWN = 16  # encodings that a controller draws at a time
_DRAWS = 4  # draws without a valid and new architecture before a random sample is taken


class Reinforce(Searcher):
    r"""An LSTM controller writes encodings position by position and learns from the scores by REINFORCE.

    Several controllers share the parameters of a server. In turn, each proposes ``batch`` architectures with
    its own copy of the parameters. After as many results, in any order, it sends the gradient of

    .. math:: -\frac 1 m \sum_{i=1}^m (R_i - b) \log p(a_i) + \beta H(a_i)

    to the server, which takes a step of Adam, and fetches the new parameters. The baseline :math:`b` is the
    moving average of the rewards and :math:`H` the summed entropy of the choices. Rewards are scores in units
    of their moving standard deviation, so that no option depends on the scale of the scores. A result that
    was not requested is learned as if the controller whose turn it is had written it; a failed one counts as
    the worst score so far.

    Differences from the paper: the controller writes the space's encoding, without attention for skip
    connections; invalid or known encodings are drawn again and not learned from; a controller that finds
    nothing new proposes a random sample; advantages are scaled as above; the entropy is a bonus; initial
    weights and choices are drawn from the searcher's own generator.

    Args:
        space: Space to search; it must have an encoding.
        seed: Seed of the searcher's own generator.
        controllers: Number of controllers.
        batch: Number of results in one gradient.
        learning_rate: Learning rate of Adam.
        entropy: :math:`\beta`, weight of the entropy in nats.
        decay: Share of the old average that remains after one result.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range, or the space has no encoding.

    References:
        Zoph and Le, "Neural Architecture Search with Reinforcement Learning", ICLR 2017,
        https://arxiv.org/abs/1611.01578
        Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning",
        Machine Learning 8, 1992, https://doi.org/10.1007/BF00992696
    """

    name = "reinforce"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        controllers: int = 1,
        batch: int = 4,
        learning_rate: float = 0.02,
        entropy: float = 0.01,
        decay: float = 0.95,
        distinct: bool = True,
    ) -> None:
        check_whole(1, _MOST, controllers=controllers)
        check_whole(1, batch=batch)
        check_positive(learning_rate=learning_rate)
        check_not_negative(entropy=entropy)
        check_fraction(decay=decay)
        super().__init__(space, seed=seed, distinct=distinct)
        import torch

        from egraph.searchers._controller import Controller

        self.controllers, self.batch = controllers, batch
        self.learning_rate, self.entropy, self.decay = learning_rate, entropy, decay
        self._server = Controller(space.choices, _HIDDEN, self._rng)
        self._optimizer = torch.optim.Adam(self._server.parameters(), learning_rate)
        self._replicas = [copy.deepcopy(self._server) for _ in range(controllers)]
        self._rewards = Rewards(decay)
        self._told = 0
        # Controllers and the encodings they wrote, which may differ from those that the space writes.
        self._outstanding: dict[Architecture, tuple[int, list[int]]] = {}
        # Encodings and advantages of the next gradient of each controller.
        self._episodes: list[list[tuple[list[int], float]]] = [[] for _ in range(controllers)]

    def _propose(self) -> Architecture:
        number = self._turn(self._proposed)
        options, written = self._write(self._replicas[number]) or self._sample()
        self._outstanding[written] = number, options
        return written

    def _turn(self, count: int) -> int:
        return count // self.batch % self.controllers

    def _sample(self) -> tuple[list[int], Architecture]:
        sampled = self._sample_new()
        return list(self.space.encode(sampled)), sampled

    def _write(self, controller: Controller) -> tuple[list[int], Architecture] | None:
        """A new architecture of a controller; None if all that it draws are known or invalid."""
        for _ in range(_DRAWS):
            for options in controller.draw(_DRAWN, self._rng).tolist():
                try:
                    architecture = self.space.decode(options)
                except ArchitectureError:
                    continue
                if self._is_new(architecture):
                    return options, architecture
        return None

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            if architecture in self._outstanding:
                number, options = self._outstanding.pop(architecture)
            else:
                number, options = self._turn(self._told), list(self.space.encode(architecture))
            self._told += 1
            advantage = self._rewards.compare(score)
            if advantage is None:
                continue
            episodes = self._episodes[number]
            episodes.append((options, advantage))
            if len(episodes) == self.batch:
                self._step(self._replicas[number], episodes)
                episodes.clear()

    def _step(self, controller: Controller, episodes: Sequence[tuple[list[int], float]]) -> None:
        """Computes a gradient of a controller and takes a step of the server."""
        import torch

        likelihood, entropy = controller(torch.tensor([options for options, _ in episodes]))
        advantages = torch.tensor([advantage for _, advantage in episodes], dtype=torch.float32)
        loss = -(advantages * likelihood + self.entropy * entropy).mean()
        gradients = torch.autograd.grad(loss, list(controller.parameters()))
        for parameter, gradient in zip(self._server.parameters(), gradients, strict=True):
            parameter.grad = gradient
        self._optimizer.step()
        controller.load_state_dict(self._server.state_dict())

    def _state(self) -> dict[str, Any]:
        from egraph.searchers._weights import dump_optimizer, dump_weights

        return {
            "told": self._told,
            "rewards": self._rewards.state_dict(),
            "server": dump_weights(self._server),
            "optimizer": dump_optimizer(self._optimizer),
            "replicas": [dump_weights(replica) for replica in self._replicas],
            "outstanding": [[written.to_dict(), *how] for written, how in self._outstanding.items()],
            "episodes": copy.deepcopy(self._episodes),
        }

    def _load(self, state: dict[str, Any]) -> None:
        from egraph.searchers._weights import load_optimizer, load_weights

        self._told = state["told"]
        self._rewards.load_state_dict(state["rewards"])
        load_weights(self._server, state["server"])
        load_optimizer(self._optimizer, state["optimizer"])
        for replica, weights in zip(self._replicas, state["replicas"], strict=True):
            load_weights(replica, weights)
        self._outstanding = {
            Architecture.from_dict(graph): (number, options)
            for graph, number, options in state["outstanding"]
        }
        self._episodes = [[(options, gain) for options, gain in episodes] for episodes in state["episodes"]]
