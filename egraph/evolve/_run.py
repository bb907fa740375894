"""An evolution of rankers from the first genome to the comparison with the default ranker, in one call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from egraph._version import installed_versions
from egraph.evolve._evolution import Finalist, Measured, choose, compare
from egraph.evolve._picture import draw
from egraph.evolve._split import Split
from egraph.ranker import Genome
from egraph.ranker.genome import FILTERS
from egraph.study import Event, Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Evolution", "run"]


@dataclass(frozen=True, eq=False, slots=True)
class Evolution:
    """The outcome of an evolution.

    Attributes:
        genome: The best genome, with its provenance.
        finalists: The best genomes, best first.
        comparison: The rankers of the best genome and the default ones, on the test part of each split.
        trials: All evaluations, as `egraph.Study.trials` gives them.
    """

    genome: Genome
    finalists: list[Finalist]
    comparison: list[Measured]
    trials: pd.DataFrame

    def save(self, stem: str | os.PathLike[str]) -> dict[str, str]:
        """Writes the genome as ``.genome.json`` and a picture of the evolution as ``.png``.

        Args:
            stem: Path of the files; its suffix is replaced.

        Returns:
            The paths by what the files contain.

        Raises:
            FailedError: A file cannot be written.
        """
        path = Path(stem)
        files = {
            "best genome": str(path.with_suffix(".genome.json")),
            "picture": str(path.with_suffix(".png")),
        }
        self.genome.save(files["best genome"])
        draw(self.trials, files["picture"])
        return files


def run(
    study: Study,
    splits: Sequence[Split],
    trials: int,
    *,
    filters: int = FILTERS,
    training: Mapping[str, Any] | None = None,
    repeats: int = 3,
    least: int = 1,
    full: bool = True,
    command: str | None = None,
    listen: Callable[[Event], None] | None = None,
    progress: Callable[[str, int, int], object] | None = None,
) -> Evolution:
    """Runs a study of `make_study`, chooses its best genome, and compares it with the default ranker.

    Args:
        study: Study over genomes.
        splits: The splits that its evaluator was made of.
        trials: Number of evaluations in all: the population and the cycles.
        filters: Width of a layer of standard width, as in the evaluator.
        training: Training of the search, as in the evaluator; None is `reduced_training`.
        repeats: Number of seeds for the choice among the best, and for the comparison.
        least: Fewest evaluations of the genome that is chosen: see `choose`.
        full: Whether to compare after the full training too.
        command: Command line that repeats the evolution, for the provenance.
        listen: Callback of the study's events during the search.
        progress: Callback of what follows: the stage, ``"choose"`` or ``"compare"``, the trainings done, and
            the trainings in all or 0. Where the journal holds all trainings of a stage, it is left out.

    Raises:
        FailedError: No genome was evaluated successfully.
        UsageError: No genome was evaluated so often.
        JournalError: The journal cannot be written.
    """
    emit = progress or _ignore
    study.run(trials, progress=listen)
    finalists = choose(
        study, repeats=repeats, least=least, progress=lambda done, total: emit("choose", done, total)
    )
    best = finalists[0]
    emit("compare", 0, 0)
    comparison = compare(
        Genome(best.genome, filters),
        *splits,
        seeds=range(repeats),
        training=training,
        full=full,
        progress=lambda done, total: emit("compare", done, total),
    )
    provenance = {} if command is None else {"command": command}
    provenance |= _describe(study, splits, best, comparison)
    return Evolution(Genome(best.genome, filters, provenance), finalists, comparison, study.trials)


def _describe(
    study: Study, splits: Sequence[Split], best: Finalist, comparison: Sequence[Measured]
) -> dict[str, Any]:
    return {
        "space": study.space.name,
        "seed": study.seed,
        "evaluations": len(study.trials),
        "searcher": study.journal.settings["settings"]["searcher"],
        "splits": [split.describe() for split in splits],
        "tau on validation": {
            "in the search": best.found,
            "evaluations": best.evaluations,
            "again": list(best.scores),
        },
        "tau on test": [
            {
                "table": row.table,
                "ranker": row.ranker,
                "training": row.training,
                "labels": row.labels,
                "taus": list(row.taus),
                "fit seconds": round(row.seconds, 2),
                "parameters": row.params,
            }
            for row in comparison
        ],
        "versions": installed_versions(),
    }


def _ignore(stage: str, done: int, total: int) -> None:
    pass
