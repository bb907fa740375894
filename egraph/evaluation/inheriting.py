"""Training that starts from the weights of a network that was trained before."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.datasets import ImageData
from egraph.errors import UsageError
from egraph.evaluation.base import Evaluation, Fidelity
from egraph.evaluation.training import Training
from egraph.spaces import SearchSpace
from egraph.training import Recipe

if TYPE_CHECKING:
    import torch

__all__ = ["InheritedTraining"]


class InheritedTraining(Training):
    """Trains the networks of a space briefly, from the weights of networks that it trained before.

    The evaluator keeps the best networks that it trained. If network morphisms lead from some of them to the
    network of a new architecture (`SearchSpace.inherit`), the new network starts with the function of the
    best of these and is trained by the recipe ``heirs``. Each training is one cycle of its schedule: with
    ``cosine`` the learning rate restarts as in SGDR. If no morphisms exist, the network is trained from
    scratch by ``recipe``. An architecture that is evaluated again continues from its own weights, if they are
    still kept.

    Scores depend on earlier evaluations: the same seed gives the same scores for the same architectures in
    the same order. Each process keeps networks of its own, and a study that is resumed starts with none. So
    evaluate one architecture at a time.

    Two things differ from the paper. Its optimizer is SGD, which `Recipe` offers. The parent is found by its
    weights instead of being named by the searcher, so that any searcher can be used.

    Args:
        space: Search space with network morphisms, such as ``nash``, or its name.
        data: As in `Training`.
        recipe: Recipe for networks that inherit no weights; None selects `default_recipe` of the data.
        heirs: Recipe for networks that inherit weights; None selects a quarter of the epochs of ``recipe``
            and the schedule ``cosine``.
        memory: Number of networks to keep.
        device: As in `Training`; the networks are kept there.
        root: Folder that is searched first for the data.
        threads: As in `Training`.

    Raises:
        UsageError: As in `Training`, or the space has no morphisms, the recipes name different channels, or
            ``memory`` is below 1.

    References:
        Elsken, Metzen and Hutter, "Simple and Efficient Architecture Search for Convolutional Neural
        Networks", 2017, https://arxiv.org/abs/1711.04528
        Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
        https://arxiv.org/abs/1608.03983
    """

    def __init__(
        self,
        space: SearchSpace | str,
        data: str | os.PathLike[str] | ImageData | Any = "digits",
        recipe: Recipe | None = None,
        heirs: Recipe | None = None,
        memory: int = 8,
        device: str = "auto",
        root: str | os.PathLike[str] | None = None,
        threads: int = 1,
    ) -> None:
        super().__init__(space, data, recipe, device, root, threads)
        if not self.space.has_morphisms:
            raise UsageError(
                f"the space {self.space.name!r} has no network morphisms; use one that does, such as 'nash'"
            )
        if heirs is not None and heirs.channels not in (None, recipe.channels if recipe else None):
            raise UsageError(
                "networks that inherit weights have the width of the recipe; "
                f"leave channels={heirs.channels} out of the recipe of heirs"
            )
        check_whole(1, memory=memory)
        self.memory = memory
        self._heirs = heirs
        self._remembered: list[tuple[float, torch.nn.Module]] = []  # best first; of equals, the newer

    @property
    def heirs(self) -> Recipe:
        """The recipe for networks that inherit weights."""
        if self._heirs is None:
            epochs = max(1, self.recipe.epochs // 4)
            self._heirs = replace(self.recipe, epochs=epochs, schedule="cosine")
        return self._heirs

    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        """Trains the architecture's network, from inherited weights where possible, and measures it.

        Raises:
            EvaluationError: The network is too large, does not fit its input or the memory, or diverged.
            ArchitectureError: The architecture is not in the space.
            DataError: The images cannot be loaded.
        """
        evaluation, network = self._train(architecture, seed)
        self._remembered.insert(0, (evaluation.score, network))
        self._remembered.sort(key=lambda pair: -pair[0])
        del self._remembered[self.memory :]
        return evaluation

    def at(self, fidelity: str) -> Fidelity:
        """Refused: a network that inherits weights has had trainings that no fidelity counts.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            "networks that inherit weights have no fidelities; leave fidelities out, or use Training"
        )

    def describe(self) -> dict[str, object]:
        """The description of `Training`, with the recipe ``heirs`` and the size of the memory."""
        own = {"kind": "inherited training", "heirs": self.heirs.to_dict(), "memory": self.memory}
        return {**super().describe(), **own}

    def _prepare(self, network: torch.nn.Module) -> tuple[Recipe, str]:
        if any(self.space.inherit(network, trained) for _, trained in self._remembered):
            return self.heirs, "trained from inherited weights"
        return super()._prepare(network)
