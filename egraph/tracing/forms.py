"""The forms in which a network comes, as modules that PyTorch records: exported and scripted ones too."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from egraph.errors import UsageError

__all__ = ["prepared", "to_module", "unchanged"]


def to_module(network: Any) -> nn.Module:
    """The module of a network.

    Raises:
        UsageError: It is none, or it has parameters without a shape or quantised ones.
    """
    if isinstance(network, torch.export.ExportedProgram):
        return network.module()
    if not isinstance(network, nn.Module):
        raise UsageError(
            f"from_torch reads a torch.nn.Module, got {type(network).__name__}; wrap a function in a module"
        )
    for path, part in network.named_modules():
        if ".quantized" in type(part).__module__:
            raise UsageError(
                f"the part {path!r} is quantised ({type(part).__name__}), and PyTorch cannot record that; "
                "trace the network as it was before it was quantised, which has the same graph"
            )
    if any(is_lazy(parameter) for parameter in network.parameters()):
        raise UsageError("the module has lazy parameters without a shape; run it on the example once")
    return network


@contextmanager
def prepared(module: nn.Module) -> Iterator[tuple[nn.Module, torch.device | None]]:
    """The module in evaluation mode, ready to be recorded, and the device of its parameters.

    Scripted parts are called as functions. If some tensors of the module are on the meta device, all are.
    The module is restored on exit.
    """
    with unchanged(module):
        with suppress(NotImplementedError):  # an exported graph has the mode in which it was exported
            module.eval()
        for parent in list(module.modules()):
            if not isinstance(parent, torch.jit.ScriptModule):
                for name, part in parent._modules.items():
                    if isinstance(part, torch.jit.ScriptModule):
                        parent._modules[name] = _Script(part)
        yield (
            _Script(module) if isinstance(module, torch.jit.ScriptModule) else module,
            _choose_device(module),
        )


class _Script(nn.Module):
    """A scripted module whose code is run without the wrapper, which `torch.export` does not understand."""

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.script = script
        self._compiled = [script._c]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The result of the scripted code."""
        return self._compiled[0]._get_method("forward")(*args, **kwargs)


def _choose_device(module: nn.Module) -> torch.device | None:
    """The one device of all tensors of a module, to which it is moved; None if there is no tensor."""
    tensors = [*module.parameters(), *module.buffers()]
    devices = {tensor.device for tensor in tensors}
    if torch.device("meta") not in devices:
        return tensors[0].device if tensors else None
    if len(devices) > 1:
        for part in module.modules():
            if not isinstance(part, torch.jit.ScriptModule):
                for content in (part._parameters, part._buffers):
                    content.update({name: _to_meta(value) for name, value in content.items()})
    return torch.device("meta")


def _to_meta(value: Any) -> Any:
    if not isinstance(value, Tensor) or value.device.type == "meta":
        return value
    moved = value.detach().to("meta")
    return nn.Parameter(moved, value.requires_grad) if isinstance(value, nn.Parameter) else moved


@contextmanager
def unchanged(module: nn.Module) -> Iterator[None]:
    """Restores a module and random generators on exit; attention has no fast path."""
    parts = list(module.modules())
    modes = [(part, part.training) for part in parts if isinstance(part, torch.jit.ScriptModule)]
    held = [
        (content, dict(content))
        for part in parts
        if not isinstance(part, torch.jit.ScriptModule)
        for content in (vars(part), part._parameters, part._buffers, part._modules)
    ]
    states = random.getstate(), torch.get_rng_state()
    numpy_state = np.random.get_state()  # noqa: NPY002 - a forward may draw from it
    fast_path = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)  # it would record a whole block as one operation
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        for content, before in held:
            content.clear()
            content.update(before)
        for part, training in modes:
            part.training = training
        random.setstate(states[0])
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.set_rng_state(states[1])
