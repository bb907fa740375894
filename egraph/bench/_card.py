"""The model card of a ranker: its training data and its accuracy, as JSON-ready values and as Markdown."""

from __future__ import annotations

import datetime
import hashlib
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from egraph._version import __version__, installed_versions
from egraph.files import write_text

if TYPE_CHECKING:
    from egraph.datasets import Table
    from egraph.ranker import Ranker

__all__ = [
    "describe_fit",
    "describe_table",
    "fingerprint",
    "save_with_card",
    "to_page",
]

FINGERPRINTS = "trained on"
"""The field of a card with a `fingerprint` for each network that the ranker learned from."""


SOURCES = "sources"
"""The field of a card with the tables of a ranker of several."""


def save_with_card(ranker: Ranker, path: str | os.PathLike[str], card: Mapping[str, Any]) -> list[str]:
    """Writes a ranker with its card inside, and the card as Markdown beside it.

    Args:
        ranker: A fitted ranker.
        path: File of the ranker. The page has the same name with ``.md`` appended.
        card: The card, such as that of `TableFit.card`.

    Returns:
        The paths of the two files.

    Raises:
        UsageError: The ranker is not fitted, or the card is not JSON-ready.
        FailedError: A file cannot be written.
    """
    ranker.save(path, card=card)
    page = f"{os.fspath(path)}.md"
    write_text(page, to_page(card, Path(path).name))
    return [os.fspath(path), page]


def to_page(card: Mapping[str, Any], file: str) -> str:
    """The card as Markdown, without the fingerprints of the training networks.

    Args:
        card: The card.
        file: Name of the ranker's file.
    """
    lines = [
        f"# Ranker {file}",
        "",
        f"Written by egraph {__version__} on {datetime.date.today().isoformat()}.",
    ]
    for name, value in card.items():
        if name == FINGERPRINTS:
            continue
        if isinstance(value, Mapping):
            lines += ["", f"## {name.capitalize()}", "", *_table(value)]
        elif name == SOURCES:
            lines += ["", "## Sources", "", *_sources(value)]
        else:
            lines += ["", f"**{name.capitalize()}**: {value}"]
    lines += ["", f"Use it with `egraph rank {file} FILE`, or `egraph.load({file!r})` in Python.", ""]
    return "\n".join(lines)


def fingerprint(key: str) -> str:
    """A short hash of a key; a card lists those of the networks that the ranker learned from."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def describe_table(table: Table, metric: str) -> dict[str, Any]:
    """Origin of scores: the table with its checksum, and the metric with its unit."""
    meaning = table.metrics[metric]
    return {
        "space": table.space.name,
        "data": {
            "table": table.name,
            "rows": len(table),
            "distinct networks": len(set(table.keys)),
            **table.provenance,
        },
        "metric": {
            "name": metric,
            "unit": meaning.unit,
            "split": meaning.split,
            "epochs": meaning.budget,
            "runs": meaning.runs,
            "higher is better": meaning.higher_is_better,
        },
    }


def describe_fit(ranker: Ranker, seconds: float, command: str | None) -> dict[str, Any]:
    """Intervals, duration, parameters and versions of a fit, and the command line that repeats it, if any."""
    return {
        "interval coverage": _describe_coverage(ranker),
        "seconds": {"fit": round(seconds, 2)},
        "ranker": _describe_parameters(ranker),
        "versions": installed_versions(),
        **({} if command is None else {"command": command}),
    }


def _describe_coverage(ranker: Ranker) -> dict[str, Any]:
    """Share of held-out scores inside the ranker's intervals, by level; None where no fold was held out."""
    shares = {
        f"{100 * level:g} %": round(share, 3) if math.isfinite(share) else None
        for level, share in ranker.coverage_.items()
    }
    return {"measured on": "networks learned from, each while held out", **shares}


def _describe_parameters(ranker: Ranker) -> dict[str, str]:
    """The parameters of a ranker; of its prior, if there is one, the kind."""
    parameters = ranker.get_params(deep=False)
    prior = parameters.pop("prior")
    if prior is not None:
        parameters["prior"] = type(prior).__name__
    return {name: str(value) for name, value in parameters.items()}


def _table(values: Mapping[str, Any]) -> Iterable[str]:
    yield "| | |"
    yield "| --- | --- |"
    for name, value in values.items():
        if isinstance(value, Mapping):
            value = f"{_show(value['value'])} ({_show(value['low'])} to {_show(value['high'])})"
        yield f"| {name} | {'' if value is None else value} |"


def _sources(sources: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    yield "| space | table | metric | networks learned from | measured on | kendall tau-b |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for source in sources:
        scores = source["scores"] or {"rows": 0, "kendall tau-b": {"value": None}}
        yield (
            f"| {source['space']} | {source['data']['table']} | {source['metric']['name']} "
            f"| {source['networks learned from']} | {scores['rows']} "
            f"| {_show(scores['kendall tau-b']['value'])} |"
        )


def _show(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
