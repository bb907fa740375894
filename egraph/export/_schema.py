"""The metadata that marks an ONNX file as a ranker of egraph."""

from __future__ import annotations

__all__ = ["KEY", "SCHEMA_VERSION"]

KEY = "egraph"
"""The entry of the file's metadata that holds the description, as JSON."""

SCHEMA_VERSION = 1
