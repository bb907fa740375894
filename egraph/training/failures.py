"""Errors of PyTorch as errors of egraph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from egraph.errors import EgraphError, EvaluationError

__all__ = ["failures_explained"]


@contextmanager
def failures_explained(what: str, remedy: str) -> Iterator[None]:
    """Turns what PyTorch raises in the block into an error of one line.

    Args:
        what: Beginning of the text, such as ``"the network cannot be trained"``.
        remedy: Advice where memory runs out.

    Raises:
        EvaluationError: PyTorch failed or memory ran out. Errors of egraph itself pass unchanged.
    """
    import torch

    try:
        yield
    except EgraphError:
        raise
    except (torch.OutOfMemoryError, MemoryError):
        raise EvaluationError(f"out of memory; {remedy}") from None
    except (RuntimeError, ValueError) as error:
        text = (str(error).splitlines() or [type(error).__name__])[0]
        if "allocate memory" in text or "out of memory" in text:
            raise EvaluationError(f"out of memory; {remedy}") from None
        raise EvaluationError(f"{what}: {text}") from error
