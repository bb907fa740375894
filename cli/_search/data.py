"""What is searched, and how its architectures are measured."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._options import brackets_option, choose_metric, root_option, shape_options
from egraph.cli._reading import read_table
from egraph.cli._search._groups import option
from egraph.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from egraph.cli._search.recipe import Training as RecipeOptions
    from egraph.cli._search.rows import Rows
    from egraph.datasets import ImageData, Table
    from egraph.evaluation import Evaluator
    from egraph.spaces import SearchSpace

__all__ = ["Data", "Measured"]

DEFAULT = "mnist1d"
"""What networks are trained on by default."""


@dataclass(frozen=True)
class Measured:
    """A search space with the evaluator of its architectures.

    Attributes:
        space: The space; of a table with a part of its space, the space of its rows.
        evaluator: The evaluator.
        name: Name of the whole space.
        trains: Whether the evaluator trains networks.
        table: The table that replaces training; None where networks are trained.
        metric: Metric of the table that is maximised.
        final: The evaluator of the winner's last training; None where it has none.
        fidelities: Names of the cheaper evaluations and of the whole; None where all are whole.
    """

    space: SearchSpace
    evaluator: Evaluator
    name: str
    trains: bool = False
    table: Table | None = None
    metric: str = ""
    final: Evaluator | None = None
    fidelities: tuple[str, ...] | None = None

    def tell(self, test_metric: str | None = None) -> None:
        """Tells on standard error what was read: the data, or the table and the direction of its metrics."""
        from egraph.datasets import summarise

        if (read := self.read) is not None:
            click.echo(f"{read.name}: {read.describe()}", err=True)
        elif self.table is not None:
            names = [name for name in dict.fromkeys((self.metric, test_metric)) if name is not None]
            negative = [name for name in names if not self.table.metrics[name].higher_is_better]
            note = f"; scores are the negative of {' and of '.join(negative)}" if negative else ""
            click.echo(f"{summarise(self.table, *names)}{note}", err=True)

    def summary(self) -> dict[str, Any] | None:
        """What is trained on, or the table and its metric, as JSON-ready values."""
        from egraph.bench import describe_table

        if self.table is not None:
            return describe_table(self.table, self.metric)
        return None if self.read is None else self.read.summary()

    @property
    def read(self) -> ImageData | None:
        """The data that networks are trained on; None with a table, or with data of the user's function."""
        from egraph.evaluation import OwnTraining, Training, ZeroCost

        if isinstance(self.evaluator, Training | ZeroCost):
            return self.evaluator.images
        return self.evaluator.data if isinstance(self.evaluator, OwnTraining) else None


