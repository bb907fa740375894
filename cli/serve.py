"""``egraph serve``."""

from __future__ import annotations

import click

from egraph.cli._options import count_option

__all__ = ["command"]


@click.command(
    "serve",
    help="""Answer requests for scores over HTTP.

    MODEL is an ONNX file that `egraph export` wrote, or a ranker, which is converted first. On SIGTERM the
    service finishes the requests in progress and ends. On SIGHUP it loads MODEL again without interruption.
    The log is written to standard error, one JSON object a line.
    """,
    epilog="Example: egraph serve r.egraph --host 0.0.0.0 --port 8000 --token-file token.txt --workers 2",
)
@click.argument("model", metavar="MODEL", type=click.Path(dir_okay=False))
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to bind.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    metavar="N",
    help="Port to listen on; 0 takes any free one.",
)
@click.option(
    "--token-file",
    type=click.Path(),
    metavar="FILE",
    help="File with the token that requests must send.",
)
@count_option("--workers", default=1, help="Number of processes.")
@count_option("--max-body", default=4 << 20, metavar="BYTES", help="Largest body of a request.")
@count_option("--max-architectures", default=4096, help="Largest number of architectures in a request.")
@count_option("--max-vertices", default=128, least=2, help="Largest number of vertices of an architecture.")
@click.option("--log-requests", is_flag=True, help="Log each request, not only those that fail.")
@click.option("--insecure", is_flag=True, help="Accept other machines without a token.")
def command(
    model: str,
    host: str,
    port: int,
    token_file: str | None,
    workers: int,
    max_body: int,
    max_architectures: int,
    max_vertices: int,
    log_requests: bool,
    insecure: bool,
) -> None:
    """``egraph serve``."""
    from egraph.service import Limits, Settings, serve
    from egraph.service._security import read_token

    limits = Limits(body_bytes=max_body, architectures=max_architectures, vertices=max_vertices)
    settings = Settings(
        token=read_token(token_file) if token_file else None, limits=limits, log_requests=log_requests
    )
    serve(
        model,
        host=host,
        port=port,
        workers=workers,
        settings=settings,
        insecure=insecure,
        on_ready=lambda address: click.echo(f"egraph: serving {model} at {address}"),
    )
