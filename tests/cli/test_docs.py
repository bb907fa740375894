"""``docs/reference/cli.md`` contains every command and option, with the text of ``--help``.

After a change of the commands: ``python tests/cli/test_docs.py`` writes the page.
"""

from pathlib import Path

import click
import pytest

from egraph.cli.main import COMMANDS, main

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "cli.md"
INTRODUCTION = """\
# The command line

This page contains the text of `egraph COMMAND --help`. `python -m egraph` is the same command.

An error is one line on standard error with the value that was given, the values that are accepted, and
a way out. Exit codes: 0 done, 1 failed, 2 used wrongly, 130 interrupted. `--debug`, anywhere on the
line, adds the traceback. With `--json`, a command prints JSON on standard output. Progress is written
to standard error, as a bar on a terminal and as plain lines elsewhere.

If a search is interrupted, run the same command again to resume: an existing journal is never
overwritten. With `--resume`, a missing journal is an error. The default journal is
`runs/SPACE-DATA-SEED.db`. The report (`.html`), the ranker (`.egraph`) and the best network
(`.best.json`) are written beside it.

A metric where lower is better is learned, searched and compared as its negative, so that higher scores are
always better.

"""


def commands():
    """Every command with its full name, groups before their commands."""
    context = click.Context(main, info_name="egraph")
    yield "egraph", main
    for name in COMMANDS:
        command = main.get_command(context, name)
        yield f"egraph {name}", command
        for below, inner in sorted(getattr(command, "commands", {}).items()):
            yield f"egraph {name} {below}", inner


def help_of(name, command):
    names = main.context_settings["help_option_names"]
    context = click.Context(command, info_name=name, terminal_width=90, help_option_names=names)
    return command.get_help(context)


def page():
    blocks = [f"## {name}\n\n```text\n{help_of(name, command)}\n```\n" for name, command in commands()]
    return INTRODUCTION + "\n".join(blocks)


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/cli/test_docs.py"


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_command_and_option_is_explained_with_an_example(name, command):
    assert command.help
    assert (command.epilog or "").startswith("Example: egraph ")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"
            assert " RANGE" not in parameter.make_metavar(click.Context(command)), parameter.opts


def test_examples_name_options_that_exist():
    for name, command in commands():
        known = {option for parameter in command.params for option in parameter.opts}
        if name not in ("egraph", "egraph data"):
            given = {word for word in command.epilog.split() if word.startswith("--")}
            assert given <= known


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
