"""How many trainings a search saves, compared with the random search beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from egraph.study._trial import WHOLE_COST

__all__ = ["Lead", "find_lead"]


@dataclass(frozen=True, slots=True)
class Lead:
    """When a search was as good as random search in the end; costs are in whole trainings.

    Attributes:
        score: The best score of random search.
        random: Cost after which random search had it.
        own: Cost after which the search had at least that score; None if it never had.
        spent: What the search has spent.
    """

    score: float
    random: float
    own: float | None
    spent: float


def find_lead(trials: pd.DataFrame, baseline: pd.DataFrame) -> Lead | None:
    """Compares the scores of whole trainings of a search with those of random search.

    Failed trainings count as trainings. Scores of single trainings are noisy: the best of many is partly
    luck, on both sides alike.

    Args:
        trials: Trials of the search, one row each, in their order.
        baseline: Trials of random search, one row each, in their order.

    Returns:
        The comparison; None where one of the two has no score.
    """
    (own, spent), (random, costs) = map(_follow, (trials, baseline))
    if not (np.isfinite(own).any() and np.isfinite(random).any()):
        return None
    best = float(np.nanmax(random))
    reached = np.flatnonzero(own >= best)
    return Lead(
        score=best,
        random=float(costs[np.flatnonzero(random == best)[0]]),
        own=float(spent[reached[0]]) if len(reached) else None,
        spent=float(spent[-1]),
    )


def _follow(trials: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of the trials that are done, NaN where not of a whole training, and the cost until each."""
    done = trials[trials["state"].isin(["complete", "failed"])]
    cost = done["fidelity"].to_numpy(dtype=float)
    return np.where(cost == WHOLE_COST, done["score"].to_numpy(dtype=float), np.nan), cost.cumsum()
