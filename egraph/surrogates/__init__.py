"""Surrogates: regression models that rankers, baselines and searchers share.

- `exact_inference`: posterior and marginal likelihood of a Gaussian process, the Matern 3/2 kernel;
- `gaussian_process`: a Gaussian process on feature vectors, with one length scale for each group of features;
- `weisfeiler_lehman`: subtrees of graphs, their histograms and kernels;
- `graph_process`: a Gaussian process on graphs;
- `trees`: extremely randomised trees as arrays;
- `encoded_trees`: regressors on encoded architectures.

Import from these modules: a searcher must not wait for PyTorch, which `gaussian_process` imports.
"""
