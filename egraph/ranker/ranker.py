"""`Ranker`: the estimator."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kendalltau
from sklearn.base import BaseEstimator, RegressorMixin

from egraph.architecture import Architecture
from egraph.encoding import (
    CHUNK,
    Encoding,
    Vocabulary,
    as_architectures,
    encode,
    in_parts,
    warn_of_unlike,
)
from egraph.errors import OutOfDistributionWarning, UnknownNameError, UsageError
from egraph.ranker.calibration import LEVELS, ONE_DEVIATION
from egraph.ranker.columns import Columns, Filling, measure
from egraph.ranker.familiarity import Familiarity, familiarity
from egraph.ranker.fitting import Plan, fit_scorer
from egraph.ranker.network import Layer, NetworkShape
from egraph.ranker.scale import Scale, Standardiser
from egraph.ranker.storage import save
from egraph.ranker.threads import in_threads
from egraph.ranker.training import Schedule
from egraph.ranker.training_data import read_scores, read_training_data
from egraph.threads import threads_limited

if TYPE_CHECKING:
    from egraph.export import Exported

__all__ = ["TABULAR_MODELS", "Ranker"]

Floats = NDArray[np.float64]

EVOLVED: tuple[str | Layer, ...] = ("mean", "mean", "mean", Layer("mean", sources=(2, 3)))
TABULAR_MODELS = ("gaussian-process+trees", "gaussian-process")
"""Choices of the models that are averaged with the networks."""


class Ranker(RegressorMixin, BaseEstimator):
    """Learns from measured architectures which of two will train better.

    Several graph neural networks (`members`) read the encoded architectures and are averaged; a Gaussian
    process and randomised trees on analytic features of the graphs (`tabular`) join them. Follows the
    conventions of scikit-learn. Everything random comes from `seed`.

    Args:
        head: what is learnt: ``"utility"`` (one number an architecture, Rao-Kupper model of pairs),
            ``"pairwise"`` (a network that reads two embeddings and chooses among worse, about equal and
            better) or ``"regression"`` (margin ranking loss and squared error).
        layers: the aggregator of each GraphSAGE layer: ``"sum"``, ``"mean"``, ``"pool"`` or ``"lstm"``; or
            a `Layer`, which also says its width and which layers it reads. The default is the outcome of an
            evolution, the shipped genome ``four-tables``.
        width: width of the embedding, and of layers that do not say theirs.
        readout: how vertices become one vector, side by side: ``"max"``, ``"mean"``, ``"sum"``,
            ``"output"``, ``"sort1"`` to ``"sort3"``.
        bidirectional: whether layers also pass results against the edges.
        analytic: whether the networks also read the analytic features.
        members: number of networks that are averaged.
        tabular: ``"gaussian-process+trees"``, ``"gaussian-process"``, or None for the networks alone.
        epochs: passes over the training data; None chooses by its size.
        batch_size: architectures a batch, all pairs of which are compared; None chooses by the size of the
            data.
        learning_rate: at the top of its one cycle.
        weight_decay: of AdamW.
        dropout: share of the embedding dropped while training.
        norm: whether each layer is followed by layer normalisation.
        residual: whether the result of a layer is added to its input where widths agree.
        reads: which layers the read-out summarises, 0 being the input; None the last one.
        columns: gives numbers of the caller's own, ``(architectures, columns)``, that join the analytic
            features, such as `egraph.evaluation.ZeroCost.columns`; called with architectures in fitting and
            in each prediction, in the calling thread. Where it gives NaN the median of the training data
            stands, and a mark. It is not saved, and must be given again to `egraph.load`.
        eps: scores no further apart are about equal, in units of the scores; None takes a fiftieth of the
            interquartile range.
        folds: of the training data, each held out of a few brief trainings to learn how far off predictions
            are, and how much networks, process and trees should count; 0 spares these, and takes errors for
            those of a normal distribution.
        seed: of weights, batches, dropout and folds.

    Attributes:
        vocabulary_: the operations of the training data.
        eps_: the margin that was used.
        n_trials_: number of architectures that it was fitted on.
        largest_: number of vertices of the largest of these.
        calibration_: how far measured scores lie from predicted ones.
        card: what `save` was told about this ranker, or the file it was loaded from.
    """

    def __init__(
        self,
        *,
        head: str = "utility",
        layers: Sequence[str | Layer] = EVOLVED,
        width: int = 48,
        readout: Sequence[str] = ("output", "sum", "max"),
        bidirectional: bool = True,
        analytic: bool = True,
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
    ) -> None:
        self.head = head
        self.layers = layers
        self.width = width
        self.readout = readout
        self.bidirectional = bidirectional
        self.analytic = analytic
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

    @property
    def card(self) -> Mapping[str, Any]:
        """The model card: JSON-ready values that describe where this ranker comes from."""
        return getattr(self, "card_", {})

    def fit(
        self,
        architectures: Iterable[Architecture],
        scores: ArrayLike,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Ranker:
        """Learns from measured architectures.

        Args:
            architectures: at least two.
            scores: ``(architectures,)``, finite, higher is better, not all equal.
            progress: called with training steps done and steps in all.

        Raises:
            UsageError: an argument is not as said above, or a parameter of the constructor makes no ranker.
        """
        if self.tabular is not None and self.tabular not in TABULAR_MODELS:
            raise UnknownNameError("tabular models", self.tabular, TABULAR_MODELS)
        graphs, values = read_training_data(architectures, scores)
        if self.folds < 0 or self.folds == 1:
            raise UsageError(f"folds must be 0 or at least 2, got {self.folds}")
        self.vocabulary_ = Vocabulary.of(graphs)
        encoding = encode(graphs, self.vocabulary_)
        groups = self.vocabulary_.feature_groups
        self.filling_: Filling | None = None
        if self.columns is not None:
            values_of_columns = measure(self.columns, graphs)
            self.filling_ = Filling.fit(values_of_columns)
            encoding = encoding.widen(self.filling_.fill(values_of_columns))
            groups = groups + self.filling_.groups
        standardiser = Standardiser.fit(encoding.features)
        self.scale_ = Scale.fit(values)
        self.eps_ = self._choose_eps(values)
        self.n_trials_ = len(values)
        self.largest_ = max(a.num_vertices for a in graphs)
        self.card_: Mapping[str, Any] = {}
        plan = Plan(
            shape=self.network_shape(self.vocabulary_.vertex_width, len(standardiser.kept)),
            standardiser=standardiser,
            groups=[groups[position] for position in standardiser.kept],
            tabular=self.tabular is not None,
            trees=self.tabular == "gaussian-process+trees",
            schedule=self._schedule(len(values)),
            margin=self.eps_,
            folds=self.folds,
            seed=self.seed,
        )
        with threads_limited(1):
            self.scorer_, self.calibration_ = fit_scorer(plan, encoding, values, progress)
        return self

    def predict(
        self, architectures: Iterable[Architecture] | Encoding, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Predicted scores in units of the training scores, ``(architectures,)``; higher is better.

        With the heads ``utility`` and ``regression`` this is the averaged utility, put on the scale of the
        scores by a strictly increasing map. With ``pairwise`` it is, put on that scale, the mean over (at
        most 256) training architectures of P(better than it) - P(worse than it).

        Args:
            architectures: what to score; any number of them, memory stays bounded.
            return_std: also give the standard deviation of measured scores around the prediction: 68 % of
                them are expected no further away. It comes from the disagreement of members and tabular,
                and was calibrated on held-out folds of the training data.

        Raises:
            UsageError: the ranker is not fitted yet.
            ArchitectureError: an operation is unknown.

        Warns:
            OutOfDistributionWarning: an architecture has operations, or a size, that the training data lacks.
        """
        self._check_fitted()
        if not return_std:
            scores = self._of_each(
                lambda part: self.scale_.to_scores(self.scorer_.latent(part)), architectures
            )
            return np.concatenate([np.zeros(0), *scores])
        latent, deviation = self._latent_with_deviation(architectures)
        deviation *= self.calibration_.factor(ONE_DEVIATION)
        above, below = self.scale_.to_scores(latent + deviation), self.scale_.to_scores(latent - deviation)
        return self.scale_.to_scores(latent), (above - below) / 2

    def intervals(
        self, architectures: Iterable[Architecture] | Encoding, level: float = 0.8
    ) -> tuple[Floats, Floats]:
        """Between which scores a measured one will lie, with some probability.

        Args:
            architectures: any number of them.
            level: the probability.

        Returns:
            The lower and the upper ends, ``(architectures,)`` each, in units of the training scores. They are
            not symmetric around the prediction where scores lie closer together on one side of it.

        Raises:
            UsageError: the level is not between 0 and 1, or the ranker is not fitted yet.
            ArchitectureError: an operation is unknown.

        Warns:
            OutOfDistributionWarning: an architecture has operations, or a size, that the training data lacks.
        """
        self._check_fitted()
        if not 0 < level < 1:
            raise UsageError(f"level must be between 0 and 1, got {level}")
        latent, deviation = self._latent_with_deviation(architectures)
        half = deviation * self.calibration_.factor(level)
        return self.scale_.to_scores(latent - half), self.scale_.to_scores(latent + half)

    @property
    def coverage_(self) -> dict[float, float]:
        """Share of held-out scores in the intervals of each level, measured while fitting.

        NaN where nothing was held out: too few architectures, or ``folds=0``.
        """
        return dict(zip(LEVELS, self.calibration_.coverage.tolist(), strict=True))

    def __call__(self, architectures: Iterable[Architecture]) -> Floats:
        """`predict` without its warning: a fitted ranker is a fitness, and searches go where nobody was."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutOfDistributionWarning)
            scores = self.predict(architectures)
        assert isinstance(scores, np.ndarray)
        return scores

    def compare(self, a: Iterable[Architecture], b: Iterable[Architecture]) -> Floats:
        """Probabilities that each of ``a`` is worse than, about equal to, better than its partner in ``b``.

        Returns:
            ``(pairs, 3)``, rows sum to 1; exchanging ``a`` and ``b`` exchanges the outer columns.

        Raises:
            UsageError: the two are not of one length, or the ranker is not fitted yet.
            ArchitectureError: an operation is unknown.
        """
        self._check_fitted()
        first, second = as_architectures(a), as_architectures(b)
        if len(first) != len(second):
            raise UsageError(f"compare takes pairs, got {len(first)} and {len(second)} architectures")
        rows = [np.zeros((0, 3))]
        chunks = (slice(start, start + CHUNK) for start in range(0, len(first), CHUNK))
        encodings = (self._encode(first[part] + second[part]) for part in chunks)
        for both in warn_of_unlike(((both, both) for both in encodings), self.largest_, stacklevel=2):
            half = np.arange(len(both) // 2)
            rows.append(self.scorer_.compare(both.take(half), both.take(half + len(half))))
        return np.concatenate(rows)

    def score(
        self, architectures: Iterable[Architecture], scores: ArrayLike, sample_weight: None = None
    ) -> float:
        """Kendall's tau-b between predicted and measured scores.

        Raises:
            UsageError: scores are not finite, or not as many as architectures; or the ranker is not fitted
                yet.
        """
        graphs = as_architectures(architectures)
        return float(kendalltau(read_scores(scores, len(graphs)), self.predict(graphs)).statistic)

    def features(self, architectures: Iterable[Architecture]) -> Floats:
        """Analytic features, standardised on the training data, ``(architectures, features)``.

        Raises:
            UsageError: the ranker is not fitted yet.
            ArchitectureError: an operation is unknown.
        """
        self._check_fitted()
        standardiser = self.scorer_.standardiser
        encodings = map(self._encoded, in_parts(architectures))
        parts = [standardiser.transform(encoding.features) for encoding in encodings]
        return np.concatenate([np.zeros((0, len(standardiser.kept))), *parts])

    def familiarity(self, architectures: Iterable[Architecture]) -> list[Familiarity]:
        """How far outside of the training data each architecture lies.

        Raises:
            UsageError: the ranker is not fitted yet.
            ArchitectureError: an operation is unknown.
        """
        self._check_fitted()
        return familiarity(self, architectures)

    def encode(self, architectures: Iterable[Architecture]) -> Encoding:
        """What the networks read; `predict` also takes this, to score the same architectures several times.

        Raises:
            UsageError: the ranker is not fitted yet.
            ArchitectureError: an operation is unknown.
        """
        self._check_fitted()
        return self._encode(as_architectures(architectures))

    def save(self, path: str | os.PathLike[str], card: Mapping[str, Any] | None = None) -> None:
        """Writes the ranker to one file: tensors and JSON, whole or not at all; not its `columns`.

        Args:
            path: where to.
            card: JSON-ready values that describe where the ranker comes from.

        Raises:
            UsageError: the ranker is not fitted yet, or the card is not JSON-ready.
            FailedError: the file cannot be written.
        """
        self._check_fitted()
        save(self, path, card)

    def to_onnx(self, path: str | os.PathLike[str], *, precision: str = "float32") -> Exported:
        """Writes the ranker as an ONNX file, which `egraph.export.OnnxRanker` calls without PyTorch.

        The file is checked against this ranker before it is left; see `egraph.export.save_onnx`.

        Args:
            path: where to.
            precision: of the networks' weights, one of ``"float32"``, ``"float16"`` and ``"int8"``.

        Raises:
            UsageError: the ranker is not fitted yet, or reads columns of its caller; or the precision is
                unknown.
            MissingExtraError: a package that writes ONNX is not installed.
            FailedError: the file cannot be written, or does not say what the ranker says.
        """
        # Exporters import the rankers, so they are looked up by name.
        exported: Exported = importlib.import_module("egraph.export").save_onnx(
            self, path, precision=precision
        )
        return exported

    def network_shape(self, vertex_features: int, graph_features: int) -> NetworkShape:
        """The sizes of the networks that the parameters ask for.

        Args:
            vertex_features: width of a vertex of the encoding.
            graph_features: number of analytic features that vary.

        Raises:
            UsageError: the parameters make no network.
        """
        return NetworkShape(
            members=self.members,
            vertex_features=vertex_features,
            graph_features=graph_features if self.analytic else 0,
            # A ranker that comes from a file has lists where it had layers.
            layers=tuple(layer if isinstance(layer, str) else Layer(*layer) for layer in self.layers),
            width=self.width,
            readout=tuple(self.readout),
            head=self.head,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
            norm=self.norm,
            residual=self.residual,
            reads=None if self.reads is None else tuple(self.reads),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "scorer_")

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise UsageError("this Ranker is not fitted yet; call fit(architectures, scores) first")

    def _latent_with_deviation(
        self, architectures: Iterable[Architecture] | Encoding
    ) -> tuple[Floats, Floats]:
        pairs = self._of_each(lambda part: np.stack(self.scorer_.latent_with_deviation(part)), architectures)
        latent, deviation = np.concatenate([np.zeros((2, 0)), *pairs], axis=1)
        return latent, deviation

    def _encoded(self, part: Encoding | list[Architecture]) -> Encoding:
        return part if isinstance(part, Encoding) else self._encode(part)

    def _encode(self, graphs: list[Architecture]) -> Encoding:
        """What the parts of the scorer read, the columns of the caller included."""
        encoding = encode(graphs, self.vocabulary_)
        if self.columns is None or self.filling_ is None:
            return encoding
        # A function need not be able to say nothing of nothing.
        values = measure(self.columns, graphs) if graphs else np.zeros((0, len(self.filling_.medians)))
        return encoding.widen(self.filling_.fill(values))

    def _of_each(
        self, score: Callable[[Encoding], Floats], architectures: Iterable[Architecture] | Encoding
    ) -> list[Floats]:
        """What `score` gives for one part after another of the architectures."""

        def work(part: Encoding | list[Architecture]) -> tuple[Encoding, Floats]:
            encoding = self._encoded(part)
            return encoding, score(encoding)

        parts = in_parts(architectures)
        if self.columns is not None:
            parts = map(self._encoded, parts)  # read by the calling thread: the function may not bear others
        return list(warn_of_unlike(in_threads(work, parts), self.largest_, stacklevel=3))

    def _choose_eps(self, values: Floats) -> float:
        if self.eps is not None:
            if not (np.isfinite(self.eps) and self.eps >= 0):
                raise UsageError(f"eps must be a finite number of at least 0, got {self.eps}")
            return float(self.eps)
        low, high = np.quantile(values, [0.25, 0.75])
        return float(high - low) / 50

    def _schedule(self, count: int) -> Schedule:
        epochs = self.epochs if self.epochs is not None else (120 if count < 2000 else 80)
        batch = self.batch_size if self.batch_size is not None else (32 if count < 1000 else 64)
        if epochs < 1 or batch < 2:
            raise UsageError(f"epochs must be at least 1 and batch_size at least 2, got {epochs} and {batch}")
        return Schedule(epochs, batch, self.learning_rate, self.weight_decay)
