"""What a vertex of an architecture does.

An architecture names its operations by strings. This module says what each of these is: its kind, kernel,
stride and so on. The ranker reads the description beside the name, so that it can read several search
spaces; `simplify` reads it to know what may be dropped or spliced. A space registers its operations where it
is defined:

    operations.register(Operation("conv3x3-bn-relu", "conv", kernel=3))
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.errors import UsageError
from egraph.registry import Registry

__all__ = ["ATTRIBUTES", "KINDS", "Operation", "attributes", "get", "register", "registry"]

KINDS = (
    "input",
    "output",
    "zero",
    "identity",
    "conv",
    "separable-conv",
    "inverted-residual",
    "max-pool",
    "avg-pool",
    "linear",
    "graph-conv",
    "attention",
    "aggregation",
    "other",
)
"""What an operation can be. ``zero`` yields zeros, ``identity`` its input; both vanish in `simplify`."""


_MEASURED = {"channels": 0, "parameters": 0, "flops": 0, "repeats": 1}


@dataclass(frozen=True, slots=True)
class Operation:
    """The description of one operation.

    Attributes:
        name: how architectures call it.
        kind: one of `KINDS`.
        kernel: side of the kernel in pixels; 0 where there is none.
        stride: factor by which it lowers the resolution; 1 where it raises it.
        groups: channel groups of its convolution, or heads of its attention; 0 means one group a channel
            (depthwise).
        expansion: inner width over outer width.
        width: output channels over the width that the space uses at that place.
        padded: whether borders are padded, so that its kernel costs no pixels.
        shareable: two of it on one input give one and the same tensor: no weights, and summed, never joined
            side by side.
        channels: channels of its result. This and what follows is 0 or 1 where it is not known, as in search
            spaces; no ranker reads it.
        parameters: numbers that training changes, all repeats together.
        flops: multiply-adds for one example, all repeats together.
        repeats: how often it stands in a row where equal blocks are drawn as one.
    """

    name: str
    kind: str
    kernel: int = 0
    stride: int = 1
    groups: int = 1
    expansion: float = 1.0
    width: float = 1.0
    padded: bool = True
    shareable: bool = False
    channels: int = 0
    parameters: int = 0
    flops: int = 0
    repeats: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(
                f"operation {self.name!r} has unknown kind {self.kind!r}; known: {', '.join(KINDS)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """The description as JSON-ready values; what is measured stands there only where it is known."""
        content = asdict(self)
        return {name: value for name, value in content.items() if value != _MEASURED.get(name, ...)}


registry: Registry[Operation] = Registry("operation")
"""The operations that are known, by name."""


def register(operation: Operation) -> Operation:
    """Makes an operation known. The same description may be registered twice, another one may not.

    Raises:
        UsageError: the name is taken by a different description.
    """
    if operation.name not in registry:
        return registry.register(operation.name, operation)
    known = registry[operation.name]
    if known != operation:
        differing = [f.name for f in fields(known) if getattr(known, f.name) != getattr(operation, f.name)]
        raise UsageError(
            f"operation {operation.name!r} is registered already with another {', '.join(differing)}"
        )
    return known


def get(name: str) -> Operation:
    """The description of an operation; of kind ``other`` where nobody registered one."""
    return registry[name] if name in registry else Operation(name, "other")


ATTRIBUTES = (
    *(f"kind={kind}" for kind in KINDS),
    "kernel",
    "log2 stride",
    "log2 groups",
    "depthwise",
    "log2 expansion",
    "log2 width",
)
"""Names of the columns of `attributes`."""


def attributes(operation: Operation) -> NDArray[np.float32]:
    """Describes an operation in numbers of order one, shape ``(len(ATTRIBUTES),)``."""
    numbers = [float(operation.kind == kind) for kind in KINDS]
    numbers += [
        operation.kernel / 4,
        math.log2(operation.stride),
        math.log2(max(operation.groups, 1)),
        float(operation.groups == 0),
        math.log2(operation.expansion),
        math.log2(operation.width),
    ]
    return np.array(numbers, dtype=np.float32)


register(Operation("input", "input"))
register(Operation("output", "output"))
