"""Noise on the weights of the operations."""

from __future__ import annotations

from dataclasses import replace

import torch

from egraph.supernets.mixing import Sample

__all__ = ["perturbed"]


def perturbed(sample: Sample, spread: float, progress: float, generator: torch.Generator) -> Sample:
    """The sample with uniform noise on each weight (SmoothDARTS, random).

    Args:
        sample: The weights.
        spread: Half width of the noise at the end.
        progress: Share of the search that is done, in [0, 1]. The noise begins with a tenth of its width.
        generator: Source of randomness, on the CPU.
    """
    if not spread:
        return sample
    spread *= 0.1 + 0.9 * progress

    def shake(weights: torch.Tensor) -> torch.Tensor:
        noise = 2 * torch.rand(weights.shape, generator=generator) - 1
        return weights + spread * noise.to(weights.device)

    return replace(sample, weights={name: shake(each) for name, each in sample.weights.items()})
