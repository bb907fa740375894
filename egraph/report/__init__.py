"""The report of a study, finished or running, as one HTML page.

The page is one file with pictures, styles and numbers inside; it loads nothing from elsewhere. `_findings`
reads the journal and computes what the page shows, `_charts` and `_supernet` draw, and ``page.html.j2`` is
the template. To add a chart: a function in `_charts`, and its line in `CHARTS` there.
"""

from __future__ import annotations

from egraph.report._findings import Findings, find, show_amount, show_changes
from egraph.report._now import Now, Running, look
from egraph.report._page import render, write
from egraph.report._supernet import write_supernet

__all__ = [
    "Findings",
    "Now",
    "Running",
    "find",
    "look",
    "render",
    "show_amount",
    "show_changes",
    "write",
    "write_supernet",
]
