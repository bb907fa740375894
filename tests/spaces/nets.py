"""Builders, as people write them."""

import itertools

import torch
from torch import nn

from egraph import Unbuildable


def conv(width, kernel):
    return nn.Sequential(
        nn.Conv2d(width, width, kernel, padding=kernel // 2), nn.BatchNorm2d(width), nn.ReLU()
    )


def build(choose):
    width = choose("width", 4, 8)
    layers = [nn.Conv2d(1, width, 3, padding=1)]
    for i in range(choose("depth", 1, 2, 3)):
        layers.append(
            choose.module(
                f"layer{i}", conv3=lambda: conv(width, 3), conv5=lambda: conv(width, 5), skip=nn.Identity
            )
        )
    activation = choose("activation", nn.ReLU, nn.GELU)
    choose.setting("learning_rate", 0.1, 0.01)
    return nn.Sequential(*layers, activation(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


class Joined(nn.Module):
    """Layers that each read some earlier results."""

    def __init__(self, choose, features, classes):
        super().__init__()
        self.stem = nn.Linear(features, 8)
        self.layers = nn.ModuleList()
        self.inputs = []
        for i in range(choose("layers", 1, 2, 3)):
            self.inputs.append(choose.inputs(f"inputs{i}", i + 1, most=2))
            self.layers.append(nn.Linear(8, 8))
        self.head = nn.Linear(8, classes)

    def forward(self, x):
        results = [self.stem(x)]
        for layer, inputs in zip(self.layers, self.inputs, strict=True):
            results.append(torch.relu(layer(sum(results[i] for i in inputs))))
        return self.head(results[-1])


def joined(choose, input_shape, num_classes):
    return Joined(choose, *input_shape, num_classes)


def cell(choose, depth=0):
    """A layer, or two cells one behind the other or side by side."""
    if depth > 4:
        raise Unbuildable("deeper than four")
    kind = choose("kind", "layer", "both", "sum")
    if kind == "layer":
        return nn.Sequential(nn.Linear(6, 6), choose("act", nn.ReLU, nn.Tanh)())
    parts = [cell(choose.within(name), depth + 1) for name in ("a", "b")]
    return nn.Sequential(*parts) if kind == "both" else Sum(*parts)


class Sum(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.a, self.b = a, b

    def forward(self, x):
        return self.a(x) + self.b(x)


def recursive(choose):
    return nn.Sequential(nn.Linear(5, 6), cell(choose), nn.Linear(6, 3))


counter = itertools.count()
kept = nn.Linear(5, 3)
