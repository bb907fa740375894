"""``egraph rank``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._models import is_onnx, model_options, read_model
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.cli._architectures import Row
    from egraph.ranker import Ranker
    from egraph.spaces import SearchSpace

__all__ = ["command"]

SHOWN = 10
"""Largest number of bad lines that are named."""

COLUMNS = 6
"""Largest number of other columns that are shown; JSON has them all."""

_LEVEL = 0.8


@click.command(
    "rank",
    help="""Score architectures with a ranker.

    RANKER is a file that `egraph train` or `egraph export` wrote. URL is the address of an `egraph serve`;
    its token is read from $EGRAPH_TOKEN.

    FILE, or - for standard input, has one architecture a line: JSON, the notation of the search space or that
    of another program. It may also be a CSV or Parquet file with a column of architectures, whose other
    columns are kept, a table of egraph, or the journal of a study. The best comes first. Higher scores are
    better. Lines that are no architecture are named and left out; the exit code is then 1.

    With --model, networks written in PyTorch or in ONNX files are scored. Their table shows the interval that
    contains the measured score with probability 0.8, and how far a network lies outside the training data of
    the ranker.
    """,
    epilog="Example: egraph rank r.egraph candidates.jsonl --json",
)
@click.argument("ranker", metavar="RANKER|URL")
@click.argument("source", metavar="[FILE|-]", required=False)
@model_options("Rank")
@click.option(
    "--space", metavar="NAME", help="The search space. Default: that of the ranker's training data."
)
@click.option(
    "--architecture",
    default="architecture",
    show_default=True,
    metavar="COLUMN",
    help="Column with architectures of a CSV or Parquet file, or field of JSON lines.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line, in the order of the input."
)
def command(
    ranker: str, source: str | None, models: tuple[str, ...], shape: str | None, part: str | None,
    space: str | None, architecture: str, as_json: bool,
) -> None:  # fmt: skip
    """``egraph rank``."""
    import numpy as np

    from egraph import spaces
    from egraph.cli._architectures import read_rows
    from egraph.service import open_ranker

    if (source is None) == (not models):
        raise UsageError(
            "give a FILE of architectures, - for standard input, or --model, and only one of these"
        )
    model = open_ranker(ranker)
    if source is not None and is_onnx(source):
        models = (source,)
    if models:
        if not hasattr(model, "familiarity"):
            raise UsageError(f"--model needs a ranker that `egraph train` wrote, which {ranker} is not")
        return _rank_models(model, models, shape, part, as_json)
    assert source is not None
    learned = (model.card or {}).get("space")
    known = spaces.find(space) if space else spaces.get(learned) if learned in spaces.names() else None
    rows = read_rows(source, known, architecture)
    good = [row for row in rows if row.architecture is not None]
    if not good:
        raise UsageError(f"{rows[0].place}: {rows[0].error}")
    for row in [row for row in rows if row.error][:SHOWN]:
        click.echo(f"egraph: {row.place}, left out: {row.error}", err=True)
    if (more := len(rows) - len(good) - SHOWN) > 0:
        click.echo(f"egraph: {more} more lines are left out", err=True)
    scores = np.asarray(model.predict([row.architecture for row in good]), dtype=np.float64)
    if as_json:
        _print_json(rows, iter(scores.tolist()))
    else:
        _print_rows(good, scores.tolist(), known)
    if len(good) < len(rows):
        raise click.exceptions.Exit(1)


def _print_json(rows: list[Row], scores: Iterator[float]) -> None:
    for row in rows:
        content: dict[str, Any] = {"line": row.line, "error": row.error}
        if row.architecture is not None:
            own = {"score": next(scores), "architecture": row.architecture.to_dict()}
            content = {"score": 0.0, **row.others, **own}
        click.echo(json.dumps(content, separators=(",", ":"), default=str))


def _print_rows(rows: list[Row], scores: list[float], space: SearchSpace | None) -> None:
    others = list(dict.fromkeys(name for row in rows for name in row.others))[:COLUMNS]
    cells = [[_shorten_cell(row.others.get(name)) for name in others] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(others, *cells, strict=True)]

    def join(texts: list[str]) -> str:
        return "".join(f"  {text:>{width}}" for text, width in zip(texts, widths, strict=True))

    click.echo(f"{'rank':>5}  {'line':>5}  {'score':>10}{join(others)}  architecture")
    order = sorted(range(len(rows)), key=lambda row: -scores[row])
    for rank, number in enumerate(order, start=1):
        row = rows[number]
        assert row.architecture is not None
        told = row.architecture.to_dict()
        # The answers say more to people than the graph that they lead to.
        text = (
            space.format(row.architecture)
            if space
            else json.dumps(told.get("answers", told), separators=(",", ":"))
        )
        click.echo(f"{rank:>5}  {row.line:>5}  {scores[number]:>10.4f}{join(cells[number])}  {text}")


def _shorten_cell(value: object) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 20 else f"{text[:17]}..."


def _rank_models(
    model: Ranker, names: Sequence[str], shape: str | None, part: str | None, as_json: bool
) -> None:
    import warnings

    import numpy as np

    from egraph import operations
    from egraph.errors import OutOfDistributionWarning
    from egraph.units import clip_interval

    architectures = [read_model(name, shape, part) for name in names]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfDistributionWarning)  # each row of the output has its own note
        scores = model(architectures)
        low, high = clip_interval(model.card, *model.intervals(architectures, _LEVEL))
    found = model.familiarity(architectures)
    if as_json:
        for row, name in enumerate(names):
            content = {
                "model": name,
                "score": float(scores[row]),
                "low": float(low[row]),
                "high": float(high[row]),
                "inside": found[row].inside,
                "unknown_operations": found[row].unknown_operations,
                "vertices": found[row].vertices,
                "distance": found[row].distance if np.isfinite(found[row].distance) else None,
                "architecture": architectures[row].to_dict(),
                "operations": [operations.get(op).to_dict() for op in dict.fromkeys(architectures[row].ops)],
            }
            click.echo(json.dumps(content, separators=(",", ":")))
        return
    click.echo(
        f"{'rank':>5}  {'score':>10}  {'80 % interval':>21}  model, and what is unlike the training data"
    )
    for rank, row in enumerate(np.argsort(-scores, kind="stable"), start=1):
        interval = f"{low[row]:>10.4f} {high[row]:>10.4f}"
        click.echo(f"{rank:>5}  {scores[row]:>10.4f}  {interval}  {names[row]}: {found[row]}")
