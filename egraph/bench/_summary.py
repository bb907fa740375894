"""Tables of results: means and standard deviations over seeds, beside published results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from egraph.bench._published import Published, published

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MEASURES", "Section", "arrange", "summarise", "to_markdown"]

GROUP = ["benchmark", "metric", "protocol", "shuffled", "samples", "predictor"]
MEASURES = {
    "tau": "tau",
    "tau_apart": "tau*",
    "tau_top50": "tau top half",
    "tau_apart_top50": "tau* top half",
    "tau_top20": "tau top 20 %",
    "three_way": "three-way",
    "precision": "precision@{k}",
    "regret": "regret@{k}",
    "fit_seconds": "fit s",
    "architectures_per_second": "architectures/s",
}
"""The measures in the order of the tables, and the titles of their columns."""


@dataclass(frozen=True, slots=True)
class Section:
    """The table of one benchmark and protocol, as text.

    Attributes:
        title: Title of the table.
        header: Names of the columns.
        lines: The cells of each line.
        own: For each line, whether it was measured here rather than published.
        notes: Notes and sources below the table.
    """

    title: str
    header: list[str]
    lines: list[list[str]]
    own: list[bool]
    notes: list[str]

    @property
    def texts(self) -> list[bool]:
        """For each column, whether it contains words rather than numbers."""
        return [any(cell[:1].isalpha() for cell in column) for column in zip(*self.lines, strict=True)]


def summarise(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row for each benchmark, protocol, number of labels and predictor.

    Returns:
        The columns ``benchmark``, ``metric``, ``protocol``, ``shuffled``, ``samples``, ``predictor``, ``k``
        and ``seeds`` (their number). For each measure, a column with its name contains the mean, and one with
        ``_sd`` appended the standard deviation over the seeds (with n - 1; NaN for one seed). Seeds for which
        a measure is undefined are left out of its mean.
    """
    import pandas as pd

    columns = [*GROUP, "k", "seed", *MEASURES]
    frame = pd.DataFrame([{name: row.get(name) for name in columns} for row in rows], columns=columns)
    frame = frame.astype(dict.fromkeys(MEASURES, "float64"))
    grouped = frame.groupby([*GROUP, "k"], sort=False, dropna=False)
    found = grouped["seed"].nunique().rename("seeds").to_frame()
    for name in MEASURES:
        found[name], found[f"{name}_sd"] = grouped[name].mean(), grouped[name].std(ddof=1)
    return found.reset_index()


def arrange(rows: Sequence[Mapping[str, Any]], *, reference: bool = True) -> Iterator[Section]:
    """The tables of results, one for each benchmark, metric, protocol and k.

    Args:
        rows: Results of `measure`.
        reference: Whether to add published results under the same protocol.
    """
    frame = summarise(rows)
    group: Any
    for group, part in frame.groupby(["benchmark", "metric", "protocol", "shuffled", "k"], sort=False):
        benchmark, metric, protocol, shuffled, k = group
        names = [name for name in MEASURES if part[name].notna().any()]
        known: list[Published] = []
        if reference and not shuffled:
            for samples in part["samples"].unique():
                known += published(benchmark, metric, protocol, int(samples))
        sources = list(dict.fromkeys(each.source for each in known))
        entries: list[tuple[int, float, list[str], bool]] = []
        for row in part.to_dict("records"):
            cells = [_show(name, row[name], row[f"{name}_sd"]) for name in names]
            line = [str(row["samples"]), str(row["predictor"]), str(row["seeds"]), *cells]
            entries.append((row["samples"], row["tau"], line, True))
        for each in known:
            values = {"tau": each.tau, "tau_top50": each.tau_top50}
            cells = [_show(name, values.get(name, math.nan), math.nan) for name in names]
            mark = f"{each.method} [{sources.index(each.source) + 1}]"
            entries.append((each.samples, each.tau, [str(each.samples), mark, "", *cells], False))
        entries.sort(key=lambda entry: (entry[0], -math.inf if math.isnan(entry[1]) else -entry[1]))
        title = f"{benchmark}, {metric}, protocol {protocol}" + (
            ", training labels shuffled" * bool(shuffled)
        )
        header = ["labels", "predictor", "seeds", *(MEASURES[name].format(k=k) for name in names)]
        notes = [f"[{number}] {source}" for number, source in enumerate(sources, 1)]
        if "tau_apart" in names:
            notes.insert(0, "tau*: pairs closer than the margin of the protocol left out")
        yield Section(title, header, [entry[2] for entry in entries], [entry[3] for entry in entries], notes)


def to_markdown(rows: Sequence[Mapping[str, Any]], *, reference: bool = True) -> str:
    """The tables as Markdown; published results are in italics, with their sources below."""
    return write_sections(arrange(rows, reference=reference))


def write_sections(sections: Iterable[Section]) -> str:
    """Tables as Markdown, with published results in italics."""
    parts = []
    for section in sections:
        rule = ["---" if text else "---:" for text in section.texts]
        lines = [f"## {section.title}", "", _join(section.header), _join(rule)]
        for cells, own in zip(section.lines, section.own, strict=True):
            lines.append(_join(cells if own else [f"*{cell}*" if cell else "" for cell in cells]))
        if section.notes:
            lines += ["", *(f"{note}  " for note in section.notes)]
        parts.append("\n".join(lines).rstrip() + "\n")
    return "\n".join(parts)


def _join(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _show(name: str, mean: float, sd: float) -> str:
    if math.isnan(mean):
        return ""
    if name == "architectures_per_second":
        return f"{mean:,.0f}"
    form = {"fit_seconds": ".1f", "regret": ".3g"}.get(name, ".3f")
    return f"{mean:{form}}" + ("" if math.isnan(sd) else f" ± {sd:{form}}")
