"""How a space builds networks, and tells their sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from egraph.errors import UsageError
from egraph.shapes import kind_of

if TYPE_CHECKING:
    import torch

    from egraph.networks import Size

__all__ = ["READERS", "Builder"]

READERS = {"images": "convnet", "signals": "convnet", "features": "dense"}
"""A space for each kind of inputs."""


class Builder(NamedTuple):
    """How a space builds networks.

    Attributes:
        build: Called as ``build(architecture, input_shape, num_classes, **options)``.
        options: Default value of each option. ``channels`` is the width of the network, ``seed`` decides its
            initial weights.
        inputs: Kinds of inputs that the networks read, of `egraph.shapes.AXES`.
        size: Function of the same arguments that has the size of the network by arithmetic, if there is one.
    """

    build: Callable[..., torch.nn.Module]
    options: Mapping[str, Any]
    inputs: Sequence[str] = ("images",)
    size: Callable[..., Size] | None = None

    def fill(self, given: Mapping[str, Any], space: str) -> dict[str, Any]:
        """All options: those given, and default values where one is left out or None.

        Raises:
            UsageError: An option is unknown; ``space`` is the name of the space, for the error text.
        """
        if unknown := sorted(given.keys() - self.options.keys()):
            raise UsageError(
                f"networks of the space {space!r} have no option {unknown[0]!r}; "
                f"options: {', '.join(self.options)}"
            )
        return {**self.options, **{name: value for name, value in given.items() if value is not None}}

    def check_input(self, input_shape: Sequence[int], space: str) -> None:
        """Checks that the networks read inputs of that shape.

        Raises:
            UsageError: The shape is of a kind that they do not read.
        """
        if (kind := kind_of(input_shape)) not in self.inputs:
            raise UsageError(
                f"networks of the space {space!r} read {' or '.join(self.inputs)}, not {kind} of "
                f"shape {tuple(input_shape)}; take the space {READERS[kind]!r}"
            )
