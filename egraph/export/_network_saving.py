"""A trained network as a folder of files that work without egraph."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from egraph._version import __version__
from egraph.datasets import ImageData
from egraph.errors import FailedError, MissingExtraError, UsageError
from egraph.files import cannot_write, write_text
from egraph.shapes import kind_of

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from egraph.networks import Inherited

__all__ = ["FILES", "INHERITED", "check_target", "save_network"]

FILES = {
    "network.py": "the network as plain PyTorch; its load() reads the weights",
    "network.safetensors": "the weights",
    "network.onnx": "the network with its weights, for onnxruntime and others",
    "card.json": "origin, input and score",
}
"""Files of the folder and their content."""

INHERITED = "inherited.safetensors"
"""Weights that a network inherits, under the names of its source."""

SCALES = {"images": "pixels in [0, 1] (bytes divided by 255), not standardised"}
"""Scale of inputs by their kind, where it is not that of the data as they are."""

TOLERANCE = 1e-4
"""Largest difference of outputs, in units of the largest output where that is above 1."""


def check_target(folder: str | os.PathLike[str]) -> None:
    """Checks, before a training, that a network can be written to a folder.

    Raises:
        UsageError: The folder exists and is not empty, or is a file.
        MissingExtraError: onnx or onnxruntime is not installed.
    """
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "onnx")
    path = Path(folder)
    if os.path.exists(path) and not (os.path.isdir(path) and not any(path.iterdir())):
        raise UsageError(
            f"{path} exists; a network is written to a new or empty folder: give another one, or move it"
        )


def save_network(
    network: torch.nn.Module,
    folder: str | os.PathLike[str],
    data: ImageData,
    card: Mapping[str, Any] | None = None,
    inherited: Inherited | None = None,
) -> dict[str, Any]:
    """Writes a trained network as source, weights and ONNX, and verifies that these are the same network.

    A new process in which egraph cannot be imported reads the files and measures the score on the test
    images. If the score is different, or an output differs by more than 1e-4, no folder is written.

    Args:
        network: Trained network on any device; it is not changed.
        folder: Folder to write. One that exists must be empty.
        data: Data that the network was trained on; their test part is used for the comparison.
        card: Further content of ``card.json``, JSON-ready.
        inherited: Weights that the network inherits from another one, for ``inherited.safetensors``; the
            share of each tensor is in ``card.json``. They are not measured.

    Returns:
        Content of ``card.json``.

    Raises:
        UsageError: The folder is not empty, or the network cannot be written as code; see `to_source`.
        MissingExtraError: onnx or onnxruntime is not installed.
        FailedError: The files do not contain the same network, or cannot be written.
    """
    check_target(folder)
    target = Path(folder)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
            made = Path(temporary) / "network"
            made.mkdir()
            whole = _write(network, made, data, Path(temporary) / "test.npz", dict(card or {}), inherited)
            made.replace(target)
    except OSError as error:
        raise cannot_write(target, error) from error
    return whole


def _write(
    network: torch.nn.Module,
    folder: Path,
    data: ImageData,
    images: Path,
    card: dict[str, Any],
    inherited: Inherited | None,
) -> dict[str, Any]:
    import numpy as np
    import torch
    from safetensors.torch import save

    from egraph.export._network_onnx import write_onnx
    from egraph.export._source import build, to_source
    from egraph.networks import count_params
    from egraph.threads import threads_limited

    network = copy.deepcopy(network).cpu().eval()
    x, y = data.test
    with threads_limited(1), torch.no_grad():
        logits = torch.cat([network(part) for part in torch.from_numpy(x).split(1024)]).numpy()
    score = _measure(logits, y)
    mean, sd = (
        getattr(data.train[0], name)(axis=(0, *range(2, x.ndim)), dtype=float).tolist()
        for name in ("mean", "std")
    )
    card |= {
        "parameters": count_params(network),
        "test_r2" if data.is_regression else "test_accuracy": score,
        "test_images": len(y),
        "input": {
            "shape": ["batch", *data.input_shape],
            "type": "float32",
            "scale": _describe_scale(data),
            "mean": mean,
            "sd": sd,
        },
        **({"target": "regression"} if data.is_regression else {"classes": data.num_classes}),
        **({"labels": list(data.labels)} if data.labels else {}),
        "data": {"name": data.name, "digest": data.digest},
        "versions": {"egraph": __version__, "torch": torch.__version__},
    }
    source = to_source(network, data.input_shape, _about(card))
    (folder / "network.py").write_text(source.text, encoding="utf-8")
    (folder / "network.safetensors").write_bytes(save(source.weights))
    if inherited is not None:
        began = {name: inherited.weights[origin] for name, origin in source.origins.items()}
        (folder / INHERITED).write_bytes(save(began))
        card["inherited"] = {name: inherited.shares[origin] for name, origin in source.origins.items()}
    write_onnx(build(source), data.input_shape, folder / "network.onnx")
    np.savez(images, x=x, y=y, logits=logits)
    card["difference"] = _compare(folder, images, logits, score)
    write_text(folder / "card.json", json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    return card


def _measure(outputs: NDArray[Any], y: NDArray[Any]) -> float:
    """Accuracy of classes, or R2 of numbers."""
    from sklearn.metrics import accuracy_score, r2_score

    if y.dtype.kind == "f":
        return float(r2_score(y, outputs[:, 0].astype(float)))
    return float(accuracy_score(y, outputs.argmax(axis=1)))


def _describe_scale(data: ImageData) -> str:
    kind, negative = kind_of(data.input_shape), bool((data.train[0] < 0).any())
    return SCALES[kind] if kind in SCALES and not negative else "as in the data, not standardised"


def _compare(folder: Path, images: Path, logits: NDArray[Any], score: float) -> dict[str, float]:
    """Largest differences between outputs of the files and of the network.

    Raises:
        FailedError: The files do not contain the same network.
    """
    import numpy as np

    script = Path(__file__).with_name("_reload.py")
    # -P keeps the modules beside the script off the import path; -B writes no cache into the folder.
    command = [sys.executable, "-P", "-B", str(script), str(folder), str(images)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise FailedError(f"the network as written cannot be read back ({last}); no folder was written")
    found = json.loads(done.stdout)
    tolerance = TOLERANCE * max(1.0, float(np.abs(logits).max()))
    # Rounding decides between two classes whose outputs are almost equal.
    margins = np.diff(np.sort(logits, axis=1)[:, -2:])
    for name, file in (("torch", "network.py"), ("onnx", "network.onnx")):
        difference, other = found[f"{name} difference"], found[f"{name} score"]
        undecided = int((margins <= 2 * difference).sum()) / len(logits) if margins.size else TOLERANCE
        if not (difference <= tolerance and abs(other - score) <= undecided):
            raise FailedError(
                f"{file} as written is another network: its outputs differ by {difference:.2g}, where "
                f"{tolerance:.2g} is allowed, its score is {other:.4f}, not {score:.4f}; no folder was "
                "written"
            )
    return {"source": found["torch difference"], "onnx": found["onnx difference"]}


def _about(card: dict[str, Any]) -> str:
    """The docstring of the source."""
    shape = card["input"]["shape"]
    kind = kind_of(shape[1:])
    if "test_r2" in card:
        name, outputs = "predictions", "(batch, 1), in units of the target"
        score = f"R2 is {card['test_r2']:.4f}"
    else:
        name, outputs = "logits", f"(batch, {card['classes']})"
        score = f"accuracy is {card['test_accuracy']:.4f}"
    return f"""A network for {card["data"]["name"]}.

    network = load()  # reads network.safetensors beside this file
    {name} = network({kind})  # ({", ".join(map(str, shape))}) to {outputs}

{kind.capitalize()} are float32, {card["input"]["scale"]}. On {card["test_images"]:,} test {kind}
its {score}. It has {card["parameters"]:,} parameters.
"""
