"""``egraph export``."""

from __future__ import annotations

import click

from egraph.cli._options import json_option, print_json, root_option
from egraph.errors import UsageError

__all__ = ["command"]


@click.command("export", epilog="Example: egraph export runs/convnet-digits-0.db best --network")
@click.argument("source", metavar="JOURNAL", type=click.Path())
@click.argument("target", metavar="FOLDER", type=click.Path())
@click.option("--network", is_flag=True, help="Write the best network of a study.")
@click.option(
    "--data", metavar="NAME|PATH", help="The study's images, where they are not found by their name."
)
@click.option(
    "--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:1."
)
@root_option
@json_option("what is in card.json")
def command(
    source: str, target: str, network: bool, data: str | None, device: str, root: str | None, as_json: bool
) -> None:
    """Write what a study found, for use without egraph.

    With --network the best network of the study whose journal is JOURNAL, as `egraph search` reports it, is
    trained again with the seed of its trial, since a study keeps no weights. FOLDER then holds network.py
    (plain PyTorch), network.safetensors (its weights), network.onnx and card.json. A process without egraph
    reads them and measures the accuracy on the test images; where it is another one, nothing is written.
    """
    from egraph.cli import _network_export

    if not network:
        raise UsageError(f"what shall be written of {source}? add --network")
    card, known = _network_export.export_network(source, target, data=data, root=root, device=device)
    if as_json:
        print_json(card)
    else:
        _network_export.show(card, known, target)
