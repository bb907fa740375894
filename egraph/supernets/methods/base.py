"""What a differentiable method is: how weights are sampled, and how logits are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from egraph.spaces.relaxation import Derivation
from egraph.supernets.mixing import Sample

if TYPE_CHECKING:
    from egraph.supernets.run import Run
    from egraph.supernets.supernet import Supernet

__all__ = ["Batch", "Gradient", "Method"]

Batch = tuple[Tensor, Tensor]
"""Inputs and targets."""


class Gradient(NamedTuple):
    """The result of one pass over an architecture batch.

    Attributes:
        loss: The validation loss, a detached scalar.
        correct: Share of the batch that was classified correctly, a detached scalar.
        of: The gradient of each tensor in `Run.trained`, in that order; None leaves it.
    """

    loss: Tensor
    correct: Tensor
    of: list[Tensor | None]


class Method:
    """A differentiable method. The base class is first-order DARTS; a subclass changes one thing.

    Keyword arguments of a subclass are its options: numbers, texts or truth values, kept in attributes of the
    same names.

    Attributes:
        name: Name in the registry.
        one_level: Whether weights and logits are trained on the same examples, all of them.
        learns: Whether logits are trained.
        stages: Number of equal parts of the epochs; the supernet may be built anew before each but the first.
        parts: Number of parts of the channels, one of which is mixed, where the settings name none.
        warmup: Share of the epochs of a stage, the first ones, in which only weights are trained.
        every: Number of steps of the weights for each step of the logits.
    """

    name: ClassVar[str]
    one_level: ClassVar[bool] = False
    learns: ClassVar[bool] = True
    stages: int = 1
    parts: int = 1
    warmup: float = 0.0
    every: int = 1

    @property
    def rules(self) -> Derivation:
        """Rules of derivation, where the caller gives none."""
        return Derivation()

    def sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """The weights of the operations in one forward pass.

        Args:
            supernet: The supernet, whose logits they depend on.
            progress: Share of the epochs of the stage that are done, in [0, 1].
            generator: Source of randomness, on the CPU.
        """
        return Sample({name: torch.softmax(each, 0) for name, each in supernet.logits.items()})

    def smooth_sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """A sample whose weights have second derivatives in the logits."""
        return self.sample(supernet, progress, generator)

    def gradient(self, run: Run, training: Batch, validation: Batch) -> Gradient:
        """The gradient of the validation loss in the logits.

        Args:
            run: The state of the search.
            training: The batch that the next step of the weights uses.
            validation: Batch of the examples that train the logits.
        """
        loss, correct = run.validate(validation)
        return Gradient(loss.detach(), correct, run.differentiate(loss + run.penalty(), run.trained))

    def trained(self, supernet: Supernet) -> list[Tensor]:
        """The tensors beside the weights that are trained."""
        return list(supernet.logits.values())

    def penalty(self, supernet: Supernet) -> Tensor | float:
        """What is added to the validation loss, as a function of the logits."""
        return 0.0

    def begin_stage(self, run: Run) -> None:
        """Builds the supernet of a stage after the first anew, by `Run.build`."""

    def end_epoch(self, run: Run) -> None:
        """Measures what the probabilities depend on beside the logits."""

    def probabilities(self, supernet: Supernet) -> dict[str, NDArray[np.float64]]:
        """What the method has learnt: the probabilities of the operations.

        A method that learns which positions a node should read scales those of each position by its weight.
        """
        return supernet.probabilities()

    def state_dict(self) -> dict[str, Any]:
        """What the method keeps between epochs, as tensors, numbers and texts."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""


def share_correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """Share of a batch whose largest output is that of its class, a detached scalar."""
    return (outputs.detach().argmax(1) == targets).float().mean()


cross_entropy = nn.functional.cross_entropy
