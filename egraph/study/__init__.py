"""A study: searcher, ranker and real evaluation in one loop, with a journal on disk.

`Study` is the loop. Its parts, each a file here: `Proposer` decides what is evaluated next, with a `screen`
that chooses the first, a `Guide` that fits the ranker and `choose` that picks from the candidates; `Driver`
evaluates, in a pool of worker processes where there are several; `Journal` keeps everything in one SQLite
file. While it runs, a study tells a callback of `Event` values; it prints nothing. `open_journal` reads a
journal that is being written.

To add another way to choose what is trained: `choose` in ``_selection.py``.
"""

from __future__ import annotations

from egraph.study._arguments import find_searcher
from egraph.study._best import Best, find_best
from egraph.study._events import (
    Event,
    RankerFitted,
    RetrainFinished,
    RoundFinished,
    RoundStarted,
    RunFinished,
    RunStarted,
    Screening,
    TrialFinished,
    TrialStarted,
)
from egraph.study._journal import Journal, open_journal
from egraph.study._retrain import FINALISTS, Confirmed, Retrained
from egraph.study._study import Study
from egraph.study._trial import Trial

__all__ = [
    "FINALISTS",
    "Best",
    "Confirmed",
    "Event",
    "Journal",
    "RankerFitted",
    "RetrainFinished",
    "Retrained",
    "RoundFinished",
    "RoundStarted",
    "RunFinished",
    "RunStarted",
    "Screening",
    "Study",
    "Trial",
    "TrialFinished",
    "TrialStarted",
    "find_best",
    "find_searcher",
    "open_journal",
]
