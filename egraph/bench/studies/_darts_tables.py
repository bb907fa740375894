"""Tables and pictures of the comparison of differentiable methods."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from egraph import spaces
from egraph.bench._figures import check_drawable, save_figure
from egraph.bench._summary import Section, write_sections
from egraph.bench.studies._distances import Distances, cells_of, compare_curves, measure_distances

__all__ = ["arrange", "group_of", "plot", "to_markdown"]

Row = Mapping[str, Any]

THESIS = {"1": (99.06, 93.19, 26708), "2": (98.52, 92.99, 14659), "4": (96.92, 92.63, 8393)}
"""Best accuracies in training and validation in per cent, and seconds, by GPUs (table 8.2 of the thesis)."""


def group_of(row: Row) -> str:
    """The group of a row: its method, and the number of workers if they are several."""
    return str(row["method"]) if row["workers"] == 1 else f"{row['method']}, {row['workers']} workers"


def arrange(rows: Sequence[Row]) -> Iterator[Section]:
    """What was derived; edit distances, within groups and between; final accuracies under all recipes."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(group_of(row), []).append(row)
    yield _derived(rows[0], groups)
    yield from _distances(groups)
    yield from _finals(groups)


def _derived(first: Row, groups: Mapping[str, Sequence[Row]]) -> Section:
    metric = first["metric"]
    lines = []
    for name, each in groups.items():
        searched = [row for row in each if row["history"]]
        last = [row["history"][-1] for row in searched]
        best = [100 * max(epoch["validation"] for epoch in row["history"]) for row in searched]
        looked_up = [_spread([row["score"] for row in each]), _spread([epoch["score"] for epoch in last])]
        lines.append(
            [
                name,
                str(len(each)),
                *(looked_up if metric else ()),
                _spread([epoch["skips"] for epoch in last], 1),
                _spread([epoch["entropy"] for epoch in last], 2),
                _spread(best, 1),
                _spread([row["seconds"] for row in searched], 0),
            ]
        )
    found = (f"{metric}, best epoch", "last epoch") if metric else ()
    header = ["method", "seeds", *found, "skips", "entropy", "supernet, %", "seconds"]
    notes = [
        f"{first['space']} on {first['examples']} examples of {first['data']}, {first['epochs']} epochs, "
        f"{first['channels']} channels, {first['cells']} cells, rate of the logits {first['rate']:g}; mean ± "
        "standard deviation over the seeds",
        "skips, entropy: of the last epoch; random: one architecture for each seed",
        "thesis, Fashion-MNIST, 1, 2 and 4 GPUs: best accuracy in validation "
        + ", ".join(f"{each[1]}" for each in THESIS.values())
        + " %, "
        + ", ".join(f"{each[2]}" for each in THESIS.values())
        + " s (table 8.2)",
    ]
    return Section("Derived architectures", header, lines, [True] * len(lines), notes)


def _spread(values: Sequence[float | None], digits: int = 2) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    return f"{np.mean(known):.{digits}f} ± {np.std(known, ddof=1) if len(known) > 1 else 0:.{digits}f}"


def _distances(groups: Mapping[str, Sequence[Row]]) -> Iterator[Section]:
    cells: dict[str, dict[str, list[Any]]] = {}
    for name, rows in groups.items():
        for row in rows:
            for kind, cell in cells_of(spaces.get(row["space"]).parse(row["architecture"])).items():
                cells.setdefault(kind, {}).setdefault(name, []).append(cell)
    for kind, each in cells.items():
        if sum(map(len, each.values())) > 1:
            yield _arrange_distances(kind, measure_distances(each))


