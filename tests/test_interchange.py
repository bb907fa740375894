"""Architectures as graphs of other libraries: nothing is lost on the way there and back."""

import io
import warnings

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from egraph import Architecture, from_onnx, from_torch, spaces
from egraph.errors import ArchitectureError, MissingExtraError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch_geometric warns about its own modules
    from torch_geometric.data import Batch, Data

SPACES = ("nasbench101", "nasbench201", "darts", "convnet", "graphsage", "nasbench_macro", "nasbench_graph")
TRACED = from_torch(
    nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(128, 5)),
    torch.zeros(1, 3, 8, 8),
)
WHOLE = Architecture(
    TRACED.ops,
    [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4)],
    disabled=[(0, 3)],
    answers={"width": 8, "kinds": ["a", 1.5, None]},
)


@st.composite
def sampled(draw):
    """An architecture of one of the spaces; a few are traced, with disabled edges and answers."""
    name = draw(st.sampled_from((*SPACES, "traced")))
    if name == "traced":
        return draw(st.sampled_from((TRACED, WHOLE)))
    return spaces.get(name).sample(np.random.default_rng(draw(st.integers(0, 10**6))))


@given(sampled())
@settings(max_examples=60, deadline=None)
def test_networkx_there_and_back(a):
    assert Architecture.from_networkx(a.to_networkx()) == a


@given(sampled())
@settings(max_examples=60, deadline=None)
def test_torch_geometric_there_and_back(a):
    assert Architecture.from_pyg(a.to_pyg()) == a


@given(sampled())
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_dgl_there_and_back(a):
    pytest.importorskip("dgl", reason="DGL is not installed: pip install 'egraph[dgl]'")
    graph = a.to_dgl()
    assert Architecture.from_dgl(graph) == a
    assert torch.equal(graph.ndata["x"], a.to_pyg().x)


@given(sampled())
@settings(max_examples=60, deadline=None)
def test_onnx_there_and_back(a):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'egraph[onnx]'")
    model = a.to_onnx()
    onnx.checker.check_model(model, full_check=True)
    assert len(model.graph.node) == a.num_vertices - 1
    assert Architecture.from_onnx(model) == a
    assert from_onnx(model.SerializeToString()) == a


def test_nodes_of_onnx_describe_their_operations():
    pytest.importorskip("onnx", reason="onnx is not installed: pip install 'egraph[onnx]'")
    from onnx import helper

    first = WHOLE.to_onnx().graph.node[0]
    held = {each.name: helper.get_attribute_value(each) for each in first.attribute}
    assert (first.op_type, first.name, first.domain) == ("conv3x3_8", "conv3x3_8_1", "egraph.architecture")
    assert (held["op"].decode(), held["vertex"], held["kind"], held["kernel"]) == (
        TRACED.ops[1],
        1,
        b"conv",
        3,
    )
    assert (held["parameters"], held["padded"], held["width"]) == (3 * 8 * 9 + 8, 0, 1.0)


def test_vertices_of_onnx_keep_their_numbers_in_any_order():
    """Nodes of ONNX stand behind those that they read, vertices need not."""
    a = Architecture(["input", "maxpool3x3", "conv3x3-bn-relu", "output"], [(0, 2), (2, 1), (1, 3)])
    model = a.to_onnx()
    assert [node.output[0] for node in model.graph.node] == ["vertex2", "vertex1", "output"]
    assert Architecture.from_onnx(model) == a


def _changed_onnx(change):
    model = WHOLE.to_onnx()
    change(model)
    return model


def _forget_vertex(model):
    del model.graph.node[0].attribute[:]


def _number_twice(model):
    next(each for each in model.graph.node[0].attribute if each.name == "vertex").i = 2


def _read_nothing(model):
    model.graph.node[0].input[0] = "nowhere"


def _damage_extra(model):
    model.metadata_props[0].value = "{"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_forget_vertex, "node 'conv3x3_8_1' must have attributes op and vertex, and one output"),
        (_number_twice, "nodes must have the numbers 1 to 4 as attribute vertex, each once"),
        (_read_nothing, "no node gives the input 'nowhere'"),
        (_damage_extra, "extra of a graph must be JSON, got '{'"),
    ],
)
def test_changed_models_of_onnx_are_refused(change, reason):
    pytest.importorskip("onnx", reason="onnx is not installed: pip install 'egraph[onnx]'")
    with pytest.raises(ArchitectureError, match=reason):
        from_onnx(_changed_onnx(change).SerializeToString())


