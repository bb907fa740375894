"""The file that keeps the training of a supernet."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from egraph.errors import UsageError
from egraph.files import atomic_path
from egraph.supernets.results import Epoch

if TYPE_CHECKING:
    from egraph.supernets.run import Run

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
        _unpack(run, state)

    def save(self, run: Run) -> None:
        """Writes the state; the file appears whole or not at all.

        Raises:
            FailedError: The file cannot be written.
        """
        # Into memory first: on a full disk PyTorch itself raises an error that does not say so.
        content = io.BytesIO()
        torch.save({"about": self.about, **_pack(run)}, content)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.path) as path:
            path.write_bytes(content.getbuffer())


def _pack(run: Run) -> dict[str, Any]:
    """The state between two epochs, as tensors, numbers and texts."""
    return {
        "built": json.dumps(run.built),
        "network": run.supernet.state_dict(),
        "logits": {name: each.detach() for name, each in run.supernet.logits.items()},
        "edges": {name: each.detach() for name, each in run.supernet.edge_logits.items()},
        "step": run.step.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "training": run.training.state_dict(),
        "validation": run.validation.state_dict(),
        "generator": run.generator.get_state(),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(run.device) if run.device.type == "cuda" else None,
        "method": run.method.state_dict(),
        "history": json.dumps([epoch.to_dict() for epoch in run.history]),
        "stopped": run.stopped,
        "until": run.until,
        "saved_bytes": run.saved_bytes,
    }


def _unpack(run: Run, state: dict[str, Any]) -> None:
    run.method.load_state_dict(state["method"])
    run.history = [Epoch.from_dict(each) for each in json.loads(state["history"])]
    run.build(**json.loads(state["built"]))
    run.supernet.load_state_dict(state["network"])
    with torch.no_grad():
        for group, kept in ((run.supernet.logits, "logits"), (run.supernet.edge_logits, "edges")):
            for name, each in group.items():
                each.copy_(state[kept][name])
    run.step.load_state_dict(state["step"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.training.load_state_dict(state["training"])
    run.validation.load_state_dict(state["validation"])
    run.generator.set_state(state["generator"].cpu())
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] is not None and run.device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"].cpu(), run.device)
    run.stopped, run.until, run.saved_bytes = state["stopped"], state["until"], state["saved_bytes"]
