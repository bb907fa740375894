"""Results that are known before a search, and networks that it shall train first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._search._groups import option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from egraph.architecture import Architecture
    from egraph.spaces import SearchSpace
    from egraph.study import Study

__all__ = ["Given", "add_known"]


def add_known(
    add: Callable[[Sequence[Architecture], NDArray[np.float64]], int],
    file: str,
    whole: SearchSpace,
    reading: Mapping[str, Any],
) -> None:
    """Adds the results in a file, whose networks are of the whole space of a study, and tells how many.

    Args:
        add: Adds architectures with their scores, and returns how many are new.
        file: A journal, a table, or a file of the user's own.
        whole: The whole space.
        reading: How the rows of a file of the user's own are read.

    Raises:
        DataError: The file cannot be read.
        UsageError: It has several metrics, or networks of another space.
    """
    from egraph import datasets

    table = datasets.load(file, space=whole, **reading)
    metric = table.choose_metric(how="leave one in the file")
    measured = table.measured(metric).distinct()
    new = add(measured.architectures, measured.scores(metric))
    click.echo(f"{file}: {len(measured):,} known networks by {metric}, {new:,} of them new", err=True)


@dataclass(frozen=True)
class Given:
    """Options for results and wishes."""

    known: tuple[str, ...] = option(
        click.option(
            "--known",
            multiple=True,
            metavar="FILE",
            help="Results measured before, which cost no training: a journal, a table, or a CSV or "
            "JSON-lines file with the column architecture and one of scores, of the same data and recipe. "
            "Repeatable.",
        )
    )
    wishes: tuple[str, ...] = option(
        click.option(
            "--enqueue",
            "wishes",
            multiple=True,
            metavar="FILE|-",
            help="Networks to train first, one a line as for `egraph rank`. Repeatable.",
        )
    )

    def give(self, study: Study, reading: Mapping[str, Any]) -> None:
        """Adds the results and queues the networks; what the journal has already is left out.

        Args:
            study: The study.
            reading: How the rows of a file of the user's own are read.

        Raises:
            DataError: A file cannot be read.
            UsageError: It has several metrics, or networks of another space.
        """
        from egraph.cli._architectures import read_architectures
        from egraph.spaces.subspace import Subspace

        whole = study.space
        while isinstance(whole, Subspace):
            whole = whole.whole
        for file in self.known:
            add_known(study.add, file, whole, reading)
        for file in self.wishes:
            wished = read_architectures(file, whole)
            new = study.enqueue(wished)
            click.echo(f"{file}: {len(wished):,} networks to train first, {new:,} of them new", err=True)