def test_onnx_is_optional(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"this needs onnx: pip install 'egraph\[onnx\]'"):
        TRACED.to_onnx()


def test_a_file_of_networkx_keeps_everything():
    """GraphML names nodes by texts."""
    file = io.BytesIO()
    networkx.write_graphml(WHOLE.to_networkx(), file)
    assert Architecture.from_networkx(networkx.read_graphml(io.BytesIO(file.getvalue()))) == WHOLE
    data = networkx.node_link_data(WHOLE.to_networkx(), edges="edges")
    assert Architecture.from_networkx(networkx.node_link_graph(data, edges="edges")) == WHOLE


def test_a_graph_of_ones_own_is_read_in_its_order():
    graph = networkx.DiGraph([("conv", "end"), ("start", "conv"), ("start", "pool"), ("pool", "end")])
    ops = {"conv": "conv3x3-bn-relu", "end": "output", "start": "input", "pool": "maxpool3x3"}
    networkx.set_node_attributes(graph, ops, "op")
    assert Architecture.from_networkx(graph) == Architecture(
        ["input", "conv3x3-bn-relu", "maxpool3x3", "output"], [(0, 1), (0, 2), (1, 3), (2, 3)]
    )


def test_several_form_a_batch_of_torch_geometric():
    graphs = [TRACED, WHOLE, spaces.get("darts").sample(np.random.default_rng(0))]
    batch = Batch.from_data_list([a.to_pyg() for a in graphs])
    assert [Architecture.from_pyg(data) for data in batch.to_data_list()] == graphs
    with pytest.raises(ArchitectureError, match=r"several architectures; take one of batch.to_data_list\(\)"):
        Architecture.from_pyg(batch)


@pytest.mark.filterwarnings("ignore")
def test_files_of_dgl_lose_the_operations_which_are_then_given(tmp_path):
    dgl = pytest.importorskip("dgl", reason="DGL is not installed: pip install 'egraph[dgl]'")
    dgl.save_graphs(str(tmp_path / "g.bin"), [TRACED.to_dgl()])
    [graph], _ = dgl.load_graphs(str(tmp_path / "g.bin"))
    with pytest.raises(
        ArchitectureError, match=r"with an attribute ops, got DGLGraph; files .* so give ops="
    ):
        Architecture.from_dgl(graph)
    assert Architecture.from_dgl(graph, TRACED.ops) == TRACED


def test_dgl_is_optional(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dgl", None)
    with pytest.raises(MissingExtraError, match=r"this needs dgl: pip install 'egraph\[dgl\]'"):
        TRACED.to_dgl()


def _graph(**attributes):
    graph = networkx.DiGraph(**attributes)
    graph.add_node(0, op="input")
    graph.add_node(1, op="output")
    return graph


@pytest.mark.parametrize(
    ("read", "graph", "reason"),
    [
        (Architecture.from_networkx, networkx.Graph(), "expected a networkx.DiGraph, got Graph"),
        (Architecture.from_networkx, networkx.DiGraph([(0, 1)]), "node 0 has the operation None; give each"),
        (Architecture.from_networkx, networkx.DiGraph(), "input"),
        (Architecture.from_networkx, _graph(extra="{"), "extra of a graph must be JSON, got"),
        (Architecture.from_networkx, _graph(extra="[1]"), "must be a JSON object, got"),
        (
            Architecture.from_networkx,
            _graph(extra='{"answers": 3}'),
            "'answers' of an architecture must be an",
        ),
        (Architecture.from_pyg, Data(x=torch.zeros(2, 3)), "expected a torch_geometric.* got Data"),
        (Architecture.from_pyg, Data(edge_index=torch.zeros(2, 0)), "field 'ops' of an architecture must be"),
        (Architecture.from_pyg, 3, "expected a torch_geometric.* got int"),
        (Architecture.from_dgl, 3, "expected a DGL graph .* got int"),
        (Architecture.from_onnx, 3, "expected an onnx.ModelProto that .*, got another int; egraph.from_onnx"),
    ],
)
def test_other_graphs_are_refused(read, graph, reason):
    with pytest.raises(ArchitectureError, match=reason):
        read(graph)
