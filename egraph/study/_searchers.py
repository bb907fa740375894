"""A searcher by its name and options."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from egraph import searchers
from egraph.searchers import Searcher
from egraph.specs import check_options, parse

__all__ = ["find_searcher"]


def find_searcher(text: str) -> Callable[..., Searcher]:
    """What makes the searcher of this name, with these options: it takes a space and ``seed=``.

    Args:
        text: such as ``"regularized-evolution:population=20,sample=5"``. Where a searcher takes a predictor,
            that is the name of one in ``egraph.ranker.predictors``.

    Raises:
        UnknownNameError: there is no such searcher, or no predictor of the name given.
        UsageError: it has no such option.
        FailedError: an installed package offers the searcher, but it cannot be loaded.
    """
    name, options = parse(text)
    searcher = searchers.get(name)
    check_options(text, options, searcher)
    if "predictor" in options:
        from egraph.ranker import predictors

        # The same for each seed: what a searcher predicts shall follow from what it was told.
        options["predictor"] = partial(predictors[options["predictor"]], seed=0)
    return partial(searcher, **options)
