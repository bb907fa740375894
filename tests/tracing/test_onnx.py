"""Networks in ONNX files: the same graphs as those of the modules that were exported."""

import io
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from egraph import from_onnx, from_torch
from egraph.errors import ArchitectureError, DataError, MissingExtraError, UsageError

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

IMAGE = torch.zeros(1, 3, 32, 32)


def export(module, example, **options):
    """The file, of weights that differ, as an exporter shares equal ones."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data.normal_().abs_()
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), example, file, dynamo=False, opset_version=18, **options)
    return file.getvalue()


PLAIN = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}


def test_a_model_is_the_same_through_both_doors(zoo):
    """Convolution, norms, attention and dense layers."""
    module = zoo("vit")
    assert from_onnx(export(module, (IMAGE,), **PLAIN)) == from_torch(module, IMAGE)


def test_norms_that_the_exporter_merged_have_no_parameters(zoo, describe, draw):
    module = zoo("resnext")
    merged, whole = from_onnx(export(module, (IMAGE,))), from_torch(module, IMAGE)
    assert draw(merged) == draw(whole)
    for a, b in zip(describe(merged), describe(whole), strict=True):
        assert (a.flops, a.activations, a.repeats) == (b.flops, b.activations, b.repeats)
        # A norm has a scale and a bias for each channel, the merged convolution a bias.
        assert b.parameters - a.parameters == (b.channels * b.repeats if b.kind == "conv" else 0)


class Sequences(nn.Module):
    """Embeddings, recurrent layers in both directions, and attention over two inputs."""

    def __init__(self):
        super().__init__()
        self.words, self.recurrent = nn.Embedding(50, 12), nn.LSTM(12, 6, bidirectional=True)
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)
        self.last = nn.Linear(12, 4)

    def forward(self, tokens, other):
        x = self.recurrent(self.words(tokens).transpose(0, 1))[0].transpose(0, 1)
        return self.last(self.attention(x, other, other, need_weights=False)[0] + x)


def test_layers_of_sequences_are_read(draw, describe):
    module, example = Sequences(), (torch.zeros(1, 9, dtype=torch.long), torch.zeros(1, 9, 12))
    read, traced = from_onnx(export(module, example, **PLAIN)), from_torch(module, example)
    assert sum(op.parameters for op in describe(read)) == sum(p.numel() for p in module.parameters())
    assert draw(read) == draw(traced)


def test_a_first_side_of_any_length_is_one_example(zoo):
    module = zoo("squeezenet")
    content = export(module, (IMAGE,), input_names=["x"], dynamic_axes={"x": {0: "batch"}})
    assert from_onnx(content) == from_torch(module, IMAGE)


def test_other_sides_of_any_length_need_an_example():
    content = export(nn.Conv2d(3, 4, 3), (IMAGE,), input_names=["x"], dynamic_axes={"x": {2: "height"}})
    with pytest.raises(
        UsageError, match=r"input 'x' has a side 'height' of any length; give an example_input"
    ):
        from_onnx(content)
    assert from_onnx(content, IMAGE) == from_torch(nn.Conv2d(3, 4, 3), IMAGE)


def model(nodes, inputs=(1, 4, 8, 8), weights=None, opset=18, outputs=("y",)):
    """The bytes of a model with the input ``x``."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, inputs)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (weights or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]).SerializeToString()


def node(kind, *inputs, outputs=("y",), **attributes):
    return helper.make_node(kind, list(inputs), list(outputs), name=kind.lower(), **attributes)


REAL, WHOLE = np.float32, np.int64
KERNEL = {"w": np.ones((6, 4, 3, 3), REAL)}
DENSE = {"w": np.ones((256, 5), REAL)}
RANGE = {name: np.array([value], WHOLE) for name, value in zip("abcd", (-1, -9, 2, -2), strict=True)}


@pytest.mark.parametrize(
    ("nodes", "weights", "opset", "drawn"),
    [
        ([node("Conv", "x", "w", auto_pad="SAME_UPPER", strides=[2, 2])], KERNEL, 11, "conv3x3-6-s2(0)"),
        ([node("Conv", "x", "w", pads=[0, 0, 1, 1])], KERNEL, 11, "conv3x3-6(0)"),
        (
            [node("ConvTranspose", "x", "w", strides=[2, 2])],
            {"w": np.ones((4, 5, 2, 2), REAL)},
            11,
            "up-conv2x2-5(0)",
        ),
        ([node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2])], {}, 11, "avgpool2x2-4(0)"),
        (
            [node("MaxPool", "x", kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2])],
            {},
            8,
            "maxpool3x3-4-s2(0)",
        ),
        ([node("GlobalMaxPool", "x")], {}, 11, "global-max-pool-4(0)"),
        ([node("ReduceMean", "x", axes=[2, 3])], {}, 11, "global-avg-pool-4(0)"),
        ([node("Flatten", "x", outputs=["f"]), node("Gemm", "f", "w")], DENSE, 11, "linear-5(0)"),
        (
            [node("Upsample", "x", "s", outputs=["u"]), node("Conv", "u", "w")],
            KERNEL | {"s": np.array([1, 1, 2, 2], REAL)},
            9,
            "conv3x3-6(0)",
        ),
        (
            [
                node("Shape", "x", outputs=["s"]),
                node("Gather", "s", "i", outputs=["n"]),
                node("Unsqueeze", "n", outputs=["m"], axes=[0]),
                node("Concat", "m", "e", outputs=["t"], axis=0),
                node("Reshape", "x", "t", outputs=["f"]),
                node("MatMul", "f", "w"),
            ],
            DENSE | {"i": WHOLE(0), "e": np.array([-1], WHOLE)},
            11,
            "linear-5(0)",
        ),
        (
            [node("Slice", "x", *"abcd", outputs=["f"]), node("Conv", "f", "w")],
            KERNEL | RANGE,
            11,
            "conv3x3-6(0)",
        ),
        (
            [
                node("Split", "x", outputs=["p", "q"], axis=1),
                node("Concat", "q", "p", outputs=["f"], axis=1),
                node("Clip", "f", "n", outputs=["k"]),
                node("Conv", "k", "w"),
            ],
            KERNEL | {"n": REAL(0)},
            11,
            "conv3x3-6(0)",
        ),
    ],
)
def test_operators_of_several_versions_are_read(draw, nodes, weights, opset, drawn):
    assert draw(from_onnx(model(nodes, weights=weights, opset=opset))) == [drawn, "output(1)"]


