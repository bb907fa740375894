"""A builder and training functions, as people write them."""

import random

import numpy as np
import torch
from torch import nn

from egraph.evaluation import Evaluation

SHAPE, CLASSES = (4,), 3


def build(choose):
    width = choose("width", 2, 3, 4, 5, 6, 7)
    activation = choose("activation", nn.ReLU, nn.Tanh, nn.GELU)
    if choose("deep", False, True):
        return nn.Sequential(nn.Linear(4, width), activation(), nn.Linear(width, width), nn.Linear(width, 3))
    choose.setting("learning_rate", 0.1, 0.01)
    return nn.Sequential(nn.Linear(4, width), activation(), nn.Linear(width, 3))


def fit(module, trial):
    """Random in all ways that a seed decides: weights, and three generators."""
    noise = torch.rand(()).item() + np.random.random() + random.random()  # noqa: NPY002
    width = next(iter(module.parameters())).shape[0]
    score = width * trial.fidelity + sum(p.sum().item() for p in module.parameters()) / 100 + noise / 100
    trial.report(1, score)
    return score


def count_folder(module, trial):
    """The number of trainings that the folder has seen, so that promoted ones differ."""
    seen = trial.folder / "seen"
    before = len(seen.read_text()) if seen.exists() else 0
    seen.write_text("x" * (before + 1))
    return before + trial.fidelity


def fit_on_data(module, trial):
    assert not trial.settings
    x, y = trial.data.validation
    with torch.no_grad():
        right = (module(torch.from_numpy(x).to(trial.device)).argmax(1).cpu().numpy() == y).mean()
    return Evaluation(right, test_score=0.5, seconds=7.0, params=1, flops=2, source="mine")


def fit_forever(module, trial):
    for epoch in range(10**6):
        trial.report(epoch, 0.5)


def diverge(module, trial):
    trial.report(3, float("nan"))


def fail(module, trial):
    return module(torch.zeros(2, 5))


def exhaust(module, trial):
    raise MemoryError


def return_nothing(module, trial):
    pass


def return_two(module, trial):
    return torch.zeros(2)


def return_text(module, trial):
    return "0.9"


def return_infinity(module, trial):
    return float("inf")


def take_one(module):
    return 1.0
