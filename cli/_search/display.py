"""The display of a search: its progress and its result."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from egraph.cli._options import can_encode, use_color
from egraph.cli._progress import Stages, track_stages
from egraph.cli._search.listening import Listener
from egraph.report import Findings, find, show_amount, show_changes

if TYPE_CHECKING:
    from collections.abc import Callable

    from egraph.datasets import Table
    from egraph.evaluation import Evaluator
    from egraph.study import Best, Event, Study

FRONT = 12
"""Largest number of trade-offs that are printed."""

__all__ = ["confirm", "run", "show", "summarise", "tell_learned"]


def run(study: Study, *, trials: int, seconds: float | None, baseline: bool, guided: bool) -> None:
    """Runs a study and shows its progress; ``guided``: a ranker chooses from the first round on."""
    with track_stages() as show:
        listen = Listener(show, study, trials, baseline=baseline, guided=guided)
        study.run(trials, seconds, baseline=baseline, progress=listen)


def tell_learned(ranker: Any, table: Table | None) -> None:
    """Tells that a search begins with a ranker that knows results of the table."""
    if ranker is None or ranker is False or table is None:
        return
    from egraph import bench

    if learned := int(bench.find_learned(ranker, table.distinct()).sum()):
        click.echo(
            f"the ranker has learned from {learned:,} networks of {table.name}, so this search does not "
            "tell how good it is",
            err=True,
        )


def confirm(study: Study, final: Evaluator | None = None) -> None:
    """Trains the best networks of both searches again from scratch; the results are in the journal.

    With another evaluator ``final`` the winner is then trained once more by it.
    """
    with track_stages() as show:
        study.confirm(progress=_tell_retraining(show, "training the best networks again from scratch"))
        if final is not None:
            tell = _tell_retraining(show, "training the winner by the final recipe")
            study.retrain(find(study.journal).best[0].trial, 1, evaluate=final, progress=tell)


def _tell_retraining(show: Stages, title: str) -> Callable[[Event], None]:
    """Shows how many trainings are done; nothing where the journal holds all of them."""
    from egraph.study import RetrainFinished, RetrainStarted

    def listen(event: Event) -> None:
        match event:
            case RetrainStarted(total):
                show(title, 0, total, f"0/{total}")
            case RetrainFinished(done, total):
                show(title, done, total, f"{done}/{total}")

    return listen


def summarise(findings: Findings, files: dict[str, str]) -> dict[str, Any]:
    """The result as JSON-ready values."""
    return {
        "best": _describe(findings.best[0]) if findings.best else None,
        "random search": _describe(findings.random_best)
        if findings.random_best and findings.has_baseline
        else None,
        "lead": None if findings.lead is None else asdict(findings.lead),
        "finals": [
            {
                "recipe": final.evaluator.get("recipe"),
                "changes": final.changes,
                "scores": list(final.scores),
                "test scores": list(final.test_scores),
                "failed": list(final.reasons),
            }
            for final in findings.finals
        ],
        "screening": findings.screening,
        "preparations": [
            {name: value for name, value in work.items() if name != "result"}
            for work in findings.preparations
        ],
        "front": [_describe_trial(row) for row in findings.front.to_dict("records")],
        "front of each cost": {name: findings.front_of(name)["number"].tolist() for name in findings.costs},
        "finders": [asdict(finder) for finder in findings.finders],
        "trials": len(findings.trials),
        "whole trainings": float(findings.trials["fidelity"].sum()),
        "fidelities": findings.fidelities,
        "failed": len(findings.failed),
        "coverage": {f"{level} %": share for level, share in findings.coverage.items()},
        "rounds": findings.rounds.to_dict("records"),
        "files": files,
    }


def show(findings: Findings, files: dict[str, str], stopped: str, trials: int, space: str) -> None:
    """Prints the result."""
    from egraph import drawing
    from egraph.canonical import prune

    click.echo(f"{stopped}; {len(findings.failed)} failed" if len(findings.failed) else stopped)
    if findings.asked:
        click.echo("tell each score by `egraph tell JOURNAL TRIAL SCORE`, then run the same command again")
        return
    if not findings.best:
        click.echo("no training has succeeded; `egraph report` shows why")
        return
    best, random = findings.best[0], findings.random_best
    click.echo(f"\nthe best network, trial {best.trial.number}\n")
    picture = drawing.to_terminal(
        prune(best.trial.architecture),
        width=shutil.get_terminal_size((100, 24)).columns,
        unicode=can_encode("╭●▼"),
        color=use_color(),
    )
    click.echo(picture + "\n")
    rows = [_row("egraph", best, findings)]
    if random is not None and findings.has_baseline:
        rows.append(_row("random search", random, findings))
    width = max(len(row[0]) for row in rows)
    for name, text in rows:
        click.echo(f"  {name:<{width}}  {text}")
    if findings.spent:
        click.echo(f"  {findings.spent}.")
    for sentence in findings.prepared:
        click.echo(f"  {sentence}")
    if findings.has_baseline:
        if findings.comparison:
            click.echo(f"\n  {findings.comparison}")
        click.echo(f"  {_how_chosen(findings)} Test scores were not used to choose.")

    _show_finals(findings)
    _show_front(findings)
    _show_finders(findings)
    _show_rounds(findings)
    click.echo("\nsaved\n")
    for name, path in files.items():
        click.echo(f"  {name:<13} {path}")
    click.echo("\nnext\n")
    click.echo(f"  open {files['report']} in a browser")
    click.echo(f"  egraph draw {files['best network']} --out best.svg")
    if "ranker" in files:
        click.echo(f"  egraph rank {files['ranker']} FILE")
    if "population" in files:
        click.echo(f"  egraph combine {files['population']} --data DATA")
    if findings.is_trained:
        own = f" --space {space}" if ":" in space else ""  # a builder of the user's
        click.echo(f"  egraph export {files['journal']} best --network{own}")
    click.echo(
        f"  the same command with --trials {2 * trials} resumes, with another --seed starts a new search"
    )


def _show_rounds(findings: Findings) -> None:
    """Prints how well the ranker had ordered new trials."""
    rounds = findings.rounds.dropna(subset=["tau"])
    if len(rounds):
        click.echo("\nthe ranker's tau on trials that it had not seen (1: right order, 0: chance)\n")
        click.echo(f"  {'round':<16}" + "".join(f"{number:>7}" for number in rounds["round"]))
        for name, column in (
            ("its own choice", "tau"),
            ("  promised", "promised_tau"),
            ("random networks", "tau_baseline"),
            ("  promised", "promised_tau_baseline"),
        ):
            if rounds[column].notna().any():
                values = (f"{value:.2f}" if value == value else "–" for value in rounds[column])
                click.echo(f"  {name:<16}" + "".join(f"{value:>7}" for value in values))
        if findings.coverage:
            shares = ", ".join(
                f"{100 * share:.0f} % inside those of {level} %" for level, share in findings.coverage.items()
            )
            click.echo(f"  scores in the ranker's intervals: {shares}")


def _show_finals(findings: Findings) -> None:
    """Prints the trainings of the winner by other recipes."""
    if findings.finals:
        click.echo("\nthe winner, trained by the final recipe\n")
    for final in findings.finals:
        how = show_changes(final)
        for score, test_score in zip(final.scores, final.test_scores, strict=True):
            tested = f"test {findings.show(test_score)}, " if math.isfinite(test_score) else ""
            click.echo(f"  {how}: {tested}{findings.measure} {findings.show(score)}")
        for reason in final.reasons:
            click.echo(f"  {how}: failed: {reason}")


def _show_front(findings: Findings) -> None:
    """Prints the best trade-offs of a study with costs, a few of them from the cheapest to the best."""
    front = findings.front.to_dict("records")
    if not findings.costs or not front:
        return
    count = min(len(front), FRONT)
    shown = [front[number * (len(front) - 1) // max(1, count - 1)] for number in range(count)]
    tested = findings.front["test_score"].notna().any()
    rows = [[*findings.costs, findings.measure, *(["test"] if tested else []), "trial"]]
    for row in shown:
        costs = [show_amount(row["costs"].get(name)) for name in findings.costs]
        scores = [findings.show(row[name]) for name in ("score", *(["test_score"] if tested else []))]
        rows.append([*costs, *scores, str(row["number"])])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    click.echo("\nthe best trade-offs: no other trial is better in score and all costs\n")
    for texts in rows:
        click.echo("  " + "  ".join(f"{text:>{width}}" for text, width in zip(texts, widths, strict=True)))
    if len(front) > count:
        click.echo(f"  {len(front) - count} more are in the report")


def _show_finders(findings: Findings) -> None:
    """Prints what each searcher contributed."""
    finders = findings.finders
    width = max(len(finder.name) for finder in finders)
    click.echo("\nwho found what\n")
    click.echo(f"  {'':<{width}}{'candidates':>20}{'trainings':>12}{'best':>10}")
    for finder in finders:
        supplied = f"{finder.candidates:,} ({100 * finder.share:.0f} %)" if finder.candidates else "–"
        best = findings.show(finder.best) if finder.best == finder.best else "–"
        click.echo(f"  {finder.name:<{width}}{supplied:>20}{finder.trials:>12}{best:>10}")
    if findings.scored_whole:
        click.echo(
            "  The ranker scored the whole space; with --searcher or --shares, searchers choose from it."
        )


def _how_chosen(findings: Findings) -> str:
    again = findings.best[0].repeats
    number = "cost" if findings.fidelities else "number"
    if not again or len(findings.best) < 2:
        return f"Both chose by the scores of the same {number} of trainings."
    return (
        f"Both had the same {number} of trainings, trained their best {len(findings.best)} {again} times "
        "again, and chose by the mean of these scores."
    )


def _row(name: str, best: Best, findings: Findings) -> tuple[str, str]:
    parts = []
    if math.isfinite(best.final_score):
        spread = ""
        if len(best.retrained) > 1:
            low, high = min(best.retrained), max(best.retrained)
            spread = (
                f" (trained again {len(best.retrained)} times, {findings.show(low)} to {findings.show(high)})"
            )
        parts.append(f"test {findings.show(best.final_score)}{spread}")
    parts.append(f"{findings.measure} {findings.show(best.chosen_by)}")
    if best.trial.params:
        parts.append(f"{best.trial.params:,} parameters")
    return name, ", ".join(parts)


def _describe(best: Best) -> dict[str, Any]:
    return {
        "trial": best.trial.number,
        "architecture": best.trial.architecture.to_dict(),
        "score": best.score,
        "test score": best.final_score,
        "confirmed score": best.confirmed if math.isfinite(best.confirmed) else None,
        "retrained": list(best.retrained),
        "params": best.trial.params or None,  # unknown in a table
        "flops": best.trial.flops or None,
        "costs": dict(best.trial.costs),
        "seconds": best.trial.seconds,
    }


def _describe_trial(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        "trial": row["number"],
        "architecture": json.loads(row["architecture"]),
        "score": row["score"],
        "test score": row["test_score"],
        "params": row["params"] or None,
        "flops": row["flops"] or None,
        "costs": row["costs"],
    }
