"""Smaller weights for the networks of an ONNX ranker."""

from __future__ import annotations

import onnx

__all__ = ["reduce"]


def reduce(model: onnx.ModelProto, precision: str) -> onnx.ModelProto:
    """TODO"""
    raise NotImplementedError
