import functools
import itertools

import numpy as np
import pytest
import torch

from egraph import searchers
from egraph.errors import UsageError
from egraph.searchers import Reinforce, run, testing
from egraph.searchers._controller import Controller
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(6, 6, 6, 6)
MANY = functools.partial(Reinforce, controllers=3, batch=2)


def _controller(*choices, scale=10.0):
    """With weights large enough that options differ in probability."""
    controller = Controller(choices, 8, np.random.default_rng(0))
    with torch.no_grad():
        for parameter in controller.parameters():
            parameter.mul_(scale)
    return controller


def _likelihood(searcher, *chains):
    with torch.no_grad():
        return searcher._replicas[0](torch.tensor(chains))[0].numpy()


def test_probabilities_of_all_encodings_add_up_and_so_do_entropies():
    everything = torch.tensor(list(itertools.product(range(2), range(3), range(4))))
    with torch.no_grad():
        likelihood, entropy = _controller(2, 3, 4)(everything)
    shares = likelihood.exp()
    assert shares.sum().item() == pytest.approx(1.0, abs=1e-5)
    assert shares.max() > 2 * shares.min()
    # The entropy of all is what the choices on the way have on average.
    assert (shares * entropy).sum().item() == pytest.approx(-(shares * likelihood).sum().item(), abs=1e-5)


def test_encodings_are_drawn_with_their_probabilities():
    controller = _controller(2, 3)
    everything = list(itertools.product(range(2), range(3)))
    drawn = [tuple(one) for one in controller.draw(20_000, np.random.default_rng(1)).tolist()]
    with torch.no_grad():
        expected = controller(torch.tensor(everything))[0].exp().numpy()
    found = [drawn.count(one) / len(drawn) for one in everything]
    assert found == pytest.approx(expected, abs=0.015)  # four standard deviations


@pytest.mark.parametrize("entropy", [0.0, 0.5])
def test_the_gradient_is_that_of_the_formula(entropy):
    """Against differences of the objective, for one parameter."""
    searcher = Reinforce(ToySpace(3, 3), batch=2, entropy=entropy)
    controller = searcher._replicas[0]
    episodes = [([0, 1], 1.5), ([2, 2], -0.5)]

    def objective(shift):
        bias = controller.heads[1].bias
        with torch.no_grad():
            bias[1] += shift
            likelihood, openness = controller(torch.tensor([options for options, _ in episodes]))
            bias[1] -= shift
        return float((1.5 * likelihood[0] - 0.5 * likelihood[1] + entropy * openness.sum()) / 2)

    expected = -(objective(0.05) - objective(-0.05)) / 0.1
    searcher._step(controller, episodes)
    assert searcher._server.heads[1].bias.grad[1].item() == pytest.approx(expected, rel=0.01)


def test_what_was_better_becomes_likelier_although_never_asked():
    space = ToySpace(3, 3)
    searcher = Reinforce(space, batch=2)
    before = _likelihood(searcher, [2, 2], [0, 0])
    for _ in range(10):
        searcher.tell([space.make([0, 0]), space.make([2, 2])], [1.0, 2.0])
    after = _likelihood(searcher, [2, 2], [0, 0])
    assert after[0] > before[0]
    assert after[1] < before[1]


def test_a_gradient_waits_for_its_batch():
    searcher = Reinforce(SPACE, batch=3)
    asked = searcher.ask(3)
    before = searcher.state_dict()["server"]
    searcher.tell(asked[2:], [1.0])
    searcher.tell(asked[:1], [2.0])
    assert searcher.state_dict()["server"] == before
    searcher.tell(asked[1:2], [4.0])
    assert searcher.state_dict()["server"] != before


def test_what_was_written_is_learnt_as_it_was_written():
    """A space that decodes many encodings to one architecture."""

    class Folded(ToySpace):
        def decode(self, options):
            return super().decode([options[0], 0])

    searcher = Reinforce(Folded(3, 7), batch=8, seed=1)
    asked = searcher.ask(3)
    searcher.tell(asked, [1.0, 2.0, 3.0])
    learnt = [options for options, _ in searcher.state_dict()["episodes"][0]]
    assert [first for first, _ in learnt] == [searcher.space.numbers(one)[0] for one in asked]
    assert any(second for _, second in learnt)


def test_controllers_learn_from_what_they_wrote_and_share_it_with_the_server():
    searcher = Reinforce(SPACE, controllers=2, batch=2)
    asked = searcher.ask(4)  # two of each
    before = searcher.state_dict()
    searcher.tell([asked[0], asked[2]], [1.0, 2.0])
    assert searcher.state_dict()["server"] == before["server"]
    searcher.tell(asked[3:], [5.0])  # the second controller has its two
    after = searcher.state_dict()
    assert after["replicas"][0] == before["replicas"][0]
    assert after["replicas"][1] == after["server"] != before["server"]


@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
def test_several_controllers_conform(check):
    check(MANY)


def test_it_beats_random_search():
    """120 of 4,096 chains, over seeds."""
    space = ToySpace(4, 4, 4, 4, 4, 4)
    found, random = (
        [
            run(searchers.get(name)(space, seed=seed), space.value, 120, batch=4).best_score
            for seed in range(4)
        ]
        for name in ("reinforce", "random")
    )
    assert np.mean(found) > np.mean(random) + 1


@pytest.mark.parametrize("name", ["controllers", "batch"])
def test_no_controller_and_no_batch_are_refused(name):
    with pytest.raises(UsageError, match=f"{name} must be a whole number of at least 1, got 0"):
        Reinforce(SPACE, **{name: 0})


def test_too_many_controllers_are_refused():
    with pytest.raises(UsageError, match="controllers must be at most 1000, got 1001"):
        Reinforce(SPACE, controllers=1001)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"learning_rate": 0}, "learning_rate must be a number above 0, got 0"),
        ({"entropy": -0.1}, "entropy must be a number of at least 0, got -0.1"),
        ({"decay": 1.0}, "decay must be a number above 0 and below 1, got 1.0"),
        ({"decay": 0}, "decay must be a number above 0 and below 1, got 0"),
    ],
)
def test_rates_out_of_range_are_refused(options, text):
    with pytest.raises(UsageError, match=text):
        Reinforce(SPACE, **options)
