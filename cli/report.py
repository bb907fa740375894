"""``egraph report``."""

from __future__ import annotations

import os

import click

from egraph.cli._options import positive_option
from egraph.errors import UsageError

__all__ = ["command"]


@click.command(
    "report",
    help="""Write the report of a search as one HTML page.

    The page loads nothing from the network. The search may still be running. With --serve a browser on
    this machine shows it while it runs; the page loads itself again.
    """,
    epilog="Example: egraph report runs/convnet-digits-0.db",
)
@click.argument("journal", metavar="JOURNAL", type=click.Path())
@click.option("--out", metavar="FILE", help="Page to write. Default: beside the journal, as .html.")
@click.option("--serve", is_flag=True, help="Serve the page on 127.0.0.1, until Ctrl-C.")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", help="Port to serve on. Default: a free one."
)
@positive_option("--interval", help="Time after which a served page loads itself again. Default: 10.")
def command(journal: str, out: str | None, serve: bool, port: int | None, interval: float | None) -> None:
    """``egraph report``."""
    from egraph import report

    if not serve:
        for name, value in {"--port": port, "--interval": interval}.items():
            if value is not None:
                raise click.UsageError(f"{name} is for a page that is served: give --serve too")
        page = report.write(journal, out or f"{os.path.splitext(journal)[0]}.html")
        click.echo(f"wrote {page}")
        return
    if out is not None:
        raise click.UsageError("--serve writes no file: leave --out out")
    _serve(journal, port or 0, 10.0 if interval is None else interval)


def _serve(journal: str, port: int, interval: float) -> None:
    from egraph.cli._pages import PageServer
    from egraph.study import open_journal

    open_journal(journal).close()  # so that an absent one is told now
    try:
        server = PageServer(journal, port, interval)
    except OSError as error:
        raise UsageError(f"cannot serve on port {port}: {error.strerror}; choose another --port") from None
    with server:
        click.echo(f"{server.address} (Ctrl-C ends it)")
        server.serve_forever()
