"""A linear classifier, and a few random images for it."""

import torch
from torch import nn

from egraph.training import seeded


def linear(seed=0):
    with seeded(seed, torch.device("cpu")):
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


def problem(count=24):
    generator = torch.Generator().manual_seed(1)
    return torch.rand((count, 1, 4, 4), generator=generator), torch.arange(count) % 3
