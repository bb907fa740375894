"""Results as tables: scores after some numbers of queries, and pairwise tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from egraph.bench._summary import Section, write_sections
from egraph.bench.arena._compare import SIGNIFICANT, compare
from egraph.bench.arena._curves import TASK, checkpoints, group, summarise

__all__ = ["arrange", "entitle", "name", "to_markdown"]

Rows = Sequence[Mapping[str, Any]]


def arrange(rows: Rows) -> Iterator[Section]:
    """Tables for each benchmark: the results, then the pairs.

    Args:
        rows: Results of `measure`.
    """
    for task, part in group(rows, TASK).items():
        yield _arrange_results(entitle(task), part)
        pairs = _arrange_pairs(entitle(task), part)
        if pairs.lines:
            yield pairs


def to_markdown(rows: Rows) -> str:
    """The tables as Markdown."""
    return write_sections(arrange(rows))


def name(searcher: str, fitness: str) -> str:
    """The name of a contestant: its searcher, and its fitness unless that is the table."""
    return searcher if fitness == "table" else f"{searcher} / {fitness}"


def entitle(task: Sequence[Any]) -> str:
    """A title from the fields of `TASK`."""
    benchmark, metric, test, queries = task
    how = f"{metric}, which the searchers see" if metric == test else f"{test}, chosen by {metric}"
    return f"{benchmark}, {how}, {queries:,} queries"


def _arrange_results(title: str, rows: Rows) -> Section:
    contestants = group(rows, ["searcher", "fitness"])
    entries: list[tuple[float, list[str]]] = []
    for (searcher, fitness), own in contestants.items():
        figures: list[dict[str, Any]] = summarise(own).to_dict("records")  # type: ignore[assignment]
        last = figures[-1]
        bands = [f"{at['median']:.4g} ({at['low']:.4g}–{at['high']:.4g})" for at in figures]
        mean = f"{last['mean']:.5g}" + (f" ± {last['sd']:.2g}" if np.isfinite(last["sd"]) else "")
        seconds = f"{np.mean([row['search_seconds'] for row in own]):.2g}"
        line = [name(searcher, fitness), str(len(own)), *bands, mean, f"{last['found']:.0%}", seconds]
        entries.append((-last["mean"], line))
    entries.sort(key=lambda entry: entry[0])
    points = checkpoints(rows[0]["queries"])
    header = ["searcher", "seeds", *(f"at {point:,}" for point in points), "mean at end", "optimum", "s"]
    notes = [
        "median (quartiles) over the seeds of the test score of the best by the score seen; "
        f"optimum: share of the seeds that found the best of the table, {rows[0]['optimum']:.5g}; "
        "s: seconds of a search on this machine"
    ]
    if rows[0]["metric"] != rows[0]["test"]:
        best = f"the best of the table by {rows[0]['metric']} has {rows[0]['chosen']:.5g}"
        notes.append(f"{best}: the result of a perfect search")
    if any(row["fitness"].partition(":")[0] == "zero-cost" for row in rows):
        notes.append(
            "fitness zero-cost: no score of the table is seen, the proxy chooses the best; nothing is trained"
        )
    short = sum(row["asked"] < row["queries"] for row in rows)
    if short:
        notes.append(f"{short} of {len(rows)} searches ended early because the space was exhausted")
    return Section(title, header, [cells for _, cells in entries], [True] * len(entries), notes)


def _arrange_pairs(title: str, rows: Rows) -> Section:
    lines: list[tuple[float, float, list[str]]] = []
    pairs: list[dict[str, Any]] = compare(rows).to_dict("records")  # type: ignore[assignment]
    for pair in pairs:
        first = name(pair["searcher"], pair["fitness"])
        other = name(pair["other_searcher"], pair["other_fitness"])
        share, p, q = (
            pair[f] for f in ("superiority", "mann_whitney_adjusted", "kolmogorov_smirnov_adjusted")
        )
        if share < 0.5:
            first, other, share = other, first, 1 - share
        verdict = "better" if p < SIGNIFICANT else "differs" if q < SIGNIFICANT else "no difference shown"
        lines.append((p, -share, [first, other, verdict, f"{share:.3f}", f"{p:.2g}", f"{q:.2g}"]))
    lines.sort(key=lambda line: line[:2])
    header = ["searcher", "other", "verdict", "superiority", "Mann-Whitney", "Kolmogorov-Smirnov"]
    notes = [
        "superiority: how often the first ends above the other, ties counted half; p-values adjusted by "
        f"Benjamini and Hochberg, significant below {SIGNIFICANT:g}"
    ]
    return Section(f"{title}: pairs", header, [cells for *_, cells in lines], [True] * len(lines), notes)
