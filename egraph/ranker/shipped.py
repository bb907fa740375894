"""The ranker that is part of the package, fitted on public tables of several search spaces."""

from __future__ import annotations

from importlib import resources

from egraph.ranker.loading import load
from egraph.ranker.ranker import Ranker

__all__ = ["pretrained"]


def pretrained() -> Ranker:
    """A fitted ranker that scores architectures of any space whose operations are described.

    It learned from all public tables that egraph reads: NAS-Bench-101, NAS-Bench-201 on three data sets,
    NAS-Bench-Macro, NAS-Bench-Graph on three data sets and Accel-NASBench. It reads descriptions of
    operations, not their names. Scores are standard normal quantiles; only architectures of one space can be
    compared. Its `Ranker.card` has Kendall's tau on each space when that space was left out, which is what to
    expect of a new one. It is meant for the first architectures of a search, and as ``Ranker(prior=...)``.

    The command ``python benchmarks/pretrain.py`` in the repository fits it.

    Returns:
        The ranker.
    """
    with resources.as_file(resources.files("egraph.ranker").joinpath("pretrained.egraph")) as path:
        ranker = load(path)
    assert isinstance(ranker, Ranker)
    return ranker
