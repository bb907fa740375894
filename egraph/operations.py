"""Descriptions of operations, the vertices of an architecture.

An architecture names its operations by strings. This module describes each of them: kind, kernel, stride and
so on. The ranker reads the description in addition to the name, so that one ranker can read several search
spaces; `simplify` reads which operations may be dropped or spliced. A space registers its operations where it
is defined:

    operations.register(Operation("conv3x3-bn-relu", "conv", kernel=3))
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.checks import check_flag, check_positive, check_whole
from egraph.errors import UsageError, shorten
from egraph.registry import Registry

__all__ = [
    "ATTRIBUTES",
    "JOINS",
    "KINDS",
    "Operation",
    "attributes",
    "declare",
    "described",
    "get",
    "is_known",
    "label",
    "learn",
    "lent",
    "name_by_description",
    "read_description",
    "register",
    "registry",
    "remember",
]

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
"""Kinds of operations. ``zero`` returns zeros, ``identity`` its input; `simplify` removes both."""


_MEASURED = {"channels": 0, "pixels": 0, "parameters": 0, "flops": 0, "activations": 0, "repeats": 1}


@dataclass(frozen=True, slots=True)
class Operation:
    """The description of one operation.

    Attributes:
        name: Name in architectures.
        kind: Kind, one of `KINDS`.
        kernel: Side of the kernel in pixels; 0 if there is none.
        stride: Factor by which the operation lowers the resolution; 1 if it raises it.
        groups: Channel groups of a convolution, or heads of an attention; 0 for one group for each channel
            (depthwise).
        expansion: Ratio of inner width to outer width.
        width: Ratio of output channels to the width that the space uses at that position.
        padded: Whether borders are padded, so that the kernel takes off no pixels.
        shareable: Whether two such operations on one input give the same tensor: they have no weights, and
            results are summed, never concatenated.
        channels: Channels of the result. This and the following attributes are 0 or 1 if not known, as in
            search spaces.
        pixels: Positions of the result for one example: pixels of a map, tokens of a series.
        parameters: Number of trainable parameters, all repeats together.
        flops: Multiply-adds for one example, all repeats together.
        activations: Numbers in the results of its layers for one example, all repeats together.
        repeats: Number of equal blocks that are drawn as one.
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
    pixels: int = 0
    parameters: int = 0
    flops: int = 0
    activations: int = 0
    repeats: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise UsageError(f"the name of an operation must be a text, got {shorten(self.name)}")
        if self.name != self.name.strip():
            raise UsageError(f"operation {self.name!r} has blanks around its name; leave them out")
        if self.kind not in KINDS:
            raise UsageError(
                f"operation {self.name!r} has unknown kind {shorten(self.kind)}; known: {', '.join(KINDS)}"
            )
        check_flag(padded=self.padded, shareable=self.shareable)
        check_whole(0, _MOST, **{name: getattr(self, name) for name in _WHOLE})
        check_positive(stride=self.stride, expansion=self.expansion, width=self.width)
        if not max(self.expansion, self.width) <= _MOST:
            raise UsageError(f"operation {self.name!r} has a width or an expansion above {_MOST}")

    def to_dict(self) -> dict[str, Any]:
        """The description as JSON-ready values; measured attributes only if they are known."""
        content = asdict(self)
        return {name: value for name, value in content.items() if value != _MEASURED.get(name, ...)}


_WHOLE = ("kernel", "stride", "groups", *_MEASURED)
_MOST = 10**18
"""Largest number of a description; 64 bits hold it."""

registry: Registry[Operation] = Registry("operation")
"""Registered operations by name."""

_of_files: dict[str, Operation] = {}
_of_spaces: set[str] = set()
_lent: dict[str, tuple[int, Operation]] = {}
"""Operations of `lent` by name, with the number of blocks that hold them."""
_lending = threading.Lock()


def register(operation: Operation) -> Operation:
    """Registers an operation. The same description may be registered twice.

    Raises:
        UsageError: The name is taken by a different description.
    """
    if operation.name not in registry:
        return registry.register(operation.name, operation)
    known = registry[operation.name]
    if known != operation:
        differing = [f.name for f in fields(known) if getattr(known, f.name) != getattr(operation, f.name)]
        raise UsageError(
            f"operation {operation.name!r} is registered already with another {', '.join(differing)}; "
            "choose another name"
        )
    return known


def remember(operation: Operation) -> None:
    """Keeps the description of an operation from a file, for `get`, unless a space registers the name."""
    _of_files[operation.name] = operation


def described(names: Iterable[str]) -> list[Operation]:
    """The operations, each once, that have their name from their description: see `name_by_description`."""
    return [get(name) for name in dict.fromkeys(names) if _BY_DESCRIPTION.search(name)]


def label(name: str) -> str:
    """The name of an operation for people: one by its description without the digest."""
    return _BY_DESCRIPTION.sub("", name)


def learn(content: Any) -> None:
    """Remembers an operation from outside by its description; see `read_description`.

    Raises:
        UsageError: The description is none, or its name is not made of it.
    """
    remember(read_description(content))


@contextlib.contextmanager
def lent(operations: Iterable[Operation]) -> Iterator[None]:
    """Makes operations from outside known, in all threads, until the end of the block.

    A service reads operations of its clients so, and forgets them.

    Args:
        operations: Operations of `read_description`, whose names identify them.
    """
    operations = list(operations)
    with _lending:
        for operation in operations:
            count, _ = _lent.get(operation.name, (0, operation))
            _lent[operation.name] = count + 1, operation
    try:
        yield
    finally:
        with _lending:
            for operation in operations:
                count, _ = _lent[operation.name]
                if count > 1:
                    _lent[operation.name] = count - 1, operation
                else:
                    del _lent[operation.name]


def read_description(content: Any) -> Operation:
    """Reads the content of `Operation.to_dict`.

    Raises:
        UsageError: The description is none, or its name is not made of it.
    """
    try:
        operation = Operation(**content)
    except (TypeError, UsageError) as error:
        raise UsageError(
            f"expected the description of an operation, got {shorten(content)}: {error}"
        ) from None
    name = name_by_description(operation).name
    if name != operation.name:
        raise UsageError(
            f"the description of {shorten(operation.name)} is that of {name!r}; keep names and descriptions "
            "as they were written"
        )
    return operation


def name_by_description(operation: Operation) -> Operation:
    """The operation with a name that identifies its description: its label, ``#`` and a digest."""
    content = operation.to_dict() | {"name": label(operation.name)}
    digest = blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=6).hexdigest()
    return replace(operation, name=f"{content['name']}#{digest}")


_BY_DESCRIPTION = re.compile(r"#[0-9a-f]{12}$")


def declare(names: Iterable[str]) -> None:
    """Makes names known as operations of a search space; they may be registered before, later or never."""
    _of_spaces.update(names)


def is_known(name: str) -> bool:
    """Whether an operation is registered, declared by a search space, or has come with its description."""
    if name in registry or name in _of_spaces:
        return True
    return (name in _of_files or name in _lent) and bool(described([name]))


def get(name: str) -> Operation:
    """The description of an operation; of kind ``other`` if it is neither registered nor from outside."""
    if name in registry:
        return registry[name]
    if (known := _of_files.get(name)) is not None:
        return known
    found = _lent.get(name)  # another thread may end its block
    return Operation(name, "other") if found is None else found[1]


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
    """Describes an operation by numbers of order one, ``(len(ATTRIBUTES),)``."""
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

JOINS = ("add", "concat", "multiply", "join")
"""Vertices of traced networks that only join results; any process reads them, whether it traces or not."""

for _join in JOINS:
    register(Operation(_join, "identity"))
