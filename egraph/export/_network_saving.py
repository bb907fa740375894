"""A trained network as a folder that needs no egraph."""

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

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

__all__ = ["FILES", "check_target", "save_network"]

FILES = {
    "network.py": "the network as plain PyTorch; its load() reads the weights",
    "network.safetensors": "the weights",
    "network.onnx": "both, for onnxruntime and others",
    "card.json": "what it is, what it was fed, how well it does",
}
"""What is written, and what it is for."""

TOLERANCE = 1e-4
"""By how much outputs may differ, in units of the largest one where that is above 1."""


def check_target(folder: str | os.PathLike[str]) -> None:
    """Finds out before a training, not after it, that a network cannot be written there.

    Raises:
        UsageError: there is something already.
        MissingExtraError: what writes ONNX, or reads it, is not installed.
    """
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "onnx")
    path = Path(folder)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UsageError(
            f"{path} exists; a network is written to a folder of its own: give another one, or move that"
        )


def save_network(
    network: torch.nn.Module,
    folder: str | os.PathLike[str],
    data: ImageData,
    card: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Writes a trained network as source, weights and ONNX, and makes sure that these are the same network.

    A fresh process in which egraph cannot be imported reads the files and measures the accuracy on the test
    images. Where it is another one, or an output differs by more than 1e-4, nothing is left behind.

    Args:
        network: trained, on any device; left as it is.
        folder: made; one that exists must be empty.
        data: what it was trained for. The test images are what it is compared on.
        card: more for ``card.json``, JSON-ready.

    Returns:
        What is in ``card.json``.

    Raises:
        UsageError: there is something already, or the network cannot be written as code; see `to_source`.
        MissingExtraError: onnx or onnxruntime is not installed.
        FailedError: what was written is not the same network, or it cannot be written.
    """
    check_target(folder)
    target = Path(folder)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
            made = Path(temporary) / "network"
            made.mkdir()
            whole = _write(network, made, data, Path(temporary) / "test.npz", dict(card or {}))
            made.replace(target)
    except OSError as error:
        reason = error.strerror or error
        raise FailedError(f"cannot write {target}: {reason}; choose another place or make room") from error
    return whole


def _write(
    network: torch.nn.Module, folder: Path, data: ImageData, images: Path, card: dict[str, Any]
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
    accuracy = float((logits.argmax(axis=1) == y).mean())
    mean, sd = (
        getattr(data.train[0], name)(axis=(0, 2, 3), dtype=float).tolist() for name in ("mean", "std")
    )
    card |= {
        "parameters": count_params(network),
        "test_accuracy": accuracy,
        "test_images": len(y),
        "input": {
            "shape": ["batch", *data.input_shape],
            "type": "float32",
            "scale": "pixels in [0, 1] (bytes divided by 255), not standardised",
            "mean": mean,
            "sd": sd,
        },
        "classes": data.num_classes,
        "data": {"name": data.name, "digest": data.digest},
        "versions": {"egraph": __version__, "torch": torch.__version__},
    }
    source = to_source(network, data.input_shape, _about(card))
    (folder / "network.py").write_text(source.text, encoding="utf-8")
    (folder / "network.safetensors").write_bytes(save(source.weights))
    write_onnx(build(source), data.input_shape, folder / "network.onnx")
    np.savez(images, x=x, y=y, logits=logits)
    card["difference"] = _compare(folder, images, logits, accuracy)
    (folder / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return card


def _compare(folder: Path, images: Path, logits: NDArray[Any], accuracy: float) -> dict[str, float]:
    """How much the outputs of the files differ from those of the network, if they are the same."""
    import numpy as np

    script = Path(__file__).with_name("_reload.py")
    # -P, for else the modules beside the script could be taken for others; -B, to leave no cache behind
    command = [sys.executable, "-P", "-B", str(script), str(folder), str(images)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise FailedError(f"the network that was written cannot be read back ({last}); nothing is left")
    found = json.loads(done.stdout)
    tolerance = TOLERANCE * max(1.0, float(np.abs(logits).max()))
    second, first = np.sort(logits, axis=1)[:, -2:].T
    for name, file in (("torch", "network.py"), ("onnx", "network.onnx")):
        difference, other = found[f"{name} difference"], found[f"{name} accuracy"]
        # Where two classes are as good as equal the last digit may decide.
        undecided = int((first - second <= 2 * difference).sum()) / len(logits)
        if not (difference <= tolerance and abs(other - accuracy) <= undecided):
            raise FailedError(
                f"{file} as written is another network: its outputs differ by {difference:.2g}, where "
                f"{tolerance:.2g} is allowed, its accuracy {other:.4f}, not {accuracy:.4f}; nothing is left"
            )
    return {"source": found["torch difference"], "onnx": found["onnx difference"]}


def _about(card: dict[str, Any]) -> str:
    """The docstring of the source."""
    classes, shape = card["classes"], card["input"]["shape"]
    return f"""A network for {card["data"]["name"]}.

    network = load()  # reads network.safetensors beside this file
    logits = network(images)  # ({", ".join(map(str, shape))}) to (batch, {classes})

Images are float32, {card["input"]["scale"]}. On {card["test_images"]:,} test images
its accuracy is {card["test_accuracy"]:.4f}. It has {card["parameters"]:,} parameters.
"""
