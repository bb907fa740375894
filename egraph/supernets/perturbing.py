"""Noise on the weights of the operations."""

from __future__ import annotations

from dataclasses import replace

import torch

from egraph.supernets.mixing import Sample

__all__ = ["perturbed"]


def perturbed(sample: Sample, spread: float, generator: torch.Generator) -> Sample:
    """The sample with uniform noise in ``[-spread, spread]`` on each weight (SmoothDARTS, random)."""
    if not spread:
        return sample

    def shake(weights: torch.Tensor) -> torch.Tensor:
        noise = 2 * torch.rand(weights.shape, generator=generator) - 1
        return weights + spread * noise.to(weights.device)

    return replace(sample, weights={name: shake(each) for name, each in sample.weights.items()})
