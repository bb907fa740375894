"""Validates the arguments of `Study`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from egraph.checks import check_flag, check_positive, check_whole
from egraph.errors import UnknownNameError, UsageError, shorten
from egraph.evaluation import CostMeter
from egraph.evaluation.base import Evaluator, Fitness
from egraph.evaluation.training import preview
from egraph.searchers import MakeSearcher, MultiObjective, Searcher, SearcherSpec, describe, get
from egraph.searchers._registry import registry
from egraph.spaces import SearchSpace
from egraph.spaces.limited import Cost
from egraph.specs import parse
from egraph.study._guide import Guide, Model, Predictor, is_fitted
from egraph.study._pace import FULL, Pace
from egraph.study._preparing import Bindable, Preparation
from egraph.study._recalibration import Recalibration
from egraph.study._screen import Screen
from egraph.study._seeds import derive
from egraph.study._tournaments import check_choice, with_tournaments

if TYPE_CHECKING:
    from egraph.supernets import SupernetSearcher

Searchers = str | Callable[..., Searcher] | Sequence[str | Callable[..., Searcher]]
"""A searcher's name or what makes one, or several of these."""

BUILT = 300
"""Candidates of a round whose networks are built: to be read, or to compute a cost."""

__all__ = [
    "BUILT",
    "Searchers",
    "check_budget",
    "describe_searchers",
    "find_searcher",
    "read_batch",
    "read_candidates",
    "read_costs",
    "read_counts",
    "read_pace",
    "read_ranker",
    "read_screen",
    "read_searchers",
]


def find_searcher(text: str) -> SearcherSpec | SupernetSearcher:
    """The searcher of this name with these options; called with a space and ``seed=``, it makes one.

    The name of a differentiable method, of `egraph.supernets.methods`, gives an
    `egraph.supernets.SupernetSearcher`, which a study binds to its data first.

    Args:
        text: Name and options, such as ``"regularized-evolution:population=20,sample=5"``. The option
            ``predictor``, of searchers that have it, is a name in ``egraph.ranker.predictors``. The option
            ``choose`` of ``pareto-evolution`` is ``supernet``, with options behind a colon that plus signs
            separate: those of `egraph.supernets.Tournament` and fields of its recipe.

    Raises:
        UnknownNameError: There is no searcher or predictor of this name.
        UsageError: The searcher has no such option.
        FailedError: An installed package offers the searcher, but it cannot be loaded.
    """
    name = parse(text)[0]
    if name not in registry:
        from egraph.supernets import SupernetSearcher, methods

        if name not in methods:
            raise UnknownNameError("searcher", name, [*registry, *methods])
        return SupernetSearcher.parse(text)
    spec = SearcherSpec.parse(text)
    check_choice(spec)
    if "predictor" not in spec.options:
        return spec
    from egraph.baselines import predictors

    # One seed for every searcher, so that predictions depend on what it was told alone.
    return spec.replace(predictor=partial(predictors[spec.options["predictor"]], seed=0))


def read_searchers(
    searcher: Searchers | None,
    space: SearchSpace,
    meter: CostMeter | None = None,
    evaluator: Evaluator | None = None,
) -> dict[str, MakeSearcher]:
    """The functions that make the searchers, by their names; for None regularized evolution, or NSGA-II.

    Searchers that weigh costs get those of the study, unless they have costs of their own. Tournaments that
    a network decides get the data of the evaluator.

    Raises:
        UsageError: One is neither a name nor a callable, there is none, or one is given twice.
    """
    if searcher is None:
        searcher = "regularized-evolution" if meter is None else "nsga2"
    given = list(searcher) if isinstance(searcher, Sequence) and not isinstance(searcher, str) else [searcher]
    if not given:
        raise UsageError("searcher must name at least one, such as 'random', got none")
    makers: dict[str, MakeSearcher] = {}
    for one in given:
        if isinstance(one, Searcher) or not (isinstance(one, str) or callable(one)):
            raise UsageError(f"searcher must be a name or a class, such as 'random', got {one!r}")
        make = find_searcher(one) if isinstance(one, str) else one
        if evaluator is not None:
            make = with_tournaments(make, space, evaluator)
        name = one if isinstance(one, str) else _name(make, space)
        if name in makers:
            raise UsageError(f"searcher {name!r} is given twice; leave one out, or give it other options")
        makers[name] = make if meter is None else _with_costs(make, meter)
    return makers


def describe_searchers(makers: Mapping[str, MakeSearcher], space: SearchSpace) -> Any:
    """Names and options as JSON-ready values: those of the one searcher, or a list of those of several."""
    described = [
        make.describe() if isinstance(make, Preparation) else describe(make, space)
        for make in makers.values()
    ]
    return described[0] if len(described) == 1 else described


def _name(make: MakeSearcher, space: SearchSpace) -> str:
    return str(make) if isinstance(make, SearcherSpec | Bindable) else make(space, seed=0).name


def _with_costs(make: MakeSearcher, meter: CostMeter) -> MakeSearcher:
    if isinstance(make, SearcherSpec):
        takes = issubclass(get(make.name), MultiObjective) and "costs" not in make.options
        return make.replace(costs=meter.functions) if takes else make
    is_class = isinstance(make, type) and issubclass(make, MultiObjective)
    return partial(make, costs=meter.functions) if is_class else make


