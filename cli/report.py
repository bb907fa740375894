"""``egraph report``."""

from __future__ import annotations

import os

import click

__all__ = ["command"]


@click.command(
    "report",
    help="""Write the report of a search as one HTML page.

    The page needs no server and loads nothing from the network. The search may still be running.
    """,
    epilog="Example: egraph report runs/convnet-digits-0.db",
)
@click.argument("journal", metavar="JOURNAL", type=click.Path())
@click.option("--out", metavar="FILE", help="Page to write. Default: beside the journal, as .html.")
def command(journal: str, out: str | None) -> None:
    """``egraph report``."""
    from egraph import report

    page = report.write(journal, out or f"{os.path.splitext(journal)[0]}.html")
    click.echo(f"wrote {page}")
