"""A training function of the user's as an evaluator."""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import math
import os
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from egraph import spaces
from egraph.architecture import Architecture
from egraph.checks import check_whole
from egraph.datasets import ImageData
from egraph.errors import EgraphError, EvaluationError, ScoreLaterError, UsageError, shorten
from egraph.evaluation.base import Evaluation, Evaluator, Fidelity
from egraph.evaluation.building import as_sent, check_builds, flops_or_zero, name_or_data, open_data
from egraph.evaluation.costs import Costs
from egraph.evaluation.outside import read_share
from egraph.evaluation.own_trial import OwnTrial
from egraph.evaluation.wrapping import digest_code, explain, name_function
from egraph.spaces import SearchSpace
from egraph.threads import threads_limited
from egraph.training import choose_device, failures_explained, place

if TYPE_CHECKING:
    import torch

__all__ = ["OwnTraining"]

Fit = Callable[[Any, OwnTrial], Any]
"""A training function: called with a module and an `OwnTrial`, it returns the score."""


class OwnTraining(Evaluator):
    """Builds the network of an architecture and trains it with a function of your own.

    The function is called as ``fit(module, trial)`` with a new `torch.nn.Module`, which is on the device, and
    an `OwnTrial`. It trains the module and returns its score, a number, higher is better, or an `Evaluation`;
    or None where it only starts a training, such as a job in a queue, whose score `egraph.Study.tell` or the
    command ``egraph tell`` tells later.

    During the call the global generators of PyTorch, NumPy and Python follow the seed of the trial, and are
    restored afterwards, so that the same seed gives the same score, unless the function is random otherwise.

    Whatever the function raises fails that one trial. What makes each trial fail, such as a function that
    returns no number, stops the search.

    Args:
        space: Search space that builds networks, or its name, as `egraph.spaces.find` reads it.
        fit: The function. Worker processes import it by its name, so it must be defined at the top of a
            module.
        data: Data for ``trial.data``, as `Training` takes them; None for a function that has data of its own.
        input_shape: Shape of one input. None is that of the data, or of the space if its networks read one.
        num_classes: Number of outputs of the networks, with ``input_shape``.
        device: Device of the networks, as in `Training`.
        root: Folder that is searched first for the data.
        threads: Number of CPU threads of one training.

    Raises:
        UsageError: ``fit`` is no function of a module and a trial; the space builds no networks; their shape
            is not known, or given twice; ``threads`` is below 1, or the device does not exist.
    """

    def __init__(
        self,
        space: SearchSpace | str,
        fit: Fit,
        data: str | os.PathLike[str] | ImageData | Any = None,
        *,
        input_shape: Sequence[int] | None = None,
        num_classes: int | None = None,
        device: str = "auto",
        root: str | os.PathLike[str] | None = None,
        threads: int = 1,
    ) -> None:
        _check_function(fit)
        check_whole(1, threads=threads)
        self.fit, self.threads = fit, threads
        self._data: str | ImageData | None = None
        if data is not None:
            self._data = name_or_data(data)
        self._root = None if root is None else os.fspath(root)
        loaded = self.data
        if loaded is not None:
            if input_shape is not None or num_classes is not None:
                raise UsageError(
                    f"the data {loaded.name!r} have a shape and classes of their own; leave input_shape and "
                    "num_classes out"
                )
            input_shape, num_classes = loaded.input_shape, loaded.num_classes
        self.space = spaces.find(space, input_shape, num_classes)
        check_builds(self.space)
        shape, classes = input_shape or self.space.input_shape, num_classes or self.space.num_classes
        if shape is None or classes is None:
            raise UsageError(
                f"the shape of the inputs of {self.space.name!r} and the number of classes are not known; "
                "give data, or input_shape and num_classes (--input 3x32x32 --classes 10)"
            )
        self.space.check_input(shape)
        self.input_shape, self.num_classes = tuple(shape), classes
        self._asked = device
        self.device = choose_device(device)
        self._fidelity, self._seconds = 1.0, math.inf
        self._folder: Path | None = None
        self._number: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        data = None if self._data is None else as_sent(self._data, self._root)
        return {**self.__dict__, "_data": data}

    @property
    def data(self) -> ImageData | None:
        """The data, loaded when first used in a process; None without data."""
        return None if self._data is None else open_data(self._data, self._root)

    @property
    def name(self) -> str:
        """Module and name of the function."""
        return name_function(self.fit)

    @property
    def costs(self) -> Costs:
        """Size and speed of the networks that are trained, on the same device."""
        return Costs(self.space, self.input_shape, self.num_classes, device=self.device)

    def evaluate(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        """Builds the architecture's network and calls the function with it.

        Raises:
            EvaluationError: The network cannot be built, the function failed, or the score is not finite.
            ArchitectureError: The architecture is not in the space.
            ScoreLaterError: The function returned None.
            UsageError: The function returned neither a number nor an `Evaluation`.
        """
        import torch

        from egraph.networks import count_params
        from egraph.training import all_seeded

        self.space.validate(architecture)
        device = torch.device(place(self.device))
        started = time.perf_counter()
        with threads_limited(self.threads), all_seeded(seed, device):
            with failures_explained("the network cannot be built", "search among smaller networks"):
                module = self._build(architecture, seed).to(device)
            params = count_params(module)
            trial = OwnTrial(
                architecture,
                seed,
                str(device),
                self._fidelity,
                self._find_folder(architecture, seed),
                self.space.settings(architecture),
                self.data,
                number=self._number,
                seconds=self._seconds,
            )
            result = self._call(module, trial)
        seconds = time.perf_counter() - started
        evaluation = self._read(result)
        if not math.isfinite(evaluation.score):
            raise EvaluationError(f"{self.name} returned the score {evaluation.score}")
        return replace(
            evaluation,
            seconds=seconds if math.isnan(evaluation.seconds) else evaluation.seconds,
            params=evaluation.params or params,
            flops=evaluation.flops or flops_or_zero(module, self.input_shape),
            source=evaluation.source or f"trained by {self.name} ({device})",
        )

    def at(self, fidelity: str) -> Fidelity:
        """A cheaper training: the function finds the share in ``trial.fidelity``, and this is its cost.

        Args:
            fidelity: Share of a whole training, such as ``"0.3"``; ``"1"`` is the whole training.

        Raises:
            UsageError: It is no number above 0 and at most 1.
        """
        share = read_share(fidelity)
        if share == 1:
            return Fidelity(fidelity, share, self)
        cheaper = copy.copy(self)
        cheaper._fidelity = share
        return Fidelity(fidelity, share, cheaper)

    def keeping(self, folder: Path) -> OwnTraining:
        """The same training with a folder for checkpoints in this one, for each network and seed."""
        kept = copy.copy(self)
        kept._folder = folder
        return kept

    def within(self, seconds: float) -> OwnTraining:
        """The same training, which fails where a report comes later than this: see `OwnTrial.report`."""
        limited = copy.copy(self)
        limited._seconds = seconds
        return limited

    def numbered(self, trial: int) -> OwnTraining:
        """The same training, whose function finds the number of the trial in ``trial.number``."""
        numbered = copy.copy(self)
        numbered._number = trial
        return numbered

    def arrive(self) -> None:
        """Chooses the device again: other machines have other ones."""
        self.device = choose_device(self._asked)

    def prepare(self) -> None:
        """Loads PyTorch and the data."""
        import torch  # noqa: F401

        _ = self.data

    def describe(self) -> dict[str, object]:
        """Space, function with a digest of its code, shape and data; scores do not depend on the device."""
        data = self.data
        described: dict[str, object] = {
            "kind": "own training",
            "space": self.space.name,
            "function": self.name,
            "code": digest_code(self.fit),
            "input": list(self.input_shape),
            "classes": self.num_classes,
        }
        return described if data is None else described | {"data": data.name, "digest": data.digest}

    def _build(self, architecture: Architecture, seed: int) -> torch.nn.Module:
        options = {"seed": seed} if "seed" in self.space.network_options else {}
        return self.space.network(architecture, self.input_shape, self.num_classes, **options)

    def _find_folder(self, architecture: Architecture, seed: int) -> Path | None:
        """The folder of the trainings of a network, made where they are kept."""
        if self._folder is None or not self._folder.parent.is_dir():  # on a machine without the journal
            return None
        text = json.dumps([self.describe(), architecture.to_json(), seed], sort_keys=True, default=str)
        folder = self._folder / hashlib.sha256(text.encode()).hexdigest()[:24]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _call(self, module: torch.nn.Module, trial: OwnTrial) -> Any:
        """What the function returns; each of its errors as one of egraph's, with the line that raised it."""
        import torch

        try:
            return self.fit(module, trial)
        except EgraphError:
            raise
        except (torch.OutOfMemoryError, MemoryError):
            raise EvaluationError(f"{self.name}: out of memory; search among smaller networks") from None
        except Exception as error:
            raise EvaluationError(f"{self.name} failed: {explain(error)}{_place(error)}") from error

    def _read(self, result: Any) -> Evaluation:
        if isinstance(result, Evaluation):
            return result
        if result is None:
            raise ScoreLaterError(f"{self.name} returned None: tell its score later, by `egraph tell`")
        try:
            if isinstance(result, str | bytes | bool):
                raise TypeError
            return Evaluation(float(result))
        except (TypeError, ValueError, RuntimeError):  # PyTorch's, of a tensor with several numbers
            raise UsageError(
                f"{self.name} returned {shorten(result)}; it must return the score of the network, a number, "
                "higher is better, or an egraph.evaluation.Evaluation"
            ) from None

    def __repr__(self) -> str:
        return f"<training of {self.space.name} by {self.name} ({self.device})>"


def _check_function(fit: object) -> None:
    """Refuses what cannot be called with a module and a trial.

    Raises:
        UsageError: It cannot.
    """
    if not callable(fit):
        raise UsageError(
            f"a training is a function fit(module, trial) that returns a score; got {shorten(fit)}"
        )
    try:
        signature = inspect.signature(fit)
    except (TypeError, ValueError):  # such as of some compiled functions
        return
    try:
        signature.bind(None, None)
    except TypeError:
        raise UsageError(
            f"a training is called as fit(module, trial), but {name_function(fit)} takes {signature}"
        ) from None


def _place(error: Exception) -> str:
    """File and line where an error was raised, the last one outside of packages."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    if not own:
        return ""
    return f" ({os.path.basename(own[-1].filename)}, line {own[-1].lineno})"
