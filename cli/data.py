"""``egraph data``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._generate import command as generate
from egraph.cli._options import check_writable, console, json_option, print_json, root_option
from egraph.cli._progress import track_stages
from egraph.cli._reading import file_options, metrics_option, read_table
from egraph.cli._trace import command as trace
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.datasets import Table

__all__ = ["command"]


@click.group(
    "data",
    help="List, show, import, generate and trace tables of measured architectures.",
    epilog="Example: egraph data show nasbench201",
)
def command() -> None:
    """``egraph data``."""


command.add_command(generate)
command.add_command(trace)


@command.command(
    "list", help="List the known tables and their files.", epilog="Example: egraph data list --json"
)
@root_option
@json_option("the list")
def list_tables(root: str | None, as_json: bool) -> None:
    """``egraph data list``."""
    from rich.table import Table

    from egraph import datasets

    found = datasets.known(root)
    if as_json:
        print_json(
            [
                {
                    "name": each.name,
                    "space": each.space,
                    "title": each.title,
                    "rows": each.rows,
                    "file": each.file,
                    "size": each.size,
                    "looked for in": [str(folder) for folder in each.folders],
                    "path": each.path and str(each.path),
                    "extra": each.extra,
                }
                for each in found
            ]
        )
        return
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for column, justify in (("name", "left"), ("space", "left"), ("rows", "right"), ("where", "left")):
        grid.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for each in found:
        way = f"pip install 'egraph\\[{each.extra}]'" if each.extra else f"needs {each.file}"
        grid.add_row(
            each.name, each.space, f"{each.rows:,}", str(each.path) if each.path else f"absent: {way}"
        )
    console().print(grid)
    if not found:
        click.echo("no table is known")
        return
    folders = (
        ", ".join(map(str, found[0].folders)) or "no folder, as there is no home; set HOME or EGRAPH_DATA"
    )
    click.echo(f"\nlooked for in {folders}")


@command.command(
    "show",
    help="""Show the networks, metrics and provenance of a table.

    Where networks were trained several times (columns NAME_0, NAME_1 and so on), it also shows how well the
    trainings agree, and the noise ceiling: the tau of a predictor that knows the true mean of each network.
    """,
    epilog="Example: egraph data show nasbench201",
)
@click.argument("name", metavar="NAME|FILE")
@metrics_option
@file_options
@root_option
@json_option("the description")
def show(name: str, metrics: tuple[str, ...], root: str | None, as_json: bool, **reading: Any) -> None:
    """``egraph data show``."""
    table = read_table(name, root, reading, *metrics)
    described, noise = _describe(table), _describe_noise(table)
    if as_json:
        print_json(described | {"noise": noise})
        return
    rows, distinct = described["metrics"], described["distinct networks"]
    click.echo(
        f"{table.name}: {len(table):,} rows, {distinct:,} distinct networks of the space {table.space.name}\n"
    )
    _show_metrics(rows)
    for name, each in noise.items():
        _show_noise(name, each)
    if table.provenance:
        click.echo("")
    for key, value in table.provenance.items():
        click.echo(f"{key}: {value}")


def _describe_metric(table: Table, metric: str) -> dict[str, Any]:
    import numpy as np

    meaning, values = table.metrics[metric], table[metric]
    finite = values[np.isfinite(values)]
    return {
        "metric": metric,
        "unit": meaning.unit,
        "split": meaning.split,
        "epochs": meaning.budget,
        "runs": meaning.runs,
        "higher is better": meaning.higher_is_better,
        "measured": len(finite),
        "lowest": float(finite.min()) if len(finite) else None,
        "highest": float(finite.max()) if len(finite) else None,
        "description": meaning.description,
    }


def _describe_noise(table: Table) -> dict[str, dict[str, Any]]:
    """The noise of each metric whose single runs are columns, by its name; networks count once."""
    from dataclasses import asdict

    import numpy as np

    from egraph import datasets

    found = {}
    for name, columns in datasets.find_runs(table.metrics).items():
        distinct = table.distinct()
        runs = np.stack([distinct[column] for column in columns], axis=1)
        if (np.isfinite(runs).sum(axis=1) > 1).sum() > 2:
            found[name] = asdict(datasets.estimate_noise(runs))
    return found


def _show_noise(name: str, noise: dict[str, Any]) -> None:
    def show(interval: tuple[float, float, float]) -> str:
        value, low, high = interval
        return f"{value:.3f} ({low:.3f} to {high:.3f})"

    click.echo(
        f"\nnoise of {name}: {noise['networks']:,} networks with up to {noise['runs']} trainings, which "
        f"deviate by {noise['deviation']:.4g} (median); 95 % intervals in brackets"
    )
    rows = [("tau between two trainings", show(noise["tau"]))]
    for k, best in noise["ceiling"].items():
        of = "single trainings" if k == 1 else f"means of {k} trainings"
        top = show(noise["ceiling_top"][k])
        rows.append((f"best tau with {of}", f"{show(best)}, in the better half {top}"))
    width = max(len(label) for label, _ in rows)
    for label, text in rows:
        click.echo(f"  {label:<{width}}  {text}")


def _show_metrics(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    numbers = ("epochs", "runs", "lowest", "highest")
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("metric", "unit", "split", *numbers, "description"):
        grid.add_column(column, justify="right" if column in numbers else "left")
    for row in rows:
        shown = ("" if row[each] is None else f"{row[each]:.4g}" for each in numbers)
        direction = "higher is better" if row["higher is better"] else "lower is better"
        description = f"{direction}; {row['description']}".rstrip("; ")
        grid.add_row(str(row["metric"]), str(row["unit"]), str(row["split"]), *shown, description)
    console().print(grid)


@command.command(
    "import",
    help="""Make a table from a file of measurements, a journal, or a benchmark as its authors published it.

    A file of your own is CSV, JSON lines or Parquet. It needs a column of architectures and at least one
    column of numbers. Every row is checked: a text among numbers is refused, unless --na tells that it stands
    for a failed measurement. The rows of the journal of a study are its successful trials.

    BENCHMARK is nasbench101, for nasbench_only108.tfrecord or nasbench_full.tfrecord, or nasbench201, for
    NAS-Bench-201-v1_1-096897.pth or NATS-Bench's unpacked folder NATS-tss-v1_0-3ffb9-simple. TensorFlow is
    not needed, and no code in a pickle is executed.
    """,
    epilog="Example: egraph data import cells.csv --space nasbench201 --name mine",
)
@click.argument("source", nargs=-1, required=True, metavar="[BENCHMARK] FILE")
@metrics_option
@file_options
@click.option("--name", metavar="NAME", help="Name of the table. Default: that of the file.")
@click.option("--out", metavar="FILE", help="Parquet file to write. Default: one in the user's cache.")
@json_option("what was read and written")
def import_file(
    source: tuple[str, ...], metrics: tuple[str, ...], name: str | None, out: str | None, as_json: bool,
    **reading: Any,
) -> None:  # fmt: skip
    """``egraph data import``."""
    from egraph import datasets

    if len(source) > 2:
        raise UsageError(f"expected one file, with or without a benchmark before it, got {' '.join(source)}")
    if out is not None:
        check_writable(out)
    *benchmark, file = source
    with track_stages() as show:
        written = datasets.import_table(
            file, out, name=name, metrics=metrics or None, benchmark=benchmark[0] if benchmark else None,
            progress=lambda done, total: show(f"reading {file}", done, total, f"{done / total:.0%}"),
            **reading,
        )  # fmt: skip
    table = datasets.load(written)
    if as_json:
        print_json({"file": str(written), **_describe(table)})
        return
    click.echo(f"read {datasets.summarise(table)}")
    click.echo(f"wrote {written}")
    found = next((each.path for each in datasets.known() if each.name == written.stem), None)
    following = ["egraph", "data", "show", written.stem if found == written else str(written)]
    click.echo(f"next: {shlex.join(following)}")


def _describe(table: Table) -> dict[str, Any]:
    """A table and its metrics as JSON-ready values."""
    return {
        "name": table.name,
        "space": table.space.name,
        "rows": len(table),
        "distinct networks": len(set(table.keys)),
        "metrics": [_describe_metric(table, metric) for metric in table.metrics],
        "provenance": table.provenance,
    }
