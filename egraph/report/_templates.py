"""The templates of the pages, and how they write numbers."""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING

from egraph.report._findings import show_amount, show_changes
from egraph.report._thinning import MOST_ROWS, choose_trials, spread

if TYPE_CHECKING:
    import jinja2

__all__ = ["count", "duration", "get_template", "moment"]


def get_template(name: str) -> jinja2.Template:
    """The template of that name beside this module."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("egraph.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count=count, duration=duration, moment=moment, number=_number, tidy=_tidy)
    environment.filters.update(amount=show_amount, changes=show_changes, chosen=choose_trials, spread=spread)
    environment.globals["most_rows"] = MOST_ROWS
    return environment.get_template(name)


def _tidy(value: object) -> str:
    """A number in a table; empty if it is missing."""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else ""
    return "" if value is None else str(value)


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "–"


def count(value: float) -> str:
    """A number such as 950, 12.3 k or 4.56 M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f}" if value > 0 else "–"


def duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "–"
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def moment(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "–"
    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
