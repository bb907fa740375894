"""Reinforcement learning of what each choice is worth, by a double deep Q-network."""

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

_TRIES = 16  # episodes that may end in something known before a random sample is taken
_BATCH = 16  # transitions in one step of learning
_STEPS = 8  # of learning after a result, at most
_RENEWAL = 10  # results between copies to the target network
_FIRST, _LAST = 0.9, 0.05  # chance of a random action before the first result and after very many


class DeepQNetwork(Searcher):
    r"""Builds architectures action by action, each the one of greatest learnt worth, or now and then any.

    A cell of NAS-Bench-101 grows vertex by vertex: the network reads its 45 bits and says what each kind of
    layer and each input is worth; the best layer and the best two inputs, one of which may be none, are the
    action. Elsewhere an action is the option at the next place of the encoding. The score comes at the end,
    undiscounted. Whole episodes go to a replay memory; after each result the network takes a step of double
    Q-learning for each action of the episode, eight at most, on transitions drawn from the memory, and after
    every tenth the target network becomes a copy of it. A random action has the chance

    .. math:: \epsilon = 0.05 + 0.85 \, e^{-r / d}

    after :math:`r` results. Where an episode ends in something known, it is played again with a chance that
    grows to one. An episode that ends in no architecture counts as failed, and a failed one as the worst of
    the memory. Never-asked results join it with actions that would have built them.

    What differs from the thesis: no connection can really be chosen (its listing always takes two inputs
    where there are two); an output that has to come because the cell is full chooses its inputs like every
    vertex; unfinished cells have no output edge in their state; scores are standardised over the memory. The
    thesis leaves open what the loss is: here each picked output learns the value of the whole action, and
    actions are worth the mean of their outputs, as in action branching.

    Args:
        space: where to search; NAS-Bench-101 or one that gives an encoding.
        seed: of the searcher's own generator.
        decay: :math:`d`, results after which the chance of a random action has fallen most of the way.
        memory: how many episodes are remembered; the oldest leave.
        learning_rate: of Adam.
        distinct: never ask twice for one key, and never for a key that was told.

    Raises:
        UsageError: the space gives no encoding, or ``decay``, ``memory`` or ``learning_rate`` is not above 0.

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
        self._played: dict[Architecture, list[Action]] = {}  # results of these are outstanding
        self._replay: list[tuple[list[Action], float]] = []  # the oldest first; NaN for a failed one

    @property
    def epsilon(self) -> float:
        """The chance of a random action in the first try of an episode."""
        return _LAST + (_FIRST - _LAST) * math.exp(-self._told / self.decay)

    def _propose(self) -> Architecture:
        for number in range(_TRIES):
            actions = self._play(self.epsilon + (1 - self.epsilon) * number / _TRIES)
            try:
                built = self._episodes.build(actions)
            except ArchitectureError:
                if number == 0:  # of many in a row only the first, so that they do not fill the memory
                    self._remember(actions, math.nan)
                continue
            if self._is_new(built):
                self._played[built] = actions
                return built
        return self._sample_new()

    def _play(self, epsilon: float) -> list[Action]:
        """One episode."""
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
        """Of each episode in the memory, standardised; None before the first success."""
        scores = np.array([score for _, score in self._replay])
        failed = np.isnan(scores)
        if failed.all():
            return None
        scores[failed] = scores[~failed].min()
        return (scores - scores.mean()) / (scores.std() or 1.0)

    def _step(self, rewards: NDArray[np.float64]) -> None:
        """One batch of transitions, each a random step of a random episode."""
        batch = []
        for place in self._rng.integers(len(self._replay), size=_BATCH).tolist():
            actions, _ = self._replay[place]
            batch.append((actions, int(self._rng.integers(len(actions))), float(rewards[place])))
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
