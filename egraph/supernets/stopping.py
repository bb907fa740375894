"""Early stop of the training of a supernet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from egraph.architecture import Architecture
from egraph.errors import UsageError
from egraph.supernets.second_derivatives import hessian_product
from egraph.supernets.settings import Settings

if TYPE_CHECKING:
    from egraph.supernets.methods.base import Method
    from egraph.supernets.run import Run
    from egraph.supernets.workers import Workers

__all__ = ["check_stop", "eigenvalue_grew", "largest_eigenvalue", "look", "most_skips"]

WINDOW = 5
"""Epochs whose mean eigenvalue is compared with that of as many epochs before (Zela et al.)."""

GROWTH = 0.75
"""The eigenvalue has grown too much if the former mean is less than this share of the present one."""

DENSE = 20
"""Number of logits up to which the Hessian is made whole; Lanczos needs more rows than that to converge."""


TOLERANCE = 1e-2
"""Relative error of the eigenvalue. The rule looks for a change by a third, and products take long."""


def check_stop(settings: Settings, method: Method, workers: Workers) -> None:
    """Checks that the rule fits the method and the workers.

    Raises:
        UsageError: The rule needs logits, which the method does not train, or one worker.
    """
    if settings.stop == "eigenvalue" and workers.count > 1:
        raise UsageError(
            "workers would each see another eigenvalue, and stop at different epochs; stop by 'skips' or "
            "not, or take one worker"
        )
    if settings.stop == "eigenvalue" and not method.learns:
        raise UsageError(
            f"{method.name} trains no logits, so their Hessian says nothing; stop by 'skips' or not"
        )


def look(run: Run) -> tuple[str, int | None]:
    """The reason to stop after the last epoch, and the number of the last epoch before it showed.

    The reason is empty, and the number None, if there is none.
    """
    settings, history = run.settings, run.history
    if settings.stop == "skips":
        flags = [most_skips(run, epoch.architecture) >= settings.skips for epoch in history]
        if all(flags[-settings.patience :]) and len(flags) >= settings.patience:
            reason = f"skip connections in a cell: {most_skips(run, history[-1].architecture)}"
            return reason, max(1, len(history) - settings.patience)
    if settings.stop == "eigenvalue":
        # A supernet that was built anew has another Hessian.
        values = [each.eigenvalue for each in history if each.stage == history[-1].stage]
        known = [value for value in values if value is not None]
        ends = range(len(known) - settings.patience + 1, len(known) + 1)
        if ends.start > 0 and all(eigenvalue_grew(known[:end]) for end in ends):
            reason = "the largest eigenvalue of the Hessian in the logits grew by a third"
            return reason, len(history) - WINDOW
    return "", None


def eigenvalue_grew(values: Sequence[float]) -> bool:
    """Whether the mean of the last epochs is more than a third above that of as many epochs before."""
    if len(values) < 2 * WINDOW:
        return False
    former, present = np.mean(values[-2 * WINDOW : -WINDOW]), np.mean(values[-WINDOW:])
    return bool(former < GROWTH * present)


def most_skips(run: Run, architecture: Architecture) -> int:
    """The largest number of skip connections in a cell: of the edges whose names begin alike."""
    counts: Counter[str] = Counter()
    for name, number in run.relaxation.chosen(architecture).items():
        skips = run.relaxation.positions[name].skips
        counts[re.sub(r"\d+->\d+$", "", name)] += bool(skips and skips[number])
    return max(counts.values(), default=0)


def largest_eigenvalue(run: Run) -> float:
    """The largest eigenvalue of the Hessian of the loss of a validation batch in the logits.

    Its products with vectors are exact, by double backward, in full precision.

    References:
        Zela et al., "Understanding and Robustifying Differentiable Architecture Search", ICLR 2020,
        https://arxiv.org/abs/1909.09656
    """
    run.supernet.use(run.method.smooth_sample(run.supernet, run.progress, run.generator))
    loss, _ = run.loss(next(run.validation), exact=True)
    product, size = hessian_product(loss, run.trained)
    if size <= DENSE:
        rows = np.stack([product(row) for row in np.eye(size)])
        return float(np.linalg.eigvalsh((rows + rows.T) / 2)[-1])
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    start = np.ones(size) / np.sqrt(size)
    return float(eigsh(operator, k=1, which="LA", v0=start, tol=TOLERANCE, return_eigenvectors=False)[0])
