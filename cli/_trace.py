"""``egraph data trace``."""

from __future__ import annotations

import shlex

import click

from egraph.cli._models import part_option
from egraph.cli._options import check_writable, json_option, print_json, resumable, root_option
from egraph.cli._progress import track
from egraph.cli._reading import split_list

__all__ = ["command"]

_SHOWN = 10
"""Most failures that are printed; all are in the file of the traces."""


@click.command(
    "trace",
    help="""Make a table of the graphs of real models: build each without weights, and trace it.

    MODELS is timm or torchvision, if the package is installed, or package.module:name for a list of your
    own: mappings with model (a name), build (a function without arguments that returns the module, or the
    path of an ONNX file), input (the shape of one input, such as [3, 224, 224]) and labels. Modules are
    searched for in the current folder first.

    Labels are a row for each figure: a column architecture or model has the name of the model; img_size, if
    it is there, is the side of its input. All columns are kept.

    Each trace is written at once to a file beside the table, NAME.traces.jsonl. If interrupted, run the same
    command again to resume. Failures are recorded and not repeated.
    """,
    epilog="Example: egraph data trace --models timm --labels timm_imagenet --out timm.parquet",
)
@click.option("--models", required=True, metavar="MODELS", help="timm, torchvision or package.module:name.")
@click.option(
    "--labels",
    metavar="NAME|FILE",
    help="File with a row for each label, or its name in the folders of data. Default: those of the list.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    callback=split_list,
    metavar="COLUMN,...",
    help="Labels that are metrics. Default: those named top1, top5, acc, accuracy or score.",
)
@click.option(
    "--out", required=True, metavar="FILE", help="Table to write (.parquet), with its traces beside it."
)
@part_option("each model")
@root_option
@json_option("the result")
def command(
    models: str, labels: str | None, metrics: tuple[str, ...], out: str, part: str | None, root: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """``egraph data trace``."""
    from egraph.datasets import trace_models

    check_writable(out)
    with resumable(), track("tracing models") as report:
        made = trace_models(
            models, out, labels=labels, metrics=metrics or None, part=part, root=root,
            progress=lambda done, total, name: report(done, total, f"{done} of {total} models {name}"),
        )  # fmt: skip
    if as_json:
        print_json(
            {
                "table": str(made.path),
                "rows": len(made.table),
                "networks": len(set(made.table.keys)),
                "failures": list(made.failures),
                "traces": str(made.traces),
            }
        )
        return
    for line in made.failures[:_SHOWN]:
        click.echo(f"failed: {line}")
    if len(made.failures) > _SHOWN:
        click.echo(f"{len(made.failures) - _SHOWN:,} more failed; see {made.traces}")
    click.echo(
        f"wrote {made.path}: {len(made.table):,} rows, {len(set(made.table.keys)):,} distinct networks, "
        f"{len(made.failures):,} failed"
    )
    click.echo(f"next: {shlex.join(['egraph', 'train', '--data', str(made.path), '--out', 'r.egraph'])}")
