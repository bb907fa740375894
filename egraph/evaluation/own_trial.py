"""What a training function of the user's is called with beside the network."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from egraph.architecture import Architecture
from egraph.datasets import ImageData
from egraph.errors import EvaluationError

__all__ = ["OwnTrial"]


@dataclass(frozen=True, slots=True, eq=False)
class OwnTrial:
    """The second argument of a training function: what to train with.

    Attributes:
        architecture: Architecture of the network.
        seed: Seed of the trial. The global generators of PyTorch, NumPy and Python follow it already.
        device: Device that the network is on, such as ``"cpu"`` or ``"cuda:1"``.
        fidelity: Share of a whole training that is wanted, above 0 and at most 1; 1.0 is all of it.
        folder: Folder for checkpoints of this network with this seed, which its trainings at lower fidelities
            had too; it is kept. None where the study has no file or no fidelities.
        settings: Answers to `Choose.setting` and other settings in the genes of the architecture, by name.
        data: The data of the search; None where it has none.
        number: Number of the trial, for `egraph.Study.tell`; None outside of a study's trials.
        reports: Pairs of epoch and score, as reported so far.
    """

    architecture: Architecture
    seed: int
    device: str
    fidelity: float = 1.0
    folder: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: ImageData | None = None
    number: int | None = None
    reports: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = math.inf
    _begun: float = field(default_factory=time.monotonic, repr=False)

    def report(self, epoch: int, score: float) -> None:
        """Tells the score after an epoch; ends a training that has diverged or takes too long.

        Trainings are not compared with one another here, so that a search that is killed and resumed has the
        same history: `fidelities` of a study stop those of bad networks early.

        Args:
            epoch: Number of the epoch.
            score: Score after it, higher is better.

        Raises:
            EvaluationError: The score is not finite, or the time limit of trials is over. Let it pass: it
                ends the training, and the trial has failed with this reason.
        """
        self.reports.append((int(epoch), float(score)))
        if not math.isfinite(score):
            raise EvaluationError(
                f"the score is {float(score)} after epoch {epoch}; the training has diverged"
            )
        if time.monotonic() - self._begun > self.seconds:
            raise EvaluationError(
                f"not finished after {self.seconds:g} s, at epoch {epoch}; allow more time, or limit the "
                "size of networks"
            )
