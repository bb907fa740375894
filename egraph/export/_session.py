"""ONNX files of rankers: the session of onnxruntime and the description in the metadata."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from egraph.errors import MissingExtraError, ModelError
from egraph.export._schema import KEY, SCHEMA_VERSION

__all__ = ["open_session", "read_description", "read_file"]


def read_file(path: Path) -> bytes:
    """The content of an ONNX file.

    Raises:
        ModelError: There is no such file, or it cannot be read.
    """
    if not os.path.isfile(path):
        raise ModelError(f"no ranker at {path}: there is no such file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from None


def open_session(path: Path, content: bytes) -> Any:
    """Opens a session of onnxruntime in which each run has one thread.

    Args:
        path: Place of the file, for error texts.
        content: Content of the file.

    Raises:
        ModelError: The file is damaged.
        MissingExtraError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("onnxruntime", "onnx-runtime") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        # Without its fallback, which prints that it tries again.
        return onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # noqa: BLE001 - onnxruntime does not export their classes
        raise ModelError(f"{path} is damaged or no ONNX file: {error}") from None


def read_description(path: Path, session: Any) -> dict[str, Any]:
    """The description in the metadata of the file.

    Raises:
        ModelError: The description is missing or damaged, or was written by a newer version.
    """
    try:
        text = session.get_modelmeta().custom_metadata_map.get(KEY)
        if text is None:
            raise ModelError(f"{path} is an ONNX file, but no ranker of egraph")
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
