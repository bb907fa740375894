"""Supernets as searchers: one is trained first, and its probabilities are what is drawn from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from egraph.errors import UsageError
from egraph.evaluation import Training
from egraph.evaluation.base import Evaluator
from egraph.evaluation.building import to_tensors
from egraph.searchers import Drawn
from egraph.spaces import SearchSpace
from egraph.spaces.relaxation import Relaxation
from egraph.specs import parse
from egraph.supernets.checkpoints import Checkpoint
from egraph.supernets.options import SupernetOptions
from egraph.supernets.results import Epoch, Found
from egraph.supernets.run import Run
from egraph.supernets.search import STATE, search
from egraph.supernets.workers import ALONE, Workers
from egraph.threads import threads_limited
from egraph.training import place, seeded

__all__ = ["SupernetSearcher", "SupernetStart"]


class SupernetSearcher:
    """Names a differentiable method as the searcher of a study.

        egraph.Study(space, training, searcher=SupernetSearcher("gdas", epochs=10, rate=0.05))

    or, by name, ``searcher="gdas:epochs=10,rate=0.05"``. The study trains the supernet before its first
    trial, on the training part of the data of its `egraph.evaluation.Training` alone: weights on one half,
    logits on the other. The searcher is then a `egraph.searchers.Drawn` with the probabilities of the best
    epoch. Beside a journal on disk, a folder keeps the state after each epoch, from which an interrupted
    study goes on.

    Args:
        method: Name of the method, one of `egraph.supernets.methods`.
        options: Options of the method; fields of `Settings` and of its recipe, such as ``epochs``,
            ``channels``, ``cells`` and ``rate``; options of `egraph.searchers.Drawn`; and ``preset``:
            ``quick``, settings for a search of minutes on a CPU, or ``published``, those of DARTS.

    Raises:
        UnknownNameError: No method has that name.
        UsageError: There is no such option, or a value is out of range.
    """

    def __init__(self, method: str = "gdas", **options: Any) -> None:
        self.options = SupernetOptions(method, options)

    @classmethod
    def parse(cls, text: str) -> SupernetSearcher:
        """Reads ``METHOD`` or ``METHOD:OPTION=VALUE,OPTION=VALUE``.

        Raises:
            UsageError: The text has another form; or as of the class.
        """
        method, options = parse(text)
        return cls(method, **options)

    def bind(
        self, space: SearchSpace, evaluator: Evaluator, *, seed: int, journal: Path | None
    ) -> SupernetStart:
        """The same for one study, whose data it trains on.

        Args:
            space: Where to search.
            evaluator: Evaluator of the study.
            seed: Seed of the supernet.
            journal: File of the journal; None where it is kept in memory.

        Raises:
            UsageError: The evaluator has no images with classes, or the space has no relaxation.
        """
        folder = None
        if journal is not None:
            parts = [f"{name}={value}" for name, value in sorted(self.options.given.items())]
            slug = "-".join([self.options.method, *parts]).replace("/", "-")
            folder = journal.with_suffix(".supernet") / slug
        return SupernetStart(self.options, space, evaluator, seed, folder)

    def __call__(self, space: SearchSpace, *, seed: int = 0) -> Drawn:
        """Refuses, as there is no data; a study binds it first.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"{str(self)!r} trains a supernet first, so it needs data: use it in egraph search or a Study "
            "that trains networks, or take another searcher"
        )

    def __str__(self) -> str:
        return str(self.options)

    def __repr__(self) -> str:
        return f"<searcher {self}>"


