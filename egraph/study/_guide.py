"""Fits the ranker to all trials before each round."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import to_plain
from egraph.study._recalibration import EACH_ROUND, Recalibration
from egraph.study._trial import Trial

__all__ = ["Guide", "Model", "Predictor", "is_fitted"]


_SCREENED = {"members": 1, "folds": 0, "epochs": 40}
"""Settings of the ranker of scores without training.

From 256 ``ntk`` scores of ``convnet`` on MNIST-1D it learns as much as in 120 epochs (tau of other networks
.705 and .708, three splits) in 3.4 s in place of 9.2.
"""

Recall = Callable[[], "tuple[list[Architecture], NDArray[np.float64]] | None"]
"""Gives architectures and scores that needed no training."""


class Predictor(Protocol):
    """A model that scores architectures; ``features``, such as `egraph.Ranker` has, are optional."""

    def predict(self, architectures: Sequence[Architecture]) -> Any:
        """Scores ``(architectures,)``, higher is better."""


class Model(Predictor, Protocol):
    """A ranker that can learn."""

    def fit(self, architectures: Sequence[Architecture], scores: Any) -> Any:
        """Learns from measured architectures."""


class Guide:
    """Fits copies of a ranker to the trials of a study.

    Args:
        learner: Ranker, which is copied and never changed.
        fewest: Number of trials that must have succeeded before it learns; at least 2.
        prior: Fitted ranker that guides until then; the copies of the learner have it as their prior.
        recalibration: Rule for fitting it again.
    """

    def __init__(
        self,
        learner: Model,
        fewest: int,
        prior: Predictor | None = None,
        recalibration: Recalibration = EACH_ROUND,
    ) -> None:
        self.prior, self.recalibration = prior, recalibration
        self._learner = learner
        self._fewest = max(2, fewest)
        self._fitted: tuple[tuple[tuple[int, float], ...], Predictor] | None = None
        self._recall: Recall = _nothing
        self._screened: Predictor | None = None

    def remember(self, recall: Recall) -> None:
        """Lets rankers without another prior learn first from scores that needed no training.

        A small ranker learns them, so that it says for any architecture what they would be, and is the prior
        of those that learn from trials: their held-out predictions tell what it is worth.

        Args:
            recall: Gives architectures and their scores; None where there are none yet.
        """
        self._recall = recall

    def fit(self, trials: Sequence[Trial]) -> tuple[Predictor | None, int]:
        """Fits the ranker for the next round.

        A failed trial counts as the worst successful one, so that such networks are avoided. Trials of
        several fidelities are groups, whose scores are not compared with one another.

        Returns:
            The ranker and the number of trials that it learned from. If too few trials have succeeded, or
            with too few different scores, the number is 0, and the ranker is the prior, or None.
        """
        done = [trial for trial in trials if trial.state in ("complete", "failed")]
        succeeded: dict[float, list[float]] = {}
        for trial in done:
            if trial.state == "complete":
                succeeded.setdefault(trial.fidelity, []).append(trial.score)
        # Scores that are all equal order nothing.
        worst = {fidelity: min(scores) for fidelity, scores in succeeded.items() if len(set(scores)) > 1}
        if sum(map(len, succeeded.values())) < self._fewest or not worst:
            return self.prior, 0
        data = tuple((trial.number, trial.score) for trial in done if trial.state == "complete")
        if self._fitted is None or self._fitted[0] != data:
            model = self._begin()
            used = [trial for trial in done if trial.fidelity in worst]
            scores = [worst[one.fidelity] if math.isnan(one.score) else one.score for one in used]
            if not _can_learn(model, [one.architecture for one in used], scores):
                return self.prior, 0
            _fit(model, [one.architecture for one in used], np.array(scores), [one.fidelity for one in used])
            self._fitted = data, model
        return self._fitted[1], len(done)

    def _begin(self) -> Model:
        """An unfitted ranker, with the prior that it shall have."""
        model: Any = _fresh_copy(self._learner)
        if getattr(model, "prior", model) is not None:  # it has one already, or has no use for one
            return model
        if self._screened is None and (screened := self._recall()) is not None:
            self._screened = _learn_scores(model, *screened)
        return model if self._screened is None else model.set_params(prior=self._screened)

    def describe(self) -> dict[str, object]:
        """The ranker and its settings as JSON-ready values, with its prior."""
        learner: Any = self._learner
        parameters = learner.get_params(deep=False) if hasattr(learner, "get_params") else {}
        plain = {
            key: value if _is_plain(value) else repr(value)
            for key, value in to_plain(parameters).items()
            if key != "prior"
        }
        described: dict[str, object] = {"ranker": _name(learner), "parameters": plain}
        if self.prior is not None:
            own = self.prior.describe() if hasattr(self.prior, "describe") else {}
            described["prior"] = {"ranker": _name(self.prior), **own}
        return described


def _nothing() -> None:
    """Of scores that need no training."""


def _learn_scores(
    model: Any, architectures: Sequence[Architecture], scores: NDArray[np.float64]
) -> Predictor | None:
    """A small ranker of scores that needed no training; None where they tell too little."""
    from egraph.ranker.training_data import is_enough

    if not is_enough(architectures, scores.tolist()):
        return None
    small: Any = _fresh_copy(model)
    small.set_params(**_SCREENED).fit(architectures, scores)
    taught: Predictor = small
    return taught


def _can_learn(model: Model, architectures: Sequence[Architecture], scores: Sequence[float]) -> bool:
    """Whether a ranker or baseline of egraph would accept these; any other model decides by itself."""
    from egraph.baselines import Baseline
    from egraph.ranker import Ranker
    from egraph.ranker.training_data import is_enough

    own = isinstance(model, Baseline | Ranker) and getattr(model, "prior", None) is None
    return not own or is_enough(architectures, scores)


def _fit(
    model: Model, architectures: list[Architecture], scores: NDArray[np.float64], fidelities: list[float]
) -> None:
    """Fits to scores that are compared at the same fidelity only.

    A model whose ``fit`` takes no ``groups`` gets scores in interquartile ranges of their fidelity.
    """
    if len(set(fidelities)) < 2:
        model.fit(architectures, scores)
        return
    from sklearn.utils.validation import has_fit_parameter

    if has_fit_parameter(model, "groups"):
        taught: Any = model
        taught.fit(architectures, scores, groups=[f"{cost:g}" for cost in fidelities])
        return
    from egraph.ranker.labels import Labels

    numbers = np.unique(fidelities, return_inverse=True)[1]
    model.fit(architectures, Labels.of(scores, numbers, None).scores)


def _name(ranker: object) -> str:
    return f"{type(ranker).__module__}.{type(ranker).__qualname__}"


def is_fitted(ranker: object) -> bool:
    """Whether the ranker is fitted, by the conventions of scikit-learn; it need not be an estimator."""
    if hasattr(ranker, "__sklearn_is_fitted__"):
        return bool(ranker.__sklearn_is_fitted__())
    return any(name.endswith("_") and not name.startswith("_") for name in vars(ranker))


def _fresh_copy(ranker: Model) -> Model:
    """An unfitted ranker with the same settings."""
    from sklearn.base import clone

    copied: Model = clone(ranker) if hasattr(ranker, "get_params") else copy.deepcopy(ranker)
    return copied


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
