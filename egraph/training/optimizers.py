"""Optimizers by name, set as a recipe says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from egraph.training.recipe import Recipe

__all__ = ["OPTIMIZERS", "make_optimizer"]

Parameters = Iterable[nn.Parameter]


def make_optimizer(parameters: Parameters, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer of these parameters, at the peak learning rate."""
    return OPTIMIZERS[recipe.optimizer](parameters, recipe)


# fused: one kernel for all parameters


def _adam(parameters: Parameters, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)


def _adamw(parameters: Parameters, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )


def _sgd(parameters: Parameters, recipe: Recipe) -> torch.optim.Optimizer:
    optimizer = torch.optim.SGD(
        parameters,
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        momentum=recipe.momentum,
        # PyTorch refuses Nesterov's rule without momentum.
        nesterov=recipe.nesterov and recipe.momentum > 0,
        fused=True,
    )
    if recipe.momentum > 0:
        # The fused kernel refuses a weight whose first gradient comes after those of others.
        for group in optimizer.param_groups:
            for each in group["params"]:
                optimizer.state[each]["momentum_buffer"] = torch.zeros_like(each)
    return optimizer


def _plain(kind: type[torch.optim.Optimizer]) -> Callable[[Parameters, Recipe], torch.optim.Optimizer]:
    """Makes an optimizer with PyTorch's own settings but rate and weight decay."""

    def make(parameters: Parameters, recipe: Recipe) -> torch.optim.Optimizer:
        settings: dict[str, Any] = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
        return kind(parameters, **settings)

    return make


OPTIMIZERS: dict[str, Callable[[Parameters, Recipe], torch.optim.Optimizer]] = {
    "adam": _adam,
    "adamw": _adamw,
    "sgd": _sgd,
    "adamax": _plain(torch.optim.Adamax),
    "rmsprop": _plain(torch.optim.RMSprop),
    "adagrad": _plain(torch.optim.Adagrad),
    "adadelta": _plain(torch.optim.Adadelta),
}
"""Maps a name in `egraph.training.recipe.CHOICES` to a function that makes the optimizer."""
