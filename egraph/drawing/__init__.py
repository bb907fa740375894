"""Architectures as pictures: SVG, PNG and text, without graphviz.

`to_svg` and `save_png` share a layered layout: each vertex is below its predecessors, and an edge that skips
layers has its own lane beside the boxes that it passes. `to_terminal` draws the vertices in one column, with
rails beside it for edges that skip vertices. Colours mark kinds of operations; disabled edges are dashed.

Drawings read only attributes of an architecture (``ops``, ``edges``, ``disabled``, ``num_vertices``).
"""

from __future__ import annotations

from egraph.drawing._png import save_png
from egraph.drawing._svg import to_svg
from egraph.drawing._terminal import to_terminal

__all__ = ["save_png", "to_svg", "to_terminal"]
