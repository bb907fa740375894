"""`Forest`, `Boosting`, `XGBoost`: ensembles of decision trees on encoded architectures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor

from egraph.architecture import Architecture
from egraph.baselines._base import Baseline
from egraph.baselines._flat import FlatEncoder
from egraph.errors import MissingExtraError
from egraph.surrogates.encoded_trees import EncodedRegressor

__all__ = ["Boosting", "Forest", "XGBoost"]

Floats = NDArray[np.float64]


class _Trees(Baseline):
    """Trees on the rows of `FlatEncoder`.

    The libraries have no stable file format other than pickles, so a file holds the training data alone and
    loading fits again. With the same version of the library, the trees are the same.
    """

    def _learn(self, graphs: Sequence[Architecture], targets: Floats) -> None:
        encoder = FlatEncoder(graphs, self.vocabulary_)
        self._model = EncodedRegressor(encoder, self._make()).fit(graphs, targets)

    def _latent(self, graphs: Sequence[Architecture]) -> Floats:
        return self._model.predict(graphs)

    @abstractmethod
    def _make(self) -> Any:
        """Makes the unfitted regressor of the library."""


class Forest(_Trees):
    """A random forest.

    Changed: reads paths, positions and analytic features of the simplified graph; see `FlatEncoder`.

    Args:
        trees: Number of trees.
        max_features: Share of the features that a split may choose from.
        min_samples_leaf: Least number of training architectures in a leaf.
        seed: Seed of everything random.

    References:
        Breiman: Random forests, Machine Learning 45, 2001
    """

    def __init__(
        self, *, trees: int = 300, max_features: float = 0.3, min_samples_leaf: int = 1, seed: int = 0
    ) -> None:
        self.trees = trees
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.seed = seed

    def _make(self) -> Any:
        return RandomForestRegressor(
            self.trees,
            max_features=self.max_features,
            min_samples_leaf=self.min_samples_leaf,
            random_state=self.seed,
        )


class Boosting(_Trees):
    """Gradient boosting on histograms by scikit-learn.

    Changed: reads paths, positions and analytic features of the simplified graph; see `FlatEncoder`.

    Args:
        trees: Number of trees.
        learning_rate: Weight of each tree.
        min_samples_leaf: Least number of training architectures in a leaf.
        max_features: Share of the features that a split may choose from.
        seed: Seed of everything random.

    References:
        Ke, Meng, Finley, Wang, Chen, Ma, Ye, Liu: LightGBM, a highly efficient gradient boosting decision
        tree, NeurIPS 2017
    """

    def __init__(
        self,
        *,
        trees: int = 300,
        learning_rate: float = 0.05,
        min_samples_leaf: int = 5,
        max_features: float = 0.3,
        seed: int = 0,
    ) -> None:
        self.trees = trees
        self.learning_rate = learning_rate
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.seed = seed

    def _make(self) -> Any:
        return HistGradientBoostingRegressor(
            max_iter=self.trees,
            learning_rate=self.learning_rate,
            min_samples_leaf=self.min_samples_leaf,
            max_features=self.max_features,
            early_stopping=False,
            random_state=self.seed,
        )


class XGBoost(_Trees):
    """Gradient boosting by XGBoost; needs the extra ``boost``.

    Changed: reads paths, positions and analytic features of the simplified graph; see `FlatEncoder`.

    Args:
        trees: Number of trees.
        learning_rate: Weight of each tree.
        depth: Greatest depth of a tree.
        sample: Share of the architectures that each tree is fitted to.
        max_features: Share of the features that a split may choose from.
        seed: Seed of everything random.

    Raises:
        MissingExtraError: By `fit`, if xgboost is not installed.

    References:
        Chen, Guestrin: XGBoost, a scalable tree boosting system, KDD 2016, https://arxiv.org/abs/1603.02754
    """

    def __init__(
        self,
        *,
        trees: int = 500,
        learning_rate: float = 0.03,
        depth: int = 5,
        sample: float = 0.7,
        max_features: float = 0.3,
        seed: int = 0,
    ) -> None:
        self.trees = trees
        self.learning_rate = learning_rate
        self.depth = depth
        self.sample = sample
        self.max_features = max_features
        self.seed = seed

    def _make(self) -> Any:
        try:
            import xgboost
        except ImportError:
            raise MissingExtraError("xgboost", "boost") from None
        return xgboost.XGBRegressor(
            n_estimators=self.trees,
            learning_rate=self.learning_rate,
            max_depth=self.depth,
            subsample=self.sample,
            colsample_bynode=self.max_features,
            tree_method="hist",
            # The last digits of a sum depend on the number of threads.
            n_jobs=1,
            random_state=self.seed,
        )
