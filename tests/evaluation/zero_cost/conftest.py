import pytest
import torch
from torch import nn


class Branches(nn.Module):
    """Two branches that meet, as in a cell: convolutions, pooling, normalisation, a skip and dropout."""

    def __init__(self, activation=nn.ReLU, channels=6, classes=3):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.left = nn.Sequential(
            activation(), nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        )
        self.right = nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.Conv2d(channels, channels, 1), activation())
        self.head = nn.Sequential(
            activation(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(channels * 9, classes)
        )

    def forward(self, images):
        x = self.stem(images)
        return self.head(self.left(x) + self.right(x) + x)


@pytest.fixture
def make_network():
    """Builds a small network whose weights follow a seed."""

    def make(activation=nn.ReLU, seed=0, **options):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Branches(activation, **options)

    return make


@pytest.fixture
def batch():
    """Eight images of two channels and their classes."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(8, 2, 6, 6, generator=generator), torch.arange(8) % 3
