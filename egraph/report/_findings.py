"""Computes from a journal what reports and the command line show."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from egraph.report._finders import Finder, count_finders
from egraph.report._lead import Lead, find_lead
from egraph.study import FINALISTS, Best, Final, find_best, find_finals, split_retrains
from egraph.study._tradeoff import find_front
from egraph.study._trial import DONE, PROMOTED, REFERENCE, WHOLE, WHOLE_COST

if TYPE_CHECKING:
    from egraph.study import Journal

__all__ = ["Findings", "find", "show_amount", "show_changes"]

BASELINE = ("initial", "baseline")
"""Origins of the trials of random search. Random initial trials count for both searches."""

WORDS = {"training": ("network", "validation accuracy"), "ranker": ("ranker", "tau on validation")}
"""By the kind of evaluator, names of the searched thing and its score; otherwise network and score."""


@dataclass(frozen=True, eq=False)
class Findings:
    """The results of a study, as the report and the command line show them.

    Attributes:
        settings: Settings in the journal.
        trials: Trials of the search, one row each, with their costs as mappings; without those that belong to
            the baseline alone.
        baseline: Trials of random search, one row each: the whole random initial trials and those run beside
            the search.
        rounds: Rounds, one row each; ``fresh`` is the number of trials that tau was computed on.
        sessions: Sessions, one row each time that a process worked on the study.
        best: The best architectures, each network once: ordered by their confirmed scores if all of them were
            trained again, otherwise by the scores of their trials.
        random_best: The best architecture of random search; None if none succeeded.
        finals: Trainings of the best architecture by other recipes than that of the search.
    """

    settings: dict[str, Any]
    trials: pd.DataFrame
    baseline: pd.DataFrame
    rounds: pd.DataFrame
    sessions: pd.DataFrame
    best: tuple[Best, ...]
    random_best: Best | None
    finals: tuple[Final, ...] = ()

    @property
    def screening(self) -> dict[str, Any] | None:
        """Networks that were scored without training to choose the first trials: their number and cost."""
        record = self.settings.get("screening")
        if record is None:
            return None
        scored = record["values"].values()
        return {
            "fitness": record["about"]["fitness"],
            "networks": record["count"],
            "scored": len(scored),
            "without a score": sum(found is None or None in found for found in scored),
            "seconds": record["seconds"],
            "end": record["end"],
        }

    @property
    def preparations(self) -> list[dict[str, Any]]:
        """The work that searchers needed before the first trial, such as the training of a supernet.

        For each: ``searcher``, epochs ``done`` of ``total``, ``seconds``, ``trainings`` (the number of
        trainings of this search that take as long, NaN before the first), and the ``result``, or None.
        """
        records = self.settings.get("preparations", {})
        mean = float(self.complete["seconds"].mean()) if len(self.complete) else math.nan
        return [
            {
                "searcher": name,
                **{part: record[part] for part in ("done", "total", "seconds", "result")},
                "trainings": record["seconds"] / mean if mean > 0 else math.nan,
            }
            for name, record in records.items()
        ]

    @property
    def prepared(self) -> list[str]:
        """What they took, each as a sentence, and whether a trial could already come from them."""
        sentences = []
        for work in self.preparations:
            known = math.isfinite(work["trainings"])
            as_much = f", as much as {_count(round(work['trainings'], 1))}" if known else ""
            some = f" ({work['done']} of {work['total']} epochs)" if work["result"] is None else ""
            sentences.append(
                f"The supernet of {work['searcher']} took {work['seconds']:.4g} s{as_much}{some}."
            )
        if sentences and len(self.trials) and not self.trials["finder"].astype(bool).any():
            sentences.append(
                "No searcher has proposed a trial yet, since the first ones are random; take more --trials, "
                "or a smaller --initial."
            )
        return sentences

    @property
    def finders(self) -> list[Finder]:
        """What each searcher contributed: candidates, trials and its best score."""
        return count_finders(self.trials, self.rounds)

    @property
    def scored_whole(self) -> bool:
        """Whether the ranker scored the whole space, without a searcher."""
        return any(finder.name == WHOLE for finder in self.finders)

    @property
    def complete(self) -> pd.DataFrame:
        """The whole trials of the search that succeeded; scores at lower fidelities are on other scales."""
        return self.trials[(self.trials["state"] == "complete") & (self.trials["fidelity"] == WHOLE_COST)]

    @property
    def within(self) -> pd.DataFrame:
        """Those within the limits: all but a reference."""
        return self.complete[self.complete["origin"] != REFERENCE]

    @property
    def fidelities(self) -> dict[str, float]:
        """Costs of the fidelities in whole trials by their names; empty where all trials are whole."""
        return dict(self.settings.get("fidelities", {}))

    @property
    def spent(self) -> str:
        """What the search has spent at each fidelity, in words; empty where all trials are whole."""
        if not self.fidelities:
            return ""
        done = self.trials[self.trials["state"].isin(DONE)]
        counts = (
            f"{int((done['fidelity'] == cost).sum())} at {name}" for name, cost in self.fidelities.items()
        )
        return f"{', '.join(counts)}: as much as {done['fidelity'].sum():.4g} whole trainings"

    @property
    def coverage(self) -> dict[int, float]:
        """Share of the new trials' scores inside the ranker's intervals, by their level in percent.

        Over all rounds that have calibrated intervals; empty if none has.
        """
        known = self.rounds.dropna(subset=["coverage80"])
        if known.empty:
            return {}
        return {
            level: float((known[f"coverage{level}"] * known["fresh"]).sum() / known["fresh"].sum())
            for level in (50, 80, 95)
        }

    @property
    def costs(self) -> tuple[str, ...]:
        """The names of the costs that the study weighs against the score."""
        return tuple(self.settings.get("costs", ()))

    @property
    def front(self) -> pd.DataFrame:
        """The best trade-offs of the search, cheapest first: no other trial is better in score and all costs.

        The costs are those of the study, or else the number of parameters. Trials of unknown cost are left
        out; test scores decide nothing.
        """
        if len(self.costs) < 2:
            return self.front_of(*self.costs)
        values = np.column_stack([self.cost(self.within, name) for name in self.costs])
        known = np.isfinite(values).all(axis=1)
        values, trials = values[known], self.within.take(np.flatnonzero(known))
        points = np.column_stack([-trials["score"].to_numpy(dtype=float), values])
        different, which = np.unique(points, axis=0, return_inverse=True)
        best = np.flatnonzero(np.isin(which, find_front(different)))
        return trials.take(best[np.lexsort(values[best].T[::-1])])

    def front_of(self, name: str | None = None) -> pd.DataFrame:
        """The best trial of each value of one cost, cheapest first: no other that is as cheap is better.

        Args:
            name: Name of the cost; None is the number of parameters.
        """
        values = self.cost(self.within, name)
        trials = self.within.assign(value=values)[np.isfinite(values)]
        ordered = trials.sort_values(["value", "score", "number"], ascending=[True, False, True])
        best = ordered["score"].cummax().shift(fill_value=-math.inf)
        return ordered[ordered["score"] > best].drop(columns="value")

    def cost(self, trials: pd.DataFrame, name: str | None = None) -> NDArray[np.float64]:
        """One cost of trials, ``(trials,)``; NaN where unknown.

        Args:
            trials: Some of the trials.
            name: Name of the cost; None is the number of parameters.
        """
        if name is None:
            params = trials["params"].to_numpy(dtype=float)
            return np.where(params > 0, params, math.nan)
        return np.array([costs.get(name, math.nan) for costs in trials["costs"]], dtype=float)

    @property
    def failed(self) -> pd.DataFrame:
        """All trials that failed, those of the baseline included."""
        both = pd.concat([self.trials, self.baseline]).drop_duplicates("number").sort_values("number")
        return both[both["state"] == "failed"]

    @property
    def unfinished(self) -> int:
        """The number of trials that are queued, running or asked."""
        both = pd.concat([self.trials, self.baseline]).drop_duplicates("number")
        return int(both["state"].isin(["queued", "running", "asked"]).sum())

    @property
    def asked(self) -> int:
        """The number of trials that were handed out and whose scores are not yet told."""
        return int(
            (pd.concat([self.trials, self.baseline]).drop_duplicates("number")["state"] == "asked").sum()
        )

    @property
    def is_told(self) -> bool:
        """Whether scores come from outside, so that nothing can be evaluated again here."""
        return bool(self.asked or (self.trials["source"] == "told").any())

    @property
    def has_baseline(self) -> bool:
        """Whether random search ran beside the study; its random initial trials alone do not count."""
        return bool((self.baseline["origin"] == "baseline").any())

    @property
    def lead(self) -> Lead | None:
        """When the search was as good as random search in the end; None without random search or scores."""
        return find_lead(self.trials, self.baseline) if self.has_baseline else None

    @property
    def comparison(self) -> str:
        """One sentence that says so; empty where there is nothing to compare."""
        if (lead := self.lead) is None:
            return ""
        reached = f"{self.measure} {self.show(lead.score)}"
        if lead.own is None:
            return (
                f"egraph did not reach in {_count(lead.spent)} what random search had after "
                f"{lead.random:.4g}: {reached}."
            )
        return (
            f"Random search needed {_count(lead.random)} for what egraph had after {lead.own:.4g}: {reached}."
        )

    @property
    def is_accuracy(self) -> bool:
        """Whether scores are accuracies in [0, 1]."""
        return self.is_trained and not self._is_regression

    @property
    def is_trained(self) -> bool:
        """Whether networks were trained from scratch, so that the best one can be trained again."""
        return self.settings.get("evaluator", {}).get("kind") == "training"

    @property
    def _is_regression(self) -> bool:
        return self.settings.get("evaluator", {}).get("target") == "regression"

    @property
    def thing(self) -> str:
        """A word for what was searched for, such as network."""
        return self._words[0]

    @property
    def measure(self) -> str:
        """The name of the score."""
        return self._words[1]

    @property
    def _words(self) -> tuple[str, str]:
        if self._is_regression:
            return "network", "validation R2"
        evaluator = self.settings.get("evaluator", {})
        column = evaluator.get("columns", {}).get("score")
        if column is not None and column in evaluator.get("negated", ()):
            return "network", f"negative {column}"
        return WORDS.get(evaluator.get("kind"), ("network", "score"))

    def show(self, score: float) -> str:
        """Formats a score; accuracies are in percent."""
        if not math.isfinite(score):
            return "–"
        return f"{100 * score:.2f} %" if self.is_accuracy else f"{score:.4g}"


def _count(trainings: float) -> str:
    return "1 training" if trainings == 1 else f"{trainings:.4g} trainings"


def show_changes(final: Final) -> str:
    """How a final training differs from those of the search, such as ``epochs 60, channels 64``."""
    parts = (f"{name} {'unset' if value is None else value}" for name, value in final.changes.items())
    return ", ".join(parts) or "another evaluator"


def _read_costs(texts: pd.Series) -> pd.Series:
    """The costs of trials, each different text read once."""
    numbers, different = pd.factorize(texts)
    found = [
        {name: math.nan if value is None else value for name, value in json.loads(text).items()}
        for text in different
    ]
    return pd.Series([found[number] for number in numbers.tolist()], index=texts.index, dtype=object)


def show_amount(value: float | None) -> str:
    """A cost with four digits, or all of a whole number."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def find(journal: Journal, most: int = FINALISTS) -> Findings:
    """Reads the journal of a study, finished or not.

    Args:
        journal: Journal of the study.
        most: Largest number of best architectures.
    """
    trials, evaluator = journal.trials, journal.settings.get("evaluator", {})
    retrains, others = split_retrains(journal.retrains, evaluator)
    mine = trials[trials["origin"] != "baseline"]
    baseline = trials[trials["origin"].isin(BASELINE) & (trials["fidelity"] == WHOLE_COST)]
    rounds = journal.rounds.copy()
    measured = mine[(mine["state"] == "complete") & mine["predicted"].notna() & (mine["origin"] != PROMOTED)]
    rounds["fresh"] = rounds["round"].map(measured["round"].value_counts()).fillna(0).astype(int)
    best, random_best = find_best(mine, retrains, most), find_best(baseline, retrains, most)
    return Findings(
        settings=journal.settings,
        trials=mine.assign(costs=_read_costs(mine["costs"])),
        baseline=baseline.assign(costs=_read_costs(baseline["costs"])),
        rounds=rounds,
        sessions=journal.sessions,
        best=tuple(best),
        random_best=random_best[0] if random_best else None,
        finals=tuple(find_finals(best[0].trial.key, others, evaluator)) if best else (),
    )
