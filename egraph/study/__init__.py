"""A study: searcher, ranker and real evaluation in one loop, with a journal on disk.

`Study` is the loop that users see. Its parts, each a file here:

- ``_rounds.py`` proposes the next round by a `Strategy`: ``_guided.py`` with a ranker, ``_strategies.py``
  without;
- ``_preparing.py`` does what a searcher needs before the first trial, such as the training of a supernet;
- ``_fidelities.py`` promotes the best of cheap evaluations to more expensive ones, as many as ``_rungs.py``
  says; ``_brackets.py`` says where new ones enter;
- ``_guide.py`` fits the ranker, ``_recalibration.py`` has the rule when, ``_team.py`` keeps the searchers,
  ``_shares.py`` divides the work among them and others, ``_selection.py`` chooses from the candidates, and
  ``_promises.py`` compares predictions with the scores;
- ``_running.py`` and ``_loop.py`` run rounds, ``_driver.py`` evaluates trials by an executor, in worker
  processes if wanted;
- ``_journal.py`` keeps everything in one SQLite file. ``_columns.py`` describes its columns,
  ``_migrations.py`` updates files of older versions.

While it runs, a study passes `Event` values to a callback; it prints nothing. `open_journal` reads a journal,
also while it is being written.

`generate` evaluates random architectures and writes a table of them; it has a journal of the same kind
(``_generating.py``, ``_generated.py``).

To add a way to propose: a class with the method of `Strategy`, and its place in ``_rounds.py``. To add a way
to choose among candidates: `choose` in ``_selection.py``.
"""

from __future__ import annotations

from egraph.study._arguments import BUILT, find_searcher
from egraph.study._best import Best, Final, find_best, find_finals, split_retrains
from egraph.study._evaluating import MOST_LOSSES
from egraph.study._events import (
    DriftAlarm,
    Event,
    NetworkScored,
    PreparationStep,
    Prepared,
    Preparing,
    RankerFitted,
    RetrainFinished,
    RetrainStarted,
    RoundFinished,
    RoundStarted,
    RunFinished,
    RunStarted,
    Screened,
    Screening,
    TrialFinished,
    TrialStarted,
)
from egraph.study._generating import Generated, generate
from egraph.study._given import add_results, tell
from egraph.study._journal import Journal, open_journal
from egraph.study._promises import Verdict
from egraph.study._retrain import FINALISTS, Confirmed, Retrained
from egraph.study._shares import read_shares
from egraph.study._study import Study
from egraph.study._trial import Trial

__all__ = [
    "BUILT",
    "FINALISTS",
    "MOST_LOSSES",
    "Best",
    "Confirmed",
    "DriftAlarm",
    "Event",
    "Final",
    "Generated",
    "Journal",
    "NetworkScored",
    "PreparationStep",
    "Prepared",
    "Preparing",
    "RankerFitted",
    "RetrainFinished",
    "RetrainStarted",
    "Retrained",
    "RoundFinished",
    "RoundStarted",
    "RunFinished",
    "RunStarted",
    "Screened",
    "Screening",
    "Study",
    "Trial",
    "TrialFinished",
    "TrialStarted",
    "Verdict",
    "add_results",
    "find_best",
    "find_finals",
    "find_searcher",
    "generate",
    "open_journal",
    "read_shares",
    "split_retrains",
    "tell",
]
