"""Reads an exported network as its users do, in a separate process and without egraph.

Run as ``python _reload.py FOLDER IMAGES``: measures ``network.py`` and ``network.onnx`` of the folder on the
inputs, classes and expected outputs of an .npz file, and writes the results as one line of JSON.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

BATCH = 1024


def main(folder: Path, images: Path) -> dict[str, float]:
    """Scores, and the largest differences between outputs and expected outputs.

    The score is the accuracy where targets are classes, and R2 where they are numbers.
    """
    with np.load(images) as file:
        x, y, expected = file["x"], file["y"], file["logits"]
    found = {}
    for name, outputs in (("torch", _run_torch(folder, x)), ("onnx", _run_onnx(folder, x))):
        found[f"{name} score"] = _measure(outputs, y)
        found[f"{name} difference"] = float(np.abs(outputs - expected).max())
    return found


def _measure(outputs: Any, y: Any) -> float:
    if y.dtype.kind == "f":
        return float(1 - ((outputs[:, 0] - y) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    return float((outputs.argmax(axis=1) == y).mean())


def _run_torch(folder: Path, x: Any) -> Any:
    spec = importlib.util.spec_from_file_location("network", folder / "network.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.set_num_threads(1)
    network = module.load()
    with torch.no_grad():
        return torch.cat([network(part) for part in torch.from_numpy(x).split(BATCH)]).numpy()


def _run_onnx(folder: Path, x: Any) -> Any:
    import onnxruntime

    content = (folder / "network.onnx").read_bytes()  # onnxruntime opens only files whose names are UTF-8
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    parts = [x[start : start + BATCH] for start in range(0, len(x), BATCH)]
    return np.concatenate([session.run(None, {name: part})[0] for part in parts])


if __name__ == "__main__":
    sys.modules["egraph"] = None  # type: ignore[assignment]  # makes imports of it fail
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
