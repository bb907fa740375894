"""``egraph export``."""

from __future__ import annotations

import click

from egraph.cli._options import json_option, print_json

__all__ = ["command"]


@click.command("export", epilog="Example: egraph export r.egraph r.onnx")
@click.argument("source", metavar="RANKER")
@click.argument("target", metavar="FILE")
@click.option(
    "--precision",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="Of the networks' weights.",
)
@json_option("the result")
def command(source: str, target: str, precision: str, as_json: bool) -> None:
    """Write a ranker as an ONNX file that runs without PyTorch.

    The file is checked before it is left: it scores what the ranker scores. A smaller --precision makes it
    smaller, and the order of architectures a little different: how much is printed.
    """
    import egraph
    from egraph.export import save_onnx

    done = save_onnx(egraph.load(source), target, precision=precision)
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
