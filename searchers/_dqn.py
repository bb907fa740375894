"""Reinforcement learning with a double deep Q-network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_positive, check_whole
from egraph.errors import ArchitectureError
from egraph.searchers._base import Searcher
from egraph.spaces import SearchSpace
from egraph.spaces.episodes import Action

__all__ = ["DeepQNetwork"]

_TRIES = 16  # episodes without a new architecture before a random sample is taken
_BATCH = 16  # transitions in one training step
_STEPS = 8  # largest number of training steps after a result
_RENEWAL = 10  # results between copies to the target network
_FIRST, _LAST = 0.9, 0.05  # epsilon before the first result and its limit


class DeepQNetwork(Searcher):
    r"""Builds architectures action by action, epsilon-greedy by learned values.

    A cell of NAS-Bench-101 grows vertex by vertex: the network reads 45 bits of state and returns a value for
    each operation and each input. The best operation and the best two inputs, one of which may be "none", are
    the action. In other spaces an action is the option at the next position of the encoding. The score is an
    undiscounted reward at the end. Whole episodes enter a replay memory. After each result the network takes
    one step of double Q-learning per action of the episode, at most eight, on transitions drawn from the
    memory. After every tenth result the target network becomes a copy of it. The probability of a random
    action is

    .. math:: \epsilon = 0.05 + 0.85 \, e^{-r / d}

    after :math:`r` results. If an episode ends in a known architecture, another is played with a probability
    that rises to one. An episode that ends in no valid architecture counts as failed, and a failed one as the
    worst of the memory. Results that were not requested enter the memory with actions that build them.

    Differences from the thesis: "none" can be chosen as an input (its listing always takes two inputs if
    there are two); the output of a full cell chooses its inputs like every vertex; unfinished cells have no
    output edge in their state; scores are standardized over the memory. The thesis leaves the loss open: here
    each picked output learns the value of the whole action, and the value of an action is the mean of its
    outputs, as in action branching.

    Args:
        space: Space to search; NAS-Bench-101 or one with an encoding.
        seed: Seed of the searcher's own generator.
        decay: :math:`d`, number of results in which :math:`\epsilon` falls by a factor e towards its limit.
        memory: Number of episodes in the replay memory; the oldest leave first.
        learning_rate: Learning rate of Adam.
        distinct: Whether no key is proposed twice, nor one that was told.

    Raises:
        UsageError: An option is of the wrong kind or out of range, or the space has no encoding.

    References:
        van Hasselt, Guez and Silver, "Deep Reinforcement Learning with Double Q-learning", AAAI 2016,
        https://arxiv.org/abs/1509.06461
        Tavakoli, Pardo and Kormushev, "Action Branching Architectures for Deep Reinforcement Learning",
        AAAI 2018, https://arxiv.org/abs/1711.08946
    """

    name = "dqn"

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        decay: float = 50.0,
        memory: int = 1000,
        learning_rate: float = 1e-3,
        distinct: bool = True,
    ) -> None:
        check_positive(decay=decay, learning_rate=learning_rate)
        check_whole(1, memory=memory)
        super().__init__(space, seed=seed, distinct=distinct)
        from egraph.searchers._q_network import QNetwork

        self.decay, self.memory, self.learning_rate = decay, memory, learning_rate
        self._episodes = space.episodes()
        self._network = QNetwork(self._episodes, learning_rate, self._rng)
        self._told = 0
        self._played: dict[Architecture, list[Action]] = {}  # architectures without a result
        self._replay: list[tuple[list[Action], float]] = []  # oldest first; NaN for a failed one

    @property
    def epsilon(self) -> float:
        """The probability of a random action in the first episode of a proposal."""
        return _LAST + (_FIRST - _LAST) * math.exp(-self._told / self.decay)

    def _propose(self) -> Architecture:
        for number in range(_TRIES):
            actions = self._play(self.epsilon + (1 - self.epsilon) * number / _TRIES)
            try:
                built = self._episodes.build(actions)
            except ArchitectureError:
                if number == 0:  # only the first, so that invalid episodes do not fill the memory
                    self._remember(actions, math.nan)
                continue
            if self._is_new(built):
                self._played[built] = actions
                return built
        return self._sample_new()

    def _play(self, epsilon: float) -> list[Action]:
        """Plays one episode."""
        from egraph.searchers._q_network import best_action

        actions: list[Action] = []
        while picks := self._episodes.picks(actions):
            explores = self._rng.random() < epsilon
            values = self._rng.random(self._episodes.outputs) if explores else self._network.values(actions)
            actions.append(best_action(values, picks))
        return actions

    def _learn(self, architectures: Sequence[Architecture], scores: NDArray[np.float64]) -> None:
        for architecture, score in zip(architectures, scores.tolist(), strict=True):
            actions = self._played.pop(architecture, None) or self._episodes.trace(architecture)
            self._remember(actions, score)
            self._told += 1
            rewards = self._rewards()
            if rewards is not None:
                for _ in range(min(len(actions), _STEPS)):
                    self._step(rewards)
            if self._told % _RENEWAL == 0:
                self._network.renew_target()

    def _remember(self, actions: list[Action], score: float) -> None:
        self._replay.append((actions, score))
        del self._replay[: -self.memory]

    def _rewards(self) -> NDArray[np.float64] | None:
        """Standardized rewards of the episodes in the memory; None before the first success."""
        scores = np.array([score for _, score in self._replay])
        failed = np.isnan(scores)
        if failed.all():
            return None
        scores[failed] = scores[~failed].min()
        return (scores - scores.mean()) / (scores.std() or 1.0)

    def _step(self, rewards: NDArray[np.float64]) -> None:
        """Trains on a batch of transitions, each a random step of a random episode."""
        batch = []
        for position in self._rng.integers(len(self._replay), size=_BATCH).tolist():
            actions, _ = self._replay[position]
            batch.append((actions, int(self._rng.integers(len(actions))), float(rewards[position])))
        self._network.learn(batch)

    def _state(self) -> dict[str, Any]:
        return {
            "told": self._told,
            "network": self._network.state_dict(),
            "played": [[built.to_dict(), actions] for built, actions in self._played.items()],
            "replay": [[actions, None if score != score else score] for actions, score in self._replay],
        }

    def _load(self, state: dict[str, Any]) -> None:
        self._told = state["told"]
        self._network.load_state_dict(state["network"])
        self._played = {Architecture.from_dict(built): _actions(played) for built, played in state["played"]}
        self._replay = [
            (_actions(actions), math.nan if score is None else score) for actions, score in state["replay"]
        ]


def _actions(listed: Sequence[Sequence[int]]) -> list[Action]:
    return [tuple(action) for action in listed]
