"""The ranker and its baselines on all benchmarks, compared with the required figures.

    python benchmarks/predictors.py --processes 2
    python benchmarks/predictors.py nasbench201 thesis --predictor all

The ranker is measured on all benchmarks, the baselines where the ranker must surpass them, or everywhere with
`--predictor all`. The measure is Kendall's tau-b over all architectures outside of the training data, as mean
± standard deviation over seeds; these seeds were not used for any choice. If interrupted, run the same
command again to resume. All tables, as Markdown, and a plot are written next to the file of results.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

import egraph
from egraph import bench
from egraph.baselines import predictors
from egraph.files import write_text

OURS = "egraph"
BASELINES = tuple(name for name in predictors if name != OURS)
RENAS = tuple(name for name in BASELINES if name.startswith("renas"))
RENAS_LEAD = 0.05


@dataclass(frozen=True)
class Case:
    """One benchmark and the figures that the ranker must reach on it.

    Attributes:
        benchmark: Table and metric.
        protocol: Protocol that splits training and test data.
        bounds: Required figure and goal, for each number of labels and each measure.
        baselines: Predictors that the ranker must surpass in the first measure.
        lead: Required lead over the baselines.
        beside: Note for the output.
    """

    benchmark: str
    protocol: str
    bounds: dict[int, dict[str, tuple[float, float]]]
    baselines: tuple[str, ...] = ()
    lead: float = 0.0
    beside: str = ""


@dataclass(frozen=True)
class Check:
    """One line of the comparison with the required figures."""

    case: Case
    labels: int
    measure: str
    found: str
    at_least: float
    aim: float = math.nan
    passed: bool = False
    note: str = ""


def tau(bounds: dict[int, tuple[float, float]]) -> dict[int, dict[str, tuple[float, float]]]:
    return {labels: {"tau": bound} for labels, bound in bounds.items()}


OPEN = tau({100: (math.nan, math.nan), 400: (math.nan, math.nan)})
CASES = [
    Case(
        "nasbench201:cifar10_test_200", "key",
        tau({78: (0.80, 0.84), 156: (0.845, 0.88), 469: (0.885, 0.91), 781: (0.90, 0.92)}),
    ),
    Case(
        "nasbench201:cifar10_test_200", "pinat",
        tau({78: (0.835, math.nan), 156: (0.87, math.nan), 469: (0.908, math.nan), 781: (0.92, math.nan)}),
        beside="noise ceiling about 0.945",
    ),
    Case(
        "nasbench101:val_acc_108", "key",
        tau({100: (0.755, 0.80), 172: (0.793, 0.83), 424: (0.83, 0.86), 4236: (0.878, 0.885)}),
    ),
    Case("nasbench_macro:mean_acc", "key", OPEN, BASELINES, beside="noise ceiling about 0.95"),
    Case("nasbench_graph_cora:test_perf", "key", OPEN, BASELINES, beside="valid-test tau 0.554"),
    Case("nasbench_graph_arxiv:test_perf", "key", OPEN, BASELINES, beside="valid-test tau 0.873"),
    Case("nasbench_graph_photo:test_perf", "key", OPEN, BASELINES, beside="valid-test tau 0.747"),
    Case(
        "nasbench101:val_acc_108", "thesis",
        {450: {"tau_apart": (0.90, 0.93), "tau_apart_top50": (0.85, 0.90)}}, RENAS, RENAS_LEAD,
    ),
]  # fmt: skip


def measure(cases: list[Case], arguments: argparse.Namespace) -> bench.Result:
    cells: list[bench.Cell] = []
    for case in cases:
        wanted = predictors if "all" in arguments.predictor else {*arguments.predictor, OURS, *case.baselines}
        names = [name for name in predictors if name in wanted]
        cells += bench.plan(
            names, [case.benchmark], list(case.bounds), seeds=arguments.seeds, protocol=case.protocol
        )

    def listen(done: int, total: int, last: dict | bench.Failure | None) -> None:
        if isinstance(last, bench.Failure):
            print(f"{done}/{total} {last.cell.predictor} on {last.cell.benchmark} failed: {last.reason}")
        elif last is not None:
            what = ("benchmark", "protocol", "samples", "predictor", "seed")
            tau = "undefined" if last["tau"] is None else f"{last['tau']:.3f}"
            name = " ".join(str(last[each]) for each in what)
            print(f"{done}/{total} {name}: tau {tau}, fit {last['fit_seconds']:.1f} s", flush=True)

    return bench.run(
        cells, list(predictors), out=arguments.out, processes=arguments.processes, progress=listen
    )


def check(case: Case, summary: pd.DataFrame) -> Iterator[Check]:
    """The lines of one case: first the required figures, then the baselines to surpass."""
    benchmark, _, metric = case.benchmark.rpartition(":")
    wanted = {"benchmark": benchmark, "metric": metric, "protocol": case.protocol}
    here = summary[(summary[list(wanted)] == list(wanted.values())).all(axis=1)]
    for labels, bounds in case.bounds.items():
        figures = here[here["samples"] == labels].set_index("predictor")
        if OURS not in figures.index:
            continue
        ours = figures.loc[OURS]
        for name, (at_least, aim) in bounds.items():
            found = f"{ours[name]:.3f} ± {ours[f'{name}_sd']:.3f}"
            if not math.isnan(at_least):
                passed = bool(ours[name] >= at_least)
                yield Check(case, labels, name, found, at_least, aim, passed, case.beside)
        first = next(iter(bounds))
        baselines = figures.loc[[name for name in case.baselines if name in figures.index], first].dropna()
        if len(baselines):
            found = f"{ours[first]:.3f} ± {ours[f'{first}_sd']:.3f}"
            at_least, best = baselines.max() + case.lead, baselines.idxmax()
            note = f"the best baseline, {best}, has {baselines.max():.3f}; {case.beside}".rstrip("; ")
            yield Check(case, labels, first, found, at_least, passed=bool(ours[first] > at_least), note=note)


def print_checks(checks: list[Check]) -> None:
    columns = "{:31s} {:8s} {:>6s} {:16s} {:>15s} {:>9s} {:>6s}  {:6s} {}"
    print(columns.format("benchmark", "protocol", "labels", "measure", OURS, "at least", "aim", "", ""))
    for each in checks:
        benchmark, _, metric = each.case.benchmark.rpartition(":")
        figures = bench.published(benchmark, metric, each.case.protocol, each.labels)
        shown = [(f.tau_top50 if "top50" in each.measure else f.tau, f.method) for f in figures]
        best = max(((tau, method) for tau, method in shown if not math.isnan(tau)), default=None)
        notes = [each.note, f"published {best[0]:.3f} {best[1]}" if best else ""]
        print(
            columns.format(
                each.case.benchmark, each.case.protocol, str(each.labels), each.measure, each.found,
                f"{each.at_least:.3f}", "" if math.isnan(each.aim) else f"{each.aim:.3f}",
                "ok" if each.passed else "BELOW", "; ".join(filter(None, notes)),
            )
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", nargs="*", help="part of the name of a benchmark or protocol; default: all")
    parser.add_argument(
        "--predictor", action="append", default=[], help="additional predictor on all benchmarks, or `all`"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", default="runs/predictors.jsonl")
    arguments = parser.parse_args()
    cases = [
        case
        for case in CASES
        if not arguments.case or any(word in f"{case.benchmark} {case.protocol}" for word in arguments.case)
    ]
    print(f"egraph {egraph.__version__}, torch {torch.__version__}")
    result = measure(cases, arguments)
    pages = Path(arguments.out)
    write_text(pages.with_suffix(".md"), bench.to_markdown(result.rows))
    bench.plot(result.rows, pages.with_suffix(".svg"))
    print()
    print_checks([line for case in cases for line in check(case, result.summary)])
    if result.failures:
        sys.exit(f"{len(result.failures)} fits failed; start again to try them")


if __name__ == "__main__":
    main()
