"""Parts of training images or signals set to zero at random."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["AREAS", "cut_out", "erase"]

AREAS = (0.02, 0.33)
"""Smallest and largest share of an image that `erase` sets to zero."""

ASPECT = 3.3
"""Largest ratio of the sides of the rectangle in `erase`."""


def cut_out(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Sets a window around a random position of each image to zero; it may reach beyond the border.

    Args:
        images: Images or signals, ``(images, channels, ...)``.
        share: Sides of the window as a share of the image's, at least one position.
        generator: Source of all random numbers, on the CPU.

    References:
        DeVries and Taylor, Improved regularization of convolutional neural networks with cutout,
        https://arxiv.org/abs/1708.04552
    """
    count, _, *sides = images.shape
    spans = []
    for side in sides:
        long = max(1, round(side * share))
        first = torch.randint(side, (count,), generator=generator) - long // 2
        spans.append((first, first + long))
    return _hide(images, spans)


def erase(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Sets a random rectangle that lies inside the image to zero, in a share of the images.

    Its area is uniform in `AREAS`, and its aspect ratio log-uniform up to `ASPECT` either way; sides that
    are longer than those of the image are cut. Of signals, a part of the length is set to zero.

    Args:
        images: Images or signals, ``(images, channels, ...)``.
        probability: Probability for each image.
        generator: Source of all random numbers, on the CPU.

    References:
        Zhong et al., Random erasing data augmentation, https://arxiv.org/abs/1708.04896
    """
    count, _, *sides = images.shape
    low, high = AREAS
    chosen = torch.rand(count, generator=generator) < probability
    area = low + (high - low) * torch.rand(count, generator=generator)
    tilt = torch.zeros(count)
    if len(sides) > 1:
        tilt = math.log(ASPECT) / 2 * (2 * torch.rand(count, generator=generator) - 1)
    spans = []
    for axis, side in enumerate(sides):
        share = area ** (1 / len(sides)) * torch.exp(tilt if axis == 0 else -tilt)
        long = (side * share).round().long().clamp(1, side)
        first = (torch.rand(count, generator=generator) * (side - long + 1)).long()
        spans.append((first, first + torch.where(chosen, long, 0)))
    return _hide(images, spans)


def _hide(images: Tensor, spans: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Zeros where each position lies in the span ``[first, end)`` of its axis."""
    hidden = torch.ones(len(images), dtype=torch.bool)
    for (first, end), side in zip(spans, images.shape[2:], strict=True):
        positions = torch.arange(side)
        inside = (positions >= first[:, None]) & (positions < end[:, None])  # (images, side)
        hidden = hidden[..., None] & inside.view(len(images), *[1] * (hidden.ndim - 1), side)
    return images.masked_fill(hidden[:, None].to(images.device), 0)
