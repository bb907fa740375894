"""Architectures as arrays, which is what rankers read; NumPy alone.

- `simplification`: graphs without what computes nothing, their vertices in an order that numbering does not
  change;
- `features`: numbers that describe a whole graph;
- `vocabulary`: the operations that a ranker knows;
- `arrays`: all of it as one padded batch, by `encode`;
- `series`: the architectures that callers give, in parts.
"""

from __future__ import annotations

from egraph.encoding.arrays import Encoding, encode
from egraph.encoding.series import CHUNK, as_architectures, in_parts, warn_of_unlike
from egraph.encoding.simplification import SimplifiedBatch, simplify_many
from egraph.encoding.vocabulary import Vocabulary

__all__ = [
    "CHUNK",
    "Encoding",
    "SimplifiedBatch",
    "Vocabulary",
    "as_architectures",
    "encode",
    "in_parts",
    "simplify_many",
    "warn_of_unlike",
]
