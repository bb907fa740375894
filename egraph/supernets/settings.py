"""Settings of the training of a supernet, as a value."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from egraph.checks import check_not_negative, check_positive, check_whole
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


@dataclass(frozen=True)
class Settings:
    """How a supernet is trained; the defaults are those of DARTS.

    Attributes:
        weights: Recipe of the weights. Its ``channels`` and ``cells`` are those of the supernet.
        rate: Learning rate of the logits, which Adam trains.
        decay: L2 penalty of the logits.
        betas: Decay rates of the moments of Adam.
        parts: Number of parts of the channels, one of which is mixed; 1 mixes all.
        patience: Stops after so many epochs in a row in which a switch asks for it; see ``stop``.
        stop: Early stop: ``none``, ``skips`` (a cell has two skip connections or more) or ``eigenvalue`` (the
            largest eigenvalue of the Hessian of the validation loss in the logits grows by a third).
        perturb: Half width of the uniform noise that is added to the weights of the operations while the
            network's weights are trained (SmoothDARTS); 0 for none.

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
    parts: int = 1
    patience: int = 1
    stop: str = "none"
    perturb: float = 0.0

    def __post_init__(self) -> None:
        check_positive(rate=self.rate)
        check_not_negative(decay=self.decay, perturb=self.perturb)
        check_whole(1, parts=self.parts, patience=self.patience)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return {**asdict(self), "weights": self.weights.to_dict(), "betas": list(self.betas)}
