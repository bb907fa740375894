"""Renders the page from a journal."""

from __future__ import annotations

import datetime
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from egraph._version import __version__
from egraph.files import write_text
from egraph.report._charts import draw_charts
from egraph.report._findings import Findings, find, show_amount
from egraph.report._supernet import draw_supernet
from egraph.report._svg import draw_architecture
from egraph.report._templates import count, duration, get_template, moment

if TYPE_CHECKING:
    from egraph.study import Journal

__all__ = ["render", "write"]


def write(journal: str | os.PathLike[str], page: str | os.PathLike[str]) -> Path:
    """Writes the report of a study, finished or not, as one HTML file.

    Args:
        journal: Path of the study's journal, which is only read; the study may be running.
        page: Path of the file to write; the write is atomic.

    Returns:
        The path of the written file.

    Raises:
        JournalError: There is no such journal, it is damaged, or of a newer version.
        FailedError: The page cannot be written.
    """
    from egraph.study import open_journal

    with open_journal(journal, read_only=True) as opened:
        text = render(opened, name=Path(journal).stem)
    write_text(page, text)
    return Path(page)


def render(journal: Journal, name: str = "study") -> str:
    """The report of a study as the text of an HTML page."""
    findings = find(journal)
    return get_template("page.html.j2").render(
        name=name,
        f=findings,
        headline=_headline(findings),
        charts=draw_charts(findings),
        drawings=[
            draw_architecture(best.trial.architecture, f"Trial {best.trial.number}") for best in findings.best
        ],
        supernets=[
            draw_supernet(work["searcher"], work["result"], f"supernet-{number}")
            for number, work in enumerate(findings.preparations)
            if work["result"] is not None
        ],
        costs=_costs(findings),
        facts=_facts(findings.settings),
        written=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        version=__version__,
    )


def _headline(findings: Findings) -> list[tuple[str, str, str]]:
    """The numbers at the top of the page: label, value and remark."""
    tiles = []
    for label, best in (
        (f"best {findings.thing}, test", findings.best[0] if findings.best else None),
        ("random search, test", findings.random_best),
    ):
        if best is None or (label.startswith("random") and not findings.has_baseline):
            continue
        if not math.isfinite(best.final_score):
            label, shown = label.replace(", test", f", {findings.measure}"), best.chosen_by
        else:
            shown = best.final_score
        remark = (
            f"mean of {best.repeats} trainings from scratch"
            if best.repeats > 1
            else "trained again from scratch"
            if best.repeats
            else f"trial {best.trial.number}"
        )
        tiles.append((label, findings.show(shown), remark))
    done = int(findings.trials["state"].isin(["complete", "failed"]).sum())
    extra = int((findings.baseline["origin"] == "baseline").sum()) if findings.has_baseline else 0
    beside = f"and {extra:,} {'whole ones ' if findings.fidelities else ''}of random search"
    tiles.append(("trainings", f"{done:,}", beside if extra else "by the search"))
    for work in findings.preparations:
        as_much = "" if math.isnan(work["trainings"]) else f", as much as {work['trainings']:.3g} trainings"
        tiles.append((f"the supernet of {work['searcher']}", duration(work["seconds"]), f"in all{as_much}"))
    spent = findings.trials["seconds"].sum()
    if spent > 0:
        tiles.append(("spent on them", duration(float(spent)), "in all, on one device"))
    return tiles


def _costs(findings: Findings) -> list[tuple[str, str, str]]:
    """Costs of the trainings: quantity, spread over the search, and value of the best network."""
    complete, best = findings.complete, findings.best[0] if findings.best else None
    rows = []
    for label, column, show in (
        ("seconds a training", "seconds", duration),
        ("parameters", "params", count),
        ("multiply-adds", "flops", count),
    ):
        values = complete[column].astype(float)
        values = values[values > 0]
        if best is not None and len(values):
            spread = (
                f"{show(float(values.min()))} – {show(float(values.median()))} – {show(float(values.max()))}"
            )
            rows.append((label, spread, show(float(getattr(best.trial, column)))))
    for name in findings.costs:
        known = findings.cost(complete, name)
        known = known[np.isfinite(known)]
        if best is not None and len(known):
            spread = " – ".join(show_amount(float(each(known))) for each in (np.min, np.median, np.max))
            rows.append((name, spread, show_amount(best.trial.costs.get(name, math.nan))))
    return rows


def _facts(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """The settings as pairs of name and value; nested settings are named ``outer: inner``."""
    facts = []
    for name, value in settings.items():
        if name in ("command", "searcher state", "screening", "preparations", "run"):
            continue
        if name == "created" and isinstance(value, int | float):
            facts.append((name, moment(float(value))))
        elif isinstance(value, dict):
            facts += [(f"{name}: {inner}", each) for inner, each in _facts(value)]
        else:
            facts.append((name, value if isinstance(value, str) else json.dumps(value)))
    return facts
