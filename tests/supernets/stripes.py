"""A space whose best operation is known, and data that show it within seconds."""

from typing import ClassVar

import numpy as np
import torch
from torch import nn

from egraph import operations
from egraph.architecture import Architecture
from egraph.networks._allocation import allocate
from egraph.networks._mixed_nodes import MixedNodes
from egraph.networks.operations import make_layer
from egraph.spaces import ChoiceSpace
from egraph.spaces.relaxation import ChoiceRelaxation

OPTIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
BEST = 3
"""Number of the convolution of 3x3 pixels: no other operation tells horizontal stripes from vertical ones."""


class OneEdge(ChoiceSpace):
    """Networks with one operation."""

    name = "one-edge"
    operations = OPTIONS
    positions: ClassVar = {"0->1": OPTIONS}

    def build(self, options):
        return Architecture(("input", *options, "output"), [(0, 1), (1, 2)])

    def relaxation(self):
        return ChoiceRelaxation(self, build_mixed, {"channels": 8}, {"0->1": "1"})


def build_mixed(mix, input_shape, num_classes, channels=8, *, seed=0):
    """A 1x1 convolution, the edge, the mean over all pixels of its ReLU, and a dense layer."""

    def make_option(name, width):
        return make_layer("nasbench201", operations.get(name), width, width)

    def make():
        return nn.Sequential(
            nn.Conv2d(input_shape[0], channels, 1),
            nn.BatchNorm2d(channels),
            MixedNodes(1, 1, "", lambda name, _: mix(name, make_option, channels)),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, num_classes),
        )

    return allocate(make, seed, 10**6, "")


def draw_stripes(count: int = 256, side: int = 6, seed: int = 0):
    """Noisy images of horizontal (class 0) and vertical (class 1) stripes, with random phase."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(2, size=count)
    lines = ((np.arange(side)[None] + rng.integers(2, size=(count, 1))) % 2).astype(np.float32)
    images = np.where(classes[:, None, None] == 0, lines[:, :, None], lines[:, None, :])
    images = np.broadcast_to(images, (count, side, side)) + 0.1 * rng.standard_normal((count, side, side))
    return torch.as_tensor(images[:, None], dtype=torch.float32), torch.as_tensor(classes)
