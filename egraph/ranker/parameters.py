"""What the parameters of a `Ranker` ask for: shape and training of its networks."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from egraph.checks import check_flag, check_not_negative, check_positive, check_whole, to_plain
from egraph.errors import UnknownNameError, UsageError, shorten
from egraph.ranker.fitting import Plan
from egraph.ranker.network import Layer, NetworkShape
from egraph.ranker.scale import Standardiser
from egraph.ranker.training import Schedule

if TYPE_CHECKING:
    from egraph.ranker.ranker import Ranker

__all__ = [
    "TABULAR_MODELS",
    "check_eps",
    "check_tabular",
    "make_plan",
    "make_shape",
    "settle_parameters",
]

_GAUSSIAN_PROCESS_AND_TREES = "gaussian-process+trees"
TABULAR_MODELS = (_GAUSSIAN_PROCESS_AND_TREES, "gaussian-process")
"""Choices of the models that are averaged with the networks."""


def settle_parameters(model: BaseEstimator) -> None:
    """Checks the kinds of a model's parameters, and turns numbers of NumPy into Python's.

    The default of a parameter in the constructor is of the kind that its values must have.

    Raises:
        UsageError: A parameter is of another kind than its default; the text names it.
    """
    for name, parameter in inspect.signature(type(model).__init__).parameters.items():
        default = parameter.default
        if name in ("self", "columns", "prior") or not hasattr(model, name):
            continue
        value = to_plain(getattr(model, name))
        if isinstance(default, bool):
            check_flag(**{name: value})
        elif isinstance(default, int) and (not isinstance(value, int) or isinstance(value, bool)):
            raise UsageError(f"{name} must be a whole number, got {shorten(value)}")
        elif isinstance(default, float) and (not isinstance(value, int | float) or isinstance(value, bool)):
            raise UsageError(f"{name} must be a number, got {shorten(value)}")
        if value is not getattr(model, name):
            setattr(model, name, value)


def check_tabular(ranker: Ranker) -> None:
    """Checks the name of the tabular models.

    Raises:
        UnknownNameError: The name is unknown.
    """
    if ranker.tabular is not None and ranker.tabular not in TABULAR_MODELS:
        raise UnknownNameError("tabular models", ranker.tabular, TABULAR_MODELS)


def make_plan(ranker: Ranker, standardiser: Standardiser, groups: Sequence[str]) -> Plan:
    """The plan of a fit.

    Args:
        ranker: Ranker that has measured its training data.
        standardiser: Fitted standardiser of the analytic features.
        groups: Group of each analytic feature; see `GaussianProcess.fit`.

    Raises:
        UsageError: The parameters describe no network or no training.
    """
    return Plan(
        shape=make_shape(ranker, ranker.vocabulary_.vertex_width, len(standardiser.kept)),
        standardiser=standardiser,
        groups=[groups[position] for position in standardiser.kept],
        tabular=ranker.tabular is not None,
        trees=ranker.tabular == _GAUSSIAN_PROCESS_AND_TREES,
        measured=ranker.vocabulary_.measured,
        schedule=_make_schedule(ranker),
        folds=ranker.folds,
        seed=ranker.seed,
    )


def make_shape(ranker: Ranker, vertex_features: int, graph_features: int) -> NetworkShape:
    """The sizes of the networks.

    Args:
        ranker: Ranker with the parameters.
        vertex_features: Number of features of a vertex.
        graph_features: Number of analytic features that vary.

    Raises:
        UsageError: The parameters describe no network.
    """
    return NetworkShape(
        members=ranker.members,
        vertex_features=vertex_features,
        graph_features=graph_features if ranker.analytic else 0,
        # The JSON of a file turns each `Layer` into a list.
        layers=tuple(
            layer if isinstance(layer, str) else Layer(*_read_list("a layer", layer))
            for layer in _read_list("layers", ranker.layers)
        ),
        width=ranker.width,
        readout=_read_list("readout", ranker.readout),
        head=ranker.head,
        bidirectional=ranker.bidirectional,
        dropout=ranker.dropout,
        norm=ranker.norm,
        residual=ranker.residual,
        reads=None if ranker.reads is None else _read_list("reads", ranker.reads),
    )


def _read_list(name: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise UsageError(f"{name} must be a list or a tuple, got {shorten(value)}")
    return tuple(value)


def check_eps(ranker: Ranker) -> None:
    """Checks the margin of a tie.

    Raises:
        UsageError: The parameter ``eps`` is negative or not finite.
    """
    if ranker.eps is not None and not (np.isfinite(ranker.eps) and ranker.eps >= 0):
        raise UsageError(f"eps must be a finite number of at least 0, got {ranker.eps}")


def _make_schedule(ranker: Ranker) -> Schedule:
    count = ranker.n_trials_
    for name in ("epochs", "batch_size"):
        if (value := getattr(ranker, name)) is not None:
            check_whole(0, **{name: value})
    epochs = ranker.epochs if ranker.epochs is not None else (120 if count < 2000 else 80)
    batch = ranker.batch_size if ranker.batch_size is not None else (32 if count < 1000 else 64)
    if epochs < 1 or batch < 2:
        raise UsageError(f"epochs must be at least 1 and batch_size at least 2, got {epochs} and {batch}")
    check_positive(learning_rate=ranker.learning_rate)
    check_not_negative(weight_decay=ranker.weight_decay)
    return Schedule(epochs, batch, ranker.learning_rate, ranker.weight_decay)
