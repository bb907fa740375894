"""The builder of the variants of a given network, and what it accepts as one."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from egraph.errors import UsageError, shorten
from egraph.spaces.choosing import Choose

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from egraph.networks import Inherited
    from egraph.networks._variants import Plan, Variant

__all__ = ["Variants"]

_LARGE = 1_000_000
"""Parameters of a variant that is run on tensors without values to see whether it runs."""


class Variants:
    """The builder of the variants of one network.

    Attributes:
        name: Name for spaces: that of the function or class.
        input_shape: Shape of one input.
        outputs: Shape of the result for one input: the number of outputs, of maps with their sides.
        num_classes: Number of outputs.
        plan: What may vary.
    """

    def __init__(self, source: Any, given: dict[str, Any], name: str, shape: tuple[int, ...]) -> None:
        self._source: Any
        self._given: dict[str, Any]
        base = _checked(_made(source, given), name)
        example = _zeros(shape)
        self.outputs = _outputs(base, example, name)
        self.num_classes = self.outputs[0]
        self._source, self._given = (source, given) if _is_function(source) else (base, {})
        self.name, self.input_shape = name, shape
        if not _is_function(source):
            self.name += f"-{_digest(base)}"
        self.plan = _plan(base, example, self.outputs)
        if not self.plan.varied:
            raise UsageError(
                f"nothing in {name} can vary: it has no blocks in a Sequential or ModuleList, no activation, "
                "no padded convolution and no width that is not tied to its input or output; write a "
                "builder (egraph.spaces.from_builder)"
            )

    @classmethod
    def of(cls, module: Any, example: Any, num_classes: int | None = None) -> Variants:
        """What `around` makes of its arguments."""
        shape = _shape_of(example)
        if not callable(module):
            raise UsageError(
                f"around needs a torch.nn.Module or a function that makes one, got {shorten(module)}"
            )
        own = module if _is_function(module) else type(_unwrapped(module))
        given: dict[str, Any] = {}
        if _is_function(module):
            takes = inspect.signature(module).parameters
            known = {"input_shape": shape, "num_classes": num_classes}
            given = {key: value for key, value in known.items() if key in takes and value is not None}
        where = f"{own.__module__}:{getattr(own, '__qualname__', type(own).__name__)}"
        return cls(module, given, f"around:{where}", shape)

    def __call__(self, choose: Choose) -> torch.nn.Module:
        """The network of the answers."""
        return self._vary(self._ask(choose)).module.train()

    def _ask(self, choose: Choose) -> dict[str, Any]:
        depths: dict[int, int] = {}
        answers: dict[str, Any] = {}
        for one in self.plan.varied:
            if self.plan.asked(one, depths):
                answers[one.name] = choose(one.name, *one.options)
                if one.kind == "depth":
                    depths[one.of] = answers[one.name]
        return answers

    def _vary(self, answers: Mapping[str, Any]) -> Variant:
        from egraph.networks._variant_weights import initialise
        from egraph.networks._variants import vary

        is_function = _is_function(self._source)
        module = _checked(_made(self._source, self._given), self.name)
        variant = vary(module, self.plan, answers)
        initialise(variant, self.plan, everything=not is_function)
        return variant

    def inherited(
        self, answers: Mapping[str, Any], weights: Mapping[str, Tensor] | None, seed: int
    ) -> Inherited:
        """See `VariantSpace.inherited`."""
        import torch

        from egraph.networks._variant_weights import inherit
        from egraph.training import all_seeded

        with all_seeded(seed, torch.device("cpu")):
            variant = self._vary(answers)
        known = self._weights()
        example = torch.randn(2, *self.input_shape, generator=torch.Generator().manual_seed(0))
        if weights is not None:
            for name, tensor in known.items():
                if name not in weights or weights[name].shape != tensor.shape:
                    what = tuple(weights[name].shape) if name in weights else "nothing"
                    raise UsageError(
                        f"the weights are not those of the given network: {name} must be of shape "
                        f"{tuple(tensor.shape)}, got {what}"
                    )
        values = {} if self.plan.sizes is None else dict(self.plan.sizes.values)
        for one in self.plan.varied:
            if one.kind in ("width", "expansion") and one.name in answers:
                values[one.of] = answers[one.name]
        return inherit(variant, self.plan, known if weights is None else weights, example, values)

    def _weights(self) -> dict[str, Tensor]:
        """The weights of the given network."""
        with _kept_generators():
            return _checked(_made(self._source, self._given), self.name).state_dict()

    def digest_weights(self) -> str:
        """Tells the weights of the given network from others."""
        digest = blake2b(digest_size=4)
        for tensor in self._weights().values():
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()


def _is_function(source: Any) -> bool:
    import torch

    return not isinstance(source, torch.nn.Module)


def _made(source: Any, given: Mapping[str, Any]) -> Any:
    return source(**given) if _is_function(source) else source


def _unwrapped(module: Any) -> Any:
    """The module inside of wrappers for several devices and of `torch.compile`."""
    from torch import nn

    while True:
        if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            module = module.module
        elif "_orig_mod" in getattr(module, "_modules", {}):
            module = module._orig_mod
        else:
            return module


def _checked(module: Any, name: str) -> torch.nn.Module:
    """A copy of a network on the CPU, in 32 bits.

    Raises:
        UsageError: It is no network whose layers can be changed.
    """
    import torch

    from egraph.networks._variant_blocks import copied

    module = _unwrapped(module)
    if not isinstance(module, torch.nn.Module):
        raise UsageError(f"{name} must make a torch.nn.Module, got {type(module).__name__}")
    if isinstance(module, torch.jit.ScriptModule):
        raise UsageError(
            f"{name} is a torch.jit module, whose layers cannot vary; give the one that it was made of"
        )
    tensors = [*module.parameters(), *module.buffers()]
    if any(
        isinstance(one, torch.nn.parameter.UninitializedParameter | torch.nn.parameter.UninitializedBuffer)
        for one in tensors
    ):
        raise UsageError(f"{name} has layers that take their shape from the first input; run it once before")
    try:
        own = copied(module)
        if any(one.device.type != "cpu" or one.dtype != torch.float32 for one in tensors):
            own = own.cpu().float()
    except Exception as error:
        raise UsageError(
            f"{name} cannot be copied: {' '.join(str(error).split())}; give a function that makes it"
        ) from error
    for parameter in own.parameters():
        parameter.grad = None
    return own


def _shape_of(example: Any) -> tuple[int, ...]:
    """The shape of one input.

    Raises:
        UsageError: The example is no tensor of numbers with the batch first.
    """
    import torch

    if isinstance(example, tuple) and example and all(type(side) is int and side > 0 for side in example):
        return example
    if isinstance(example, tuple | list) and len(example) == 1:
        example = example[0]
    fits = isinstance(example, torch.Tensor) and example.ndim > 1 and example.is_floating_point()
    if not fits or not example.numel():
        raise UsageError(
            "around needs an example input, a tensor of decimal numbers (batch, *shape) such as "
            f"torch.zeros(1, 3, 32, 32), got {_show(example)}"
        )
    return tuple(example.shape[1:])


def _show(example: Any) -> str:
    import torch

    if isinstance(example, torch.Tensor):
        return f"one of {example.dtype} and shape {tuple(example.shape)}"
    return shorten(example)


def _zeros(shape: tuple[int, ...]) -> Tensor:
    """Two inputs, as `BuilderSpace` draws networks with."""
    import torch

    return torch.zeros(2, *shape)


def _outputs(module: torch.nn.Module, example: Tensor, name: str) -> tuple[int, ...]:
    """The shape of the result for one input.

    Raises:
        UsageError: The network does not run, or its result has another form.
    """
    import torch

    try:
        with torch.no_grad():
            result = copy.deepcopy(module).eval()(example)
    except Exception as error:
        raise UsageError(
            f"{name} does not run on an input of shape {tuple(example.shape)}: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    if not isinstance(result, torch.Tensor) or result.ndim < 2 or len(result) != len(example):
        what = tuple(result.shape) if isinstance(result, torch.Tensor) else type(result).__name__
        raise UsageError(
            f"{name} must give outputs of shape (batch, classes) or (batch, classes, *sides), got {what}; "
            "vary the part that does"
        )
    return tuple(result.shape[1:])


def _plan(base: torch.nn.Module, example: Tensor, outputs: tuple[int, ...]) -> Plan:
    import torch

    from egraph.networks._variants import find_plan

    def runs_on(variant: torch.nn.Module) -> bool:
        large = sum(parameter.numel() for parameter in variant.parameters()) > _LARGE
        # Large ones without computation, where that works.
        for device in ("meta", "cpu") if large else ("cpu",):
            try:
                own = copy.deepcopy(variant).to(device).train() if device == "meta" else variant.train()
                with torch.no_grad(), torch.device(device):
                    result = own(example.to(device))
            except Exception:  # noqa: BLE001 - a module may raise anything
                continue
            return isinstance(result, torch.Tensor) and result.shape == (len(example), *outputs)
        return False

    with _kept_generators():
        return find_plan(copy.deepcopy(base).eval(), example, runs_on)


def _kept_generators() -> Any:
    """Keeps the global generators, from which a forward pass may draw, as they are."""
    import torch

    from egraph.training import all_seeded

    return all_seeded(0, torch.device("cpu"))


def _digest(module: torch.nn.Module) -> str:
    """Tells two networks of one class apart."""
    shapes = [(name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()]
    return blake2b(f"{module} {shapes}".encode(), digest_size=4).hexdigest()
