"""How many trainings a search saves, compared with the random search beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["Lead", "find_lead"]


@dataclass(frozen=True, slots=True)
class Lead:
    """When a search was as good as random search in the end.

    Attributes:
        score: The best score of random search.
        random: Number of trainings after which random search had it.
        own: Number of trainings after which the search had at least that score; None if it never had.
        trainings: Number of trainings of the search that are done.
    """

    score: float
    random: int
    own: int | None
    trainings: int


def find_lead(trials: pd.DataFrame, baseline: pd.DataFrame) -> Lead | None:
    """Compares the scores of a search with those of random search.

    Failed trainings count as trainings. Scores of single trainings are noisy: the best of many is partly
    luck, on both sides alike.

    Args:
        trials: Trials of the search, one row each, in their order.
        baseline: Trials of random search, one row each, in their order.

    Returns:
        The comparison; None where one of the two has no score.
    """
    own, random = (
        each.loc[each["state"].isin(["complete", "failed"]), "score"].to_numpy(dtype=float)
        for each in (trials, baseline)
    )
    if not (np.isfinite(own).any() and np.isfinite(random).any()):
        return None
    best = float(np.nanmax(random))
    reached = np.flatnonzero(own >= best)
    return Lead(
        score=best,
        random=int(np.flatnonzero(random == best)[0]) + 1,
        own=int(reached[0]) + 1 if len(reached) else None,
        trainings=len(own),
    )
