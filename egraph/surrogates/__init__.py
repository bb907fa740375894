"""Surrogates: regression models that rankers, baselines and searchers share.

- `exact_inference`: posterior and marginal likelihood of a Gaussian process, the Matern 3/2 kernel;
- `gaussian_process`: a Gaussian process on feature vectors, with one length scale for each group of features;
- `weisfeiler_lehman`: subtrees of graphs, their histograms and kernels;
- `graph_process`: a Gaussian process on graphs;
- `trees`: extremely randomised trees as arrays;
- `encoded_trees`: regressors on encoded architectures.

Names are imported when first used, so that a searcher does not wait for PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from egraph._lazy import lazy_names

if TYPE_CHECKING:
    from egraph.surrogates.encoded_trees import EncodedRegressor, EncodedTrees
    from egraph.surrogates.gaussian_process import GaussianProcess
    from egraph.surrogates.graph_process import GraphProcess
    from egraph.surrogates.trees import Trees

__all__ = ["EncodedRegressor", "EncodedTrees", "GaussianProcess", "GraphProcess", "Trees"]

_HOMES = {
    "EncodedRegressor": "egraph.surrogates.encoded_trees",
    "EncodedTrees": "egraph.surrogates.encoded_trees",
    "GaussianProcess": "egraph.surrogates.gaussian_process",
    "GraphProcess": "egraph.surrogates.graph_process",
    "Trees": "egraph.surrogates.trees",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
