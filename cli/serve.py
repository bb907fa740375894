"""``egraph serve``."""

from __future__ import annotations

import click

from egraph.cli._options import count_option

__all__ = ["command"]


@click.command(
    "serve",
    epilog="Example: egraph serve r.egraph --host 0.0.0.0 --port 8000 --token-file token.txt --workers 2",
)
@click.argument("model", metavar="MODEL", type=click.Path(dir_okay=False))
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    metavar="N",
    help="Port to listen at; 0 for any that is free.",
)
@click.option(
    "--token-file",
    type=click.Path(),
    metavar="FILE",
    help="Only who sends the token in this file is answered.",
)
@count_option("--workers", default=1, help="Processes that answer.")
@count_option("--max-body", default=4 << 20, metavar="BYTES", help="Largest body of a request.")
@count_option("--max-architectures", default=4096, help="Most architectures of a request.")
@count_option("--max-vertices", default=128, least=2, help="Most vertices of an architecture.")
@click.option("--log-requests", is_flag=True, help="Log each request, not only those that fail.")
@click.option("--insecure", is_flag=True, help="Let other machines ask without a token.")
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
    """Answer requests for scores over HTTP.

    MODEL is an ONNX file that `egraph export` wrote, or a ranker, which is converted first. The service ends
    on SIGTERM after what it has begun; on SIGHUP it reads MODEL again and goes on without a gap. Its log goes
    to standard error, one JSON object a line.
    """
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