def _arrange_distances(kind: str, found: Distances) -> Section:
    lines = [[name, "", str(len(each)), _spread(each, 1)] for name, each in found.within.items() if len(each)]
    lines += [[one, two, str(len(each)), _spread(each, 1)] for (one, two), each in found.between.items()]
    notes = ["another operation at the same place counts two"]
    if np.isfinite(found.p_value):
        notes.append(f"Kruskal-Wallis test that all lines have one distribution: p = {found.p_value:.2g}")
    notes.append("thesis: p = 0.4 for normal and 0.29 for reduction cells of 1, 2 and 4 GPUs")
    header = ["group", "and group", "pairs", "distance"]
    return Section(f"Graph edit distance, {kind}", header, lines, [True] * len(lines), notes)


def _finals(groups: Mapping[str, Sequence[Row]]) -> Iterator[Section]:
    recipes = list(dict.fromkeys(name for rows in groups.values() for row in rows for name in row["finals"]))
    if not recipes:
        return
    lines = []
    for name, rows in groups.items():
        ends = [[100 * curve[-1] for row in rows if (curve := row["finals"].get(r))] for r in recipes]
        lines.append([name, *(_spread(each) for each in ends)])
    yield Section(
        "Validation accuracy of the derived architectures by recipe, %",
        ["method", *recipes],
        lines,
        [True] * len(lines),
        ["the order of methods may change with the recipe"],
    )
    for recipe in recipes:
        best = {name: _best_curve(rows, recipe) for name, rows in groups.items()}
        found = compare_curves(best)
        if found:
            yield Section(
                f"Are the accuracies of the best architectures alike? Recipe {recipe}",
                ["one", "other", "Kolmogorov-Smirnov p", "corrected"],
                [[one, two, f"{p:.2g}", f"{better:.2g}"] for one, two, p, better in found],
                [True] * len(found),
                [
                    "accuracies after each epoch but the first tenth; corrected by Benjamini and Hochberg",
                    "thesis, 1 and 2, 1 and 4, 2 and 4 GPUs: .51, .08, .87; corrected .71, .15, .88",
                ],
            )


def _best_curve(rows: Sequence[Row], recipe: str) -> Sequence[float]:
    curves: list[Sequence[float]] = [row["finals"][recipe] for row in rows if row["finals"].get(recipe)]
    return max(curves, key=lambda curve: curve[-1], default=())


def to_markdown(rows: Sequence[Row]) -> str:
    """The tables as Markdown."""
    return write_sections(arrange(rows))


def plot(rows: Sequence[Row], path: str | os.PathLike[str]) -> None:
    """Draws skips, accuracy in the table, entropy and the supernet's accuracy after each epoch.

    Args:
        rows: Results of `egraph.bench.studies.darts.run`.
        path: File to write; the ending chooses the format.

    Raises:
        UsageError: There are no rows, or matplotlib cannot write this format.
        FailedError: The file cannot be written.
    """
    from matplotlib.figure import Figure

    kind = check_drawable(rows, path)
    figure = Figure(figsize=(11, 7), layout="constrained")
    charts = figure.subplots(2, 2).ravel()
    names = list(dict.fromkeys(group_of(row) for row in rows if row["history"]))
    random = [row["score"] for row in rows if not row["history"] and row["score"] is not None]
    values = {
        "skips": "skip connections in the derived architecture",
        "score": f"{rows[0]['metric'] or 'score'} of the derived architecture",
        "entropy": "entropy of the probabilities, nats",
        "validation": "accuracy of the supernet",
    }
    for axes, (value, title) in zip(charts, values.items(), strict=True):
        for number, name in enumerate(names):
            for row in rows:
                if group_of(row) != name or not row["history"]:
                    continue
                line = [np.nan if each[value] is None else each[value] for each in row["history"]]
                axes.plot(range(1, len(line) + 1), line, color=f"C{number}", linewidth=1.2, alpha=0.8)
            axes.plot([], [], color=f"C{number}", label=name)
        if value == "score" and random:
            axes.axhline(float(np.mean(random)), color="grey", linestyle=":", label="random, mean")
        axes.set(title=title, xlabel="epoch")
    charts[1].legend(fontsize=8)
    save_figure(figure, path, kind)
