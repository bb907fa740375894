"""Weights of small networks: drawn from a given generator, saved as plain numbers.

Imports PyTorch; searchers therefore import this module when they build their network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

__all__ = ["draw_uniform", "dump_optimizer", "dump_weights", "load_optimizer", "load_weights"]


def draw_uniform(module: torch.nn.Module, bound: float, rng: np.random.Generator) -> None:
    """Fills all parameters uniformly from ``(-bound, bound)``."""
    with torch.no_grad():
        for parameter in module.parameters():
            drawn = rng.uniform(-bound, bound, size=tuple(parameter.shape))
            parameter.copy_(torch.from_numpy(drawn))


def dump_weights(module: torch.nn.Module) -> dict[str, Any]:
    """All parameters as nested lists."""
    return {name: tensor.tolist() for name, tensor in module.state_dict().items()}


def load_weights(module: torch.nn.Module, weights: dict[str, Any]) -> None:
    """Restores what `dump_weights` returned."""
    module.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})


def dump_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, dict[str, Any]]:
    """The optimizer's state of each parameter, as nested lists, without its settings."""
    memory = optimizer.state_dict()["state"]
    return {
        str(number): {name: value.tolist() for name, value in values.items()}
        for number, values in memory.items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, memory: dict[str, dict[str, Any]]) -> None:
    """Restores what `dump_optimizer` returned."""
    state = optimizer.state_dict()
    state["state"] = {
        int(number): {name: torch.tensor(value) for name, value in values.items()}
        for number, values in memory.items()
    }
    optimizer.load_state_dict(state)
