"""Number formats of a forward and a backward pass."""

from __future__ import annotations

import torch

__all__ = ["mixed_precision"]


def mixed_precision(device: torch.device) -> tuple[torch.autocast, torch.amp.GradScaler]:
    """The precision of training on a device.

    CUDA GPUs use bfloat16, or float16 with scaled gradients where they lack it. CPUs use full precision.

    Returns:
        A context for forward passes, and a scaler of the loss. Both do nothing where they are not needed.
    """
    cuda = device.type == "cuda"
    brain = not cuda or torch.cuda.is_bf16_supported(including_emulation=False)
    half = torch.autocast(device.type, dtype=torch.bfloat16 if brain else torch.float16, enabled=cuda)
    return half, torch.amp.GradScaler(device.type, enabled=not brain)
