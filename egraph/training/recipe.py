"""Settings of a training, as a value."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any

from egraph.checks import to_plain
from egraph.errors import UnknownNameError, UsageError, shorten, suggest
from egraph.training.augmentation import PRESETS, Augmentation
from egraph.training.schedules import SCHEDULES, share_of_peak

__all__ = ["Recipe"]

CHOICES = {
    "optimizer": ("adam", "adamw", "sgd", "adamax", "rmsprop", "adagrad", "adadelta"),
    "schedule": tuple(SCHEDULES),
    "augment": tuple(PRESETS),
}


RATES = {
    "adam": (1e-3, 0.0),
    "adamw": (1e-3, 1e-2),
    "sgd": (1e-3, 0.0),
    "adamax": (2e-3, 0.0),
    "rmsprop": (1e-2, 0.0),
    "adagrad": (1e-2, 0.0),
    "adadelta": (1.0, 0.0),
}
"""Learning rate and weight decay of each optimizer in PyTorch."""

_NEW = (
    "cells",
    "warmup",
    "floor",
    "clip_norm",
    "label_smoothing",
    "ema",
    "mixup",
    "stop_loss",
    "cutout",
    "erase",
    "drop_path",
    "auxiliary",
)
"""Fields that earlier versions lack; `Recipe.to_dict` leaves them out where they have their default."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of a training. Scores of architectures are comparable if they share a recipe.

    Attributes:
        epochs: Number of passes over the training examples.
        batch_size: Number of examples in a step. An epoch leaves out the examples that do not fill a batch.
        optimizer: ``adam``, ``adamw``, ``sgd``, ``adamax``, ``rmsprop``, ``adagrad`` or ``adadelta``, with
            the settings of PyTorch but those below.
        learning_rate: Learning rate at the peak of the schedule.
        momentum: Momentum of ``sgd``.
        nesterov: Whether ``sgd`` uses Nesterov's momentum.
        weight_decay: Weight decay, decoupled in ``adamw`` and an L2 penalty in the others.
        schedule: ``one-cycle`` (rises from a tenth for a quarter of the steps, then falls to 0 along a
            cosine), ``cosine`` (falls to 0) or ``constant``.
        augment: ``none``, ``shift`` (by up to an eighth of each side, zeros fill the gap), ``flip-shift``
            (half of the images are also mirrored), or an `Augmentation` or a mapping of its fields.
        channels: Width of the network, in spaces that offer a choice; None selects the default of the space.
        cells: Number of cells of the network, in spaces that offer a choice; None selects the default.
        warmup: Share of the steps in which the rate first rises linearly; the schedule spans the others.
        floor: Share of ``learning_rate`` that the schedule falls to instead of 0.
        clip_norm: Largest norm of the gradient of all weights; longer ones are scaled down. None does not.
        label_smoothing: Share of a target that is spread evenly over all classes (Szegedy et al. 2016).
        ema: Decay of the moving average of the weights that replaces them at the end; 0 averages nothing.
        mixup: Parameter of the beta distribution by which pairs of examples and of their losses are mixed
            (Zhang et al. 2018); 0 mixes nothing.
        drop_path: Probability, at the end of the training, that a path of a cell is dropped for an example
            (Larsson et al. 2017); it rises linearly, epoch by epoch, from 0. Only in spaces that offer it.
        auxiliary: Weight of the loss of an auxiliary head (Szegedy et al. 2015), which only training has; 0
            has none. Only in spaces that offer it.
        stop_loss: A training fails, as diverged, after an epoch whose mean loss is more than this many times
            the loss of its first batch, or of 1 if that is more, which is about the loss of a guess; None
            stops only where the loss is NaN or infinite.

    Raises:
        UsageError: A field is out of its range; the text names it.
    """

    epochs: int = 20
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 4e-3
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 1e-2
    schedule: str = "one-cycle"
    augment: str | Augmentation = "none"
    channels: int | None = None
    cells: int | None = None
    warmup: float = 0.0
    floor: float = 0.0
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    ema: float = 0.0
    mixup: float = 0.0
    stop_loss: float | None = 10.0
    drop_path: float = 0.0
    auxiliary: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, to_plain(getattr(self, field.name)))
        if isinstance(self.augment, Mapping):
            known = [field.name for field in fields(Augmentation)]
            for name in self.augment:
                if name not in known:
                    raise UnknownNameError("field of an augmentation", name, known)
            object.__setattr__(self, "augment", Augmentation(**self.augment))
        for name, choices in CHOICES.items():
            if name == "augment" and isinstance(self.augment, Augmentation):
                continue
            if getattr(self, name) not in choices:
                value = getattr(self, name)
                hint = suggest(value, choices)
                raise UsageError(
                    f"{name} must be one of {', '.join(choices)}; got {shorten(value)}"
                    + (f". {hint}" if hint else "")
                )
        for name, least in (("epochs", 1), ("batch_size", 2), ("channels", 1), ("cells", 1)):
            value = getattr(self, name)
            if value is None and name in ("channels", "cells"):
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UsageError(f"{name} must be a whole number of at least {least}; got {shorten(value)}")
        if not (_is_number(self.learning_rate) and self.learning_rate > 0):
            raise UsageError(f"learning_rate must be a positive number; got {shorten(self.learning_rate)}")
        if not (_is_number(self.momentum) and 0 <= self.momentum < 1):
            raise UsageError(
                f"momentum must be a number of at least 0 and below 1; got {shorten(self.momentum)}"
            )
        if not isinstance(self.nesterov, bool):
            raise UsageError(f"nesterov must be True or False; got {shorten(self.nesterov)}")
        for name in ("warmup", "floor", "label_smoothing", "ema", "drop_path"):
            value = getattr(self, name)
            if not (_is_number(value) and 0 <= value < 1):
                raise UsageError(f"{name} must be a number of at least 0 and below 1; got {shorten(value)}")
        for name in ("clip_norm", "stop_loss"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value > 0):
                raise UsageError(f"{name} must be a positive number; got {shorten(value)}")
        for name in ("weight_decay", "mixup", "auxiliary"):
            value = getattr(self, name)
            if not (_is_number(value) and value >= 0):
                raise UsageError(f"{name} must be a number of at least 0; got {shorten(value)}")

    @property
    def parts(self) -> dict[str, bool]:
        """Options of a network with parts that only this training needs, such as an auxiliary head."""
        return {name: True for name in ("auxiliary", "drop_path") if getattr(self, name)}

    @property
    def augmentation(self) -> Augmentation:
        """The augmentation that ``augment`` names."""
        return PRESETS[self.augment] if isinstance(self.augment, str) else self.augment

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values; ``Recipe(**fields)`` restores an equal recipe.

        Fields that earlier versions lack are left out at their default, so that journals stay the same.
        """
        unset = {
            field.name: field.default
            for kind in (Recipe, Augmentation)
            for field in fields(kind)
            if field.name in _NEW and field.default is not MISSING
        }

        def known(values: Mapping[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in values.items() if unset.get(name, MISSING) != value}

        values = known(asdict(self))
        return values | {"augment": known(values["augment"])} if not isinstance(self.augment, str) else values

    def changed(self, **changes: Any) -> Recipe:
        """A recipe with other values of some fields.

        Another optimizer brings PyTorch's own learning rate and weight decay of it (`RATES`), unless they are
        among the changes.

        Raises:
            UnknownNameError: There is no such field.
            UsageError: A field is out of its range.
        """
        known = [field.name for field in fields(self)]
        for name in changes:
            if name not in known:
                raise UnknownNameError("field of a recipe", name, known)
        optimizer = changes.get("optimizer", self.optimizer)
        if optimizer != self.optimizer and optimizer in CHOICES["optimizer"]:
            rate, decay = RATES[optimizer]
            changes = {"learning_rate": rate, "weight_decay": decay, **changes}
        return replace(self, **changes)

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0, in a training of ``steps`` steps."""
        share = share_of_peak(self.schedule, step, steps, warmup=self.warmup, floor=self.floor)
        return self.learning_rate * share


def _is_number(value: object) -> bool:
    """Whether a value is a number that a float can be."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max  # false for NaN
    )
