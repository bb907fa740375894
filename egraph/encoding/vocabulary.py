"""The operations of a ranker's training data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from egraph import operations
from egraph.architecture import Architecture
from egraph.encoding.answers import AskedQuestions
from egraph.encoding.features import VERTEX_NAMES, feature_groups, feature_names
from egraph.encoding.measures import MEASURE_GROUPS, MEASURE_NAMES, VERTEX_MEASURES, is_measured
from egraph.errors import ArchitectureError
from egraph.operations import ATTRIBUTES, KINDS, Operation

__all__ = ["STRUCTURE", "Vocabulary"]

STRUCTURE = ("depth", "height", "log in-degree", "log out-degree", "log paths", "log2 reduction")
"""Names of the columns that describe the position of a vertex in its graph."""

_LAYERS = ("conv", "separable-conv", "inverted-residual", "max-pool", "avg-pool", "linear", "attention")
"""Kinds that, with the attributes in `_READ`, determine an operation; other kinds are known by name only."""
_READ = ("kernel", "stride", "groups", "expansion", "width", "padded")

_MOST_NAMES = 32
"""Traced layers have any width, so that a name for each of them would be a column for each network. With more
names than this, measured operations are told apart by their numbers alone."""


_MOST_LISTED = 40
"""Most operations that an error lists."""


class Vocabulary:
    """The operations a ranker was trained on, with their descriptions, and the questions of builders.

    Args:
        operations: Descriptions of the operations, each name once.
        names: Whether the encoding tells operations apart by name; otherwise by their descriptions alone,
            which also serves search spaces whose operations are not in the training data.
        measured: Whether the encoding reads the measured attributes of operations too; see `measures`.
        asked: Questions whose answers the encoding reads.

    Attributes:
        operations: The operations in the order of their names.
        interior: Those that are kept in a simplified graph, except input and output.
        told_apart: Those that are told apart by name, or counted by kind where they are many; None without
            names.
        columns: Those with a column of their own in the encoding of vertices.
        kinds: Kinds that the encoding tells apart.
        measured: Whether the encoding reads measured attributes.
        asked: Questions whose answers it reads.
    """

    def __init__(
        self,
        operations: Iterable[Operation],
        names: bool = True,
        measured: bool = False,
        asked: AskedQuestions = AskedQuestions(),  # noqa: B008 - immutable
    ) -> None:
        self.operations = tuple(sorted(operations, key=lambda op: op.name))
        self._known = {op.name: op for op in self.operations}
        self.interior = tuple(
            op for op in self.operations if op.kind not in ("input", "output", "zero", "identity")
        )
        self.measured, self.asked = measured, asked
        self.told_apart = self.interior if names else None
        many = measured and len(self.interior) > _MOST_NAMES
        self.columns = () if many else self.told_apart or ()
        # An input that was constant in training has arbitrary weights.
        self.kinds = frozenset(KINDS if names else (op.kind for op in self.operations))
        shapes = Counter(map(_shape, self.interior))
        self._by_shape = {
            _shape(op): op
            for op in self.interior
            if op.kind in _LAYERS and (shapes[_shape(op)] == 1 or op == _typical(op))
        }
        self.feature_names = feature_names(self.told_apart)
        self.feature_groups = feature_groups(self.told_apart)
        self.vertex_width = len(ATTRIBUTES) + len(self.columns) + len(STRUCTURE) + len(VERTEX_NAMES)
        if measured:
            self.feature_names += MEASURE_NAMES
            self.feature_groups += MEASURE_GROUPS
            self.vertex_width += len(VERTEX_MEASURES)
        self.feature_names += asked.names
        self.feature_groups += asked.groups

    @classmethod
    def of(cls, architectures: Sequence[Architecture], names: bool = True) -> Vocabulary:
        """The operations in some architectures.

        Layers of traced networks have unique names; those that are equal up to measured attributes become one
        operation. The encoding reads these attributes if most architectures have them.
        """
        described = {name: operations.get(name) for a in architectures for name in a.ops}
        of_spaces = cls(op for op in described.values() if not is_measured(op))
        traced = [op for op in described.values() if is_measured(op)]
        typical = (of_spaces._by_shape.get(_shape(op)) or _typical(op) for op in traced)
        names_traced = {op.name for op in traced}
        with_measures = sum(not names_traced.isdisjoint(a.ops) for a in architectures)
        measured, asked = 2 * with_measures > len(architectures), AskedQuestions.of(architectures)
        return cls({*of_spaces.operations, *typical}, names, measured, asked)

    @classmethod
    def from_json(cls, content: Mapping[str, Any], names: bool = True) -> Vocabulary:
        """Reads the result of `to_json`; its operations become known to `egraph.operations.get`."""
        described = [Operation(**fields) for fields in content["vocabulary"]]
        for operation in described:
            operations.remember(operation)
        asked = AskedQuestions.from_json(content.get("asked", []))
        return cls(described, names, content.get("measured", False), asked)

    def to_json(self) -> dict[str, Any]:
        """The vocabulary as JSON-ready values: fields of the description of a model."""
        content: dict[str, Any] = {"vocabulary": [operation.to_dict() for operation in self.operations]}
        if self.measured:
            content["measured"] = True
        if self.asked.questions:
            content["asked"] = self.asked.to_json()
        return content

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def is_like_known(self, operation: Operation) -> bool:
        """Whether the training data has such an operation; with measures, of such a kind."""
        if self.measured and is_measured(operation):
            return operation.kind in {op.kind for op in self.interior}
        return operation.name in self

    def measure(self, name: str) -> Operation:
        """The description of an operation as of `describe`, with its measured attributes if they are read.

        Raises:
            ArchitectureError: See `describe`.
        """
        operation = operations.get(name)
        return operation if self.measured and is_measured(operation) else self.describe(name)

    def describe(self, name: str) -> Operation:
        """The description of an operation, under its name in the training data if it occurs there.

        A layer of a traced network is described as the layer of the training data with the same attributes,
        unless a search space has two of these. So is an operation whose name had another description in the
        training data: descriptions are compared, and one name may mean two things in two search spaces.

        Raises:
            ArchitectureError: The operation is neither registered, nor declared by a search space, nor in the
                training data.
        """
        known = self._known.get(name)
        if known is not None and (known.kind == "other" or name not in operations.registry):
            return known
        operation = operations.get(name)
        if operation == known:
            return operation
        if known is not None:
            renamed = replace(operation, name=f"{name} [{_typical(operation).name}]")
            return self._by_shape.get(_shape(operation), renamed)
        if operations.is_known(name) or operation.kind != "other" or is_measured(operation):
            # Two operations of a search space with one description differ in what it lacks, such as dropout.
            return self._by_shape.get(_shape(operation), operation) if is_measured(operation) else operation
        listed = ", ".join([*list(self._known)[:_MOST_LISTED], *["..."][: len(self._known) - _MOST_LISTED]])
        raise ArchitectureError(
            f"unknown operation {name!r}: this ranker was trained on {listed}; "
            "register the operation with egraph.operations.register, or fit on architectures that have it"
        )


def _shape(operation: Operation) -> tuple[object, ...]:
    """The attributes that are equal for two names of one layer; `shareable` is not, as spaces decide it."""
    return operation.kind, *(getattr(operation, name) for name in _READ)


def _typical(operation: Operation) -> Operation:
    """A layer without its measured attributes, named after the others; other operations unchanged."""
    if operation.kind not in _LAYERS:
        return operation
    read = {name: getattr(operation, name) for name in _READ}
    usual = Operation("", operation.kind)
    unusual = [f" {name}:{value}" for name, value in read.items() if value != getattr(usual, name)]
    return Operation(operation.kind + "".join(unusual), operation.kind, **read)
