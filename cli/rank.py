"""``egraph rank``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.ranker import Ranker

__all__ = ["command"]

_LEVEL = 0.8


@click.command("rank", epilog="Example: egraph rank r.egraph candidates.jsonl --json")
@click.argument("ranker", metavar="RANKER|URL")
@click.argument("source", metavar="[FILE|-]", required=False)
@click.option(
    "--model",
    "models",
    metavar="MODULE:FUNCTION",
    multiple=True,
    help="Rank PyTorch networks instead: a function that builds one, or one and an example input, such as "
    "nets.resnet:build. Repeatable.",
)
@click.option(
    "--input",
    "shape",
    metavar="SHAPE",
    default="3x32x32",
    show_default=True,
    help="Shape of one input of the networks of --model.",
)
@click.option(
    "--space", metavar="NAME", help="The search space. Default: that of the ranker's training data."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a line, in the order of the input."
)
def command(
    ranker: str, source: str | None, models: tuple[str, ...], shape: str, space: str | None, as_json: bool
) -> None:
    """Score architectures with a ranker.

    RANKER is a file that `egraph train` or `egraph export` wrote. URL is the address of an `egraph serve`;
    its token is read from $EGRAPH_TOKEN.

    FILE, or - for standard input, has one architecture a line: JSON, or the notation of the search space. It
    may also be a table in Parquet or the journal of a study. The best comes first. Higher scores are better.

    With --model, networks written in PyTorch are scored. Their table shows the interval that contains the
    measured score with probability 0.8, and how far a network lies outside the training data of the ranker.
    """
    import numpy as np

    from egraph import spaces
    from egraph.cli._architectures import read_architectures
    from egraph.service import open_ranker

    if (source is None) == (not models):
        raise UsageError(
            "give a FILE of architectures, - for standard input, or --model, and only one of these"
        )
    model = open_ranker(ranker)
    if models:
        if not hasattr(model, "familiarity"):
            raise UsageError(f"--model needs a ranker that `egraph train` wrote, which {ranker} is not")
        return _rank_models(model, models, shape, as_json)
    assert source is not None
    name = space or (model.card or {}).get("space")
    known = spaces.get(name) if name else None
    architectures = read_architectures(source, known)
    scores = np.asarray(model.predict(architectures), dtype=np.float64)
    if as_json:
        for architecture, score in zip(architectures, scores, strict=True):
            click.echo(
                json.dumps(
                    {"score": float(score), "architecture": architecture.to_dict()}, separators=(",", ":")
                )
            )
        return
    click.echo(f"{'rank':>5}  {'line':>5}  {'score':>10}  architecture")
    for rank, row in enumerate(np.argsort(-scores, kind="stable"), start=1):
        text = known.format(architectures[row]) if known else architectures[row].to_json()
        click.echo(f"{rank:>5}  {row + 1:>5}  {scores[row]:>10.4f}  {text}")


def _rank_models(model: Ranker, names: Sequence[str], shape: str, as_json: bool) -> None:
    import warnings

    import numpy as np

    from egraph import operations
    from egraph.cli._models import read_model, read_shape
    from egraph.errors import OutOfDistributionWarning

    sides = read_shape(shape)
    architectures = [read_model(name, sides) for name in names]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfDistributionWarning)  # each row of the output has its own note
        scores = model(architectures)
        low, high = model.intervals(architectures, _LEVEL)
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
