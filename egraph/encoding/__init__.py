"""Architectures as arrays, the input of rankers; needs only NumPy.

- `simplification`: simplified graphs, with an order of vertices that does not depend on their numbering;
- `features`, `sweeps`: numbers that describe a whole graph;
- `answers`: the answers to the questions of a builder;
- `vocabulary`: the operations and the questions of the training data;
- `arrays`: all of these as one padded batch, by `encode`;
- `series`: series of architectures in parts of bounded size.
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
