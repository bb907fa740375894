"""ONNX models as modules, which are then traced like others."""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from egraph.errors import ArchitectureError, DataError, EgraphError, MissingExtraError, UsageError, shorten
from egraph.tracing.capture import BY_VALUES
from egraph.tracing.onnx_calls import Call, Value
from egraph.tracing.onnx_operators import OPERATORS

__all__ = ["OnnxModule", "make_example", "read_onnx"]

_SET_BY_INPUTS = ("Resize", "Upsample", "Clip", "Pad", "OneHot")
"""Operators whose inputs behind the first are settings."""


def read_onnx(source: str | os.PathLike[str] | bytes) -> Any:
    """The model in a file, or in the bytes of one. Large weights in files beside it are not read.

    Raises:
        DataError: There is no such file, or it is no ONNX model.
        MissingExtraError: The package ``onnx`` is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("onnx", "onnx") from None
    if not isinstance(source, bytes | bytearray | memoryview | str | os.PathLike):
        raise UsageError(f"from_onnx reads a path or the bytes of a file, got {type(source).__name__}")
    name = "the content" if isinstance(source, bytes | bytearray | memoryview) else os.fspath(source)
    try:
        content = (
            bytes(source) if isinstance(source, bytes | bytearray | memoryview) else Path(source).read_bytes()
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read {name}: {reason}; from_onnx reads a file of a network") from None
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # noqa: BLE001 - protobuf has errors of its own
        raise DataError(f"{name} is no ONNX model, or damaged: {_first_line(error)}") from None
    if not model.graph.node:
        raise DataError(f"{name} is no ONNX model, or one without operators")
    if model.functions:
        from onnx import inliner

        model = inliner.inline_local_functions(model)
    return model


def make_example(model: Any) -> tuple[Tensor, ...]:
    """Zeros for each input of a model; a first side without a number is one example.

    Raises:
        UsageError: Another side has no number.
    """
    known = {initializer.name for initializer in model.graph.initializer}
    return tuple(_make_input(value) for value in model.graph.input if value.name not in known)


def _make_input(value: Any) -> Tensor:
    from onnx import helper

    sides = value.type.tensor_type.shape.dim
    if not value.type.HasField("tensor_type"):
        raise ArchitectureError(f"the input {value.name!r} is no tensor; export a network of tensors")
    sizes = [side.dim_value or (1 if place == 0 else 0) for place, side in enumerate(sides)]
    if 0 in sizes:
        free = sides[sizes.index(0)].dim_param or "?"
        raise UsageError(
            f"the input {value.name!r} has a side {free!r} of any length; give an example_input, such as "
            "torch.zeros(1, 3, 224, 224)"
        )
    _check_sides(value.name, sizes)
    try:
        kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        torch.from_numpy(np.zeros(0, dtype=kind))
    except (KeyError, TypeError, ValueError):
        raise ArchitectureError(
            f"the input {value.name!r} has numbers of a type that PyTorch lacks"
        ) from None
    return torch.zeros(sizes, dtype=torch.from_numpy(np.zeros(0, dtype=kind)).dtype, device="meta")


def _check_sides(name: str, sides: Iterable[int]) -> tuple[int, ...]:
    found = tuple(sides)
    if any(side < 0 for side in found) or math.prod(found) > _MOST_NUMBERS:
        raise DataError(f"the tensor {name!r} has the shape {shorten(found)}; the model is damaged")
    return found


_MOST_NUMBERS = 2**40


class OnnxModule(nn.Module):
    """A model whose forward calls its operators one by one.

    Weights have a shape and no memory: they are on the meta device. Whole numbers, single real ones (also
    those in a list that the exporter has computed) and settings of operators are constants; what a norm has
    counted is a buffer.

    Args:
        model: Model of the package ``onnx``.
        folder: Folder of files that hold larger constants.
    """

    def __init__(self, model: Any, folder: str = "") -> None:
        super().__init__()
        from onnx import numpy_helper

        self._model = _Opaque(model)
        graph = model.graph
        statistics, settings = _find_statistics(graph), _find_settings(graph)
        self._constants: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        for place, initializer in enumerate(graph.initializer):
            sides = _check_sides(initializer.name, initializer.dims)
            is_number = sides == (1,) and _FOLDED.fullmatch(initializer.name)
            if (
                initializer.data_type in _REAL
                and sides
                and not is_number
                and initializer.name not in settings
            ):
                weight = torch.empty(sides, device="meta")
                self._names[initializer.name] = f"weight{place}"
                if initializer.name in statistics:
                    self.register_buffer(f"weight{place}", weight)
                else:
                    self.register_parameter(f"weight{place}", nn.Parameter(weight))
            else:
                try:
                    self._constants[initializer.name] = numpy_helper.to_array(initializer, folder)
                except Exception as error:  # noqa: BLE001 - onnx has errors of its own
                    raise DataError(
                        f"cannot read the constant {initializer.name!r}: {_first_line(error)}"
                    ) from None
        self._inputs = [
            value.name for value in graph.input if value.name not in self._names | self._constants
        ]

    def forward(self, *examples: Tensor) -> tuple[Value, ...]:
        """The outputs of the model."""
        model = self._model.content
        if len(examples) != len(self._inputs):
            raise UsageError(
                f"the model has the inputs {', '.join(self._inputs)}, got {len(examples)} tensors; "
                "give one for each"
            )
        values: dict[str, Value] = {
            "": None,
            **self._constants,
            **{name: getattr(self, attribute) for name, attribute in self._names.items()},
            **dict(zip(self._inputs, examples, strict=True)),
        }
        for node in model.graph.node:
            if missing := [name for name in node.input if name not in values]:
                raise ArchitectureError(f"no operator before {_title(node)} makes its input {missing[0]!r}")
            results = _compute(node, [values[name] for name in node.input], model)
            values.update(zip(node.output, results, strict=False))
        return tuple(
            values[output.name]
            for output in model.graph.output
            if isinstance(values.get(output.name), Tensor)
        )


def _find_settings(graph: Any) -> set[str]:
    return {name for node in graph.node if node.op_type in _SET_BY_INPUTS for name in node.input[1:]}


def _find_statistics(graph: Any) -> set[str]:
    """Names of what norms have counted, and nothing else reads; exporters share equal weights by Identity."""
    behind = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}

    def first(name: str) -> str:
        while name in behind:
            name = behind[name]
        return name

    counted: set[str] = set()
    read: set[str] = set()
    for node in graph.node:
        is_norm = node.op_type == "BatchNormalization"
        for place, name in enumerate(node.input):
            if node.op_type != "Identity":
                (counted if is_norm and place in (3, 4) else read).add(first(name))
    return counted - read


_REAL = (1, 10, 11, 16)
"""Numbers of ONNX for types of real numbers."""


_FOLDED = re.compile(r"val_\d+")
"""Names that the exporter of ``torch.export`` programs gives to what it has computed."""


class _Opaque:
    """Something that PyTorch does not look into."""

    def __init__(self, content: Any) -> None:
        self.content = content


def _compute(node: Any, inputs: list[Value], model: Any) -> tuple[Value, ...]:
    """The results of a node; constants of constants are computed at once."""
    if node.op_type in ("Shape", "Size") and isinstance(inputs[0], Tensor):
        shape = np.array(inputs[0].shape, dtype=np.int64)
        if node.op_type == "Size":
            return (np.array(shape.prod()),)
        given = _attributes(node)
        return (shape[given.get("start", 0) : given.get("end")],)
    if not any(isinstance(value, Tensor) for value in inputs):
        return _compute_constant(node, inputs, model)
    if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx", "com.microsoft"):
        raise ArchitectureError(
            f"{_title(node)} cannot be drawn: its operator is none of those that are read; export the part "
            "of the network before it, or trace its PyTorch module"
        )
    try:
        result = OPERATORS[node.op_type](Call(node.op_type, inputs, _attributes(node), len(node.output)))
    except (EgraphError, *BY_VALUES):
        raise
    except Exception as error:
        raise ArchitectureError(f"{_title(node)} does not run on its inputs: {_first_line(error)}") from error
    return result if isinstance(result, tuple) else (result,)


def _compute_constant(node: Any, inputs: list[Value], model: Any) -> tuple[Value, ...]:
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    names = {name: value for name, value in zip(node.input, inputs, strict=True) if name}
    nothing = [helper.make_tensor_value_info(name, 0, None) for name in names]
    results = [helper.make_tensor_value_info(name, 0, None) for name in node.output if name]
    graph = helper.make_graph([node], "constant", nothing, results)
    single = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = ReferenceEvaluator(single).run(None, names)
    except Exception as error:
        raise ArchitectureError(
            f"{_title(node)} does not run on its constants: {_first_line(error)}"
        ) from error
    return tuple(np.asarray(value) for value in found)


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    values = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()}


def _title(node: Any) -> str:
    return (
        f"the node {node.name or node.output[0]!r} ({node.op_type})"
        if node.output
        else f"a node {node.op_type}"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0][:300]
