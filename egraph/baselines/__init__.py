"""Published predictors under the ranker's own interface, for fair comparisons.

`predictors` has them all by name, the ranker among them. Each is a callable that takes ``seed=`` and gives
something to fit:

    for name, make in egraph.baselines.predictors.items():
        print(name, make(seed=0).fit(architectures, scores).score(others, theirs))

| name | method |
|---|---|
| ``egraph`` | `Ranker` with its defaults |
| ``egraph-regression`` | `Ranker` with one output, no tabular models |
| ``renas-7x7``, ``renas-19x7x7`` | LeNet-5 on the adjacency matrix as an image |
| ``brp-nas`` | graph convolutions, binary relation |
| ``wl-gp`` | Gaussian process on the Weisfeiler-Lehman kernel |
| ``mlp``, ``forest``, ``boosting``, ``xgboost`` | on paths, positions and analytic features |

What a predictor offers: ``fit(architectures, scores)``, ``predict``, calling it as a fitness, ``score``
(Kendall's tau-b), ``save``, the conventions of scikit-learn, and a file that `egraph.load` reads.

To add one, write a subclass of `Baseline` in a module here, add it to `BASELINES`, and register a name in
`predictors`. The tests run over both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from egraph.baselines._base import Baseline
from egraph.baselines.brp_nas import BRPNAS
from egraph.baselines.mlp import MLP
from egraph.baselines.regression import regression_ranker
from egraph.baselines.renas import ReNAS
from egraph.baselines.trees import Boosting, Forest, XGBoost
from egraph.baselines.wl_gp import WLGP
from egraph.ranker.ranker import Ranker
from egraph.registry import Registry

__all__ = [
    "BASELINES",
    "BRPNAS",
    "MLP",
    "WLGP",
    "Baseline",
    "Boosting",
    "Forest",
    "ReNAS",
    "XGBoost",
    "predictors",
    "regression_ranker",
]

BASELINES: dict[str, type[Baseline]] = {
    baseline.__name__: baseline for baseline in (ReNAS, BRPNAS, WLGP, MLP, Forest, Boosting, XGBoost)
}
"""The classes that a file may name."""

predictors: Registry[Callable[..., Ranker | Baseline]] = Registry("predictor")
"""Names to callables that take ``seed=`` and give an unfitted predictor."""

predictors.register("egraph", Ranker)
predictors.register("egraph-regression", regression_ranker)
predictors.register("renas-7x7", partial(ReNAS, tensor="7x7"))
predictors.register("renas-19x7x7", partial(ReNAS, tensor="19x7x7"))
predictors.register("brp-nas", BRPNAS)
predictors.register("wl-gp", WLGP)
predictors.register("mlp", MLP)
predictors.register("forest", Forest)
predictors.register("boosting", Boosting)
predictors.register("xgboost", XGBoost)
