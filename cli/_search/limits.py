"""Costs of the networks that are searched, objectives and limits; choices that have fixed answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._fixing import fix_option, read_answers
from egraph.cli._options import limit_option, read_limit
from egraph.cli._search._groups import option
from egraph.errors import UsageError

if TYPE_CHECKING:
    from egraph.cli._search.data import Measured
    from egraph.evaluation import Costs
    from egraph.spaces import SearchSpace
    from egraph.spaces.limited import Cost

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Options for costs, for their largest values, and for fixed choices."""

    cost: tuple[str, ...] = option(
        click.option(
            "--cost",
            multiple=True,
            metavar="NAME[=COLUMN]",
            help="A cost to weigh against the score: a column of the table in --data; params, flops or "
            "latency of the network; or a zero-cost proxy such as ntk, whose negative is minimised. "
            "latency=gpu_ms calls the column gpu_ms latency. Repeatable.",
        )
    )
    most: tuple[str, ...] = option(
        click.option(
            "--max",
            "most",
            multiple=True,
            metavar="NAME=LIMIT",
            help="Largest value of a cost, of --cost or any that --cost could name: a number, or 0.8x for "
            "that share of the given network's, in a space of variants of one. Repeatable.",
        )
    )
    max_params: float | str | None = option(
        limit_option("--max-params", "N", "Largest number of parameters", whole=True)
    )
    max_flops: float | str | None = option(
        limit_option("--max-flops", "N", "Largest number of multiply-adds for one image", whole=True)
    )
    max_latency: float | str | None = option(
        limit_option(
            "--max-latency",
            "MS",
            "Largest number of milliseconds for one image on the --device, as measured on this machine",
        )
    )

    fix: tuple[str, ...] = option(fix_option)

    def read(self, measured: Measured, device: str) -> tuple[SearchSpace, dict[str, Any]]:
        """The space within the limits, and arguments of `egraph.Study`: the costs to weigh.

        Of a table, the rows with a number for each of these costs are searched. Where a cost takes the
        network of each candidate, the ranker scores fewer of them in a round.

        Raises:
            UnknownNameError: There is no such cost.
            UsageError: A cost cannot be measured, a limit is no positive number or comes twice, or no network
                is within the limits.
        """
        from egraph.evaluation import ColumnCost, CostNames, Costs, OwnTraining, Training, ZeroCost
        from egraph.evaluation.training import preview
        from egraph.spaces import Fixed
        from egraph.study import BUILT

        evaluator = measured.evaluator

        def networks() -> Costs:
            if isinstance(evaluator, Training | OwnTraining | ZeroCost):
                return evaluator.costs
            shape, classes = measured.space.input_shape, measured.space.num_classes
            return Costs(measured.space, shape or (3, 32, 32), classes or 10, device=device)

        def untrained(name: str) -> ZeroCost:
            return preview(measured.space, evaluator, [name])

        names = CostNames(measured.space, networks, measured.table, measured.metric, untrained)
        costs = names.read(self.cost)
        limits = _read_limits(self.most)
        limited = {name: costs.get(name) or names.find(name) for name in limits}
        computed = {"params": self.max_params, "flops": self.max_flops, "latency": self.max_latency}
        for name, limit in computed.items():
            if limit is not None:
                if name in limits:
                    raise UsageError(f"--max {name}= and --max-{name} limit the same; leave one out")
                limits[name], limited[name] = limit, getattr(networks(), name)
        columns = {
            cost.column for cost in (*costs.values(), *limited.values()) if isinstance(cost, ColumnCost)
        }
        space = measured.space
        if measured.table is not None and columns:
            space = measured.table.measured(measured.metric, *sorted(columns)).search_space()
        arguments: dict[str, Any] = {"costs": costs}
        if any(_takes_network(name, cost, networks) for name, cost in costs.items()):
            arguments["candidates"] = BUILT
        if self.fix:
            space = Fixed(space, read_answers(self.fix))
        return _limit(space, limited, limits), arguments


def _takes_network(name: str, cost: Cost, networks: Callable[[], Costs]) -> bool:
    """Whether the network of an architecture is built to measure a cost of this name."""
    from egraph.evaluation import ColumnCost

    if isinstance(cost, ColumnCost):
        return False
    return name not in ("params", "flops") or not networks().tells_sizes


def _read_limits(texts: tuple[str, ...]) -> dict[str, float | str]:
    limits: dict[str, float | str] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        limit = read_limit(number)
        if not name or limit is None:
            raise UsageError(
                f"a limit is NAME=NUMBER, a positive number such as params=1e6, got {text!r}; or, in a space "
                "of variants, a share of the given network's such as params=0.8x"
            )
        if name in limits:
            raise UsageError(f"--max {name}= is given twice; leave one out")
        limits[name] = limit
    return limits


def _limit(space: SearchSpace, costs: Mapping[str, Cost], limits: Mapping[str, float | str]) -> SearchSpace:
    import numpy as np

    from egraph.spaces import Limited

    if not limits:
        return space
    limited = Limited(space, costs, limits)
    # Fails before anything is written if no network is within the limits.
    limited.sample(np.random.default_rng(0))
    if space.given is not None and space.given not in limited:
        over = ", ".join(
            f"{name} {cost:,.6g}, at most {limited.limits[name]:,.6g}"
            for name, cost in limited.measure(space.given).items()
        )
        click.echo(
            f"the given network is beyond the limits, so that it is a reference and cannot win: {over}",
            err=True,
        )
    return limited
