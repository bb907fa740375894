"""Architectures as graphs of other libraries, and back: networkx, torch-geometric, DGL and ONNX.

A graph has everything that `Architecture.to_dict` has. What has no place among vertices and edges (disabled
edges, answers, descriptions of operations) is a text of JSON, ``extra``. Functions ``read_*`` return what
`Architecture.from_dict` reads; the methods of `Architecture` call both.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Sequence
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph import operations
from egraph._version import __version__
from egraph.errors import ArchitectureError, MissingExtraError, shorten

if TYPE_CHECKING:
    import networkx
    import onnx
    import torch_geometric.data

    from egraph.architecture import Architecture

__all__ = [
    "ONNX_DOMAIN",
    "read_dgl",
    "read_networkx",
    "read_onnx",
    "read_pyg",
    "to_dgl",
    "to_networkx",
    "to_onnx",
    "to_pyg",
]

ONNX_DOMAIN = "egraph.architecture"
"""Domain of the operators of `to_onnx`; their attributes are those of `egraph.operations.Operation`."""


def to_networkx(architecture: Architecture) -> networkx.DiGraph:
    """A ``DiGraph`` whose vertices have their operation as attribute ``op``."""
    import networkx

    graph: networkx.DiGraph = networkx.DiGraph()
    graph.add_nodes_from((vertex, {"op": op}) for vertex, op in enumerate(architecture.ops))
    graph.add_edges_from(architecture.edges)
    if extra := _extra(architecture):
        graph.graph["extra"] = extra
    return graph


def read_networkx(graph: Any) -> dict[str, Any]:
    """The content of a directed graph; its nodes may have any names, and any order between the ends.

    Raises:
        ArchitectureError: It is no directed graph, or its nodes have no operations.
    """
    import networkx

    if not isinstance(graph, networkx.DiGraph):
        raise ArchitectureError(f"expected a networkx.DiGraph, got {type(graph).__name__}")
    ops = dict(graph.nodes(data="op"))
    if bad := [node for node, op in ops.items() if not isinstance(op, str)]:
        raise ArchitectureError(
            f"node {shorten(bad[0])} has the operation {shorten(ops[bad[0]])}; give each node the name of "
            "its operation as attribute op, such as graph.add_node(1, op='conv3x3')"
        )
    nodes = sorted(ops, key=lambda node: (ops[node] != "input") + (ops[node] == "output"))
    number_of = {node: number for number, node in enumerate(nodes)}
    edges = [(number_of[source], number_of[target]) for source, target in graph.edges()]
    return _content([ops[node] for node in nodes], edges, graph.graph.get("extra", ""))


def to_pyg(architecture: Architecture) -> torch_geometric.data.Data:
    """A ``Data`` with ``x``, ``edge_index``, ``ops`` and ``extra``; several form a ``Batch``."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch-geometric scripts a class when it is imported
        from torch_geometric.data import Data

    features, edges = _arrays(architecture)
    return Data(
        x=torch.from_numpy(features),
        edge_index=torch.from_numpy(edges),
        ops=list(architecture.ops),
        extra=_extra(architecture),
    )


def read_pyg(data: Any) -> dict[str, Any]:
    """The content of a ``Data``.

    Raises:
        ArchitectureError: It has no operations or no edges, or it is a batch.
    """
    ops: Any = getattr(data, "ops", None)
    edges: Any = getattr(data, "edge_index", None)
    if getattr(data, "batch", None) is not None:
        raise ArchitectureError("a batch has several architectures; take one of batch.to_data_list()")
    if not hasattr(edges, "tolist"):
        raise ArchitectureError(
            f"expected a torch_geometric.data.Data with ops and edge_index, got {type(data).__name__}"
        )
    return _content(ops, zip(*edges.tolist(), strict=True), getattr(data, "extra", ""))


def to_dgl(architecture: Architecture) -> Any:
    """A ``dgl.DGLGraph`` with ``ndata["x"]``; ``ops`` and ``extra`` are attributes of the Python object.

    Raises:
        MissingExtraError: DGL is not installed.
    """
    import torch

    try:
        import dgl
    except ImportError:
        raise MissingExtraError("dgl", "dgl") from None
    features, edges = _arrays(architecture)
    graph = dgl.graph(tuple(torch.from_numpy(edges)), num_nodes=architecture.num_vertices)
    graph.ndata["x"] = torch.from_numpy(features)
    graph.ops, graph.extra = list(architecture.ops), _extra(architecture)
    return graph


def read_dgl(graph: Any, ops: Sequence[str] | None = None) -> dict[str, Any]:
    """The content of a DGL graph.

    Args:
        graph: Graph.
        ops: Operation of each vertex, for graphs that do not have them: DGL keeps tensors only in its files
            and batches.

    Raises:
        ArchitectureError: It has no operations.
    """
    given = getattr(graph, "ops", None) if ops is None else list(ops)
    if not hasattr(graph, "edges") or given is None:
        raise ArchitectureError(
            f"expected a DGL graph with an attribute ops, got {type(graph).__name__}; files and batches of "
            "DGL lose it, so give ops="
        )
    sources, targets = graph.edges(order="eid")
    return _content(given, zip(sources.tolist(), targets.tolist(), strict=True), getattr(graph, "extra", ""))


