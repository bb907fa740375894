"""What ``egraph ask`` asks for; its options are kept in the journal, and need not be given again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from egraph.cli._options import brackets_option, count_option, seed_option, shape_options
from egraph.cli._search._groups import option
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.spaces import SearchSpace
    from egraph.study import Journal

__all__ = ["Asking", "check_named", "find_space", "read_kept", "remember"]

_KEPT = "ask"
"""The options in the settings of a journal."""

_NOT_KEPT = (
    *("journal", "number", "again", "known", "wishes"),
    *("architecture", "lower_is_better", "higher_is_better", "na"),
)
_NAMED_AGAIN = ("space", "ranker")
"""Options that may lead to code, nets:build, or servers; a file must not name them for the user."""


def read_kept(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Takes the options that a journal keeps as defaults of those that follow."""
    from egraph.study import open_journal

    if not Path(value).exists():
        return value
    with open_journal(value) as journal:
        kept: dict[str, Any] = journal.settings.get(_KEPT, {})
    context.obj = {name: kept[name] for name in _NAMED_AGAIN if ":" in kept.get(name, "")}
    context.default_map = {name: given for name, given in kept.items() if name not in context.obj}
    return value


def remember(context: click.Context, journal: Journal) -> None:
    """Keeps the options of a command in its journal."""
    given = {
        name: value
        for name, value in context.params.items()
        if name not in _NOT_KEPT and context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    if journal.settings.get(_KEPT) != given:
        journal.keep(_KEPT, given)


def check_named(context: click.Context, path: str) -> None:
    """Refuses a command without what it has to name again.

    Raises:
        UsageError: Code of the user's, or a ranker, is not named.
    """
    for name, value in (context.obj or {}).items():
        if context.params[name] is None:
            raise UsageError(
                f"{path} was begun with --{name} {value}, which is used only where you name it; give it again"
            )


def find_space(known: str, name: str | None) -> SearchSpace:
    """The space of a journal; code of the user's is imported only where the user names it.

    Args:
        known: Name of the space in the journal.
        name: Name that the user gave.

    Raises:
        UsageError: It is another one, or has to be named.
    """
    from egraph import spaces

    if name is None and (":" in known or known not in spaces.names()):
        raise UsageError(
            f"the search is in {known}, which is no registered space; name it with --space, or, of a part of "
            "a space, import by --known of the command that searches"
        )
    space = spaces.find(known if name is None or name == known.partition("@")[0] else name)
    if space.name != known:
        raise UsageError(f"the search is in {known}, not in {space.name}")
    return space


@dataclass(frozen=True)
class Asking:
    """Options for the trials that are handed out."""

    number: int | None = option(
        count_option("--number", "-n", help="Largest number of networks. Default: the round.")
    )
    again: bool = option(
        click.option(
            "--again", is_flag=True, help="Print those again that were printed before and have no score yet."
        )
    )
    space: str | None = option(
        click.option("--space", metavar="NAME", help="The search space, such as nasbench201 or nets:build.")
    )
    input_shape: tuple[int, ...] | None = option(*shape_options("--space nets:build"))
    classes: int | None = option()
    trials: int | None = option(
        count_option("--trials", help="Number of evaluations of the search in all. Default: no limit.")
    )
    fidelities: str | None = option(
        click.option(
            "--fidelities",
            metavar="SHARE,SHARE,...",
            help="Evaluate new networks cheaply first: shares of a whole evaluation such as 0.3,1.",
        )
    )
    brackets: int = option(brackets_option)
    baseline: bool = option(
        click.option("--baseline", is_flag=True, help="Print networks of a random search, too.")
    )
    seed: int = option(seed_option)

    @property
    def shares(self) -> list[str] | None:
        """The fidelities; None where all evaluations are whole."""
        return None if self.fidelities is None else [one.strip() for one in self.fidelities.split(",")]
