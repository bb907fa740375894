"""The file of a fitted model: safetensors, with everything that is no tensor as JSON in its header."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from egraph.checks import to_plain
from egraph.errors import ModelError, UsageError
from egraph.files import atomic_path, expand

__all__ = ["read_model", "write_model"]

_LENGTH = 8
"""Bytes at the start of a file that give the length of its header."""


def write_model(
    path: str | os.PathLike[str], kind: str, content: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]
) -> str:
    """Writes tensors with JSON in their header, whole or not at all, and returns that JSON.

    Args:
        path: Path of the file.
        kind: Key of the JSON in the header; it names the kind of model.
        content: Values of the JSON.
        tensors: Tensors by name.

    Raises:
        UsageError: The content is not JSON-ready; only its model card comes from the user.
        FailedError: The file cannot be written.
    """
    try:
        text = json.dumps(to_plain(content), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"a model card holds JSON values only: {error}") from None
    with atomic_path(path) as temporary:
        try:
            save_file(dict(tensors), temporary, metadata={kind: text})
        except SafetensorError as error:
            raise OSError(str(error)) from error
    return text


def read_model(path: str | os.PathLike[str]) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    """Reads a file that `write_model` wrote.

    Returns:
        The JSON texts of the header by kind of model, and the tensors by name.

    Raises:
        ModelError: The file is absent or damaged.
    """
    path = expand(path)
    if not os.path.isfile(path):
        raise ModelError(f"no ranker at {path}: there is no such file")
    try:
        content = path.read_bytes()  # safetensors opens only files whose names are UTF-8
        tensors = load(content)
        header = json.loads(content[_LENGTH : _LENGTH + int.from_bytes(content[:_LENGTH], "little")])
        return dict(header.get("__metadata__") or {}), tensors
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged or no ranker file: {error}") from None
