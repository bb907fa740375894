"""The search space of the variants of a given network."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph.architecture import Architecture
from egraph.errors import Unbuildable, UsageError
from egraph.spaces._building import BuilderError, Network
from egraph.spaces._varying import Variants
from egraph.spaces.builder import BuilderSpace
from egraph.spaces.choosing import Asked, Question, any_option

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from egraph.networks import Inherited

__all__ = ["VariantSpace", "around"]


def around(
    module: torch.nn.Module | Callable[..., torch.nn.Module],
    example_input: Any,
    num_classes: int | None = None,
    *,
    inherit: bool = False,
    name: str | None = None,
    fold: bool = False,
) -> VariantSpace:
    """The search space of the variants of a network that works: see `VariantSpace`.

    Args:
        module: Network, or a function that makes it; the network is not changed. A function keeps its own
            way to draw initial weights, as far as shapes do not change; the weights of a module are drawn by
            the ``reset_parameters`` of its layers. Where the function has parameters ``input_shape`` and
            ``num_classes``, it gets them. For several processes the class of the module, or the function,
            must be defined at the top of a module.
        example_input: Input of the network, ``(batch, *shape)``, whose numbers do not matter; or a tuple, the
            shape of one input.
        num_classes: Number of outputs, for a function that takes it; others have theirs. Of maps it is the
            number of channels.
        inherit: Whether networks begin with the weights that they can take from the given one
            (`VariantSpace.inherited`), instead of fresh ones.
        name: Name of the space; with ``inherit`` a digest of the given weights is added.
        fold: Whether runs of equal blocks are one vertex for the ranker, as in `egraph.from_torch`.

    Raises:
        UsageError: It is no network, needs an input to take its shape, does not run on the example, gives
            something else than ``(batch, classes)`` or ``(batch, classes, *sides)``, or nothing in it can
            vary.
    """
    return VariantSpace(
        Variants.of(module, example_input, num_classes), inherit=inherit, name=name, fold=fold
    )


class VariantSpace(BuilderSpace):
    """The variants of a given network, as a space of a builder.

    What may vary is read from the network; the first option of each choice is the given one:

    ===========================  =================================================================
    ``depth.layer1``             number of equal blocks one behind the other in a
                                 `torch.nn.Sequential` or `torch.nn.ModuleList`
    ``width.conv1``              number of channels, of all layers that need the same number: through
                                 sums, concatenations, depthwise convolutions, norms, attention
                                 and recurrent layers
    ``expansion.layer1.0.conv1`` the same inside of one block
    ``kernel.layer1.0.conv1``    kernel of a convolution that is padded by half of it
    ``heads.layers.0.self_attn`` heads of a `torch.nn.MultiheadAttention`
    ``activation``               activation of all layers and calls that have the same one
    ===========================  =================================================================

    What is in a block that is left out is not asked. Only options with which the network runs are offered.

    A **sample** takes the given answer to each question or a random one, with odds that are drawn first: some
    samples are near to the given network, others far. Mutation, crossover, neighbours, key and notation are
    those of `BuilderSpace`.

    Args:
        build: What `around` found.
        inherit: As in `around`.
        name: As in `around`.
        fold: As in `around`.

    Attributes:
        given: The given network, the first trial of a study.
    """

    def __init__(
        self, build: Variants, *, inherit: bool = False, name: str | None = None, fold: bool = False
    ) -> None:
        shape, classes = build.input_shape, build.num_classes
        self.is_named = name is not None
        name = name or f"{build.name}@{'x'.join(map(str, shape))},{classes}"
        if inherit:
            name += "" if "inherit-" in name else f",inherit-{build.digest_weights()}"
        super().__init__(build, shape, classes, name=name, fold=fold)
        self.build: Variants
        self.inherits = inherit
        try:
            self.given: Architecture = self._made(lambda question: question.options[0]).architecture
        except Unbuildable as error:
            raise UsageError(f"the given network {error}") from error

    def sample(self, rng: np.random.Generator) -> Architecture:
        """The given network with some answers at random."""
        share = rng.random()

        def answer(question: Question) -> Any:
            return any_option(question, rng) if rng.random() < share else question.options[0]

        return self._draw(answer).architecture

    def inherited(
        self, architecture: Architecture, weights: Mapping[str, Tensor] | None = None, *, seed: int = 0
    ) -> Inherited:
        """The weights that a network of the space takes from the given one.

        In evaluation mode the network then computes what the given one does, if it only has wider layers
        without norms over them, larger kernels, or added blocks that zeros can make the identity.

        Args:
            architecture: Architecture of the space.
            weights: State of the given network, such as one read from a file; None for the weights that it
                has.
            seed: Seed of the weights that are new.

        Raises:
            ArchitectureError: The architecture does not belong to the space.
            UsageError: The weights are not those of the given network.
        """
        self.validate(architecture)
        return self.build.inherited(dict(architecture.answers), weights, seed)

    def _module(
        self, architecture: Architecture, input_shape: tuple[int, ...], num_classes: int, *, seed: int
    ) -> torch.nn.Module:
        module = super()._module(architecture, input_shape, num_classes, seed=seed)
        if self.inherits:
            module.load_state_dict(self.inherited(architecture, seed=seed).weights)
        return module

    def _inspect(self, module: torch.nn.Module, asked: Asked) -> Network:
        try:
            network = super()._inspect(module, asked)
        except BuilderError as error:
            raise Unbuildable(f"does not run: {error.__cause__ or error}") from error
        if network.outputs[1:] != self.build.outputs:
            raise Unbuildable(f"gives outputs of shape {network.outputs[1:]} as it trains")
        return network._replace(outputs=network.outputs[:2])  # classes are counted, not the sides of maps

    def __reduce__(self) -> tuple[Any, ...]:
        restore = functools.partial(VariantSpace, inherit=self.inherits, name=self.name, fold=self.fold)
        return restore, (self.build,)
