"""``egraph combine``."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from egraph.cli._options import count_option, json_option, print_json, root_option, seed_option
from egraph.cli._search._groups import option, takes
from egraph.cli._search.recipe import RecipeOptions

if TYPE_CHECKING:
    from egraph.evaluation import Evaluation
    from egraph.supernets import Rows, RowTraining

__all__ = ["command"]


@dataclass(frozen=True)
class Row:
    """Options for the cells and what is done with them."""

    source: str = option(click.argument("source", metavar="FILE|-"))
    data: str = option(click.option("--data", required=True, metavar="NAME|PATH", help="Images to train on."))
    space: str = option(
        click.option(
            "--space", default="concat-cell", show_default=True, metavar="NAME", help="Space of the cells."
        )
    )
    repeats: int = option(
        count_option("--repeats", default=3, help="Trainings of the row, and of rows of random cells.")
    )
    device: str = option(
        click.option(
            "--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:1."
        )
    )
    out: str | None = option(
        click.option("--out", metavar="FOLDER", help="Folder to write the trained network to.")
    )
    seed: int = option(seed_option)
    root: str | None = option(root_option)
    as_json: bool = option(json_option("the result"))


@click.command(
    "combine",
    help="""Train one network of several cells in a row.

    FILE, or - for standard input, has one cell a line, in the notation of the space or as JSON, such as the
    population that `egraph search --searcher pareto-evolution` writes. Each cell reads the one before it and
    the image. Rows of as many random cells are trained by the same recipe, for comparison.

    With --out, FOLDER then contains the network of the first training as plain PyTorch, as `egraph export
    --network` writes it.
    """,
    epilog="Example: egraph combine runs/concat-cell-digits-0.population.txt --data digits",
)
@takes(Row, RecipeOptions)
def command(row: Row, recipe: RecipeOptions) -> None:
    """``egraph combine``."""
    from egraph import spaces
    from egraph.cli._architectures import read_architectures
    from egraph.cli._progress import track
    from egraph.supernets import RowTraining

    space = spaces.find(row.space)
    make = partial(RowTraining, row.data, space=space, device=row.device, root=row.root)
    training = make(recipe=recipe.apply(make().recipe))
    cells = read_architectures(row.source, space)
    if row.out is not None:
        from egraph.export import check_target

        check_target(row.out)
    with track(f"training rows of {len(cells)} cells") as report:
        rows = training.compare(
            cells, row.repeats, seed=row.seed,
            progress=lambda done, total: report(done, total, f"{done}/{total}"),
        )  # fmt: skip
    if row.out is not None:
        _write(row.out, rows, training, [space.format(cell) for cell in cells])
    if row.as_json:
        print_json(
            {
                "cells": [space.format(cell) for cell in cells],
                "own": [asdict(one) for one in rows.own],
                "random": [asdict(one) for one in rows.random],
                "recipe": training.recipe.to_dict(),
                "folder": row.out,
            }
        )
    else:
        _show(rows, len(cells), training, row.out)


def _write(folder: str, rows: Rows, training: RowTraining, cells: Sequence[str]) -> None:
    from egraph.export import save_network

    first = rows.own[0]
    card = {"cells": list(cells), "recipe": training.recipe.to_dict(), "validation score": first.score}
    save_network(rows.network, folder, training.data, card)


def _show(rows: Rows, count: int, training: RowTraining, folder: str | None) -> None:
    names = [f"row of {count} cells", f"rows of {count} random cells"]
    width = max(map(len, names))
    for name, evaluations in zip(names, (rows.own, rows.random), strict=True):
        click.echo(f"  {name:<{width}}  {_describe(evaluations, training.data.is_regression)}")
    if folder is not None:
        click.echo(f"wrote {folder}")


def _describe(evaluations: Sequence[Evaluation], regression: bool) -> str:
    """Mean and range of the test scores, mean validation score and mean size."""

    def tell(score: float) -> str:
        return f"R2 {score:.4f}" if regression else f"{100 * score:.2f} %"

    tests = [one.test_score for one in evaluations]
    spread = f" ({tell(min(tests))} to {tell(max(tests))})" if len(tests) > 1 else ""
    valid = statistics.fmean(one.score for one in evaluations)
    params = round(statistics.fmean(one.params for one in evaluations))
    return f"test {tell(statistics.fmean(tests))}{spread}, validation {tell(valid)}, {params:,} parameters"
