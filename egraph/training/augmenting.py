"""Changes a batch of images at random, as an `Augmentation` says."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from egraph.training.augmentation import Augmentation

__all__ = ["augment"]


def augment(images: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Changes each image of a batch.

    Args:
        images: ``(images, channels, height, width)``, values in [0, 1], on any device.
        how: what may change, and how far.
        generator: on the CPU; all that is random comes from it.

    Returns:
        ``(images, channels, height, width)``, the sides those of the crop.
    """
    if how.shift or how.flip or how.zoom or how.crop != 1:
        images = _move(images, how, generator)
    if how.color_shift or how.color_scale or (how.hue and images.shape[1] == 3):
        images = _tint(images, how, generator)
    return images


def _move(images: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Takes each pixel of the result from where it was; zeros from outside."""
    count, channels, *sides = images.shape
    kept = [max(1, round(side * how.crop)) for side in sides]
    places = [torch.arange(side).expand(count, -1) for side in kept]  # (images, side)
    if how.shift:
        for axis, side in enumerate(sides):
            far = int(side * how.shift)
            places[axis] = places[axis] - torch.randint(-far, far + 1, (count, 1), generator=generator)
    if how.crop != 1:
        for axis, side in enumerate(sides):
            first = torch.randint(side - kept[axis] + 1, (count, 1), generator=generator)
            places[axis] = places[axis] + first
    if how.flip:
        mirrored = torch.rand((count, 1), generator=generator) < 0.5
        places[1] = torch.where(mirrored, sides[1] - 1 - places[1], places[1])
    if how.zoom:
        factor = _factors(how.zoom, count, generator)[:, None]
        for axis, side in enumerate(sides):
            middle = (side - 1) / 2
            places[axis] = (middle + (places[axis] - middle) / factor).round().long()
    (rows, columns), (height, width) = places, sides
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    where = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]
    where = where.flatten(1)[:, None].expand(-1, channels, -1).to(images.device)  # (images, channels, pixels)
    moved = images.flatten(2).gather(2, where).view(count, channels, *kept)
    return moved * inside[:, None].to(images.device)


def _tint(images: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Changes hue, saturation and value, or the value alone where there are no colours."""
    count = len(images)

    def vary(numbers: Tensor) -> Tensor:
        if how.color_scale:
            numbers = numbers * _spread(_factors(how.color_scale, count, generator), images)
        if how.color_shift:
            numbers = numbers + _spread(_between(how.color_shift, count, generator), images)
        return numbers.clamp(0, 1)

    if images.shape[1] != 3:
        return vary(images.flatten(1, 2)).view_as(images)
    hue, saturation, value = _to_hsv(images)
    if how.hue:
        hue = hue + _spread(_between(how.hue / 60, count, generator), images)
    return _to_rgb(hue, vary(saturation), vary(value))


def _between(most: float, count: int, generator: torch.Generator) -> Tensor:
    """Numbers between ``-most`` and ``most``, shape ``(count,)``."""
    return most * (2 * torch.rand(count, generator=generator) - 1)


def _factors(most: float, count: int, generator: torch.Generator) -> Tensor:
    """Factors of up to one plus ``most``, and as likely their inverses, shape ``(count,)``."""
    return _between(math.log1p(most), count, generator).exp()


def _spread(numbers: Tensor, images: Tensor) -> Tensor:
    """One number for each image, beside maps of ``(images, height, width)``."""
    return numbers[:, None, None].to(images.device)


def _to_hsv(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue in sixths of a turn, saturation and value in [0, 1], each ``(images, height, width)``."""
    red, green, blue = images.unbind(1)
    value, least = images.amax(1), images.amin(1)
    apart = (value - least).clamp(min=1e-12)  # grey has no hue; any will do
    hue = torch.where(
        value == red,
        (green - blue) / apart,
        torch.where(value == green, 2 + (blue - red) / apart, 4 + (red - green) / apart),
    )
    return hue % 6, (value - least) / value.clamp(min=1e-12), value


def _to_rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """The inverse of `_to_hsv`, ``(images, 3, height, width)``."""
    channels = []
    for offset in (5, 3, 1):
        place = (offset + hue) % 6
        channels.append(value - value * saturation * torch.minimum(place, 4 - place).clamp(0, 1))
    return torch.stack(channels, 1)
