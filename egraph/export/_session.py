"""ONNX files of rankers: the session of onnxruntime and the description in the metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from egraph.errors import MissingExtraError, ModelError
from egraph.export._schema import KEY, SCHEMA_VERSION

__all__ = ["open_session", "read_description"]


def open_session(path: Path) -> Any:
    """Opens a session of onnxruntime in which each run has one thread.

    Raises:
        ModelError: The file does not exist, or is damaged.
        MissingExtraError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("onnxruntime", "onnx-runtime") from None
    if not path.is_file():
        raise ModelError(f"no ranker at {path}: there is no such file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime does not export their classes
        raise ModelError(f"{path} is damaged or no ONNX file: {error}") from None


def read_description(path: Path, session: Any) -> dict[str, Any]:
    """The description in the metadata of the file.

    Raises:
        ModelError: The description is missing or damaged, or was written by a newer version.
    """
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        raise ModelError(f"{path} is an ONNX file, but no ranker of egraph")
    try:
        content = json.loads(text)
        version = content["schema"]
        newer = version > SCHEMA_VERSION
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{path} is damaged: its description cannot be read") from None
    if newer:
        raise ModelError(
            f"{path} was written by a newer egraph ({content.get('egraph')}, schema {version}); "
            f"this one reads schema {SCHEMA_VERSION}: update egraph"
        )
    return content