def read_costs(costs: Mapping[str, Cost] | None, space: SearchSpace) -> CostMeter | None:
    """The meter of these costs; None without costs.

    Raises:
        UsageError: They are no mapping from names to functions.
    """
    if not costs:
        return None
    if not isinstance(costs, Mapping) or not all(map(callable, costs.values())):
        raise UsageError(f"costs must map names to functions of an architecture, got {shorten(costs)}")
    return CostMeter(space, costs)


def read_ranker(
    ranker: Predictor | Literal[False] | None,
    shares: Sequence[float] | None,
    seed: int,
    initial: int,
    recalibrate: str,
) -> Guide | None:
    """The guide with this ranker, or with a new default one for None, that is fitted again by this rule.

    A fitted ranker is the prior of an `egraph.Ranker`: one with its own settings, or the default. There is no
    guide for False.

    Raises:
        UsageError: The ranker has no ``predict``, or there is no such rule; or shares without a ranker.
    """
    rule = Recalibration.parse(recalibrate, initial)
    if ranker is False:
        if shares is not None:
            raise UsageError("shares divide the candidates that a ranker scores: leave them out without one")
        return None
    if ranker is not None and not hasattr(ranker, "predict"):
        raise UsageError(
            f"ranker must have predict, and fit if it can learn, or be False for none, got {ranker!r}"
        )
    from sklearn.base import clone

    from egraph.ranker import Ranker

    if ranker is not None and hasattr(ranker, "fit") and not is_fitted(ranker):
        return Guide(cast(Model, ranker), initial // 2, None, rule)
    default = Ranker(seed=derive(seed, "ranker"))
    if ranker is None:
        return Guide(default, initial // 2, None, rule)
    learner = clone(ranker) if isinstance(ranker, Ranker) else default
    return Guide(learner.set_params(prior=ranker), 2, ranker, rule)


def read_screen(
    screen: Fitness | str | Literal[False] | None,
    evaluator: Evaluator,
    space: SearchSpace,
    guide: Guide | None,
    count: int | None,
    seconds: float,
    usual: int,
) -> Screen | None:
    """The score that chooses the first trials; None for none.

    By default it is the evaluator's own, or none where a fitted ranker chooses. Without a ranker there is
    none: the searcher proposes from the start.

    Args:
        screen: Fitness, names of zero-cost proxies joined by ``+``, ``"none"``, False or None.
        evaluator: Evaluator of the study.
        space: Where to search.
        guide: Ranker of the study; None where there is none.
        count: Number of architectures to score; None for the usual one.
        seconds: Time for scoring.
        usual: Number of architectures where none is given.

    Raises:
        UsageError: It is no fitness, the space builds no networks, a number is not positive, or a number of
            architectures is given and nothing is screened.
        UnknownNameError: There is no such proxy.
    """
    size = usual if count is None else count
    check_whole(1, screen_count=size)
    check_positive(screen_seconds=seconds)
    fitness: Fitness | None
    if screen is False or screen == "none":
        fitness = None
    elif screen is None:
        fitness = evaluator.screen() if guide is not None and guide.prior is None else None
    elif isinstance(screen, str):
        fitness = preview(space, evaluator, screen.split("+"))
    elif callable(screen):
        fitness = screen
    else:
        raise UsageError(f"screen must be a fitness, a proxy's name, or False for none, got {screen!r}")
    if fitness is not None and guide is not None:
        return Screen(fitness, int(size), float(seconds))
    if count is not None:
        raise UsageError(
            f"screen_count is {count}, but this search screens nothing; leave it out, or set screen"
        )
    return None


def read_batch(batch: int | None, ranker: object, workers: int, synchronous: bool) -> int:
    """The number of trials of a round, by default as `Study` says.

    Raises:
        UsageError: ``synchronous`` is no flag.
    """
    check_flag(synchronous=synchronous)
    if batch is not None:
        return batch
    if ranker is False:
        return workers if synchronous else 1
    return FULL if synchronous else max(FULL, workers // 4)


def read_pace(batch: int | None, workers: int, synchronous: bool, most: int, needed: int) -> Pace | None:
    """The sizes of rounds where several workers do not wait for one another, unless the user gave one.

    Args:
        batch: Size that the user gave.
        workers: Number of evaluations at a time.
        synchronous: Whether each round waits for the last one.
        most: Largest size.
        needed: Number of results before the first round that a ranker chooses.
    """
    return None if synchronous or workers == 1 or batch is not None else Pace(workers, needed, most)


def read_counts(least: int, **counts: int) -> list[int]:
    """Whole numbers of at least ``least`` as Python's, which the journal and the seeds need.

    Raises:
        UsageError: One is not a whole number, or less.
    """
    check_whole(least, **counts)
    return [int(count) for count in counts.values()]


def read_candidates(candidates: int | None, space: SearchSpace) -> int:
    """How many candidates are scored a round: by default fewer of a space that builds their networks."""
    if candidates is not None:
        return candidates
    return BUILT if space.traced else 2000


def check_budget(trials: float | None, seconds: float | None, fidelities: Sequence[float] = ()) -> None:
    """Checks that a run has a budget, with fidelities one for a climb of one network over all of them.

    Raises:
        UsageError: It has none, or it is not positive, or too small.
    """
    if trials is None and seconds is None:
        raise UsageError("a run needs a budget: trials=60, or seconds=300, or both")
    if trials is not None and fidelities:
        check_positive(trials=trials)
        if trials < (climb := math.fsum(fidelities)):
            raise UsageError(
                f"trials={trials:g} whole trials do not pay for one network at all fidelities, {climb:.3g}"
            )
    elif trials is not None:
        check_whole(1, 2**63, trials=trials)
    if seconds is not None:
        check_positive(seconds=seconds)
