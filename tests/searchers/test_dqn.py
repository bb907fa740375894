import math

import numpy as np
import pytest
import torch

from egraph import searchers
from egraph.errors import ArchitectureError, UsageError
from egraph.searchers import DeepQNetwork, run
from egraph.searchers._q_network import QNetwork, best_action
from egraph.searchers.testing import ToySpace
from egraph.spaces.episodes import Pick
from egraph.spaces.nasbench101 import NASBench101

SPACE = ToySpace(4, 4, 4, 4, 4, 4)


class Fixed(torch.nn.Module):
    """The same outputs for every state."""

    def __init__(self, *outputs):
        super().__init__()
        self.outputs = torch.nn.Parameter(torch.tensor(outputs))

    def forward(self, states):
        return self.outputs.expand(len(states), -1)


def test_the_outputs_of_highest_worth_are_picked():
    values = np.array([0.0, 5.0, 3.0, 9.0, 4.0, 1.0], dtype=np.float32)
    assert best_action(values, [Pick([0, 1], 1), Pick([2, 4, 5], 2)]) == (1, 2, 4)


def test_goals_are_those_of_double_q_learning():
    """The network chooses, the target network values; rewards come where the episode ends."""
    space = NASBench101()
    network = QNetwork(space.episodes(), 1e-3, np.random.default_rng(0))
    # Layers 0 to 3, vertices 4 to 9, no connection 10. The next vertex can have vertices 0 and 1 as inputs.
    network.policy = Fixed(0.0, 2.0, 1.0, 0.0, 7.0, 6.0, 99.0, 0.0, 0.0, 0.0, 1.0)
    network.target = Fixed(50.0, 3.0, 50.0, 50.0, 10.0, 20.0, 50.0, 50.0, 50.0, 50.0, 50.0)
    episode = [(0, 4, 10), (3, 4, 5)]
    goals = network.goals([(episode, 0, -1.5), (episode, 1, -1.5)])
    assert goals == pytest.approx([(3 + 10 + 20) / 3, -1.5])


def test_each_picked_output_is_drawn_to_the_goal_and_no_other():
    space = ToySpace(2, 3)
    network = QNetwork(space.episodes(), 1e-2, np.random.default_rng(0))
    before = network.policy[-1].bias.detach().clone()
    network.learn([([(1,), (3,)], 1, 100.0)])
    moved = network.policy[-1].bias.detach() - before
    assert moved.nonzero().tolist() == [[3]]
    assert moved[3] > 0


def test_chance_of_random_actions_falls_with_results():
    searcher = DeepQNetwork(SPACE, decay=2.0)
    assert searcher.epsilon == pytest.approx(0.9)
    asked = searcher.ask(2)
    searcher.tell(asked, SPACE.value(asked))
    assert searcher.epsilon == pytest.approx(0.05 + 0.85 / math.e)


def test_the_target_network_follows_every_tenth_result():
    searcher = DeepQNetwork(SPACE, seed=0)
    first = searcher.state_dict()["network"]["target"]
    for told in range(1, 11):
        asked = searcher.ask()
        searcher.tell(asked, SPACE.value(asked))
        network = searcher.state_dict()["network"]
        assert (network["target"] == first) == (told < 10)
    assert network["target"] == network["policy"]


def test_failures_are_as_bad_as_the_worst_and_rewards_standardised():
    searcher = DeepQNetwork(SPACE)
    chains = [SPACE.make([0, 0, 0, 0, 0, k]) for k in range(4)]
    searcher.tell(chains[:1], [np.nan])
    assert searcher._rewards() is None
    searcher.tell(chains[1:], [1.0, 3.0, np.nan])
    # 1, 1, 3, 1 have mean 1.5 and variance 0.75.
    assert searcher._rewards() == pytest.approx(np.array([-0.5, -0.5, 1.5, -0.5]) / math.sqrt(0.75))


def test_the_oldest_episodes_leave_the_memory():
    searcher = DeepQNetwork(SPACE, memory=3)
    chains = [SPACE.make([0, 0, 0, 0, 0, k]) for k in range(4)]
    searcher.tell(chains, [0.0, 1.0, 2.0, 3.0])
    assert [score for _, score in searcher.state_dict()["replay"]] == [1.0, 2.0, 3.0]


def test_an_episode_that_builds_nothing_is_remembered_as_failed():
    class Narrow(ToySpace):
        def decode(self, options):
            raise ArchitectureError("nothing")

    searcher = DeepQNetwork(Narrow(4, 5))
    assert len(searcher.ask(3)) == 3  # random samples
    assert [score for _, score in searcher.state_dict()["replay"]] == [None] * 3


def test_what_was_played_is_learnt_as_it_was_played():
    """A space that decodes many encodings to one architecture."""

    class Folded(ToySpace):
        def decode(self, options):
            return super().decode([options[0], 0])

    searcher = DeepQNetwork(Folded(5, 7), seed=1)
    asked = searcher.ask(4)
    searcher.tell(asked, [1.0, 2.0, 3.0, 4.0])
    replay = searcher.state_dict()["replay"]
    assert [first for ((first,), _), _ in replay] == [searcher.space.numbers(one)[0] for one in asked]
    assert any(second != 5 for (_, (second,)), _ in replay)


def test_cells_grow_vertex_by_vertex():
    space = NASBench101()
    searcher = DeepQNetwork(space, seed=0)
    result = run(searcher, lambda cells: [cell.ops.count("conv3x3-bn-relu") for cell in cells], 15, batch=5)
    assert len({space.key(step.architecture) for step in result.history}) == 15
    restored = DeepQNetwork(space, seed=1)
    restored.load_state_dict(searcher.state_dict())
    assert restored.ask(3) == searcher.ask(3)


def test_it_beats_random_search():
    """120 of 4,096 chains, over seeds; it needs about 60 to learn from."""
    found, random = (
        [run(searchers.get(name)(SPACE, seed=seed), SPACE.value, 120, 4).best_score for seed in range(2)]
        for name in ("dqn", "random")
    )
    assert np.mean(found) > np.mean(random) + 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"decay": 0}, "decay must be a number above 0, got 0"),
        ({"memory": 0}, "memory must be a whole number of at least 1, got 0"),
        ({"learning_rate": 0}, "learning_rate must be a number above 0, got 0"),
    ],
)
def test_numbers_out_of_range_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        DeepQNetwork(SPACE, **options)
