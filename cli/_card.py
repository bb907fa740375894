"""The model card of a ranker: what it learned from and how good it was, as JSON and as a page."""

from __future__ import annotations

import datetime
import hashlib
import math
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

import click

from egraph._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from egraph.architecture import Architecture
    from egraph.datasets import Table
    from egraph.ranker import Ranker

__all__ = [
    "describe_coverage",
    "describe_table",
    "fingerprint",
    "measure",
    "show_coverage",
    "show_scores",
    "versions",
    "write_page",
]


def fingerprint(key: str) -> str:
    """A short stand-in for a key, by which a card tells which networks the ranker has seen."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def describe_table(table: Table, metric: str) -> dict[str, Any]:
    """Where scores come from: the table with its checksum, and the metric with its unit."""
    meaning = table.metrics[metric]
    return {
        "space": table.space.name,
        "data": {"table": table.name, "rows": len(table), **table.provenance},
        "metric": {
            "name": metric,
            "unit": meaning.unit,
            "split": meaning.split,
            "epochs": meaning.budget,
            "runs": meaning.runs,
            "higher is better": meaning.higher_is_better,
        },
    }


def describe_coverage(ranker: Ranker) -> dict[str, Any]:
    """How many scores of held-out folds were in the ranker's intervals; None where no fold was held out."""
    shares = {
        f"{100 * level:g} %": round(share, 3) if math.isfinite(share) else None
        for level, share in ranker.coverage_.items()
    }
    return {"measured on": "networks learned from, each while held out", **shares}


def measure(
    predict: Callable[[Sequence[Architecture]], NDArray[Any]], table: Table, scores: NDArray[Any], seed: int
) -> dict[str, Any]:
    """Rank correlations and precision of a ranker on a table, each with its 95 % bootstrap interval."""
    from egraph import metrics

    predicted = predict(table.architectures)
    k = min(10, len(table))
    found: dict[str, Any] = {"rows": len(table)}
    for name, metric, options in (
        ("kendall tau-b", metrics.kendall_tau, {}),
        ("spearman", metrics.spearman, {}),
        (f"precision@{k}", metrics.precision_at_k, {"k": k}),
    ):
        low, high = metrics.bootstrap_interval(metric, scores, predicted, seed=seed, **options)
        values = {"value": float(metric(scores, predicted, **options)), "low": low, "high": high}
        found[name] = {each: value if math.isfinite(value) else None for each, value in values.items()}
    return found


def show_scores(found: Mapping[str, Any]) -> None:
    """Prints what `measure` found."""
    for name, values in found.items():
        if isinstance(values, Mapping):
            value, low, high = (_show(values[each]) for each in ("value", "low", "high"))
            click.echo(f"  {name:<14} {value}   95 % interval {low} to {high}")


def show_coverage(found: Mapping[str, Any]) -> None:
    """Prints what `describe_coverage` found, where it found something."""
    told = [f"{level} hold {share:.3f}" for level, share in found.items() if isinstance(share, float)]
    if told:
        click.echo(f"  {'intervals':<14} of {', of '.join(told)} of the scores that the fit held out")


def versions() -> dict[str, str]:
    """Of what decides a fit."""
    found = {"python": platform.python_version(), "egraph": __version__}
    for package in ("torch", "numpy", "scipy", "scikit-learn"):
        found[package] = metadata.version(package)
    return found


def write_page(card: Mapping[str, Any], file: str) -> str:
    """The card as Markdown; the fingerprints of the training keys stay in the ranker's own file."""
    lines = [
        f"# Ranker {file}",
        "",
        f"Written by egraph {__version__} on {datetime.date.today().isoformat()}.",
    ]
    for name, value in card.items():
        if name == "trained on":
            continue
        if isinstance(value, Mapping):
            lines += ["", f"## {name.capitalize()}", "", *_table(value)]
        else:
            lines += ["", f"**{name.capitalize()}**: {value}"]
    lines += ["", f"Use it with `egraph rank {file} FILE`, or `egraph.load({file!r})` in Python.", ""]
    return "\n".join(lines)


def _table(values: Mapping[str, Any]) -> Iterable[str]:
    yield "| | |"
    yield "| --- | --- |"
    for name, value in values.items():
        if isinstance(value, Mapping):
            value = f"{_show(value['value'])} ({_show(value['low'])} to {_show(value['high'])})"
        yield f"| {name} | {'' if value is None else value} |"


def _show(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
