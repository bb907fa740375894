"""What a person looks at after a run, or during one: the journal of a study as one HTML page.

The page needs no server and fetches nothing: pictures, styles and numbers are inside. `_findings` reads the
journal and works out what is to be said, `_charts` draws it, ``page.html.j2`` lays it out. To add a chart:
write a function in `_charts`, and name it in `CHARTS` there.
"""

from __future__ import annotations

from egraph.report._findings import Findings, find
from egraph.report._page import render, write

__all__ = ["Findings", "find", "render", "write"]
