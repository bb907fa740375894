"""A worker of a Ray cluster: the class of its actors."""

from __future__ import annotations

import importlib
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from egraph.errors import EgraphError
from egraph.executors._errors import check_version, describe_error, one_line

__all__ = ["RayWorker"]


class RayWorker:
    """Does one job after another, unless it belongs to another version of egraph.

    Args:
        version: Version of egraph of the study.
        folders: Folders that the study imports modules from; those that exist here are searched last.
        name: Module and name of the function, or of the class of which it is made.
        parcel: Bytes that it is made of; None for a function.
    """

    def __init__(self, version: str, folders: Sequence[str], name: str, parcel: bytes | None) -> None:
        self._version, self._name, self._parcel = version, name, parcel
        self._function: Callable[[str], str] | None = None
        sys.path += [folder for folder in folders if folder not in sys.path]

    def start(self) -> dict[str, str]:
        """Loads the function; returns host, node and the reason why nothing is done here, empty if it is."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        return {"host": socket.gethostname(), "node": node, "refused": self._load()}

    def work(self, text: str) -> str:
        """Does a job."""
        assert self._function is not None
        return self._function(text)

    def _load(self) -> str:
        try:
            check_version(self._version)
            module, _, own = self._name.partition(":")
            found: Any = getattr(importlib.import_module(module), own)
            self._function = found if self._parcel is None else found(self._parcel)
            if hasattr(self._function, "prepare"):
                self._function.prepare()
        except Exception as error:  # noqa: BLE001, whatever a user's module raises on import
            return one_line(str(error)) if isinstance(error, EgraphError) else describe_error(error)
        return ""
