"""``egraph data generate``."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from egraph.cli._executors import executor_options, read_executor
from egraph.cli._options import (
    check_writable,
    count_option,
    json_option,
    positive_option,
    print_json,
    resumable,
    root_option,
    seed_option,
    workers_option,
)
from egraph.cli._progress import track
from egraph.cli._search._groups import option, takes
from egraph.cli._search.recipe import RecipeOptions

if TYPE_CHECKING:
    from egraph.evaluation import Training
    from egraph.spaces import SearchSpace
    from egraph.study import Generated

__all__ = ["command"]


def _read_shard(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", value)
    if not match or int(match[1]) >= int(match[2]):
        raise click.BadParameter(f"expected I/N with I from 0 to N - 1, such as 0/4, got {value!r}")
    return int(match[1]), int(match[2])


@dataclass(frozen=True)
class Task:
    """Options for what is trained, on what."""

    space: str = option(
        click.option("--space", required=True, metavar="NAME", help="A search space that builds networks.")
    )
    data: str = option(
        click.option(
            "--data",
            required=True,
            metavar="NAME|PATH",
            help="Data to train on, as of `egraph search`: digits, fashion-mnist, mnist1d, or files.",
        )
    )
    max_params: int | None = option(count_option("--max-params", help="Largest number of parameters."))
    max_flops: int | None = option(
        count_option("--max-flops", help="Largest number of multiply-adds for one example.")
    )
    device: str = option(
        click.option(
            "--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:1."
        )
    )
    root: str | None = option(root_option)

    def read(self, recipe: RecipeOptions) -> tuple[SearchSpace, Training]:
        """The space within its limits, and the training.

        Raises:
            UnknownNameError: There is no such space.
            UsageError: There is no such data, the space builds no networks for it, or none within the limits.
        """
        from egraph.cli._search.data import Measured
        from egraph.cli._search.limits import Limits
        from egraph.evaluation import Training

        training = Training(self.space, self.data, device=self.device, root=self.root)
        space = training.space
        chosen = recipe.apply(training.recipe)
        training = Training(space, self.data, chosen, device=self.device, root=self.root)
        limits = Limits((), (), self.max_params, self.max_flops, None, ())
        measured = Measured(space, training, space.name, trains=True)
        return limits.read(measured, self.device)[0], training


@dataclass(frozen=True)
class Amount:
    """Options for how much is trained, and where it is written."""

    count: int = option(
        count_option("--count", default=100, help="Number of networks, no two of them alike.")
    )
    repeats: int = option(
        count_option("--repeats", default=1, help="Trainings of a network, each with another seed.")
    )
    share: float = option(
        click.option(
            "--repeat-share",
            "share",
            type=click.FloatRange(0, 1),
            default=1.0,
            show_default=True,
            metavar="X",
            help="Share of the networks that are trained --repeats times; the others once.",
        )
    )
    shard: tuple[int, int] = option(
        click.option(
            "--shard",
            default="0/1",
            metavar="I/N",
            callback=_read_shard,
            help="Train only the I-th of N parts, I from 0. The table is written when the journals of all "
            "parts are complete in one folder.",
        )
    )
    out: str = option(
        click.option(
            "--out",
            required=True,
            metavar="FILE",
            help="Table to write (.parquet), with a journal beside it.",
        )
    )
    workers: int | None = option(workers_option("Trainings"))
    executor: str | None = option(executor_options)
    address: str | None = option()
    trial_seconds: float | None = option(
        positive_option("--trial-seconds", help="Time after which a training has failed.")
    )
    seed: int = option(seed_option)
    as_json: bool = option(json_option("the result"))


@click.command(
    "generate",
    help="""Make a table: train random networks of a space.

    The networks are the first of one random sequence, so a larger --count, --repeats or --repeat-share
    continues a table. Networks that are trained several times show how far the scores are noise: `egraph data
    show` tells the noise ceiling.

    Each training is written to a journal at once. If interrupted, run the same command again to resume.
    Failed trainings are recorded and not repeated.
    """,
    epilog="Example: egraph data generate --space convnet --data mnist1d --epochs 12 --channels 16 "
    "--count 400 --repeats 3 --repeat-share 0.2 --out sets/mnist1d",
)
@takes(Task, RecipeOptions, Amount)
def command(task: Task, recipe: RecipeOptions, amount: Amount) -> None:
    """``egraph data generate``."""
    from egraph.study import generate

    space, training = task.read(recipe)
    check_writable(amount.out)
    engine, workers = read_executor(amount.executor, amount.address, amount.workers)
    click.echo(f"{training.images.name}: {training.images.describe()}", err=True)
    with resumable(), track(f"training networks of {space.name}") as report:

        def show(done: int, total: int) -> None:
            report(done, total, f"{done} of {total} trainings")

        made = generate(
            space, training, amount.out, count=amount.count, repeats=amount.repeats, share=amount.share,
            shard=amount.shard, seed=amount.seed, workers=workers, executor=engine,
            trial_seconds=amount.trial_seconds, command=shlex.join(["egraph", *sys.argv[1:]]), progress=show,
        )  # fmt: skip
    if amount.as_json:
        print_json(
            {
                "table": None if made.table is None else str(made.path),
                "rows": None if made.table is None else len(made.table),
                "failed": None if made.table is None else int((made.table.columns["failure"] != "").sum()),
                "missing": {str(path): left for path, left in made.missing.items()},
                "data": training.images.summary(),
            }
        )
    else:
        _show(made)


def _show(made: Generated) -> None:
    if made.table is None:
        left = ", ".join(f"{path} ({number} trainings left)" for path, number in made.missing.items())
        click.echo(f"this shard is done; the table is written when these are complete too: {left}")
        return
    failed = int((made.table.columns["failure"] != "").sum())
    again = int((made.table.columns["runs"] > 1).sum())
    click.echo(
        f"wrote {made.path}: {len(made.table):,} networks, {again:,} of them trained several times, "
        f"{failed:,} with a failed training"
    )
    click.echo(f"next: {shlex.join(['egraph', 'data', 'show', str(made.path)])}")
