"""Settings of the training of a supernet, as a value."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from egraph.checks import check_not_negative, check_positive, check_whole
from egraph.errors import UsageError, shorten
from egraph.training import Recipe

__all__ = ["Settings", "search_recipe"]


def search_recipe(**fields: Any) -> Recipe:
    """The recipe of the weights of a supernet: that of DARTS, 50 epochs in batches of 64."""
    published: dict[str, Any] = {
        "epochs": 50,
        "batch_size": 64,
        "optimizer": "sgd",
        "learning_rate": 0.025,
        "momentum": 0.9,
        "nesterov": False,
        "weight_decay": 3e-4,
        "schedule": "cosine",
        "floor": 0.04,
        "clip_norm": 5.0,
        "stop_loss": None,
    }
    return Recipe(**{**published, **fields})


CHOICES = {"stop": ("none", "skips", "eigenvalue"), "resource": ("parameters", "multiply-adds")}


@dataclass(frozen=True)
class Settings:
    """How a supernet is trained; the defaults are those of DARTS.

    Attributes:
        weights: Recipe of the weights. Its ``channels`` and ``cells`` are those of the supernet.
        rate: Learning rate of the logits, which Adam trains.
        decay: L2 penalty of the logits.
        betas: Decay rates of the moments of Adam.
        parts: Number of parts of the channels, one of which is mixed; 1 mixes all. None is the method's own.
        patience: Stops after so many epochs in a row in which a switch asks for it; see ``stop``.
        stop: Early stop: ``none``, ``skips`` (a cell has ``skips`` skip connections or more) or
            ``eigenvalue`` (the largest eigenvalue of the Hessian of the validation loss in the logits grows
            by a third, as a mean of 5 epochs).
        skips: Number of skip connections for ``stop="skips"``.
        perturb: Half width of the uniform noise that is added to the weights of the operations while the
            network's weights are trained (SmoothDARTS); it grows linearly from a tenth of that. 0 for none.
        penalty: Factor of the expected cost, a share of the largest, that is added to the loss of the logits.
        resource: What this cost counts: ``parameters`` or ``multiply-adds`` of the operations.

    Raises:
        UsageError: A field is out of its range.

    References:
        Liu et al., https://arxiv.org/abs/1806.09055; Zela et al., "Understanding and Robustifying
        Differentiable Architecture Search", https://arxiv.org/abs/1909.09656; Chen and Hsieh, "Stabilizing
        Differentiable Architecture Search via Perturbation-based Regularization",
        https://arxiv.org/abs/2002.05283
    """

    weights: Recipe = field(default_factory=search_recipe)
    rate: float = 3e-4
    decay: float = 1e-3
    betas: tuple[float, float] = (0.5, 0.999)
    parts: int | None = None
    patience: int = 1
    stop: str = "none"
    skips: int = 2
    perturb: float = 0.0
    penalty: float = 0.0
    resource: str = "parameters"

    def __post_init__(self) -> None:
        check_positive(rate=self.rate)
        check_not_negative(decay=self.decay, perturb=self.perturb, penalty=self.penalty)
        check_whole(
            1,
            patience=self.patience,
            skips=self.skips,
            **({} if self.parts is None else {"parts": self.parts}),
        )
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                value = shorten(getattr(self, name))
                raise UsageError(f"{name} must be one of {', '.join(choices)}; got {value}")

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return {**asdict(self), "weights": self.weights.to_dict(), "betas": list(self.betas)}
