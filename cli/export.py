"""``egraph export``."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._options import check_writable, json_option, print_json, root_option
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.export import ExportedWinner
    from egraph.export._winner import Origin

__all__ = ["command"]


@click.command(
    "export",
    help="""Write a ranker, or the best network of a study, for use without egraph.

    A ranker becomes an ONNX file that runs without PyTorch. The file is checked against the ranker before it
    is kept. A lower --precision makes it smaller and changes the order of architectures slightly; the loss is
    printed.

    With --network, the best network of the study in JOURNAL is trained again with the same seed, since a
    study keeps no weights: as in its trial, or by the final recipe if it was trained by one. FOLDER then
    contains network.py (plain PyTorch), network.safetensors (its weights), network.onnx and card.json. A
    process without egraph reads them and measures the accuracy (of a regression, R2) on the test part. If it
    differs, nothing is written.
    """,
    epilog="Example: egraph export r.egraph r.onnx",
)
@click.argument("source", metavar="RANKER|JOURNAL", type=click.Path())
@click.argument("target", metavar="FILE|FOLDER", type=click.Path())
@click.option(
    "--precision",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="Precision of the weights of a ranker's networks.",
)
@click.option("--network", is_flag=True, help="Write the best network of a study, not a ranker.")
@click.option(
    "--data",
    metavar="NAME|PATH",
    help="With --network: the study's images, if not found by name.",
)
@click.option(
    "--space",
    metavar="PACKAGE.MODULE:NAME",
    help="With --network: the study's search space, if it is your own, as the journal names it.",
)
@click.option(
    "--inherit",
    metavar="FILE|given",
    help="With --network, of variants of a given network: its weights, a state_dict in a file, or those "
    "that it has. The winner with what it inherits from them is written as inherited.safetensors.",
)
@click.option("--device", metavar="NAME", help="With --network: auto (default), cpu, cuda or cuda:1.")
@root_option
@json_option("the result")
def command(
    source: str, target: str, precision: str, network: bool, data: str | None, space: str | None,
    inherit: str | None, device: str | None, root: str | None, as_json: bool,
) -> None:  # fmt: skip
    """``egraph export``."""
    if network:
        if precision != "float32":
            raise UsageError(f"--precision {precision} is for rankers; leave it out with --network")
        if space is not None:
            from egraph import spaces

            spaces.find(space)  # from now on its name is known
        given = {"data": data, "root": root, "device": device or "auto", "inherit": inherit}
        _export_network(source, target, given, as_json)
    else:
        given = {"data": data, "space": space, "inherit": inherit, "device": device, "root": root}
        for option, value in ((f"--{name}", value) for name, value in given.items()):
            if value is not None:
                raise UsageError(f"{option} is for networks; add --network, or leave it out")
        _export_ranker(source, target, precision, as_json)


def _export_ranker(source: str, target: str, precision: str, as_json: bool) -> None:
    from egraph.export import save_onnx
    from egraph.ranker import load

    ranker = load(source)
    check_writable(target)  # the file is compared with its ranker, which takes time
    done = save_onnx(ranker, target, precision=precision)
    if as_json:
        print_json(
            {"file": str(done.path), "bytes": done.size, "difference": done.difference, "tau": done.tau}
        )
        return
    click.echo(f"{done.path}  {done.size / 1e6:.2f} MB")
    click.echo(
        f"scores differ by {done.difference:.1g} standard deviations at most; order kept: tau {done.tau:.4f} "
        f"(loss {max(1 - done.tau, 0):.4f}) on {done.compared} architectures"
    )


def _export_network(source: str, target: str, given: dict[str, Any], as_json: bool) -> None:
    from egraph.cli._progress import track_stages
    from egraph.export import export_winner

    with track_stages() as show:

        def emit(origin: Origin, done: int, epochs: int) -> None:
            title = f"training the best network, {origin.name}, again with its seed {origin.seed}"
            note = f"{done}/{epochs} epochs" if done < epochs else "writing and reading it back"
            show(title, done, epochs, note)

        winner = export_winner(source, target, progress=emit, **given)
    if as_json:
        print_json(winner.card)
    else:
        _show_network(winner, target)


def _show_network(winner: ExportedWinner, folder: str) -> None:
    from egraph.export._network_saving import FILES, INHERITED

    click.echo(f"wrote {folder}\n")
    files = dict(FILES)
    if shares := winner.card.get("inherited"):
        counts = Counter(shares.values())
        told = ", ".join(f"{counts[share]} {share}" for share in ("all", "part", "fresh"))
        files[INHERITED] = f"weights inherited from the given network; tensors: {told}"
    width = max(20, *map(len, files))
    for name, meaning in files.items():
        click.echo(f"  {name:<{width}} {meaning}")
    regression = "test_r2" in winner.card
    score, again = winner.card["test_r2" if regression else "test_accuracy"], winner.best.retrained
    show = _show_r2 if regression else _percent
    parameters, compared = winner.card["parameters"], _compare(score, winner.origin, show)
    click.echo(f"\n  test {show(score)}, {parameters:,} parameters; {compared}")
    if again:
        spread = show(min(again)) + (f" to {show(max(again))}" if len(again) > 1 else "")
        by = "By the recipe of the search, with other seeds," if winner.origin.final else "With other seeds"
        click.echo(f"  {by} its trainings gave {spread}.")
    click.echo("  A process without egraph read network.py and network.onnx and measured the same.")


def _compare(score: float, origin: Origin, show: Callable[[float], str]) -> str:
    # R2 depends on each digit of the outputs, an accuracy on their order alone.
    if math.isclose(score, origin.test_score, abs_tol=1e-5 if show is _show_r2 else 1e-9):
        return f"{origin.name} in the journal has the same"
    return (
        f"{origin.name} in the journal has {show(origin.test_score)}: another machine, device or "
        "release of PyTorch trains to slightly different weights; the files contain the network trained here"
    )


def _show_r2(value: float) -> str:
    return f"R2 {value:.4f}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
