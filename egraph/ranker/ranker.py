"""`Ranker`: the estimator."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kendalltau
from sklearn.base import BaseEstimator, RegressorMixin, clone

from egraph.architecture import Architecture
from egraph.encoding import Encoding, Vocabulary, as_architectures, in_parts
from egraph.errors import OutOfDistributionWarning, UsageError
from egraph.ranker.calibration import LEVELS, ONE_DEVIATION, Calibration
from egraph.ranker.columns import Columns, Filling
from egraph.ranker.familiarity import Familiarity, familiarity
from egraph.ranker.learning import learn
from egraph.ranker.network import Layer
from egraph.ranker.parts import compare_parts, encode_part, latent_with_deviation, score_parts
from egraph.ranker.scale import Scale
from egraph.ranker.scorer import Scorer
from egraph.ranker.storage import save
from egraph.ranker.training_data import read_scores

if TYPE_CHECKING:
    from egraph.export import Exported

__all__ = ["Ranker"]

Floats = NDArray[np.float64]

EVOLVED: tuple[str | Layer, ...] = ("mean", "mean", "mean", Layer("mean", sources=(2, 3)))


class Ranker(RegressorMixin, BaseEstimator):
    """Learns from measured architectures which of two will train better.

    The prediction is the average of several graph neural networks (`members`), which read the encoded
    architectures, and of two models that read analytic features of the graphs: a Gaussian process and
    randomised trees (`tabular`). The class follows the conventions of scikit-learn. Everything random comes
    from `seed`.

    Args:
        head: Loss and output of the networks: ``"utility"`` (one number per architecture, Rao-Kupper model of
            pairs), ``"pairwise"`` (a network that reads two embeddings and chooses among worse, about equal
            and better) or ``"regression"`` (margin ranking loss and squared error).
        layers: Aggregator of each GraphSAGE layer: ``"sum"``, ``"mean"``, ``"pool"`` or ``"lstm"``; or a
            `Layer`, which also sets its width and the layers that it reads. The default was found by
            evolution; it is the shipped genome ``four-tables``.
        width: Width of the embedding, and of layers that do not set their own.
        readout: Summaries of the vertices, concatenated to one vector: ``"max"``, ``"mean"``, ``"sum"``,
            ``"output"``, ``"sort1"`` to ``"sort3"``.
        bidirectional: Whether layers also pass messages against the edges.
        analytic: Whether the networks also read the analytic features.
        names: Whether operations are told apart by name; False reads their descriptions alone, which serves
            other search spaces than those of the training data.
        members: Number of networks that are averaged.
        tabular: Models on the analytic features: ``"gaussian-process+trees"``, ``"gaussian-process"``, or
            None for the networks alone.
        epochs: Number of passes over the training data; None chooses by its size.
        batch_size: Number of architectures per batch, of which all pairs are compared; None chooses by the
            size of the training data.
        learning_rate: Learning rate at the peak of its one cycle.
        weight_decay: Weight decay of AdamW.
        dropout: Share of the embedding that is dropped in training.
        norm: Whether layer normalisation follows each layer.
        residual: Whether the input of a layer is added to its result where the widths agree.
        reads: Layers that the read-out summarises, 0 for the input; None for the last layer.
        columns: Function that adds columns to the analytic features, ``(architectures, columns)``, such as
            `egraph.evaluation.ZeroCost.columns`. It is called in the calling thread, by `fit` and by each
            prediction. NaN becomes the median of the training data, and a further column marks it. The
            function is not saved: pass it to `egraph.load` again.
        eps: Largest difference of two scores that counts as about equal, in units of the scores, with several
            groups in interquartile ranges of each; None for a fiftieth of the interquartile range.
        folds: Number of folds that are held out in turn from shorter trainings, to learn how large errors are
            and how much networks, Gaussian process and trees should count; 0 skips this, and takes errors as
            normally distributed.
        seed: Seed of weights, batches, dropout and folds.
        prior: Fitted model that scores such networks already: a `Ranker`, a baseline, or anything else with
            ``predict(architectures)``. Its opinion is one more in the ensemble. Its share comes from held-out
            predictions and, with few labels, from how much it knows of the operations; a prior that proves
            useless loses it. With fewer than two distinct scores it decides alone, in its own units. Clones
            keep it fitted, and files hold it.

    Attributes:
        vocabulary_: Operations of the training data.
        eps_: Margin that was used.
        groups_: Number of training architectures of each group by its name; empty for a single group.
        n_trials_: Number of training architectures.
        largest_: Number of vertices of the largest training architecture.
        calibration_: Ratios of errors to predicted deviations on held-out folds.
        alone_: Whether the prior decides alone.
        prior_: The prior that was used; None without one.
        card: Model card that `save` was given, or that the file held.
    """

    vocabulary_: Vocabulary
    filling_: Filling | None
    scale_: Scale
    scorer_: Scorer
    calibration_: Calibration
    groups_: dict[str, int]
    eps_: float
    n_trials_: int
    largest_: int
    prior_: Any
    alone_: bool
    card_: Mapping[str, Any]

    def __init__(
        self,
        *,
        head: str = "utility",
        layers: Sequence[str | Layer] = EVOLVED,
        width: int = 48,
        readout: Sequence[str] = ("output", "sum", "max"),
        bidirectional: bool = True,
        analytic: bool = True,
        names: bool = True,
        members: int = 5,
        tabular: str | None = "gaussian-process+trees",
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        dropout: float = 0.05,
        norm: bool = True,
        residual: bool = True,
        reads: Sequence[int] | None = None,
        columns: Columns | None = None,
        eps: float | None = None,
        folds: int = 4,
        seed: int = 0,
        prior: Any = None,
    ) -> None:
        self.head = head
        self.layers = layers
        self.width = width
        self.readout = readout
        self.bidirectional = bidirectional
        self.analytic = analytic
        self.names = names
        self.members = members
        self.tabular = tabular
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.norm = norm
        self.residual = residual
        self.reads = reads
        self.columns = columns
        self.eps = eps
        self.folds = folds
        self.seed = seed
        self.prior = prior

    def __sklearn_clone__(self) -> Self:
        """An unfitted ranker with the same parameters; its prior stays fitted."""
        parameters = self.get_params(deep=False)
        return type(self)(**{k: v if k == "prior" else clone(v, safe=False) for k, v in parameters.items()})

    @property
    def prior_share_(self) -> float:
        """Share of the prior in the ensemble, from 0, as without a prior, to 1, where it decides alone."""
        if self.alone_:
            return 1.0
        return 0.0 if self.scorer_.voice is None else self.scorer_.voice.share

    @property
    def card(self) -> Mapping[str, Any]:
        """The model card: JSON-ready values that describe where this ranker comes from."""
        return getattr(self, "card_", {})

    def fit(
        self,
        architectures: Iterable[Architecture],
        scores: ArrayLike,
        *,
        groups: Iterable[Hashable] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Ranker:
        """Learns from measured architectures.

        Scores may come from several sources, such as tables, data sets, recipes or search spaces. Each source
        is a group with a scale of its own, and only scores of one group are compared. Predictions are then no
        longer in units of the scores: they are standard normal quantiles of the rank inside a group, and the
        predictions for architectures of different search spaces may differ by any constant.

        Args:
            architectures: At least five distinct networks; any number with a prior.
            scores: ``(architectures,)``, finite, higher is better, at least three distinct ones unless there
                is a prior.
            groups: Name or number of the source of each score, ``(architectures,)``; None for a single
                source. A group whose scores are all equal is left out.
            progress: Function that is called with the number of finished training steps and their total.

        Raises:
            UsageError: An argument or a parameter of the constructor is invalid, or there are too few
                networks or scores.
        """
        learn(self, architectures, scores, groups, progress)
        return self

    def predict(
        self, architectures: Iterable[Architecture] | Encoding, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Predicted scores in units of the training scores, ``(architectures,)``; higher is better.

        After a fit to several groups, they are standard normal quantiles of ranks inside a group; see `fit`.

        With the heads ``utility`` and ``regression``, a strictly increasing map takes the averaged utility to
        the scale of the scores. With ``pairwise``, it takes the mean of P(better) - P(worse) against at most
        256 training architectures.

        Args:
            architectures: Any number of architectures; memory stays bounded.
            return_std: Whether to also return the standard deviation of measured scores around the
                prediction: 68 % of them are expected to lie within it. It is estimated from the disagreement
                of networks and tabular models, and calibrated on held-out folds of the training data.

        Raises:
            UsageError: The ranker is not fitted yet.
            ArchitectureError: An operation is unknown.

        Warns:
            OutOfDistributionWarning: An architecture has operations, or a size, that the training data lacks.
        """
        self._check_fitted()
        if not return_std:
            scores = score_parts(
                self, lambda part: self.scale_.to_scores(self.scorer_.latent(part)), architectures
            )
            return np.concatenate([np.zeros(0), *scores])
        latent, deviation = latent_with_deviation(self, architectures)
        deviation *= self.calibration_.factor(ONE_DEVIATION)
        above, below = self.scale_.to_scores(latent + deviation), self.scale_.to_scores(latent - deviation)
        return self.scale_.to_scores(latent), (above - below) / 2

    def intervals(
        self, architectures: Iterable[Architecture] | Encoding, level: float = 0.8
    ) -> tuple[Floats, Floats]:
        """Prediction intervals: a measured score lies inside with the given probability.

        Args:
            architectures: Any number of architectures.
            level: Probability.

        Returns:
            The lower and the upper ends, ``(architectures,)`` each, in units of the training scores. They are
            not symmetric around the prediction where training scores lie closer together on one side of it.

        Raises:
            UsageError: The level is not between 0 and 1, or the ranker is not fitted yet.
            ArchitectureError: An operation is unknown.

        Warns:
            OutOfDistributionWarning: An architecture has operations, or a size, that the training data lacks.
        """
        self._check_fitted()
        if not 0 < level < 1:
            raise UsageError(f"level must be between 0 and 1, got {level}")
        latent, deviation = latent_with_deviation(self, architectures)
        half = deviation * self.calibration_.factor(level)
        return self.scale_.to_scores(latent - half), self.scale_.to_scores(latent + half)

    @property
    def coverage_(self) -> dict[float, float]:
        """Share of held-out scores inside the intervals of each level, measured by `fit`.

        NaN where nothing was held out: too few architectures, or ``folds=0``.
        """
        return dict(zip(LEVELS, self.calibration_.coverage.tolist(), strict=True))

    @property
    def held_out_tau_(self) -> float:
        """Kendall's tau-b between held-out predictions and scores, measured by `fit`; NaN without folds."""
        return self.calibration_.tau

    def __call__(self, architectures: Iterable[Architecture]) -> Floats:
        """`predict` without its warning: searches leave the training distribution on purpose."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutOfDistributionWarning)
            scores = self.predict(architectures)
        assert isinstance(scores, np.ndarray)
        return scores

    def compare(self, a: Iterable[Architecture], b: Iterable[Architecture]) -> Floats:
        """Probabilities that each of ``a`` is worse than, about equal to, better than its partner in ``b``.

        Returns:
            ``(pairs, 3)``; rows sum to 1, and swapping ``a`` and ``b`` swaps the outer columns.

        Raises:
            UsageError: ``a`` and ``b`` differ in length, or the ranker is not fitted yet.
            ArchitectureError: An operation is unknown.
        """
        self._check_fitted()
        first, second = as_architectures(a), as_architectures(b)
        if len(first) != len(second):
            raise UsageError(f"compare takes pairs, got {len(first)} and {len(second)} architectures")
        return compare_parts(self, first, second)

    def score(
        self, architectures: Iterable[Architecture], scores: ArrayLike, sample_weight: None = None
    ) -> float:
        """Kendall's tau-b between predicted and measured scores.

        Raises:
            UsageError: The scores are not finite, or not one per architecture; or the ranker is not fitted
                yet.
        """
        graphs = as_architectures(architectures)
        return float(kendalltau(read_scores(scores, len(graphs)), self.predict(graphs)).statistic)

    def features(self, architectures: Iterable[Architecture]) -> Floats:
        """Analytic features, standardised on the training data, ``(architectures, features)``.

        Raises:
            UsageError: The ranker is not fitted yet.
            ArchitectureError: An operation is unknown.
        """
        self._check_fitted()
        standardiser = self.scorer_.standardiser
        encodings = (encode_part(self, part) for part in in_parts(architectures))
        parts = [standardiser.transform(encoding.features) for encoding in encodings]
        return np.concatenate([np.zeros((0, len(standardiser.kept))), *parts])

    def familiarity(self, architectures: Iterable[Architecture]) -> list[Familiarity]:
        """How far each architecture lies from the training data.

        Raises:
            UsageError: The ranker is not fitted yet.
            ArchitectureError: An operation is unknown.
        """
        self._check_fitted()
        return familiarity(self, architectures)

    def encode(self, architectures: Iterable[Architecture]) -> Encoding:
        """Encodes architectures for `predict`, to score the same ones several times.

        Raises:
            UsageError: The ranker is not fitted yet.
            ArchitectureError: An operation is unknown.
        """
        self._check_fitted()
        return encode_part(self, as_architectures(architectures))

    def save(self, path: str | os.PathLike[str], card: Mapping[str, Any] | None = None) -> None:
        """Writes the ranker, without its `columns`, to one file of tensors and JSON, whole or not at all.

        Args:
            path: Path of the file.
            card: JSON-ready values that describe where the ranker comes from; None keeps the present card.

        Raises:
            UsageError: The ranker is not fitted yet, or the card is not JSON-ready.
            FailedError: The file cannot be written.
        """
        self._check_fitted()
        save(self, path, card)

    def to_onnx(self, path: str | os.PathLike[str], *, precision: str = "float32") -> Exported:
        """Writes the ranker as an ONNX file, which `egraph.export.OnnxRanker` calls without PyTorch.

        The file's predictions are compared with this ranker's; see `egraph.export.save_onnx`.

        Args:
            path: Path of the file.
            precision: Precision of the networks' weights, ``"float32"``, ``"float16"`` or ``"int8"``.

        Raises:
            UsageError: The ranker is not fitted yet, or has `columns`; or the precision is unknown.
            MissingExtraError: A package that writes ONNX is not installed.
            FailedError: The file cannot be written, or its predictions differ from the ranker's.
        """
        # Exporters import the rankers, so they are looked up by name.
        exported: Exported = importlib.import_module("egraph.export").save_onnx(
            self, path, precision=precision
        )
        return exported

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "scorer_")

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise UsageError("this Ranker is not fitted yet; call fit(architectures, scores) first")
