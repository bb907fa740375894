"""``egraph work``."""

from __future__ import annotations

import click

from egraph.cli._options import count_option, positive_option

__all__ = ["command"]


@click.command(
    "work",
    help="""Lend this machine to searches, as a worker of a Ray cluster.

    Searches that run with --executor ray --address HOST:PORT train here, too. Runs until Ctrl-C; what is
    trained here then is trained again on another machine. If the head is lost, waits for it and joins again.

    Whoever reaches the port of the head can run code on all machines of the cluster. So keep it in a network
    that you trust.
    """,
    epilog="Example: egraph work --address 10.0.0.1:6379 --gpus 1",
)
@click.option("--address", required=True, metavar="HOST:PORT", help="The head of the Ray cluster.")
@count_option("--cores", least=0, help="CPU cores to lend; 0 for a machine that only searches. Default: all.")
@count_option("--gpus", least=0, help="GPUs to lend. Default: all.")
@positive_option("--memory", metavar="GIGABYTES", help="Memory to lend. Default: most of it.")
def command(address: str, cores: int | None, gpus: int | None, memory: float | None) -> None:
    """``egraph work``."""
    from egraph.executors import join

    def tell(text: str) -> None:
        click.echo(text, err=True)

    join(address, cores=cores, gpus=gpus, memory=memory, tell=tell)
