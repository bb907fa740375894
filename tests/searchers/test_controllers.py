"""What the searchers that learn by gradients have in common."""

import pytest
import torch

from egraph.searchers import DeepQNetwork, Reinforce, run
from egraph.searchers.testing import ToySpace

SPACE = ToySpace(4, 4, 4)


@pytest.mark.parametrize("searcher", [DeepQNetwork, Reinforce])
def test_the_generator_of_pytorch_is_left_alone(searcher):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = run(searcher(SPACE, seed=2), SPACE.value, 12, batch=4).history
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(9)
    assert run(searcher(SPACE, seed=2), SPACE.value, 12, batch=4).history == first