@pytest.mark.parametrize(
    ("nodes", "weights", "reason"),
    [
        (
            [node("RoiAlign", "x", "x", "x")],
            [],
            r"node 'roialign' \(RoiAlign\) cannot be drawn: its operator is none of",
        ),
        (
            [node("Conv", "x", "w")],
            {"w": np.ones((6, 5, 3, 3), REAL)},
            r"node 'conv' \(Conv\) does not run on its inp",
        ),
        ([node("Relu", "z")], {}, r"no operator before the node 'relu' \(Relu\) makes its input 'z'"),
        (
            [node("Add", "a", "b")],
            {"a": np.ones(2, WHOLE), "b": np.ones(3, WHOLE)},
            "does not run on its constan",
        ),
        (
            [node("Reshape", "x", "x")],
            [],
            "the operator Reshape has shape that depend on values; export a fixed",
        ),
        (
            [node("Expand", "x", "a")],
            {"a": np.ones(10_001, WHOLE)},
            "Expand has shape of 10,001 numbers; the",
        ),
        ([node("Shape", "x")], {}, "the result of the network does not depend on its input"),
    ],
)
def test_models_that_cannot_be_drawn_are_refused(nodes, weights, reason):
    with pytest.raises(ArchitectureError, match=reason):
        from_onnx(model(nodes, weights=weights))


def test_inputs_that_are_no_tensors_are_refused():
    graph = helper.make_graph(
        [node("Identity", "x")], "test", [helper.make_tensor_sequence_value_info("x", 1, [2])], []
    )
    with pytest.raises(ArchitectureError, match="the input 'x' is no tensor; export a network of tensors"):
        from_onnx(helper.make_model(graph).SerializeToString())


@pytest.mark.parametrize("inputs", [(1, -3, 8, 8), (1, 2**40, 8, 8)])
def test_impossible_shapes_are_refused(inputs):
    with pytest.raises(DataError, match=r"the tensor 'x' has the shape \(1, .*; the model is damaged"):
        from_onnx(model([node("Relu", "x")], inputs))


def test_numbers_of_other_types_are_refused():
    graph = helper.make_graph(
        [node("Identity", "x")], "test", [helper.make_tensor_value_info("x", TensorProto.STRING, [2])], []
    )
    with pytest.raises(ArchitectureError, match="the input 'x' has numbers of a type that PyTorch lacks"):
        from_onnx(helper.make_model(graph).SerializeToString())


def test_too_few_examples_are_refused():
    with pytest.raises(UsageError, match="the model has the inputs x, got 2 tensors; give one for each"):
        from_onnx(model([node("Relu", "x")]), (IMAGE, IMAGE + 1))


@pytest.mark.parametrize(
    ("source", "kind", "reason"),
    [
        (b"damaged", DataError, "the content is no ONNX model, or damaged: "),
        (b"", DataError, "the content is no ONNX model, or one without operators"),
        (
            "absent.onnx",
            DataError,
            "cannot read absent.onnx: No such file or directory; from_onnx reads a file",
        ),
        ("a\0b", DataError, "cannot read .*embedded null"),
        (3, UsageError, "from_onnx reads a path or the bytes of a file, got int"),
    ],
)
def test_what_is_no_model_is_refused(source, kind, reason):
    with pytest.raises(kind, match=reason):
        from_onnx(source)


def test_large_weights_beside_a_file_are_not_needed(tmp_path):
    content = onnx.load_model_from_string(export(nn.Conv2d(3, 64, 3), (IMAGE,)))
    onnx.save(content, tmp_path / "a.onnx", save_as_external_data=True, location="weights", size_threshold=64)
    (tmp_path / "weights").unlink()
    assert from_onnx(tmp_path / "a.onnx") == from_torch(nn.Conv2d(3, 64, 3), IMAGE)


def test_constants_beside_a_file_are_needed(tmp_path):
    nodes = [node("Reshape", "x", "shape", outputs=["f"]), node("Relu", "f")]
    content = onnx.load_model_from_string(model(nodes, weights={"shape": np.array([1, -1], WHOLE)}))
    onnx.save(content, tmp_path / "a.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    assert from_onnx(tmp_path / "a.onnx").num_vertices == 2
    (tmp_path / "weights").unlink()
    with pytest.raises(DataError, match="cannot read the constant 'shape'"):
        from_onnx(tmp_path / "a.onnx")


def test_the_package_is_optional(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"this needs onnx: pip install 'egraph\[onnx\]'"):
        from_onnx(b"")
