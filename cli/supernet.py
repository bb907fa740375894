"""``egraph supernet``."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from egraph.cli._fixing import fix_option, read_answers
from egraph.cli._options import count_option, json_option, print_json, root_option, seed_option

__all__ = ["command"]


@click.command(
    "supernet",
    help="""Train a supernet, and its architecture beside random ones.

    A supernet has all operations of the space at each position. The method trains its weights on one half of
    the training examples and the probabilities of the operations on the other half. The architecture of the
    best epoch and --random random ones are then trained from scratch by one recipe, that of egraph search.

    FOLDER then contains supernet.json (all epochs with probabilities and architectures), supernet.html (the
    probabilities over time and the best cell) and the state after the last epoch: if interrupted, run the
    same command again to resume.

    Several workers train one supernet, each on its part of the examples, if torchrun starts the command:
    torchrun --nproc-per-node 2 -m egraph supernet ...
    """,
    epilog="Example: egraph supernet --space nasbench201 --data digits --method gdas --out runs/gdas",
)
@click.option("--space", required=True, metavar="NAME", help="Space with a relaxation, such as nasbench201.")
@click.option("--data", required=True, metavar="NAME|PATH", help="Images to train on.")
@click.option(
    "--method", default="gdas", show_default=True, metavar="NAME[:OPTION=VALUE,...]",
    help="Differentiable method, such as darts:order=2, pc-darts, p-darts, drnas or snas, with its options "
    "and those of the training; docs/concepts/supernets.md has the list.",
)  # fmt: skip
@fix_option
@count_option("--epochs", help="Epochs of the supernet. Default: 15.")
@count_option("--random", default=3, help="Random architectures beside that of the supernet. Default: 3.")
@click.option(
    "--derive",
    multiple=True,
    metavar="RULE",
    help="Also trains what the supernet gives by another rule: ranks=3,4 (inputs of a node, in darts), "
    "drawn=8 (by the probabilities), removal (what the removal of operations costs). Repeatable.",
)
@count_option("--final-epochs", help="Epochs of the trainings from scratch. Default: those of the data.")
@click.option("--out", required=True, metavar="FOLDER", help="Folder of state and result.")
@click.option(
    "--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:1."
)
@click.option(
    "--share",
    type=click.Choice(("gradients", "weights")),
    default="gradients",
    show_default=True,
    help="What several workers average: gradients at each step, or weights after each epoch.",
)
@seed_option
@root_option
@json_option("the result")
def command(
    space: str, data: str, method: str, fix: tuple[str, ...], epochs: int | None, random: int,
    derive: tuple[str, ...], final_epochs: int | None, out: str, device: str, share: str, seed: int,
    root: str | None, as_json: bool,
) -> None:  # fmt: skip
    """``egraph supernet``."""
    from egraph import report, spaces
    from egraph.datasets import images
    from egraph.evaluation import Training
    from egraph.specs import parse
    from egraph.supernets import SupernetSearcher, joined, train_alone

    name, options = parse(method)
    searcher = SupernetSearcher(name, **options, **({} if epochs is None else {"epochs": epochs}))
    read = images(data, root=root)
    training = Training(spaces.find(space, read.input_shape, read.num_classes), read, device=device)
    if final_epochs is not None:
        recipe = replace(training.recipe, epochs=final_epochs)
        training = Training(training.space, read, recipe, device=device)
    part = spaces.Fixed(training.space, read_answers(fix)) if fix else training.space
    folder = Path(out)
    with joined(share) as workers:
        train = partial(
            train_alone, searcher, training, folder, space=part, random=random, derive=derive, seed=seed,
            workers=workers,
        )  # fmt: skip
        result = (
            _train_shown(train, f"training the supernet of {searcher}") if workers.number == 0 else train()
        )
    if result is None:
        return
    files = {"result": str(folder / "supernet.json")}
    files["report"] = str(report.write_supernet(result, folder / "supernet.html"))
    if as_json:
        print_json({**result, "files": files})
    else:
        _show(result, files)


def _train_shown(train: Callable[..., dict[str, Any] | None], title: str) -> dict[str, Any] | None:
    """Trains and shows the progress."""
    from egraph.cli._progress import track_stages

    with track_stages() as show:
        show(title)

        def tell(done: int, total: int, note: str) -> None:
            show(title, done, total, f"{done}/{total}")
            show.say(f"  epoch {done}: {note}")

        def trained(done: int, total: int) -> None:
            show("training from scratch", done, total, f"{done}/{total}")

        return train(epoch=tell, trained=trained)


def _show(result: dict[str, Any], files: dict[str, str]) -> None:
    # Of a terminal; a file or a pipe gets whole lines. The genotype of darts has 350 characters.
    width = shutil.get_terminal_size((0, 0)).columns or sys.maxsize
    click.echo("  epoch      loss  accuracy   entropy  skips  architecture")
    for epoch in result["epochs"]:
        mark = "*" if epoch["number"] == result["best"] else " "
        line = (
            f"{mark} {epoch['number']:>5}  {epoch['validation_loss']:>8.4f}  {epoch['validation']:>8.4f}  "
            f"{epoch['entropy']:>8.3f}  {epoch['skips']:>5}  {epoch['notation']}"
        )
        click.echo(line if len(line) <= width else f"{line[: width - 3]}...")
    if result["stopped"]:
        click.echo(f"stopped early: {result['stopped']}")
    as_much = "" if result["trainings"] is None else f", as much as {result['trainings']:.3g} trainings"
    kept = f", with {result['saved_bytes'] / 1e6:.3g} MB for a backward pass" if result["saved_bytes"] else ""
    click.echo(f"\nthe supernet took {result['seconds']:.4g} s{as_much}{kept}; * marks its best epoch\n")
    random = result["random"]
    rows = [("of the supernet", [result["derived"]]), *result["further"].items()]
    rows.append((f"{len(random)} random", random))
    for name, each in rows:
        click.echo(f"  {name:<15}  {_describe(each)}")
    click.echo(f"  {result['derived']['notation']}\n")
    for name, path in files.items():
        click.echo(f"  {name:<7} {path}")


def _describe(rows: list[dict[str, Any]]) -> str:
    """Means and ranges of the scores of architectures."""
    parts = []
    for part, name in (("test score", "test"), ("score", "validation accuracy")):
        values = [100 * row[part] for row in rows if math.isfinite(row[part])]
        if values:
            spread = f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else ""
            parts.append(f"{name} {sum(values) / len(values):.2f} %{spread}")
    return ", ".join(parts)
