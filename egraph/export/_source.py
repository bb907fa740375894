"""A network as one file of plain PyTorch."""

from __future__ import annotations

import copy
import itertools
import re
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from egraph.errors import UsageError
from egraph.export._blocks import Block, flatten
from egraph.export._classes import quote, write_classes
from egraph.export._layers import is_layer
from egraph.shapes import kind_of

__all__ = ["Source", "build", "to_source"]

LOAD = '''

def load(path: str | Path | None = None) -> Network:
    """The trained network in evaluation mode; its weights lie beside this file, or at ``path``."""
    network = Network()
    weights = Path(path or Path(__file__).with_suffix(".safetensors")).read_bytes()
    network.load_state_dict(read_weights(weights))
    return network.eval()
'''


class Source(NamedTuple):
    """A network as code.

    Attributes:
        text: Source of a Python module that needs torch and safetensors. It has the class ``Network`` and the
            function ``load``, which reads the weights from a safetensors file beside it.
        weights: State of the network under the names of that class.
        origins: Name in the state of the network that was written, by the name in ``weights``.
    """

    text: str
    weights: dict[str, Tensor]
    origins: dict[str, str]


def to_source(
    network: nn.Module, input_shape: tuple[int, ...], about: str = "A network as plain PyTorch."
) -> Source:
    """Writes a network as equivalent plain PyTorch, for training and for evaluation mode.

    Layers of PyTorch are used unchanged, under names that describe them. Other modules become classes of the
    file; those that differ only by numbers share one class. Computations with shapes become constants for
    inputs of the given shape; the batch size is free.

    Args:
        network: Network; it is not changed.
        input_shape: Shape of one input, such as ``(channels, height, width)``.
        about: Docstring of the file.

    Raises:
        UsageError: The network branches by values, reads a tensor that is neither parameter nor buffer, or
            works in place in a way that cannot be written.
    """
    original = copy.deepcopy(network).cpu()
    copied = copy.deepcopy(original)
    paths: dict[nn.Module | Tensor, str] = {part: path for path, part in copied.named_modules()}
    paths |= {tensor: name for name, tensor in (*copied.named_parameters(), *copied.named_buffers())}
    whole = _join_runs(copied)
    # Copied before the first call, which updates the statistics of batch normalisation.
    states: dict[nn.Module | Tensor, dict[str, Tensor]] = {
        layer: {f".{name}": tensor.clone() for name, tensor in layer.state_dict().items()}
        for layer in whole.modules()
        if is_layer(layer)
    }
    states |= {one: {"": one.detach().clone()} for one in (*whole.parameters(), *whole.buffers())}
    images = torch.rand(2, *input_shape, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=[]):
        block = Block(whole, (images,))
    shape = ", ".join(map(str, input_shape))
    summary = f"Maps {kind_of(input_shape)}, ``(batch, {shape})``, to logits, ``(batch, {block.outputs})``."
    classes = write_classes(block, summary)
    weights = {
        f"{path}{name}": tensor.clone()
        for path, layer in block.members.items()
        for name, tensor in states[layer].items()
    }
    origins = {
        f"{path}{name}": f"{paths[layer]}{name}".removeprefix(".")
        for path, layer in block.members.items()
        for name in states[layer]
    }
    source = Source(f"{quote(about)}\n\n{_write_imports(classes)}\n\n{classes}{LOAD}", weights, origins)
    twin = build(source)
    for training in (True, False):
        output, other = (_run(one.train(training), images) for one in (original, twin))
        if not torch.allclose(output, other, rtol=1e-5, atol=1e-6, equal_nan=True):
            raise UsageError(
                f"cannot write {type(network).__name__} as code: the code computes something else "
                f"{'in training' if training else 'in evaluation'}; layers may not work in place"
            )
    return source


def build(source: Source) -> nn.Module:
    """The network of a source, with its weights."""
    names: dict[str, Any] = {"__name__": "network"}
    exec(compile(source.text, "network.py", "exec"), names)
    with torch.random.fork_rng(devices=[]):  # initial weights draw from the global generator
        network: nn.Module = names["Network"]()
    network.load_state_dict(source.weights)
    return network


def _run(network: nn.Module, images: Tensor) -> Tensor:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(0)  # of dropout
        output: Tensor = network(images)
    return output


def _join_runs(network: nn.Module) -> nn.Module:
    """Groups neighbours of one class in a sequence in an inner sequence; other networks stay unchanged."""
    if type(network) is not nn.Sequential:
        return network
    runs = [
        list(run)
        for _, run in itertools.groupby(
            network, key=lambda part: id(part) if is_layer(part) or len(flatten(part)) != 1 else type(part)
        )
    ]
    return nn.Sequential(*(run[0] if len(run) == 1 else nn.Sequential(*run) for run in runs))


def _write_imports(classes: str) -> str:
    lines = ["from __future__ import annotations", "", "from pathlib import Path", ""]
    if re.search(r"\btorch\.", classes):
        lines.append("import torch")
    if re.search(r"\bF\.", classes):
        lines.append("import torch.nn.functional as F")
    return (
        "\n".join(
            [*lines, "from safetensors.torch import load as read_weights", "from torch import Tensor, nn"]
        )
        + "\n"
    )