@dataclass(frozen=True)
class Data:
    """Options for the space and the data."""

    space: str | None = option(
        click.option(
            "--space",
            metavar="NAME",
            help="The search space: convnet (images or signals), dense (features), another space that builds "
            "networks, or that of a table in --data.",
        )
    )
    given_data: str | None = option(
        click.option(
            "--data",
            "given_data",
            show_default=DEFAULT,
            metavar="NAME|PATH",
            help="Images, signals or features to train on: mnist1d, digits, fashion-mnist, "
            "mnist, kmnist, emnist:balanced, cifar10, cifar100, a folder of IDX files or of class "
            "folders of images, an .npz, .csv or .parquet file, PACKAGE.MODULE:FUNCTION; "
            "docs/how-to/own-data.md lists all. Or a table that replaces training; of a table with a part of "
            "its space, the rows are searched.",
        )
    )
    train: str | None = option(
        click.option(
            "--train",
            metavar="MODULE:FUNCTION",
            help="Train by a function of your own, fit(module, trial), which returns the score, or by an "
            "evaluator of your own or of an installed package; see docs/how-to/own-training.md. The shape "
            "comes from --input and --classes, the space, or --data, which a function finds in trial.data.",
        )
    )
    proxy: str | None = option(
        click.option(
            "--proxy",
            metavar="NAME",
            help="Score untrained networks by a zero-cost proxy, such as naswot, in place of training.",
        )
    )
    input_shape: tuple[int, ...] | None = option(*shape_options("--train"))
    classes: int | None = option()
    metric: str | None = option(
        click.option(
            "--metric",
            metavar="NAME",
            help="Metric to search for, where --data is a table. Where lower is better, its negative is "
            "maximised.",
        )
    )
    test_metric: str | None = option(
        click.option(
            "--test-metric", metavar="NAME", help="Metric to report beside it, where --data is a table."
        )
    )
    device: str = option(
        click.option(
            "--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda or cuda:1."
        )
    )
    fidelities: str | None = option(
        click.option(
            "--fidelities",
            metavar="NAME,NAME,...",
            help="Train new networks cheaply first, and the best of each fidelity at the next; the last is "
            "the whole training. Shares of the epochs such as 0.1,0.3,1, or what differs: epochs=3, "
            "data=0.3, channels=8, cells=2, several joined by +. Of a table, columns, such as "
            "cifar10_val_12,cifar10_val_200; the last is the --metric.",
        )
    )
    brackets: int = option(brackets_option)
    root: str | None = option(root_option)

    def read(self, training: RecipeOptions, rows: Rows) -> Measured:
        """The space and the evaluator.

        Args:
            training: Options for the recipe of trainings.
            rows: Options for the rows of a file of the user's own.

        Raises:
            UsageError: A metric was given for images, a recipe for a table, or the table is of another space.
            UnknownNameError: There is no such space, table or metric.
        """
        from egraph import datasets, spaces
        from egraph.evaluation import Training
        from egraph.evaluation.building import load_cached
        from egraph.evaluation.training import SMALL
        from egraph.shapes import kind_of
        from egraph.spaces.network_builder import READERS

        if self.train is not None:
            return self._read_own(training, self.train)
        for name, value in (("--input", self.input_shape), ("--classes", self.classes)):
            if value is not None:
                raise UsageError(f"{name} goes with --train; the data have a shape and classes of their own")
        data, root, names = self.data, self.root, self.split_fidelities()
        # The rows of a file of one's own may be measured networks or examples; --metric is for the former.
        measured = self.metric is not None and datasets.is_measured_file(data)
        if not measured and datasets.is_training_data(data, root):
            if self.metric or self.test_metric:
                raise UsageError(
                    f"--metric goes with a table; networks are trained on {data}, and their validation score "
                    "is maximised"
                )
            read = load_cached(data, root)
            # Worker processes get small data sent, which is quicker than to read or generate it again.
            source = read if len(read.train[0]) <= SMALL else data
            named = self.space or READERS[kind_of(read.input_shape)]
            where = spaces.find(named, read.input_shape, read.num_classes)
            if self.proxy is not None:
                return self._score_untrained(training, where, source, self.proxy)
            trained = Training(where, source, device=self.device, root=root)
            final = None
            if training.given:
                recipe = training.apply(trained.recipe)
                trained = Training(where, source, recipe, device=self.device, root=root)
                if (last := training.apply_final(recipe)) is not None:
                    final = Training(where, source, last, device=self.device, root=root)
            return Measured(where, trained, where.name, trains=True, final=final, fidelities=names)
        if self.proxy is not None:
            raise UsageError(f"--proxy scores networks on data to train on, which {data!r} is not")
        return self._read_table(training, rows if measured else None)

    def _score_untrained(
        self, training: RecipeOptions, space: SearchSpace, data: str | ImageData, proxy: str
    ) -> Measured:
        """The space and the scores of its untrained networks."""
        from egraph.evaluation import ZeroCost
        from egraph.evaluation.training import SCREEN_CHANNELS, SCREEN_IMAGES

        given = {*training.given} - {"--channels", "--batch-size"}
        given |= {"--fidelities"} if self.fidelities is not None else set()
        if given:
            raise UsageError(f"{', '.join(sorted(given))}: nothing is trained with --proxy; leave this out")
        width = training.channels
        if width is None and "channels" in space.network_options:
            width = SCREEN_CHANNELS
        evaluator = ZeroCost(
            space, proxy, data, batch_size=training.batch_size or SCREEN_IMAGES, device=self.device,
            channels=width, root=self.root,
        )  # fmt: skip
        return Measured(space, evaluator, space.name)

    def _read_table(self, training: RecipeOptions, rows: Rows | None) -> Measured:
        """A table, or measured networks in a file of the user's."""
        from egraph import datasets, spaces
        from egraph.evaluation import TableLookup

        data, root, names = self.data, self.root, self.split_fidelities()
        try:
            reading = {} if rows is None else {"space": self.space, **rows.reading}
            table = read_table(data, root, reading, *(names or ()), self.metric, self.test_metric)
        except UnknownNameError as error:
            if rows is not None:
                raise
            raise UnknownNameError("data", data, {*error.choices, *datasets.NAMES}) from None
        if self.space and (known := spaces.find(self.space)) != table.space:
            raise UsageError(
                f"the table {table.name!r} is of the space {table.space.name!r}, not of {known.name!r}; "
                "leave --space out"
            )
        if training.given:
            raise UsageError(
                f"{', '.join(training.given)}: nothing is trained, because {table.name!r} is a table; leave "
                "this out"
            )
        metric = choose_metric(table, self.metric or (names[-1] if names else None))
        lookup = TableLookup(table, metric, self.test_metric)
        space = table.measured(metric).search_space()
        return Measured(space, lookup, table.space.name, table=table, metric=metric, fidelities=names)

    def importable(self) -> AbstractContextManager[None]:
        """Keeps code of the user's importable, for worker processes and for imports inside of functions."""
        from egraph.specs import current_folder_first

        own = self.train is not None or ":" in (self.space or "")
        return current_folder_first() if own else nullcontext()

    @property
    def data(self) -> str:
        """The name of the data; of a training function that has its own, its name."""
        return self.given_data or self.train or DEFAULT

    def _read_own(self, training: RecipeOptions, train: str) -> Measured:
        """The space and the evaluator with a training function of the user's."""
        from egraph import datasets, spaces
        from egraph.evaluation import Evaluator, OwnTraining, evaluators
        from egraph.specs import current_folder_first

        given = list(training.given)
        names = {"--metric": self.metric, "--test-metric": self.test_metric, "--proxy": self.proxy}
        given += [name for name, value in names.items() if value]
        if given:
            raise UsageError(f"{', '.join(given)}: {train} of --train decides how to train; leave this out")
        if self.space is None:
            raise UsageError("--train needs --space, such as --space nets:build")
        data = self.given_data
        if data is not None and not datasets.is_training_data(data, self.root):
            raise UsageError(
                f"--train {train} trains networks, but {data!r} is not data to train on; leave one of "
                "them out"
            )
        with current_folder_first():
            found = evaluators.find(train, "--train")
            if isinstance(found, Evaluator):
                if data is not None:
                    raise UsageError(f"the evaluator {train} has data of its own; leave --data out")
                space = spaces.find(self.space, self.input_shape, self.classes)
                return Measured(space, found, space.name, trains=True, fidelities=self.split_fidelities())
            evaluator = OwnTraining(
                self.space, found, data, input_shape=self.input_shape, num_classes=self.classes,
                device=self.device, root=self.root,
            )  # fmt: skip
        space = evaluator.space
        return Measured(space, evaluator, space.name, trains=True, fidelities=self.split_fidelities())

    def split_fidelities(self) -> tuple[str, ...] | None:
        """The names of the fidelities; None where none are given."""
        if self.fidelities is None:
            return None
        return tuple(name.strip() for name in self.fidelities.split(","))
