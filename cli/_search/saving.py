"""The files of a search beside its journal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from egraph.errors import UsageError
from egraph.files import write_text

if TYPE_CHECKING:
    from egraph.report import Findings
    from egraph.study import Study

__all__ = ["save"]


def save(path: Path, findings: Findings, ranker: Any, study: Study, space: str) -> dict[str, str]:
    """Writes the best network, the ranker and a population of cells; returns the files by their content."""
    files = {"journal": str(path)}
    if findings.best:
        files["best network"] = str(path.with_suffix(".best.json"))
        write_text(files["best network"], findings.best[0].trial.architecture.to_json() + "\n")
    if ranker is not None and hasattr(ranker, "save"):
        saved = str(path.with_suffix(".egraph"))
        card = {
            "space": space,
            "study": str(path),
            "evaluator": study.journal.settings["evaluator"],
            "trials": len(findings.complete),
            "seed": study.seed,
        }
        if findings.is_accuracy and not findings.fidelities:  # else its predictions have no unit
            card["metric"] = {"unit": "fraction"}
        try:
            ranker.save(saved, card=card)
        except UsageError as error:
            instead = f"`egraph train --data {path}` learns from the trials alone"
            click.echo(f"the ranker is not saved: {error}; {instead}", err=True)
        else:
            files["ranker"] = saved
    if study.space.concatenates and (cells := study.survivors):
        files["population"] = str(path.with_suffix(".population.txt"))
        write_text(files["population"], "".join(f"{study.space.format(cell)}\n" for cell in cells))
    return files