class SupernetStart:
    """The supernet of one study: trained by `prepare`, after which searchers can be made.

    Args:
        options: Method and settings.
        space: Where to search.
        evaluator: Has the data, which must be a `egraph.evaluation.Training`.
        seed: Seed of the supernet.
        folder: Where the state is kept after each epoch; None keeps none.

    Raises:
        UsageError: As of `SupernetSearcher.bind`.
    """

    def __init__(
        self,
        options: SupernetOptions,
        space: SearchSpace,
        evaluator: Evaluator,
        seed: int,
        folder: Path | None,
    ) -> None:
        if not isinstance(evaluator, Training):
            raise UsageError(
                f"{str(options)!r} trains a supernet on images first, and this evaluation has none (a table, "
                "or scores from elsewhere); give data to train on, such as --data digits, or take another "
                "searcher"
            )
        self.relaxation, self.space = space.relaxation(), space
        if evaluator.images.is_regression:
            raise UsageError(
                f"{str(options)!r} trains a classifier, but {evaluator.images.name!r} is a regression; take "
                "another searcher"
            )
        self.options, self._evaluator, self._seed = options, evaluator, seed
        self._settings = options.settings(self.relaxation, evaluator.recipe)
        self._folder = folder
        self._probabilities: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """Method and options as a text."""
        return str(self.options)

    @property
    def title(self) -> str:
        """What is prepared, in words."""
        return f"training the supernet of {self.name}"

    @property
    def total(self) -> int:
        """Number of steps of the preparation: epochs."""
        return self._settings.weights.epochs

    def describe(self) -> dict[str, Any]:
        """Method and all options, as JSON-ready values."""
        settings = self._settings.to_dict()
        return {
            "searcher": self.options.method,
            **self.options.own,
            "supernet": settings,
            **{name: value for name, value in self.options.drawn.items() if name != "probabilities"},
        }

    @property
    def about(self) -> str:
        """All that the result depends on, as text."""
        data = self._evaluator.images
        told = [self.describe(), self.space.name, data.name, data.digest, self._seed]
        return json.dumps(told, sort_keys=True)

    def prepare(self, step: Callable[[int, float, str], object], workers: Workers = ALONE) -> dict[str, Any]:
        """Trains the supernet, or the rest of it.

        Args:
            step: Called after each epoch with the epochs done, the duration of this one in seconds, and a
                note. An exception that it raises ends the training, whose state after the epoch is kept.
            workers: The workers that train it together, each of which calls this.

        Returns:
            The result as JSON-ready values, for `recall`.

        Raises:
            UsageError: The data are too few or of one class, or the folder keeps another supernet.
            EvaluationError: The loss became NaN or infinite, or the memory is too small.
        """

        def tell(epoch: Epoch) -> None:
            step(epoch.number, epoch.seconds, f"accuracy {epoch.validation:.3f}, entropy {epoch.entropy:.2f}")

        evaluator = self._evaluator
        with threads_limited(evaluator.threads):
            found = search(
                self.relaxation,
                self.options.make(),
                training_part(evaluator),
                evaluator.images.num_classes,
                self._settings,
                seed=self._seed,
                folder=self._folder,
                about=self._data,
                workers=workers,
                progress=tell,
            )
        return describe_found(found, self.relaxation)

    def restore(self) -> Run:
        """The trained supernet, with the weights after its last epoch, of a folder that keeps it.

        Raises:
            UsageError: The folder keeps another supernet.
        """
        data, classes = training_part(self._evaluator), self._evaluator.images.num_classes
        run = Run(self.relaxation, self.options.make(), data, classes, self._settings, seed=self._seed)
        assert self._folder is not None
        with seeded(self._seed, run.device):
            Checkpoint(self._folder / STATE, run.describe(self._data)).restore(run)
        return run

    @property
    def _data(self) -> str:
        """What the state on disk must agree with, beside the settings."""
        images = self._evaluator.images
        return f"{self.space.name} on {images.name} {images.digest}"

    def recall(self, result: Mapping[str, Any]) -> None:
        """Takes the probabilities of what `prepare` gave."""
        best = result["epochs"][result["best"] - 1]
        self._probabilities = best["probabilities"]

    def __call__(self, space: SearchSpace, *, seed: int = 0) -> Drawn:
        """The searcher; before the supernet is trained, with equal probabilities."""
        return Drawn(space, seed=seed, probabilities=self._probabilities, **self.options.drawn)

    def __str__(self) -> str:
        return self.name


def training_part(training: Training) -> tuple[Tensor, Tensor]:
    """The training part of the data of a training, on its device: inputs and classes."""
    return to_tensors(training.images, "train", place(training.device))


def describe_found(found: Found, relaxation: Relaxation) -> dict[str, Any]:
    """A trained supernet as JSON-ready values: its positions, its epochs, and the number of the best one."""
    return {
        "options": {name: list(each.options) for name, each in relaxation.positions.items()},
        "epochs": [epoch.to_dict() for epoch in found.epochs],
        "best": found.best.number,
        "stopped": found.stopped,
        "seconds": found.seconds,
        "saved_bytes": found.saved_bytes,
    }
