"""Networks in ONNX files, which are traced."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

import egraph
from fuzzing.edits import damaged
from fuzzing.trying import Door

SEEDS = st.integers(0, 2**40)
SIZES = (0, 1, -1, 3, 10**6, 2**40)
OPERATORS = (
    "Relu",
    "Conv",
    "Gemm",
    "MatMul",
    "Concat",
    "If",
    "Resize",
    "LSTM",
    "TopK",
    "Slice",
    "Pad",
    "Shape",
)


def make_network() -> bytes:
    """A convolution, a pool, and a dense layer behind a computed shape."""
    from onnx import helper, numpy_helper

    weights = {
        "w": np.ones((4, 3, 3, 3), np.float32),
        "d": np.ones((4, 5), np.float32),
        "first": np.array(0),
        "rest": np.array([-1]),
        "zero": np.array([0]),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["a"], ["b"]),
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "first"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "zero"], ["m"]),
        helper.make_node("Concat", ["m", "rest"], ["t"], axis=0),
        helper.make_node("Reshape", ["b", "t"], ["f"]),
        helper.make_node("MatMul", ["f", "d"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", 1, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", 1, None)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    content: bytes = helper.make_model(graph).SerializeToString()
    return content


def edit_network(whole: bytes, seed: int) -> bytes:
    """Another operator, input, shape or attribute in one place."""
    import onnx

    rng = random.Random(seed)
    model = onnx.load_model_from_string(whole)
    graph = model.graph
    node = rng.choice(graph.node)
    match rng.randrange(6):
        case 0:
            node.op_type = rng.choice(OPERATORS)
        case 1:
            names = [one.name for one in graph.initializer] + [
                name for one in graph.node for name in one.output
            ]
            node.input[rng.randrange(len(node.input))] = rng.choice([*names, ""])
        case 2:
            del node.input[rng.randrange(len(node.input)) :]
        case 3:
            graph.node.remove(node)
        case 4:
            weight = rng.choice(graph.initializer)
            weight.dims[:] = [rng.choice(SIZES) for _ in weight.dims]
        case _:
            graph.input[0].type.tensor_type.shape.dim[rng.randrange(4)].dim_value = rng.choice(SIZES)
    content: bytes = model.SerializeToString()
    return content


def open_networks(folder: Path) -> Door:
    """Files of networks whose operators, shapes and bytes are others."""
    whole = make_network()

    def read(file: Path) -> None:
        egraph.from_onnx(file).to_json()

    return Door(SEEDS.map(lambda seed: edit_network(whole, seed)) | damaged([whole]), read, ".onnx")
