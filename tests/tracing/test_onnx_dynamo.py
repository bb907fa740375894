"""ONNX files of the exporter of ``torch.export`` programs: the same graphs as those of the older one."""

import logging
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from egraph import from_onnx, from_torch, operations

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


class Small(nn.Module):
    """Convolutions with norms and two branches."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8)
        self.left, self.right = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = F.max_pool2d(F.silu(self.norm(self.stem(x))), 2)
        return self.head(torch.cat([self.left(x), F.gelu(self.right(x)) + x], 1).mean((2, 3)))


class Series(nn.Module):
    """Embeddings, and recurrent layers in both directions."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(20, 8)
        self.recurrent = nn.LSTM(8, 6, batch_first=True, bidirectional=True)
        self.head = nn.Linear(12, 4)

    def forward(self, tokens):
        return self.head(self.recurrent(self.words(tokens))[0][:, -1])


NETWORKS = {
    "convolutions": (Small, torch.zeros(1, 3, 16, 16)),
    "series": (Series, torch.zeros(1, 5, dtype=torch.long)),
    "attention": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2),
        torch.zeros(1, 7, 16),
    ),
}


def export(module, example, path, **options):
    for tensor in [*module.parameters(), *module.buffers()]:  # exporters share equal ones
        if tensor.is_floating_point():
            tensor.data.normal_().abs_()
    level = logging.root.manager.disable
    try:
        logging.disable(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(module.eval(), (example,), path, **options)
    finally:
        logging.disable(level)
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_both_exporters_give_one_architecture(name, tmp_path):
    pytest.importorskip("onnxscript", reason="onnxscript is not installed: pip install onnxscript")
    make, example = NETWORKS[name]
    torch.manual_seed(0)
    module = make()
    new = export(module, example, tmp_path / "new.onnx", dynamo=True, verbose=False)
    old = export(module, example, tmp_path / "old.onnx", dynamo=False, opset_version=18)
    assert from_onnx(new) == from_onnx(old)
    if name == "attention":  # the others have a norm or biases that exporters merge
        assert from_onnx(new) == from_torch(module, example)
    if (weights := tmp_path / "new.onnx.data").exists():
        weights.unlink()
        assert from_onnx(new) == from_onnx(old)


def test_a_first_side_of_any_length_is_one_example(tmp_path):
    pytest.importorskip("onnxscript", reason="onnxscript is not installed: pip install onnxscript")
    example, sides = torch.zeros(2, 3, 16, 16), {"x": {0: torch.export.Dim("batch", min=1)}}
    free = export(Small(), example, tmp_path / "a.onnx", dynamo=True, verbose=False, dynamic_shapes=sides)
    fixed = export(Small(), example[:1], tmp_path / "b.onnx", dynamo=False, opset_version=18)
    assert from_onnx(free) == from_onnx(fixed)


@pytest.mark.parametrize(("name", "parameters"), [("val_3", 0), ("scale", 1), ("val_x", 1)])
def test_numbers_that_the_exporter_computed_are_no_parameters(name, parameters):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Mul", ["c", name], ["y"]),
    ]
    weights = {"w": np.ones((6, 4, 3, 3), np.float32), name: np.full(1, 0.5, np.float32)}
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4, 8, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, key) for key, value in weights.items()],
    )
    read = from_onnx(helper.make_model(graph).SerializeToString())
    assert sum(operations.get(op).parameters for op in read.ops) == 6 * 4 * 9 + parameters
