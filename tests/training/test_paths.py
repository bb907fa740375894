"""Dropped paths and auxiliary heads."""

import pytest
import torch
from tiny_problem import linear, problem
from torch import nn

from egraph.errors import UsageError
from egraph.training import Checkpoint, Recipe, fit, seeded
from egraph.training.paths import DropPath, set_drop_path, with_auxiliary

cross_entropy = nn.functional.cross_entropy


def test_whole_examples_are_dropped_and_the_mean_stays():
    layer = DropPath().train()
    x = torch.ones(4000, 2, 3)
    assert layer(x) is x
    set_drop_path(layer, 0.4, 0.5)
    assert layer.probability == 0.2
    with seeded(0, torch.device("cpu")):
        dropped = layer(x)
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert (dropped.flatten(1).std(1) == 0).all()
    assert abs((dropped == 0).float().mean() - 0.2) < 4 * (0.16 / 4000) ** 0.5
    assert layer.eval()(x) is x


def test_paths_are_dropped_more_and_more_often():
    seen = []

    class Watched(DropPath):
        def forward(self, x):
            seen.append(self.probability)
            return super().forward(x)

    fit(nn.Sequential(linear(), Watched()), problem(), Recipe(epochs=4, batch_size=24, drop_path=0.2))
    assert seen == pytest.approx([0, 0.05, 0.1, 0.15])


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.head, self.auxiliary = linear(1), linear(2)

    def forward(self, x):
        return (self.head(x), self.auxiliary(x)) if self.training else self.head(x)


def test_the_auxiliary_loss_is_added_with_its_weight():
    module, (x, y) = TwoHeads().train(), problem()
    loss = with_auxiliary(cross_entropy, 0.4)(module(x), y)
    expected = cross_entropy(module.head(x), y) + 0.4 * cross_entropy(module.auxiliary(x), y)
    assert loss.item() == pytest.approx(expected.item())
    assert with_auxiliary(cross_entropy, 0) is cross_entropy


def test_both_heads_are_trained_and_one_is_measured():
    module = TwoHeads()
    before = [each.clone() for each in module.parameters()]
    recipe = Recipe(epochs=1, batch_size=8, auxiliary=0.4, label_smoothing=0.1, mixup=0.2)
    fit(module, problem(), recipe)
    assert not any(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))
    assert isinstance(module.eval()(problem()[0]), torch.Tensor)


def test_a_longer_training_that_drops_paths_starts_anew(tmp_path):
    """The probabilities of its first epochs are others."""
    path = tmp_path / "a.pt"
    recipe = Recipe(epochs=1, batch_size=24, schedule="constant", drop_path=0.2)
    fit(nn.Sequential(linear(), DropPath()), problem(), recipe, checkpoint=Checkpoint(path))
    done = []
    fit(
        nn.Sequential(linear(), DropPath()),
        problem(),
        recipe.changed(epochs=2),
        checkpoint=Checkpoint(path),
        progress=lambda *epochs: done.append(epochs),
    )
    assert done == [(1, 2), (2, 2)]


def test_a_network_without_these_parts_is_refused():
    with pytest.raises(UsageError, match="drop_path of the recipe needs a network with paths to drop"):
        fit(linear(), problem(), Recipe(epochs=1, drop_path=0.1))
    with pytest.raises(UsageError, match="auxiliary of the recipe needs a network with an auxiliary head"):
        fit(linear(), problem(), Recipe(epochs=1, auxiliary=0.4))
