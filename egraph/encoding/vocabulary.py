"""The operations that a ranker knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from egraph import operations
from egraph.architecture import Architecture
from egraph.encoding.features import VERTEX_NAMES, feature_groups, feature_names
from egraph.errors import ArchitectureError, ModelError
from egraph.operations import ATTRIBUTES, Operation

__all__ = ["STRUCTURE", "Vocabulary"]

STRUCTURE = ("depth", "height", "log in-degree", "log out-degree", "log paths", "log2 reduction")
"""What is said of where in its graph a vertex is."""

_LAYERS = ("conv", "separable-conv", "inverted-residual", "max-pool", "avg-pool", "linear", "attention")
"""Kinds that, with the numbers beside them, say what an operation does; of other kinds the name says it."""
_READ = ("kernel", "stride", "groups", "expansion", "width", "padded")


class Vocabulary:
    """The operations a ranker was trained on, with their descriptions.

    Args:
        operations: descriptions of the operations, each name once.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = tuple(sorted(operations, key=lambda op: op.name))
        self._known = {op.name: op for op in self.operations}
        self.interior = tuple(
            op for op in self.operations if op.kind not in ("input", "output", "zero", "identity")
        )
        shapes = Counter(map(_shape, self.interior))
        self._by_shape = {
            _shape(op): op
            for op in self.interior
            if op.kind in _LAYERS and (shapes[_shape(op)] == 1 or op == _typical(op))
        }
        self.feature_names = feature_names(self.interior)
        self.feature_groups = feature_groups(self.interior)
        self.vertex_width = len(ATTRIBUTES) + len(self.interior) + len(STRUCTURE) + len(VERTEX_NAMES)

    @classmethod
    def of(cls, architectures: Sequence[Architecture]) -> Vocabulary:
        """The operations that occur in some architectures.

        Layers of traced networks, each with a name of its own, are one where no ranker tells them apart.
        """
        described = {operations.get(name) for a in architectures for name in a.ops}
        of_spaces = cls(op for op in described if not op.channels)
        traced = (of_spaces._by_shape.get(_shape(op)) or _typical(op) for op in described if op.channels)
        return cls({*of_spaces.operations, *traced})

    @classmethod
    def from_json(cls, content: Any) -> Vocabulary:
        """Reads what `to_json` gave, and makes operations known that nobody registered here yet.

        Raises:
            ModelError: an operation is described otherwise here than where the ranker was trained.
        """
        described = [Operation(**fields) for fields in content]
        for operation in described:
            if operation.kind == "other":
                continue
            if operation.name in operations.registry and operations.get(operation.name) != operation:
                raise ModelError(
                    f"operation {operation.name!r} is described otherwise here than when the ranker was "
                    "trained; "
                    "fit it again"
                )
            operations.register(operation)
        return cls(described)

    def to_json(self) -> list[dict[str, Any]]:
        """The descriptions as JSON-ready values."""
        return [operation.to_dict() for operation in self.operations]

    def describe(self, name: str) -> Operation:
        """The description of an operation, under the name that it has in the training data, if it is there.

        A layer of a traced network is the one there of which all that rankers read is the same, unless there
        are two in a search space.

        Raises:
            ArchitectureError: it is neither registered nor was it in the training data.
        """
        if (known := self._known.get(name)) is not None:
            return known
        if name in operations.registry:
            operation = operations.get(name)
            # In a search space two names of one description differ in what is not described, such as dropout.
            was_traced = operation.channels > 0
            return self._by_shape.get(_shape(operation), operation) if was_traced else operation
        raise ArchitectureError(
            f"unknown operation {name!r}: this ranker was trained on {', '.join(self._known)}; "
            "register the operation with egraph.operations.register, or fit on architectures that have it"
        )


def _shape(operation: Operation) -> tuple[object, ...]:
    """What two names of one layer have in common; whether equal ones are shared is up to their space."""
    return operation.kind, *(getattr(operation, name) for name in _READ)


def _typical(operation: Operation) -> Operation:
    """A layer without what was measured of it, under a name that says the rest; others as they are."""
    if operation.kind not in _LAYERS:
        return operation
    read = {name: getattr(operation, name) for name in _READ}
    usual = Operation("", operation.kind)
    said = [f" {name}:{value}" for name, value in read.items() if value != getattr(usual, name)]
    return Operation(operation.kind + "".join(said), operation.kind, **read)
