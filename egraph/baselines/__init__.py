"""Baselines: published predictors with the interface of the ranker, for fair comparisons.

The registry `predictors` holds all of them, and the ranker, by name. Each is a callable that takes ``seed=``
and returns an unfitted predictor:

    for name, make in egraph.baselines.predictors.items():
        print(name, make(seed=0).fit(architectures, scores).score(others, theirs))

| name | method |
|---|---|
| ``egraph`` | `Ranker` with its defaults |
| ``egraph-regression`` | `Ranker` with one output, no tabular models |
| ``egraph-thesis`` | EGraph as published: one network of LSTM aggregators, compares pairs |
| ``renas-7x7``, ``renas-19x7x7`` | LeNet-5 on the adjacency matrix as an image |
| ``brp-nas`` | graph convolutions, binary relation |
| ``wl-gp`` | Gaussian process on the Weisfeiler-Lehman kernel |
| ``mlp``, ``forest``, ``boosting``, ``xgboost`` | on paths, positions and analytic features |

A predictor has ``fit(architectures, scores)``, ``predict``, ``score`` (Kendall's tau-b) and ``save``, follows
the conventions of scikit-learn, and is a fitness: it can be called. `egraph.load` reads its file.

A package of your own adds one by an entry point of the group ``egraph.predictors``, and the command
``egraph bench predictors --predictor package.module:name`` takes any. To add one here, write a subclass of
`Baseline` in a module here, add it to `BASELINES`, and register a name in `predictors`. The tests run over
both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from egraph.baselines._base import Baseline
from egraph.baselines.brp_nas import BRPNAS
from egraph.baselines.egraph_thesis import EGraph
from egraph.baselines.mlp import MLP
from egraph.baselines.regression import regression_ranker
from egraph.baselines.renas import ReNAS
from egraph.baselines.trees import Boosting, Forest, XGBoost
from egraph.baselines.wl_gp import WLGP
from egraph.errors import UsageError, shorten
from egraph.ranker.ranker import Ranker
from egraph.registry import Registry

__all__ = [
    "BASELINES",
    "BRPNAS",
    "MLP",
    "WLGP",
    "Baseline",
    "Boosting",
    "EGraph",
    "Forest",
    "ReNAS",
    "XGBoost",
    "predictors",
    "regression_ranker",
]

BASELINES: dict[str, type[Baseline]] = {
    baseline.__name__: baseline for baseline in (EGraph, ReNAS, BRPNAS, WLGP, MLP, Forest, Boosting, XGBoost)
}
"""Classes that a file may name."""


def _check(name: str, thing: object) -> None:
    """Refuses a plug-in that cannot be called."""
    if not callable(thing):
        raise UsageError(f"expected a function of seed that returns a predictor, got {shorten(thing)}")


predictors: Registry[Callable[..., Ranker | Baseline]] = Registry(
    "predictor", group="egraph.predictors", check=_check
)
"""Callables that take ``seed=`` and return an unfitted predictor, by name."""

predictors.register("egraph", Ranker)
predictors.register("egraph-regression", regression_ranker)
predictors.register("egraph-thesis", EGraph)
predictors.register("renas-7x7", partial(ReNAS, tensor="7x7"))
predictors.register("renas-19x7x7", partial(ReNAS, tensor="19x7x7"))
predictors.register("brp-nas", BRPNAS)
predictors.register("wl-gp", WLGP)
predictors.register("mlp", MLP)
predictors.register("forest", Forest)
predictors.register("boosting", Boosting)
predictors.register("xgboost", XGBoost)
