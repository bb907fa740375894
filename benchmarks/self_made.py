"""EGraph, the default ranker and ReNAS on the self-made tables, beside the noise ceiling and the thesis.

    python benchmarks/self_made.py --seeds 5 --out runs/self-made.jsonl --picture docs/images/self-made.svg

Each table is split by key into 30 % and 70 %, and either part is learned from, as in tables 7.3 and 7.4 of
the thesis. The label of a network is the test accuracy of its first training. The ceiling is the tau of a
predictor that knows the true mean of each network (`egraph.datasets.estimate_noise`), from the networks that
were trained several times. If interrupted, run the same command again to resume.
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from egraph import bench, datasets
from egraph.baselines import predictors
from egraph.datasets import Noise, Table

TABLES = ("mnist1d_convnet", "fashion_convnet8")
METRIC = "test_score"
PREDICTORS = ("egraph", "egraph-thesis", "renas-7x7", "renas-19x7x7")
SHARES = (0.3, 0.7)
MEASURES = {"tau": "all", "tau_top50": "better half"}

THESIS = {
    "ReNAS, best": (0.628, 0.333),
    "EGraph, 5 epochs": (0.802, 0.720),
    "EGraph, one-cycle": (0.817, 0.749),
}
"""Tau of the thesis (section 7.4) on its 980 networks of the space of fashion_convnet8, all and better half.

It does not state the split of each; 70 % to learn from is that of the search.
"""


def measure_noise(table: Table) -> Noise:
    """The noise of single trainings."""
    distinct = table.distinct()
    columns = datasets.find_runs(distinct.metrics)[METRIC]
    return datasets.estimate_noise(np.stack([distinct[name] for name in columns], axis=1))


def draw(axes: Axes, rows: list[dict[str, object]], noise: Noise, measure: str, thesis: bool) -> None:
    """Points with the standard deviation over the seeds, and the ceiling as a band."""
    best = noise.ceiling[1] if measure == "tau" else noise.ceiling_top[1]
    axes.axhspan(best.low, best.high, color="0.88")
    axes.axhline(best.value, color="0.4", linestyle="--", linewidth=1)
    axes.text(
        1, best.value, " ceiling", va="bottom", ha="right", fontsize=8, transform=axes.get_yaxis_transform()
    )
    frame = bench.summarise(rows)
    for number, labels in enumerate(sorted(frame["samples"].unique())):
        part = frame[frame["samples"] == labels].set_index("predictor").reindex(PREDICTORS)
        places = np.arange(len(part)) + 0.16 * (2 * number - 1)
        axes.errorbar(
            places,
            part[measure],
            part[f"{measure}_sd"],
            fmt="o" if number else "s",
            capsize=2,
            label=f"{labels} labels",
        )
    if thesis:
        for number, (name, values) in enumerate(THESIS.items()):
            value = values[list(MEASURES).index(measure)]
            place = 2 if name.startswith("ReNAS") else 1
            axes.plot(place, value, "x", color="0.3", label="thesis, 980 networks" if not number else None)
    axes.set_xticks(range(len(PREDICTORS)), PREDICTORS, rotation=20, ha="right")
    axes.grid(axis="y", alpha=0.3)


def write_table(name: str, rows: list[dict[str, object]], noise: Noise) -> str:
    """The results of one table as Markdown, with the ceiling and, on its space, the thesis's figures."""
    frame = bench.summarise(rows)
    lines = [f"| {name} | labels | seeds | tau | tau, better half | fit, s |", "|---|---|---|---|---|---|"]
    for labels in sorted(frame["samples"].unique()):
        part = frame[frame["samples"] == labels].set_index("predictor").reindex(PREDICTORS)
        for predictor, row in part.dropna(subset="tau").iterrows():
            taus = (f"{row[each]:.3f} ± {row[f'{each}_sd']:.3f}" for each in MEASURES)
            found = " | ".join((f"{row['seeds']:.0f}", *taus, f"{row['fit_seconds']:.0f}"))
            lines.append(f"| {predictor} | {labels} | {found} |")
    best, top = noise.ceiling[1], noise.ceiling_top[1]
    ceiling = " | ".join(f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f})" for each in (best, top))
    lines.append(f"| *noise ceiling* | | | {ceiling} | |")
    agreement = f"{noise.tau.value:.3f} ({noise.tau.low:.3f} to {noise.tau.high:.3f})"
    lines.append(f"| *two trainings of {noise.networks} networks* | | | {agreement} | | |")
    if name == TABLES[1]:
        lines += [
            f"| *thesis: {one}* | | | {tau:.3f} | {half:.3f} | |" for one, (tau, half) in THESIS.items()
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures what is missing, prints the tables and draws the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("tables", nargs="*", default=TABLES, metavar="TABLE")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/self-made.jsonl"))
    parser.add_argument("--picture", type=Path, default=Path("runs/self-made.svg"))
    given = parser.parse_args()
    figure = Figure(figsize=(9, 3.6 * len(given.tables)), layout="constrained")
    charts = figure.subplots(len(given.tables), 2, squeeze=False)
    failed = 0
    for name, line in zip(given.tables, charts, strict=True):
        table = datasets.load(name)
        count = len(table.measured(f"{METRIC}_0").distinct())
        largest = max(architecture.num_vertices for architecture in table.architectures)
        makers = {each: predictors[each] for each in PREDICTORS}
        for each in PREDICTORS[2:]:  # ReNAS reads no graph that is larger than it was made for
            makers[each] = functools.partial(predictors[each], vertices=largest)
        result = bench.predictors(
            makers,
            [f"{name}:{METRIC}_0"],
            [round(share * count) for share in SHARES],
            seeds=given.seeds,
            out=given.out,
            processes=given.processes,
            progress=lambda done, total, _: print(f"{done} of {total} fits", file=sys.stderr),
        )
        for failure in result.failures:
            failed += 1
            print(f"{failure.cell}: {failure.reason}", file=sys.stderr)
        noise = measure_noise(table)
        print(write_table(name, result.rows, noise))
        for axes, (measure, title) in zip(line, MEASURES.items(), strict=True):
            draw(axes, result.rows, noise, measure, thesis=name == TABLES[1])
            axes.set_title(f"{name}, {title}", fontsize=10)
            axes.set_ylabel("Kendall's tau")
        line[0].legend(fontsize=8)
    given.picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(given.picture, metadata={"Date": None} if given.picture.suffix == ".svg" else None)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
