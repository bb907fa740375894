"""Dropout that takes several decisions from each random number."""

import numpy as np
import pytest
import torch
from torch import nn

from egraph.training.dropping import quick_dropout

CPU = torch.device("cpu")


@pytest.mark.parametrize("shape", [(7, 3), (6, 4, 33), (5, 3, 9, 11)])
@pytest.mark.parametrize("last", [False, True])
def test_values_are_dropped_or_scaled_and_so_are_gradients(shape, last):
    x = torch.rand(shape) + 1
    if last and x.ndim == 4:
        x = x.to(memory_format=torch.channels_last)
    x.requires_grad_()
    layer = nn.Dropout(0.25)
    with quick_dropout(layer, CPU):
        y = layer(x)
    y.sum().backward()
    kept = y != 0
    assert torch.allclose(y[kept], x[kept] / 0.75)
    assert torch.equal(x.grad != 0, kept)
    assert torch.allclose(x.grad[kept], torch.tensor(1 / 0.75))
    assert y.stride() == x.stride()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_and_the_independence_of_dropped_values(p):
    layer, count = nn.Dropout(p), 400_000
    torch.manual_seed(0)
    with quick_dropout(layer, CPU):
        dropped = (layer(torch.ones(count)) == 0).double().numpy()
    error = np.sqrt(p * (1 - p) / count)
    assert abs(dropped.mean() - p) < 4 * error
    for lag in (1, 2, 3, 4, 8):  # four neighbours come from one number
        together = (dropped[lag:] * dropped[:-lag]).mean()
        assert abs(together - p * p) < 5 * np.sqrt(p * p * (1 - p * p) / count)


def test_the_generator_decides():
    layer, x = nn.Dropout(0.5), torch.ones(100)
    with quick_dropout(layer, CPU):
        drawn = [layer(x) for _ in map(torch.manual_seed, (0, 1, 0))]
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])


def test_layers_are_as_before_in_evaluation_and_afterwards():
    module = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.0), nn.Dropout1d(0.5), nn.Dropout(0.5, inplace=True))
    with quick_dropout(module, CPU):
        assert ["forward" in vars(layer) for layer in module] == [True, False, False, False]
        module.eval()
        assert torch.equal(module(torch.ones(2, 3, 4)), torch.ones(2, 3, 4))
    assert not any("forward" in vars(layer) for layer in module)
    with pytest.raises(ZeroDivisionError), quick_dropout(module, CPU):
        raise ZeroDivisionError
    assert not any("forward" in vars(layer) for layer in module)
    with quick_dropout(module, torch.device("cuda")):
        assert not any("forward" in vars(layer) for layer in module)
