"""RSPS: random search with weight sharing, the baseline of all methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from egraph.checks import check_whole
from egraph.supernets.methods.base import Method
from egraph.supernets.mixing import Sample
from egraph.supernets.supernet import Supernet

if TYPE_CHECKING:
    from egraph.supernets.run import Run

__all__ = ["RandomSharing"]


class RandomSharing(Method):
    """Trains a random path in each step and no logits; then paths are compared by the shared weights.

    After each epoch, random paths are measured on the same batches of the second half. The probability of an
    operation is the weight of the paths that have it: 1/2 for the best, 1/4 for the next, and so on, so that
    the most probable operations are those of the best path.

    Args:
        paths: Number of paths that are measured after each epoch.
        batches: Number of batches on which they are measured.

    References:
        Li and Talwalkar, "Random Search and Reproducibility for Neural Architecture Search", UAI 2019,
        https://arxiv.org/abs/1902.07638
    """

    name = "rsps"
    learns = False

    def __init__(self, *, paths: int = 100, batches: int = 1) -> None:
        check_whole(1, paths=paths, batches=batches)
        self.paths, self.batches = paths, batches
        self._found: dict[str, NDArray[np.float64]] = {}

    def sample(self, supernet: Supernet, progress: float, generator: torch.Generator) -> Sample:
        """One random option at each position, with weight 1."""
        weights, live = {}, {}
        for name, logits in supernet.logits.items():
            weights[name] = torch.ones_like(logits)
            live[name] = (int(torch.randint(len(logits), (), generator=generator)),)
        return Sample(weights, live)

    @torch.no_grad()
    def end_epoch(self, run: Run) -> None:
        """Measures random paths."""
        batches = [next(run.validation) for _ in range(self.batches)]
        shares, paths = [], []
        for _ in range(self.paths):
            sample = run.draw()
            run.supernet.use(sample)
            shares.append(torch.stack([run.loss(batch)[1] for batch in batches]).mean())
            paths.append(sample.live)
        accuracies = torch.stack(shares)
        run.workers.average([accuracies])
        self._found = {name: np.zeros(len(each)) for name, each in run.supernet.logits.items()}
        for rank, number in enumerate(torch.argsort(accuracies, descending=True, stable=True).tolist()):
            for name, (option,) in paths[number].items():
                self._found[name][option] += 0.5 ** (rank + 1)

    def probabilities(self, supernet: Supernet) -> dict[str, NDArray[np.float64]]:
        """Those of the paths that did best after the last epoch; all equal before."""
        even = {name: np.ones(len(each)) for name, each in supernet.logits.items()}
        return {name: each / each.sum() for name, each in (self._found or even).items()}

    def state_dict(self) -> dict[str, Any]:
        """The probabilities."""
        return {name: each.tolist() for name, each in self._found.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self._found = {name: np.array(each) for name, each in state.items()}
