"""What a supernet has learnt, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture

__all__ = ["Epoch", "Found"]


@dataclass(frozen=True)
class Epoch:
    """The state after one epoch.

    Attributes:
        number: Epochs done.
        training_loss: Mean loss of the batches that trained the weights.
        validation_loss: Mean loss of the batches that trained the logits.
        validation: Accuracy on these batches, with the weights of the operations that the method sampled.
        probabilities: Probabilities of the operations by position; see `Method.probabilities`.
        architecture: The derived architecture.
        skips: Number of skip connections in it.
        entropy: Mean entropy of the probabilities over the positions, in nats.
        seconds: Duration of the epoch.
        stage: Number of the stage of the method, counted from 1.
        eigenvalue: Largest eigenvalue of the Hessian of the validation loss in the logits, where the search
            stops by it.
    """

    number: int
    training_loss: float
    validation_loss: float
    validation: float
    probabilities: Mapping[str, NDArray[np.float64]]
    architecture: Architecture
    skips: int
    entropy: float
    seconds: float
    stage: int = 1
    eigenvalue: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return {
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "probabilities": {name: each.tolist() for name, each in self.probabilities.items()},
            "architecture": self.architecture.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Epoch:
        """Restores what `to_dict` gave."""
        return cls(
            **{
                **values,
                "probabilities": {name: np.array(each) for name, each in values["probabilities"].items()},
                "architecture": Architecture.from_dict(values["architecture"]),
            }
        )


@dataclass(frozen=True)
class Found:
    """The result of the training of a supernet.

    Attributes:
        epochs: The epochs, in order.
        stopped: Why it ended before the last epoch; empty if it did not.
        saved_bytes: Bytes that one step on the logits keeps for the backward pass.
        until: Number of the last epoch before the reason to stop; None without one.
    """

    epochs: list[Epoch]
    stopped: str = ""
    saved_bytes: int = 0
    until: int | None = None

    @property
    def best(self) -> Epoch:
        """The epoch with the best validation accuracy; of equals the last.

        Epochs of earlier stages do not count, as their supernets were others, nor do those in which the
        reason to stop showed.
        """
        stage = self.last.stage
        able = [each for each in self.epochs[: self.until] if each.stage == stage] or [self.last]
        return max(reversed(able), key=lambda epoch: epoch.validation)

    @property
    def last(self) -> Epoch:
        """The last epoch."""
        return self.epochs[-1]

    @property
    def architecture(self) -> Architecture:
        """The architecture of the best epoch."""
        return self.best.architecture

    @property
    def probabilities(self) -> Mapping[str, NDArray[np.float64]]:
        """The probabilities after the best epoch."""
        return self.best.probabilities

    @property
    def seconds(self) -> float:
        """Duration of all epochs."""
        return sum(epoch.seconds for epoch in self.epochs)