def to_onnx(architecture: Architecture) -> onnx.ModelProto:
    """A model with one node a vertex, the input excepted, whose attribute ``op`` is its operation.

    Raises:
        MissingExtraError: The package ``onnx`` is not installed.
    """
    try:
        from onnx import helper
    except ImportError:
        raise MissingExtraError("onnx", "onnx") from None
    last = architecture.num_vertices - 1
    values = ["input", *(f"vertex{vertex}" for vertex in range(1, last)), "output"]
    sources: dict[int, list[int]] = {vertex: [] for vertex in range(last + 1)}
    for source, target in architecture.edges:
        sources[target].append(source)
    nodes = []
    for vertex in TopologicalSorter(sources).static_order():  # ONNX wants sources before targets
        if vertex == 0:
            continue
        op = operations.get(architecture.ops[vertex]).to_dict()
        described = {name: value for name, value in op.items() if name != "name"}
        title = re.sub(r"\W", "_", operations.label(op["name"])) or "_"
        inputs = [values[source] for source in sources[vertex]]
        attributes = {"op": op["name"], "vertex": vertex, **described}
        name = f"{title}_{vertex}"
        node = helper.make_node(title, inputs, [values[vertex]], name, domain=ONNX_DOMAIN, **attributes)
        nodes.append(node)
    ends = [helper.make_tensor_value_info(name, 1, ["any"]) for name in ("input", "output")]
    graph = helper.make_graph(nodes, "architecture", ends[:1], ends[1:])
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(ONNX_DOMAIN, 1)],
        producer_name="egraph",
        producer_version=__version__,
    )
    if extra := _extra(architecture):
        helper.set_model_props(model, {"extra": extra})
    return model


def read_onnx(model: Any) -> dict[str, Any]:
    """The content of a model of `to_onnx`.

    Raises:
        ArchitectureError: It is another model, such as that of a network, or it was changed.
    """
    nodes = list(getattr(getattr(model, "graph", None), "node", ()))
    if not nodes or any(node.domain != ONNX_DOMAIN for node in nodes):
        raise ArchitectureError(
            "expected an onnx.ModelProto that Architecture.to_onnx made, got another "
            f"{type(model).__name__}; egraph.from_onnx reads the file of a network"
        )
    number_of: dict[str, int] = {"input": 0}
    ops: dict[int, str] = {0: "input"}
    for node in nodes:
        held = {attribute.name: attribute for attribute in node.attribute}
        if not {"op", "vertex"} <= held.keys() or len(node.output) != 1:
            raise ArchitectureError(
                f"the node {shorten(node.name)} must have attributes op and vertex, and one output"
            )
        vertex = held["vertex"].i
        ops[vertex] = held["op"].s.decode(errors="replace")
        number_of[node.output[0]] = vertex
    if sorted(ops) != list(range(len(nodes) + 1)):
        raise ArchitectureError(
            f"the nodes must have the numbers 1 to {len(nodes)} as attribute vertex, each once"
        )
    if unknown := [name for node in nodes for name in node.input if name not in number_of]:
        raise ArchitectureError(f"no node gives the input {shorten(unknown[0])}")
    edges = [(number_of[name], number_of[node.output[0]]) for node in nodes for name in node.input]
    extra = next((entry.value for entry in model.metadata_props if entry.key == "extra"), "")
    return _content([ops[vertex] for vertex in range(len(ops))], edges, extra)


def _arrays(architecture: Architecture) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Descriptions of the vertices, ``(vertices, len(ATTRIBUTES))``, and edges, ``(2, edges)``."""
    features = np.stack([operations.attributes(operations.get(op)) for op in architecture.ops])
    return features, np.ascontiguousarray(np.array(architecture.edges, dtype=np.int64).reshape(-1, 2).T)


def _extra(architecture: Architecture) -> str:
    """What has no place among vertices and edges, as JSON; empty if there is nothing."""
    content = {key: value for key, value in architecture.to_dict().items() if key not in ("ops", "edges")}
    return json.dumps(content, separators=(",", ":")) if content else ""


def _content(ops: Any, edges: Iterable[Iterable[int]], extra: Any) -> dict[str, Any]:
    try:
        content = json.loads(extra) if extra else {}
    except (TypeError, ValueError, RecursionError) as error:
        raise ArchitectureError(
            f"the attribute extra of a graph must be JSON, got {shorten(extra)}: {error}"
        ) from None
    if not isinstance(content, dict):
        raise ArchitectureError(f"the attribute extra of a graph must be a JSON object, got {shorten(extra)}")
    return content | {"ops": ops, "edges": [list(edge) for edge in edges]}
