"""All options of a choice side by side, to compare what they give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from egraph.errors import ArchitectureError
from egraph.networks.operations import Zero

__all__ = ["Alternatives", "is_empty", "is_skip"]


class Alternatives(nn.Module):
    """Computes all options and compares the shapes of their results; gives the first.

    Args:
        name: Name of the choice.
        options: Modules by the name of the option.

    Raises:
        ArchitectureError: In a forward pass: the results cannot be added up.

    Shapes:
        - input and output: those of the options
    """

    def __init__(self, name: str, options: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.name, self.names = name, tuple(options)
        self.options = nn.ModuleList(options.values())

    def forward(self, *inputs: Any) -> Tensor:
        """The result of the first option."""
        results = [option(*inputs) for option in self.options]
        for result, name in zip(results, self.names, strict=True):
            if not isinstance(result, Tensor):
                raise ArchitectureError(
                    f"the option {name!r} of {self.name!r} gives {type(result).__name__} and no tensor; a "
                    "supernet adds the options up, so let each give one tensor"
                )
            if result.shape != results[0].shape:
                raise ArchitectureError(
                    f"the options of {self.name!r} give results of different shapes, "
                    f"{tuple(results[0].shape[1:])} from {self.names[0]!r} and {tuple(result.shape[1:])} "
                    f"from {name!r}; a supernet adds them up, so let all give the same shape, or fix the "
                    f"choice: relaxation(fixed={{{self.name!r}: {self.names[0]!r}}})"
                )
        assert isinstance(results[0], Tensor)
        return results[0]


def is_skip(module: nn.Module) -> bool:
    """Whether a module gives its input as it is."""
    return type(module) is nn.Identity


def is_empty(module: nn.Module) -> bool:
    """Whether a module gives zeros."""
    return isinstance(module, Zero)
