"""Checkpoints from which a longer training of the same network goes on, bit for bit as from scratch."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from egraph.errors import FailedError
from egraph.files import atomic_path
from egraph.training.recipe import Recipe
from egraph.training.stepping import TrainingStep

__all__ = ["Checkpoint", "Moving", "is_continuable"]


def is_continuable(recipe: Recipe) -> bool:
    """Whether the first epochs of a training do not depend on their number, so that a shorter one goes on."""
    return recipe.schedule == "constant" and recipe.warmup == 0 and recipe.drop_path == 0


@dataclass(frozen=True, eq=False)
class Moving:
    """All that a training changes between two epochs.

    Attributes:
        module: The module.
        step: Optimizer, scale of the loss and average of the weights.
        order: Generator of order and augmentation.
        mixing: Generator of mixup.
    """

    module: nn.Module
    step: TrainingStep
    order: torch.Generator
    mixing: np.random.Generator

    @property
    def device(self) -> torch.device:
        """The device of the module."""
        return next(self.module.parameters()).device

    def read(self) -> dict[str, Any]:
        """Copies of it as tensors, numbers and texts."""
        cuda = self.device.type == "cuda"
        return {
            "module": self.module.state_dict(),
            "step": self.step.state_dict(),
            "order": self.order.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self.device) if cuda else None,
            "mixing": json.dumps(self.mixing.bit_generator.state),
        }

    def write(self, state: dict[str, Any]) -> None:
        """Puts back what `read` gave."""
        self.module.load_state_dict(state["module"])
        self.step.load_state_dict(state["step"])
        self.order.set_state(state["order"])
        torch.set_rng_state(state["torch"])
        if state["cuda"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"], self.device)
        self.mixing.bit_generator.state = json.loads(state["mixing"])


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file with the state of a training after its last epoch.

    It is read with PyTorch's ``weights_only``, which builds nothing but tensors and plain values.

    Attributes:
        path: The file, which need not exist.
        last: Whether no longer training follows, so that the file is removed at the end in place of written.
    """

    path: Path
    last: bool = False

    def restore(self, moving: Moving, recipe: Recipe, about: str) -> tuple[int, Tensor | None]:
        """Puts the state of a shorter training back, if the file has one.

        Args:
            moving: What a training changes, as before the first epoch.
            recipe: Recipe of the training.
            about: What the training depends on beside its recipe.

        Returns:
            The number of epochs done and the loss of the first batch; 0 and None where there is no file, or
            one that is damaged, of more epochs or of another training.
        """
        if not (is_continuable(recipe) and self.path.exists()):
            return 0, None
        try:
            state = torch.load(self.path, map_location=moving.device, weights_only=True)
        except Exception:  # noqa: BLE001, whatever is wrong with the file, the training starts anew
            return 0, None
        if state.get("about") != _identify(recipe, about) or state["epochs"] > recipe.epochs:
            return 0, None
        # Generators keep their states on the CPU.
        for name in ("order", "torch", "cuda"):
            state[name] = None if state[name] is None else state[name].cpu()
        moving.write(state)
        return int(state["epochs"]), state["first"]

    def save(self, moving: Moving, recipe: Recipe, about: str, first: Tensor | None) -> None:
        """Writes the state after the last epoch, where a longer training can go on from it, or removes it.

        A file that cannot be written is left out: it saves time and decides nothing.
        """
        if self.last:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
        elif is_continuable(recipe):
            told = {"about": _identify(recipe, about), "epochs": recipe.epochs, "first": first}
            # Into memory first: on a full disk PyTorch itself raises an error that does not say so.
            content = io.BytesIO()
            torch.save({**moving.read(), **told}, content)
            with contextlib.suppress(FailedError), atomic_path(self.path) as path:
                path.write_bytes(content.getbuffer())


def _identify(recipe: Recipe, about: str) -> str:
    """What must be the same in both trainings: all but the number of epochs."""
    return json.dumps([{**recipe.to_dict(), "epochs": None}, about], sort_keys=True)
