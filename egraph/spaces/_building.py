"""Calls of a builder: the module that it makes of answers, its graph, or what is wrong with it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from egraph.architecture import Architecture
from egraph.errors import ArchitectureError, PluginWarning, Unbuildable, UsageError
from egraph.spaces.choosing import Asked, Choose, answers_of, show

if TYPE_CHECKING:
    import torch

__all__ = [
    "BuilderError",
    "Network",
    "build_twice",
    "call_builder",
    "check_outputs",
    "failure",
    "inspect_network",
    "warn_of",
]


class Network(NamedTuple):
    """What is known of the network of some answers.

    Attributes:
        architecture: Its graph, with the answers.
        key: Digest of the computation and the settings.
        asked: Questions and answers.
        outputs: Shape of the outputs of two examples.
    """

    architecture: Architecture
    key: str
    asked: Asked
    outputs: tuple[int, ...]


class BuilderError(ArchitectureError):
    """A builder failed with some answers."""


def call_builder(
    name: str, build: Callable[..., Any], choose: Choose, given: Mapping[str, Any], seed: int
) -> tuple[torch.nn.Module, Asked]:
    """The module that a builder makes, and what it asked for.

    Args:
        name: Name of the builder, for error texts.
        build: The builder.
        choose: Gives the answers.
        given: Further arguments of the builder.
        seed: Seed of all random generators during the call, and so of the initial weights.

    Raises:
        Unbuildable: The builder refuses the answers.
        BuilderError: It fails.
        UsageError: It returns no module, or one that is not on the CPU.
    """
    import torch

    from egraph.training import all_seeded

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


def build_twice(
    name: str, build: Callable[[int], tuple[torch.nn.Module, Asked]], asked: Asked
) -> list[torch.nn.Module]:
    """The modules that a builder makes with the seeds 0 and 1.

    Args:
        name: Name of the builder.
        build: Calls it with a seed, always with the same answers.
        asked: What it is to ask for.

    Raises:
        UsageError: It asks for nothing, or for something else, or two calls share weights.
    """
    if not asked:
        raise UsageError(
            f"the builder {name} asks for nothing, so there is nothing to search; "
            'ask where there is a choice, such as choose("width", 16, 32)'
        )
    modules = []
    for seed in range(2):
        module, again = build(seed)
        if list(again.items()) != list(asked.items()):
            raise UsageError(
                f"the builder {name} is not deterministic: with the same answers it asked "
                f"{_first_difference(asked, again)}; let it depend on the answers alone"
            )
        modules.append(module)
    kept = {id(parameter) for parameter in modules[0].parameters()}
    if modules[0] is modules[1] or any(id(parameter) in kept for parameter in modules[1].parameters()):
        raise UsageError(
            f"the builder {name} keeps state: two calls share weights; make every layer inside of it"
        )
    return modules


def inspect_network(
    name: str, module: torch.nn.Module, asked: Asked, input_shape: tuple[int, ...], fold: bool
) -> Network:
    """The graph and the key of a module.

    Args:
        name: Name of the builder.
        module: Module that it made.
        asked: Questions and answers.
        input_shape: Shape of one input.
        fold: Whether runs of equal blocks are one vertex.

    Raises:
        BuilderError: The module fails.
    """
    import torch

    from egraph.tracing import draw

    example = torch.zeros(2, *input_shape)
    try:
        drawn = draw(module, (example,), fold=fold)
    except ArchitectureError as error:
        raise failure(name, error, asked) from error
    settings = {each: answer for each, (question, answer) in asked.items() if question.is_setting}
    key = f"{drawn.identity} {json.dumps(settings, sort_keys=True)}" if settings else drawn.identity
    graph = Architecture(drawn.architecture.ops, drawn.architecture.edges, answers=answers_of(asked))
    return Network(graph, key, dict(asked), drawn.outputs)


def check_outputs(name: str, outputs: tuple[int, ...], num_classes: int) -> None:
    """Checks that networks with outputs of that shape, ``(batch, ...)``, tell so many classes apart.

    Raises:
        UsageError: They do not.
    """
    if outputs[1:] != (num_classes,):
        raise UsageError(
            f"the networks of {name!r} give outputs of shape {outputs[1:]}, but there are "
            f"{num_classes} classes; let the builder take num_classes, or give from_builder their number"
        )


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


def _first_difference(before: Asked, after: Asked) -> str:
    """Where the questions of two calls differ."""
    for old, new in zip(before.values(), after.values(), strict=False):
        if old[0] != new[0]:
            return f"for {old[0].name!r} the first time and for {new[0].name!r} the second"
    return f"{len(before)} questions the first time and {len(after)} the second"
