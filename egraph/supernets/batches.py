"""Endless batches of a part of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from egraph.errors import UsageError
from egraph.training import Augmentation, augment

__all__ = ["Batches", "halve"]


class Batches:
    """Batches of examples, pass after pass; each pass has its own random order.

    An iterator that was made anew at each step would always give the first batch of an order. This one goes
    on where it was, also after `load_state_dict`.

    Of several workers each takes its part of one larger batch, in an order that all share.

    Args:
        inputs: Inputs, ``(examples, ...)``.
        targets: Targets, ``(examples,)``, on the same device.
        size: Examples of a batch. A pass leaves out the examples that do not fill one.
        augmentation: Random changes of the inputs.
        seed: Seed of order and changes.
        worker: Number of this worker.
        workers: Number of workers.

    Raises:
        UsageError: There are fewer examples than a batch has.
    """

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        size: int,
        augmentation: Augmentation,
        seed: int,
        worker: int = 0,
        workers: int = 1,
    ) -> None:
        if len(inputs) < size * workers:
            raise UsageError(
                f"a batch of {size * workers} needs as many examples, but there are {len(inputs)}; weights "
                "and probabilities train on a half of the training part each: take a smaller batch_size"
            )
        self._inputs, self._targets, self._size = inputs, targets, size
        self._augmentation, self._seed = augmentation, seed
        self._worker, self._workers = worker, workers
        self._generator = torch.Generator().manual_seed(seed)
        self._order = torch.empty(0, dtype=torch.long)
        self._done = self._passes = 0

    def __len__(self) -> int:
        """Batches of one pass."""
        return len(self._inputs) // (self._size * self._workers)

    def __next__(self) -> tuple[Tensor, Tensor]:
        """The next batch: inputs and targets."""
        whole = self._size * self._workers
        if self._done + whole > len(self._order):
            self._order = torch.randperm(len(self._inputs), generator=self._generator)
            self._done, self._passes = 0, self._passes + 1
        first = self._done + self._worker * self._size
        rows = self._order[first : first + self._size].to(self._inputs.device)
        self._done += whole
        # A generator of its own for each batch and worker: the state of the pass is the same for all workers.
        changes = np.random.SeedSequence([self._seed, self._passes, first]).generate_state(1)
        generator = torch.Generator().manual_seed(int(changes[0]))
        return augment(self._inputs[rows], self._augmentation, generator), self._targets[rows]

    def state_dict(self) -> dict[str, Any]:
        """Where the pass is, as tensors and numbers."""
        return {
            "generator": self._generator.get_state(),
            "order": self._order,
            "done": self._done,
            "passes": self._passes,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self._generator.set_state(state["generator"].cpu())
        self._order, self._done, self._passes = state["order"].cpu(), state["done"], state["passes"]


def halve(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Numbers of the examples that train weights, and of those that train probabilities: two halves."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[: count - count // 2].sort().values, order[count - count // 2 :].sort().values
