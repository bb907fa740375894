"""All searchers, and a search guided by a ranker, on tables, compared with the required figures.

    python benchmarks/searchers.py --processes 2
    python benchmarks/searchers.py validation --without-ranker       # minutes in place of hours

Six cases. `test`: NAS-Bench-201, where a query returns the 200-epoch test accuracy, which is also the
result, as in most publications. `validation`: a query returns the validation accuracy after 12 epochs; the
result is the 200-epoch test accuracy of the best architecture by validation. `pool`: the cells of
NAS-Bench-101 in the table, accuracy after 108 epochs. `known`: as `test` on CIFAR-10, with a prior that
knows CIFAR-100. `loop`: as `test` on CIFAR-10, but the ranker scores 2,000 candidates of the searcher instead
of the whole space. `every`: the same with each searcher, 20 seeds. A repeated query is free. If interrupted,
run the same command again to resume. All tables, as Markdown, and a plot are written next to the file of
results.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import egraph
from egraph import searchers
from egraph.bench import Failure, arena
from egraph.files import write_text

GUIDED = "regularized-evolution"
DATA = ("cifar10", "cifar100", "imagenet16")
SMALL = {"classic-evolution": "classic-evolution:population=20,sample=5"}  # larger ones exhaust the budget
UNFIT = ("deepneat", "codeepneat", "drawn")  # without a ranker, these need other spaces


@dataclass(frozen=True)
class Case:
    """Benchmarks with the same budget."""

    benchmarks: tuple[str, ...]
    queries: int
    seeds: int = 50
    searchers: tuple[str, ...] = ()
    """Searchers in the loop with a ranker; none takes each searcher on the table and one guided search."""
    ranker: str = "ranker:members=2,candidates=20001"


CIFAR10 = ("nasbench201:cifar10_test_200",)
EVERY = tuple(SMALL.get(name, name) for name in searchers.names())

CASES = {
    "test": Case(tuple(f"nasbench201:{data}_test_200" for data in DATA), 100),
    "validation": Case(tuple(f"nasbench201:{data}_val_12:{data}_test_200" for data in DATA), 150),
    "pool": Case(("nasbench101:val_acc_108",), 150),
    "known": Case(CIFAR10, 20, 50, (GUIDED,), "ranker:members=1,candidates=20001,prior=cifar100_test_200"),
    "loop": Case(CIFAR10, 120, 50, (GUIDED,), "ranker:members=1"),
    "every": Case(CIFAR10, 100, 20, EVERY, "ranker:members=1"),
}


@dataclass(frozen=True)
class Check:
    """One line of the comparison with the required figures."""

    what: str
    found: str
    wanted: str
    passed: bool


def check_test(rows: list[dict]) -> Iterator[Check]:
    guided = [row for row in rows if row["fitness"] != "table"]
    for test, own in split(guided, "test"):
        first = [find_optimum(row) for row in own]
        text = f"{np.mean(np.isfinite(first)):.0%}, the last after {max(first):g}"
        yield Check(f"{test}: the optimum in every run within 100", text, "100%", max(first) <= 100)
        yield Check(f"{test}: aim, within 60", text, "100%", max(first) <= 60)
        if test == "cifar10_test_200":
            mean = np.mean([arena.incumbents(row, [50])[0] for row in own])
            yield Check(f"{test}: mean at 50", f"{mean:.3f}", "94.32", mean >= 94.32)


def check_validation(rows: list[dict]) -> Iterator[Check]:
    for test, own in split(rows, "test"):
        for at in (50, 100, 150):
            means = {
                key: np.mean([arena.incumbents(row, [at])[0] for row in part])
                for key, part in split(own, "searcher", "fitness")
            }
            guided = max((mean for key, mean in means.items() if key[1] != "table"), default=np.nan)
            rival, best = max(
                ((k[0], m) for k, m in means.items() if k[1] == "table"), key=lambda pair: pair[1]
            )
            yield Check(f"{test}: mean at {at}", f"{guided:.3f}", f"{best:.3f} {rival}", guided > best)


def check_pool(rows: list[dict]) -> Iterator[Check]:
    shares = {
        key: np.mean([row["final"] >= row["optimum"] for row in part])
        for key, part in split(rows, "searcher", "fitness")
    }
    guided = max((share for key, share in shares.items() if key[1] != "table"), default=np.nan)
    random = shares["random", "table"]
    passed = bool(guided > 0 and guided >= 10 * random)
    yield Check("nasbench101: best of the pool within 150", f"{guided:.0%}", f"10 x {random:.0%}", passed)


def check_known(rows: list[dict]) -> Iterator[Check]:
    last = max(map(find_optimum, (row for row in rows if row["fitness"] != "table")))
    yield Check(
        "CIFAR-100 known: the optimum in every run within 20", f"the last after {last:g}", "20", last <= 20
    )


def check_loop(rows: list[dict]) -> Iterator[Check]:
    guided = [row for row in rows if row["fitness"] != "table"]
    mean = np.mean([arena.incumbents(row, [50])[0] for row in guided])
    yield Check("2,000 candidates: mean at 50", f"{mean:.3f}", "94.30", mean >= 94.30)
    last = max(map(find_optimum, guided))
    yield Check("2,000 candidates: the optimum in every run", f"the last after {last:g}", "120", last <= 120)


def check_every(rows: list[dict]) -> Iterator[Check]:
    means = {
        key: np.mean([arena.incumbents(row, [100])[0] for row in part])
        for key, part in split(rows, "searcher", "fitness")
    }
    random = means["random", "table"]
    for (searcher, fitness), mean in means.items():
        if fitness != "table":
            yield Check(
                f"{searcher} in the loop: mean at 100", f"{mean:.3f}", f"{random:.3f} random", mean > random
            )


CHECKS = {
    "test": check_test, "validation": check_validation, "pool": check_pool, "known": check_known,
    "loop": check_loop, "every": check_every,
}  # fmt: skip


def identify(row: Mapping[str, Any]) -> tuple:
    """What tells the searches of one case from those of another."""
    return tuple(
        row[name] for name in ("searcher", "fitness", "benchmark", "metric", "test", "queries", "seed")
    )


def find_optimum(row: dict) -> float:
    """Number of queries until the best of the table; infinite where it was not found."""
    return float(row["steps"][-1][0]) if row["final"] >= row["optimum"] else np.inf


def split(rows: list[dict], *names: str) -> Iterator[tuple]:
    """The rows by what they have in some fields."""
    groups: dict = {}
    for row in rows:
        key = tuple(row[name] for name in names)
        groups.setdefault(key if len(names) > 1 else key[0], []).append(row)
    yield from groups.items()


def plan(case: Case, arguments: argparse.Namespace) -> list[arena.Cell]:
    ranker = arguments.ranker or case.ranker
    if case.searchers:
        guided = [arena.Contestant(name, ranker) for name in arguments.searcher or case.searchers]
        contestants = guided
    else:
        alone = arguments.searcher or [name for name in EVERY if name not in (*arena.BASELINES, *UNFIT)]
        contestants = [arena.Contestant(name) for name in alone]
        if not arguments.without_ranker:
            contestants.append(arena.Contestant(GUIDED, ranker))
    seeds = arguments.seeds or case.seeds
    return arena.plan(contestants, case.benchmarks, queries=case.queries, seeds=seeds)


def listen(done: int, total: int, last: dict | Failure | None) -> None:
    if isinstance(last, Failure):
        print(f"{done}/{total} {last.cell.searcher} on {last.cell.benchmark} failed: {last.reason}")
    elif last is not None and (done % 50 == 0 or last["fitness"] != "table"):
        name = f"{last['searcher']} / {last['fitness']} on {last['test']}, seed {last['seed']}"
        print(f"{done}/{total} {name}: {last['final']:.5g} in {last['search_seconds']:.2g} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", nargs="*", help=f"cases, of {', '.join(CASES)}; default: all")
    parser.add_argument("--searcher", action="append", help="searcher, with options if wanted; default: all")
    parser.add_argument("--ranker", help="fitness of the guided search; default: that of the case")
    parser.add_argument("--without-ranker", action="store_true", help="omit the guided search")
    parser.add_argument("--seeds", type=int, help="number of seeds; default: that of the case")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", default="runs/searchers.jsonl")
    arguments = parser.parse_args()
    if unknown := set(arguments.case) - set(CASES):
        parser.error(f"unknown case {unknown.pop()!r}; known: {', '.join(CASES)}")
    chosen = {name: CASES[name] for name in arguments.case or CASES}
    print(f"egraph {egraph.__version__}")
    cells = {name: plan(case, arguments) for name, case in chosen.items()}
    everything = [cell for own in cells.values() for cell in own]
    result = arena.run(everything, out=arguments.out, processes=arguments.processes, progress=listen)
    pages = Path(arguments.out)
    write_text(pages.with_suffix(".md"), arena.to_markdown(result.rows))
    arena.plot(result.rows, pages.with_suffix(".svg"))
    print(arena.to_markdown(result.rows))
    for name in () if arguments.without_ranker else chosen:
        wanted = {identify(asdict(cell)) for cell in cells[name]}
        own = [row for row in result.rows if identify(row) in wanted]
        for check in CHECKS[name](own):
            print(
                f"{'ok' if check.passed else 'BELOW':6s} {check.what:50s} {check.found:>30s}   {check.wanted}"
            )
    if result.failures:
        sys.exit(f"{len(result.failures)} searches failed; run the same command again to retry them")


if __name__ == "__main__":
    main()
