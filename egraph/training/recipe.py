"""Settings of a training, as a value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from egraph.errors import UsageError
from egraph.training.augmentation import PRESETS, Augmentation
from egraph.training.schedules import SCHEDULES

__all__ = ["Recipe"]

CHOICES = {
    "optimizer": ("adam", "adamw", "sgd"),
    "schedule": tuple(SCHEDULES),
    "augment": tuple(PRESETS),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of a training. Scores of architectures are comparable if they share a recipe.

    Attributes:
        epochs: Number of passes over the training examples.
        batch_size: Number of examples in a step. An epoch leaves out the examples that do not fill a batch.
        optimizer: ``adam``, ``adamw`` or ``sgd``.
        learning_rate: Learning rate at the peak of the schedule.
        momentum: Momentum of ``sgd``.
        nesterov: Whether ``sgd`` uses Nesterov's momentum.
        weight_decay: Weight decay, decoupled in ``adamw`` and an L2 penalty in the others.
        schedule: ``one-cycle`` (rises from a tenth for a quarter of the steps, then falls to 0 along a
            cosine), ``cosine`` (falls to 0) or ``constant``.
        augment: ``none``, ``shift`` (by up to an eighth of each side, zeros fill the gap), ``flip-shift``
            (half of the images are also mirrored), or an `Augmentation` or a mapping of its fields.
        channels: Width of the network, in spaces that offer a choice; None selects the default of the space.

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

    def __post_init__(self) -> None:
        if isinstance(self.augment, Mapping):
            known = [field.name for field in fields(Augmentation)]
            for name in self.augment:
                if name not in known:
                    raise UsageError(f"augment has no field {name!r}; it has {', '.join(known)}")
            object.__setattr__(self, "augment", Augmentation(**self.augment))
        for name, choices in CHOICES.items():
            if name == "augment" and isinstance(self.augment, Augmentation):
                continue
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}")
        for name, least in (("epochs", 1), ("batch_size", 2), ("channels", 1)):
            value = getattr(self, name)
            if value is None and name == "channels":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise UsageError(f"{name} must be a whole number of at least {least}; got {value!r}")
        if not (_is_number(self.learning_rate) and self.learning_rate > 0):
            raise UsageError(f"learning_rate must be a positive number; got {self.learning_rate!r}")
        if not (_is_number(self.momentum) and 0 <= self.momentum < 1):
            raise UsageError(f"momentum must be a number of at least 0 and below 1; got {self.momentum!r}")
        if not isinstance(self.nesterov, bool):
            raise UsageError(f"nesterov must be True or False; got {self.nesterov!r}")
        if not (_is_number(self.weight_decay) and self.weight_decay >= 0):
            raise UsageError(f"weight_decay must be a number of at least 0; got {self.weight_decay!r}")

    @property
    def augmentation(self) -> Augmentation:
        """The augmentation that ``augment`` names."""
        return PRESETS[self.augment] if isinstance(self.augment, str) else self.augment

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values; ``Recipe(**fields)`` restores an equal recipe."""
        return asdict(self)

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0, in a training of ``steps`` steps."""
        return self.learning_rate * SCHEDULES[self.schedule](step, steps)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
