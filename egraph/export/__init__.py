"""Exporters: rankers as ONNX files, and networks as plain PyTorch.

Rankers: `save_onnx`, also called by `egraph.Ranker.to_onnx`, writes a ranker as an ONNX file. `OnnxRanker`
calls such a file and needs only NumPy and onnxruntime. `ONNX_AGGREGATORS` and `ONNX_READOUTS` are the tables
of ONNX writers.

Networks: `save_network` writes a trained network as source, weights and ONNX, and verifies that these are the
same network. `export_winner` does this with the best network of a study. `to_source` gives only the source.

Names are imported when first used: `OnnxRanker` works without PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from egraph._lazy import lazy_names

if TYPE_CHECKING:
    from egraph.export._aggregator_graph import ONNX_AGGREGATORS
    from egraph.export._network_saving import check_target, save_network
    from egraph.export._readout_graph import ONNX_READOUTS
    from egraph.export._runtime import Assessment, OnnxRanker
    from egraph.export._saving import Exported, save_onnx
    from egraph.export._source import Source, to_source
    from egraph.export._winner import ExportedWinner, export_winner

__all__ = [
    "ONNX_AGGREGATORS",
    "ONNX_READOUTS",
    "Assessment",
    "Exported",
    "ExportedWinner",
    "OnnxRanker",
    "Source",
    "check_target",
    "export_winner",
    "save_network",
    "save_onnx",
    "to_source",
]

_HOMES = {
    "ONNX_AGGREGATORS": "egraph.export._aggregator_graph",
    "ONNX_READOUTS": "egraph.export._readout_graph",
    "Assessment": "egraph.export._runtime",
    "Exported": "egraph.export._saving",
    "ExportedWinner": "egraph.export._winner",
    "OnnxRanker": "egraph.export._runtime",
    "Source": "egraph.export._source",
    "check_target": "egraph.export._network_saving",
    "export_winner": "egraph.export._winner",
    "save_network": "egraph.export._network_saving",
    "save_onnx": "egraph.export._saving",
    "to_source": "egraph.export._source",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, extra="onnx")
