"""Workers that train one supernet together, each on its part of the data."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from egraph.errors import EvaluationError, UsageError
from egraph.executors import WORKER

__all__ = ["ALONE", "SHARES", "SharedNorm", "Workers", "joined", "share_norms"]

SHARES = ("gradients", "weights")
"""What workers average: the gradients of each step, or weights and logits after each epoch."""


class Workers:
    """Averages tensors over the workers of a search. This one is alone; `joined` makes one of several.

    Sharing **gradients**, all workers do the same steps, as one worker would with a batch as large as all of
    theirs. Sharing **weights**, each does steps of its own, and weights, logits and the moments of their
    optimizers are averaged after each epoch, which needs far less communication.

    Args:
        share: One of `SHARES`.
        number: Number of this worker.
        count: Number of workers.

    Raises:
        UsageError: ``share`` is none of `SHARES`.

    References:
        G. Kyriakides, PhD thesis, University of Macedonia, 2022, chapter 8, algorithms 1 and 2
    """

    def __init__(self, share: str = "gradients", number: int = 0, count: int = 1) -> None:
        if share not in SHARES:
            raise UsageError(f"share must be one of {', '.join(SHARES)}, got {share!r}")
        self.share, self.number, self.count = share, number, count

    @property
    def shares_gradients(self) -> bool:
        """Whether the gradients of each step are averaged."""
        return self.count > 1 and self.share == "gradients"

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces each gradient by its mean over the workers, where they share gradients."""
        if self.shares_gradients:
            self.average([each.grad for each in parameters if each.grad is not None])

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its mean over the workers; all have the same shapes in the same order.

        Raises:
            EvaluationError: Another worker has ended.
        """
        if self.count == 1 or not tensors:
            return
        with _others_alive(), torch.no_grad():
            flat = torch.cat([each.reshape(-1) for each in tensors])
            torch.distributed.all_reduce(flat)
            flat /= self.count
            for each, part in zip(tensors, flat.split([one.numel() for one in tensors]), strict=True):
                each.copy_(part.view_as(each))

    def average_state(self, state: Mapping[str, Any]) -> None:
        """Averages all tensors of floating point in the state of an optimizer."""
        found = [
            value
            for each in state["state"].values()
            for value in each.values()
            if isinstance(value, Tensor) and value.is_floating_point()
        ]
        self.average(found)

    def agree(self) -> None:
        """Waits until all workers are here.

        Raises:
            EvaluationError: Another worker has ended.
        """
        if self.count > 1:
            with _others_alive():
                torch.distributed.barrier()


ALONE = Workers()
"""One worker that shares with nobody."""


class SharedNorm(nn.Module):
    """Batch normalisation by the statistics of the batches of all workers.

    Args:
        norm: Layer whose weight, bias and epsilon it takes.

    Shapes:
        - input and output: ``(batch, channels, ...)``
    """

    def __init__(self, norm: nn.modules.batchnorm._BatchNorm) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

    def forward(self, maps: Tensor) -> Tensor:
        """Normalises by mean and variance over all workers."""
        dims = [0, *range(2, maps.ndim)]
        mean, square = _Mean.apply(torch.stack([maps.mean(dims), (maps * maps).mean(dims)]))
        shape = [1, -1, *[1] * (maps.ndim - 2)]
        scale = torch.rsqrt((square - mean * mean).clamp(min=0) + self.eps)
        normal = (maps - mean.view(shape)) * scale.view(shape)
        return normal if self.weight is None else normal * self.weight.view(shape) + self.bias.view(shape)


class _Mean(torch.autograd.Function):
    """The mean of a tensor over all workers, whose gradient is the mean of all gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _mean(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        mean: Tensor = _Mean.apply(gradient)  # itself differentiable, for second derivatives
        return mean


def _mean(values: Tensor) -> Tensor:
    total = values.detach().clone()
    with _others_alive():
        torch.distributed.all_reduce(total)
    return total / torch.distributed.get_world_size()


def share_norms(module: nn.Module) -> None:
    """Replaces the batch normalisation inside of a module by that of all workers."""
    for name, child in module.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            setattr(module, name, SharedNorm(child))
        else:
            share_norms(child)


@contextlib.contextmanager
def joined(share: str = "gradients", *, timeout: float = 600.0) -> Iterator[Workers]:
    """The workers that ``torchrun`` started; one that is alone outside of it. Use it once in a process.

    Args:
        share: One of `SHARES`.
        timeout: Seconds after which a worker that does not answer is taken to have ended.

    Raises:
        UsageError: ``share`` is none of `SHARES`.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Workers(share)
        return
    workers = Workers(share, int(os.environ["RANK"]), count)
    os.environ.setdefault(WORKER, os.environ.get("LOCAL_RANK", "0"))  # each its own GPU
    torch.distributed.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo", timeout=datetime.timedelta(seconds=timeout)
    )
    try:
        yield workers
    finally:
        torch.distributed.destroy_process_group()


@contextlib.contextmanager
def _others_alive() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise EvaluationError(
            "another worker of this search has ended, so this one ends too; give the same command again to "
            f"go on from the last epoch ({str(error).splitlines()[0][:120]})"
        ) from error
