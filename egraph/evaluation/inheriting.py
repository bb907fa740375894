"""Real training that begins with the weights of a network that was trained before."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from egraph.architecture import Architecture
from egraph.datasets import ImageData
from egraph.errors import UsageError
from egraph.evaluation.base import Evaluation
from egraph.evaluation.training import Training
from egraph.spaces import SearchSpace
from egraph.training import Recipe

if TYPE_CHECKING:
    import torch

__all__ = ["InheritedTraining"]


class InheritedTraining(Training):
    """Trains the networks of a space briefly, beginning with the weights of those it trained before.

    It remembers the best networks that it trained. Where network morphisms lead from one of them to the
    network of a new architecture (`SearchSpace.inherit`), this begins with the function of the best such, and
    is trained by the recipe ``heirs``: each training is one cycle of its schedule, so that with ``cosine``
    the learning rate restarts as in SGDR. Where none does, it is trained from scratch by ``recipe``. An
    architecture that is measured again goes on from its own weights, if they are still remembered.

    Scores depend on what was measured before: the same seed gives the same scores for the same architectures
    in the same order. A copy in another process remembers for itself, and a study that was interrupted begins
    without memory. So measure one at a time.

    What differs from the paper: its optimiser is SGD, which `Recipe` offers; the parent is found by its
    weights, not told by the searcher, so that any searcher can be used.

    Args:
        space: one that knows network morphisms, such as ``nash``.
        data: as of `Training`.
        recipe: of a network that inherits nothing; None takes `default_recipe` of the data.
        heirs: of one that inherits; None takes a quarter of the epochs of ``recipe``, and ``cosine``.
        memory: how many networks are remembered.
        device: as of `Training`; networks are remembered there.
        root: where to look for the data first.
        threads: as of `Training`.

    Raises:
        UsageError: as of `Training`, or the space knows no morphisms, the recipes name different channels, or
            ``memory`` is below 1.

    References:
        Elsken, Metzen and Hutter, "Simple and Efficient Architecture Search for Convolutional Neural
        Networks", 2017, https://arxiv.org/abs/1711.04528
        Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
        https://arxiv.org/abs/1608.03983
    """

    def __init__(
        self,
        space: SearchSpace,
        data: str | os.PathLike[str] | ImageData = "digits",
        recipe: Recipe | None = None,
        heirs: Recipe | None = None,
        memory: int = 8,
        device: str = "auto",
        root: str | os.PathLike[str] | None = None,
        threads: int = 1,
    ) -> None:
        super().__init__(space, data, recipe, device, root, threads)
        if not space.has_morphisms:
            raise UsageError(
                f"the space {space.name!r} knows no network morphisms; use one that does: 'nash'"
            )
        if heirs is not None and heirs.channels not in (None, recipe.channels if recipe else None):
            raise UsageError(
                "networks are as wide as the recipe says, those of heirs too; "
                f"leave channels={heirs.channels} out of the recipe of heirs"
            )
        if memory < 1:
            raise UsageError(f"memory must be at least 1 network; got {memory}")
        self.memory = memory
        self._heirs = heirs
        self._remembered: list[tuple[float, torch.nn.Module]] = []  # best first, the newer among equals

    @property
    def heirs(self) -> Recipe:
        """How networks that inherit are trained."""
        if self._heirs is None:
            epochs = max(1, self.recipe.epochs // 4)
            self._heirs = replace(self.recipe, epochs=epochs, schedule="cosine")
        return self._heirs

    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        """Trains the architecture's network, from inherited weights where there are some, and measures it.

        Raises:
            EvaluationError: the network is too large, does not fit its input or the memory, or diverged.
            ArchitectureError: the architecture is not one of the space.
            DataError: the images cannot be loaded.
        """
        evaluation, network = self.train(architecture, seed=seed)
        self._remembered.insert(0, (evaluation.score, network))
        self._remembered.sort(key=lambda pair: -pair[0])
        del self._remembered[self.memory :]
        return evaluation

    def describe(self) -> dict[str, object]:
        """As of `Training`, with the recipe of heirs and the size of the memory."""
        own = {"kind": "inherited training", "heirs": self.heirs.to_dict(), "memory": self.memory}
        return {**super().describe(), **own}

    def _prepare(self, network: torch.nn.Module) -> tuple[Recipe, str]:
        if any(self.space.inherit(network, trained) for _, trained in self._remembered):
            return self.heirs, "trained from inherited weights"
        return super()._prepare(network)
