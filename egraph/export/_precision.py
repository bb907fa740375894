"""Reduced precision for the weights of the networks in an ONNX ranker."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

__all__ = ["reduce"]


def reduce(model: onnx.ModelProto, precision: str) -> onnx.ModelProto:
    """Reduces the precision of the networks' weights; everything in double precision stays.

    Args:
        model: Model with weights in single precision.
        precision: ``"float16"`` stores weights in half precision and computes in single precision;
            ``"int8"`` multiplies matrices of bytes, with one scale for each matrix.
    """
    return _halve(model) if precision == "float16" else _quantise(model)


def _halve(model: onnx.ModelProto) -> onnx.ModelProto:
    nodes = []
    for node in model.graph.node:
        weight = _matrix(node)
        if weight is None:
            nodes.append(node)
            continue
        (name,) = node.output
        half = numpy_helper.from_array(weight.astype(np.float16))
        nodes.append(helper.make_node("Constant", [], [f"{name}.half"], value=half))
        nodes.append(helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    return _with_nodes(model, nodes)


def _quantise(model: onnx.ModelProto) -> onnx.ModelProto:
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.onnx_model import ONNXModel

    # The quantiser reads weights only from the initialisers of a graph, and only in files.
    kept = []
    for node in model.graph.node:
        if (weight := _matrix(node)) is None:
            kept.append(node)
        else:
            model.graph.initializer.append(numpy_helper.from_array(weight, node.output[0]))
    model = _with_nodes(model, kept)
    ONNXModel(model).replace_gemm_with_matmul()
    matrices = {initializer.name for initializer in model.graph.initializer}
    products = [n.name for n in model.graph.node if n.op_type == "MatMul" and n.input[1] in matrices]
    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder, "whole.onnx"), Path(folder, "small.onnx")
        onnx.save(model, whole)
        # It logs the advice to pre-process the model, which is not needed here.
        level = logging.root.level
        logging.root.setLevel(logging.ERROR)
        try:
            quantize_dynamic(
                whole,
                small,
                op_types_to_quantize=["MatMul"],
                nodes_to_quantize=products,
                weight_type=QuantType.QInt8,
            )
        finally:
            logging.root.setLevel(level)
        return onnx.load(small)


def _matrix(node: onnx.NodeProto) -> np.ndarray | None:
    """The weights of a dense layer, or None if the node holds none."""
    if node.op_type != "Constant" or node.attribute[0].name != "value":
        return None
    array = numpy_helper.to_array(node.attribute[0].t)
    return array if array.dtype == np.float32 and array.ndim == 2 and array.shape[1] > 1 else None


def _with_nodes(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> onnx.ModelProto:
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
