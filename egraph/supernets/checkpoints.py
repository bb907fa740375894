"""The file that keeps the training of a supernet."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from egraph.errors import UsageError
from egraph.files import atomic_path

if TYPE_CHECKING:
    from egraph.supernets.search import Run

__all__ = ["Checkpoint"]


@dataclass(frozen=True)
class Checkpoint:
    """A file with the state after an epoch, from which the same search goes on bit for bit.

    It is read with PyTorch's ``weights_only``, which builds nothing but tensors and plain values.

    Attributes:
        path: The file, which need not exist.
        about: What the search depends on.
    """

    path: Path
    about: str

    def restore(self, run: Run) -> None:
        """Puts the state back, if there is one.

        Raises:
            UsageError: The file is damaged, or of another space, method, data or setting.
        """
        if not self.path.exists():
            return
        try:
            state = torch.load(self.path, map_location=run.device, weights_only=True)
            about = state["about"]
        except Exception as error:
            raise UsageError(
                f"{self.path} is no state of a supernet: {type(error).__name__}; remove it to start anew"
            ) from error
        if about != self.about:
            raise UsageError(
                f"{self.path} is of another supernet (space, method, data or settings differ); choose "
                "another folder, or remove it to start anew"
            )
        run.load_state_dict(state)

    def save(self, run: Run) -> None:
        """Writes the state; the file appears whole or not at all.

        Raises:
            FailedError: The file cannot be written.
        """
        # Into memory first: on a full disk PyTorch itself raises an error that does not say so.
        content = io.BytesIO()
        torch.save({"about": self.about, **run.state_dict()}, content)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.path) as path:
            path.write_bytes(content.getbuffer())
