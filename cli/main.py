"""The command ``egraph``: loads the commands, and turns every error into one line and an exit code."""

from __future__ import annotations

import importlib
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Never, NoReturn, TextIO

import click

from egraph._version import __version__
from egraph.cli._interrupts import keep_interrupts
from egraph.cli._streams import usable_streams
from egraph.errors import EgraphError, OutOfDistributionWarning, PluginWarning, WorkerWarning

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "search": "Find a good network: sample, train, rank, repeat.",
    "ask": "Print the next networks of a search that is evaluated elsewhere.",
    "tell": "Tell a search the score of a network that was evaluated elsewhere.",
    "supernet": "Train a supernet, and its architecture beside random ones.",
    "combine": "Train one network of several cells in a row.",
    "train": "Fit a ranker on tables of measured architectures.",
    "evolve": "Evolve the ranker's own network on one or more tables.",
    "evaluate": "Measure how well a ranker orders a table.",
    "rank": "Score architectures with a ranker.",
    "export": "Write a ranker, or the best network of a study, for use without egraph.",
    "serve": "Answer requests for scores over HTTP.",
    "bench": "Compare predictors by labels, searchers by queries, and cheap trainings with full ones.",
    "data": "List, show, import, generate and trace tables of measured architectures.",
    "draw": "Draw an architecture in the terminal, as SVG or as PNG.",
    "report": "Write the report of a search as one HTML page.",
    "watch": "Show what a search does, while it runs.",
    "work": "Lend this machine to searches, as a worker of a Ray cluster.",
}
"""The commands with a short help, in the order of ``egraph --help``."""

INTERRUPTED = 130
PLAIN = (OutOfDistributionWarning, PluginWarning, WorkerWarning)


class _Commands(click.Group):
    """Loads each command when it is used, and reports errors in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"egraph.cli.{cmd_name}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from egraph.errors import UnknownNameError

            raise UnknownNameError("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Never:  # type: ignore[override]
        given, debug = _take_debug(list(sys.argv[1:] if args is None else args))
        extra["standalone_mode"] = False
        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells where it keeps its list of fonts
        with usable_streams():
            try:
                with _plain_warnings():
                    code: Any = keep_interrupts(partial(super().main, given, "egraph", **extra))
            except click.Abort:
                _exit("interrupted", INTERRUPTED, debug)
            except click.exceptions.NoArgsIsHelpError as error:
                click.echo(error.format_message())
                sys.exit(error.exit_code)
            except click.ClickException as error:
                ctx = getattr(error, "ctx", None)
                hint = f" (see `{ctx.command_path} --help`)" if ctx is not None else ""
                _exit(f"{error.format_message().rstrip('.')}{hint}", error.exit_code, debug)
            except EgraphError as error:
                _exit(str(error), error.exit_code, debug)
            except MemoryError:
                _exit("out of memory; try a smaller --samples, fewer --workers, or another machine", 1, debug)
            except Exception as error:  # noqa: BLE001 - the last resort: users see one line instead of a traceback
                text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                _exit(f"unexpected {text}; run again with --debug for the traceback", 1, debug)
            sys.exit(code if isinstance(code, int) else 0)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Shows warnings for users as one line, without a position in the code."""
    with warnings.catch_warnings():
        for kind in PLAIN:
            warnings.simplefilter("always", kind)
        usual = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, PLAIN):
                click.echo(f"egraph: {message}", err=True)
            else:
                usual(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield


def _take_debug(args: list[str]) -> tuple[list[str], bool]:
    """Removes ``--debug``, which is accepted anywhere: users append it to a command that failed."""
    end = args.index("--") if "--" in args else len(args)
    kept = [arg for arg in args[:end] if arg != "--debug"] + args[end:]
    return kept, len(kept) < len(args)


def _exit(message: str, code: int, debug: bool) -> NoReturn:
    if debug and sys.exc_info()[0] is not None:
        import traceback

        traceback.print_exc()
    click.echo(f"egraph: {' '.join(message.split())}", err=True)
    sys.exit(code)


@click.group(
    help="Find good neural networks with few trainings.",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: egraph search --trials 60",
)
@click.version_option(__version__, prog_name="egraph")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def main() -> None:
    """``egraph``."""
