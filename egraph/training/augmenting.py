"""Random changes of a batch of images or signals."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from egraph.errors import UsageError
from egraph.training.augmentation import Augmentation
from egraph.training.hiding import cut_out, erase

__all__ = ["augment"]


def augment(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Changes each image of a batch at random.

    Args:
        images: Images on any device, ``(images, channels, height, width)``, values in [0, 1]; or signals,
            ``(signals, channels, length)``, which only move.
        augmentation: Kinds and sizes of the changes. One without changes returns the images as they are, and
            then accepts tensors of any shape.
        generator: Source of all random numbers, on the CPU.

    Returns:
        Images or signals with the sides of the crop.

    Raises:
        UsageError: Features are to be changed, or the colours of what are no images.
    """
    moves = augmentation.shift or augmentation.flip or augmentation.zoom or augmentation.crop != 1
    hides = augmentation.cutout or augmentation.erase
    if (moves or hides) and images.ndim < 3:
        raise UsageError(
            f"shift, flip, crop, zoom, cutout and erase change images and signals, not features, "
            f"{tuple(images.shape[1:])}; take augment='none'"
        )
    if moves:
        images = _move(images, augmentation, generator)
    scales = augmentation.color_shift or augmentation.color_scale
    if scales or augmentation.hue:
        if images.ndim != 4:
            raise UsageError(
                "hue, color_shift and color_scale change images, (channels, height, width); got "
                f"{tuple(images.shape[1:])}"
            )
        if scales or images.shape[1] == 3:
            images = _tint(images, augmentation, generator)
    if augmentation.cutout:
        images = cut_out(images, augmentation.cutout, generator)
    if augmentation.erase:
        images = erase(images, augmentation.erase, generator)
    return images


def _move(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Shifts, crops, mirrors and zooms: reads each pixel of the result at its source; zeros from outside."""
    count, channels, *sides = images.shape
    kept = [max(1, round(side * augmentation.crop)) for side in sides]
    positions = [torch.arange(side).expand(count, -1) for side in kept]  # (images, side)
    if augmentation.shift:
        for axis, side in enumerate(sides):
            far = int(side * augmentation.shift)
            positions[axis] = positions[axis] - torch.randint(-far, far + 1, (count, 1), generator=generator)
    if augmentation.crop != 1:
        for axis, side in enumerate(sides):
            first = torch.randint(side - kept[axis] + 1, (count, 1), generator=generator)
            positions[axis] = positions[axis] + first
    if augmentation.flip:
        mirrored = torch.rand((count, 1), generator=generator) < 0.5
        positions[-1] = torch.where(mirrored, sides[-1] - 1 - positions[-1], positions[-1])
    if augmentation.zoom:
        factor = _factors(augmentation.zoom, count, generator)[:, None]
        for axis, side in enumerate(sides):
            middle = (side - 1) / 2
            positions[axis] = (middle + (positions[axis] - middle) / factor).round().long()
    where, inside = torch.zeros(count, dtype=torch.long), torch.ones(count, dtype=torch.bool)
    for position, side in zip(positions, sides, strict=True):
        beyond = position.view(count, *[1] * (where.ndim - 1), -1)
        inside = inside[..., None] & (beyond >= 0) & (beyond < side)
        where = where[..., None] * side + beyond.clamp(0, side - 1)
    where = where.flatten(1)[:, None].expand(-1, channels, -1).to(images.device)  # (images, channels, pixels)
    moved = images.flatten(2).gather(2, where).view(count, channels, *kept)
    return moved * inside[:, None].to(images.device)


def _tint(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Changes hue, saturation and value, or only the values of images without three channels."""
    count = len(images)

    def vary(numbers: Tensor) -> Tensor:
        if augmentation.color_scale:
            numbers = numbers * _spread(_factors(augmentation.color_scale, count, generator), images)
        if augmentation.color_shift:
            numbers = numbers + _spread(_between(augmentation.color_shift, count, generator), images)
        return numbers.clamp(0, 1)

    if images.shape[1] != 3:
        return vary(images.flatten(1, 2)).view_as(images)
    hue, saturation, value = _to_hsv(images)
    if augmentation.hue:
        hue = hue + _spread(_between(augmentation.hue / 60, count, generator), images)
    return _to_rgb(hue, vary(saturation), vary(value))


def _between(most: float, count: int, generator: torch.Generator) -> Tensor:
    """Numbers between ``-most`` and ``most``, shape ``(count,)``."""
    return most * (2 * torch.rand(count, generator=generator) - 1)


def _factors(most: float, count: int, generator: torch.Generator) -> Tensor:
    """Factors of up to ``1 + most`` and, as likely, their inverses, shape ``(count,)``."""
    return _between(math.log1p(most), count, generator).exp()


def _spread(numbers: Tensor, images: Tensor) -> Tensor:
    """Shapes one number an image so that it broadcasts over ``(images, height, width)``."""
    return numbers[:, None, None].to(images.device)


def _to_hsv(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue in sixths of a turn, saturation and value in [0, 1], each ``(images, height, width)``."""
    red, green, blue = images.unbind(1)
    value, least = images.amax(1), images.amin(1)
    apart = (value - least).clamp(min=1e-12)  # grey has no hue; avoid a division by zero
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
        sector = (offset + hue) % 6
        channels.append(value - value * saturation * torch.minimum(sector, 4 - sector).clamp(0, 1))
    return torch.stack(channels, 1)
