"""Calls of a builder: the module that it makes of answers, or what is wrong with it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from egraph.errors import ArchitectureError, PluginWarning, Unbuildable, UsageError
from egraph.spaces.choosing import Answering, Asked, Choose, answers_of, show

if TYPE_CHECKING:
    import torch

__all__ = ["BuilderError", "call_builder", "failure", "first_difference", "warn_of"]


class BuilderError(ArchitectureError):
    """A builder failed with some answers."""


def call_builder(
    name: str, build: Callable[..., Any], answering: Answering, given: Mapping[str, Any], seed: int
) -> tuple[torch.nn.Module, Asked]:
    """The module that a builder makes, and what it asked for.

    Args:
        name: Name of the builder, for error texts.
        build: The builder.
        answering: Gives the answers.
        given: Further arguments of the builder.
        seed: Seed of all random generators during the call, and so of the initial weights.

    Raises:
        Unbuildable: The builder refuses the answers.
        BuilderError: It fails.
        UsageError: It returns no module, or one that is not on the CPU.
    """
    import torch

    from egraph.training import all_seeded

    choose = Choose(answering)
    try:
        with all_seeded(seed, torch.device("cpu")):
            module = build(choose, **given)
    except (Unbuildable, UsageError):
        raise
    except RecursionError:
        raise Unbuildable("the recursion of the builder is too deep") from None
    except Exception as error:
        raise failure(name, error, choose.asked) from error
    if not isinstance(module, torch.nn.Module):
        raise UsageError(
            f"the builder {name} must return a torch.nn.Module, got {type(module).__name__}; "
            "does it end with return?"
        )
    if away := {str(each.device) for each in module.parameters() if each.device.type != "cpu"}:
        raise UsageError(
            f"the builder {name} puts weights on {away.pop()}; build on the CPU, and the network is moved to "
            "the device that it trains on"
        )
    return module, choose.asked


def failure(name: str, error: Exception, asked: Asked) -> BuilderError:
    """The error of a builder that failed with the answers so far."""
    reason = str(error) if isinstance(error, ArchitectureError) else f"{type(error).__name__}: {error}"
    return BuilderError(
        f"the builder {name} failed with the answers {show(answers_of(asked))}: "
        f"{' '.join(reason.split())[:400]}; where a combination is not meant, raise egraph.Unbuildable"
    )


def warn_of(error: BuilderError) -> None:
    """Warns that networks are left out."""
    warnings.warn(f"{error}. Such networks are left out.", PluginWarning, stacklevel=3)


def first_difference(before: Asked, after: Asked) -> str:
    """Where the questions of two calls differ."""
    for old, new in zip(before.values(), after.values(), strict=False):
        if old[0] != new[0]:
            return f"for {old[0].name!r} the first time and for {new[0].name!r} the second"
    return f"{len(before)} questions the first time and {len(after)} the second"
