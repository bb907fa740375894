"""The network of `dqn` and its training on replayed episodes.

Imports PyTorch; the searcher therefore imports this module when it is made.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import smooth_l1_loss
from torch.nn.utils import skip_init

from egraph.searchers._weights import (
    draw_uniform,
    dump_optimizer,
    dump_weights,
    load_optimizer,
    load_weights,
)
from egraph.spaces.episodes import Action, Episodes, Pick

__all__ = ["QNetwork", "Transition", "best_action"]

_HIDDEN = 64

Transition = tuple[Sequence[Action], int, float]
"""An episode, the number of one of its steps, and the reward at its end."""


class QNetwork:
    """Values of outputs in a state, learned by double Q-learning.

    The value of an action is the mean of the outputs that it picks. The Huber loss draws each picked output
    towards the reward if the episode ends, else towards the target network's value of the action that the
    network prefers in the next state.

    Args:
        episodes: Definition of states and outputs.
        learning_rate: Learning rate of Adam.
        rng: Source of the initial weights; the global generator of PyTorch is neither read nor set.
    """

    def __init__(self, episodes: Episodes, learning_rate: float, rng: np.random.Generator) -> None:
        self._episodes = episodes
        sizes = (episodes.bits, _HIDDEN, _HIDDEN, episodes.outputs)
        layers: list[torch.nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [skip_init(torch.nn.Linear, inputs, outputs), torch.nn.ReLU()]
            draw_uniform(layers[-2], inputs**-0.5, rng)
        self.policy = torch.nn.Sequential(*layers[:-1])
        self.target = copy.deepcopy(self.policy)
        self._optimizer = torch.optim.Adam(self.policy.parameters(), learning_rate)

    @torch.no_grad()
    def values(self, actions: Sequence[Action]) -> NDArray[np.float32]:
        """The value of each output in the state after these actions, ``(outputs,)``."""
        return self.policy(torch.from_numpy(self._episodes.observe(actions))).numpy()

    def learn(self, transitions: Sequence[Transition]) -> None:
        """Takes one step of Adam on a batch."""
        states = np.stack([self._episodes.observe(actions[:step]) for actions, step, _ in transitions])
        goals = self.goals(transitions)
        picked = [(row, output) for row, (acts, step, _) in enumerate(transitions) for output in acts[step]]
        rows, outputs = torch.tensor(picked).T
        found = self.policy(torch.from_numpy(states))[rows, outputs]
        loss = smooth_l1_loss(found, torch.from_numpy(goals)[rows])
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()

    @torch.no_grad()
    def goals(self, transitions: Sequence[Transition]) -> NDArray[np.float32]:
        """The targets of the picked outputs of each transition, ``(transitions,)``."""
        goals = np.array([reward for *_, reward in transitions], dtype=np.float32)
        inner = [row for row, (actions, step, _) in enumerate(transitions) if step + 1 < len(actions)]
        if inner:
            prefixes = [transitions[row][0][: transitions[row][1] + 1] for row in inner]
            states = torch.from_numpy(np.stack([self._episodes.observe(prefix) for prefix in prefixes]))
            wanted, valued = self.policy(states).numpy(), self.target(states).numpy()
            for row, prefix, want, value in zip(inner, prefixes, wanted, valued, strict=True):
                goals[row] = value[list(best_action(want, self._episodes.picks(prefix)))].mean()
        return goals

    def renew_target(self) -> None:
        """Copies the network to the target network."""
        self.target.load_state_dict(self.policy.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Weights of both networks and state of the optimizer, as JSON-ready values."""
        return {
            "policy": dump_weights(self.policy),
            "target": dump_weights(self.target),
            "optimizer": dump_optimizer(self._optimizer),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        load_weights(self.policy, state["policy"])
        load_weights(self.target, state["target"])
        load_optimizer(self._optimizer, state["optimizer"])


def best_action(values: NDArray[np.floating[Any]], picks: Sequence[Pick]) -> Action:
    """The outputs of highest value, as many as each pick asks for.

    A softmax over the outputs of a pick would choose the same.
    """
    chosen: list[int] = []
    for outputs, number in picks:
        order = np.argsort(-values[list(outputs)], kind="stable")[:number]
        chosen += sorted(outputs[position] for position in order)
    return tuple(chosen)
