"""What a differentiable method is: how weights are sampled, and how logits are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from egraph.supernets.mixing import Sample

if TYPE_CHECKING:
    from egraph.supernets.search import Run
    from egraph.supernets.supernet import Supernet

__all__ = ["Batch", "Gradient", "Method"]

Batch = tuple[Tensor, Tensor]
"""Inputs and targets."""


class Gradient(NamedTuple):
    """The result of one pass over an architecture batch.

    Attributes:
        loss: The validation loss, a detached scalar.
        correct: Share of the batch that was classified correctly, a detached scalar.
        of: The gradient of each tensor in `Method.trained`, in that order; None leaves it.
    """

    loss: Tensor
    correct: Tensor
    of: list[Tensor | None]


class Method:
    """A differentiable method. The base class is first-order DARTS; a subclass changes one thing.

    Keyword arguments of a subclass are its options: numbers, texts or truth values.

    Attributes:
        name: Name in the registry.
        one_level: Whether weights and logits are trained on the same examples, all of them.
        learns: Whether logits are trained.
    """

    name: ClassVar[str]
    one_level: ClassVar[bool] = False
    learns: ClassVar[bool] = True

    def sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """The weights of the operations in one forward pass.

        Args:
            supernet: The supernet, whose logits they depend on.
            progress: Share of the search that is done, in [0, 1].
            generator: Source of randomness, on the CPU.
        """
        return Sample({name: torch.softmax(each, 0) for name, each in supernet.logits.items()})

    def gradient(self, run: Run, training: Batch, validation: Batch) -> Gradient:
        """The gradient of the validation loss in the logits.

        Args:
            run: The state of the search.
            training: The batch that the next step of the weights uses.
            validation: Batch of the examples that train the logits.
        """
        loss, correct = run.validate(validation)
        return Gradient(loss.detach(), correct, _gradient(loss, self.trained(run.supernet)))

    def trained(self, supernet: Supernet) -> list[Tensor]:
        """The tensors beside the weights that are trained."""
        return list(supernet.logits.values())

    def begin_epoch(self, run: Run) -> None:
        """Changes what an epoch begins with."""

    def probabilities(self, supernet: Supernet) -> dict[str, NDArray[np.float64]]:
        """What the method has learnt: the probabilities of the operations."""
        return supernet.probabilities()

    def state_dict(self) -> dict[str, Any]:
        """What the method keeps between epochs, as tensors, numbers and texts."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""


def _gradient(loss: Tensor, tensors: list[Tensor]) -> list[Tensor | None]:
    return list(torch.autograd.grad(loss, tensors, allow_unused=True))


def share_correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """Share of a batch whose largest output is that of its class, a detached scalar."""
    return (outputs.detach().argmax(1) == targets).float().mean()


cross_entropy = nn.functional.cross_entropy
