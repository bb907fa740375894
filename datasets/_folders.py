"""The folders in which data files are searched for."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from egraph.files import expand

__all__ = ["cache_folder", "describe_folders", "find", "list_folders"]


def list_folders(root: str | os.PathLike[str] | None = None) -> list[Path]:
    """The folders that are searched, first ``root``, then $EGRAPH_DATA, then `cache_folder`."""
    named = [root, os.environ.get("EGRAPH_DATA") or None, cache_folder()]
    return [expand(folder) for folder in named if folder is not None]


def cache_folder() -> Path | None:
    """The folder of the user's cache for data; it may not exist yet. None where the user has no home."""
    try:
        return platformdirs.user_cache_path("egraph")
    except RuntimeError:  # no $HOME, and the user is in no list, as in some containers
        return None


def find(file: str, root: str | os.PathLike[str] | None = None) -> Path | None:
    """The first match of the relative path ``file`` in the folders; None where there is none."""
    return next((folder / file for folder in list_folders(root) if os.path.exists(folder / file)), None)


def describe_folders(root: str | os.PathLike[str] | None = None) -> str:
    """The folders searched, for an error text; says so where $EGRAPH_DATA is not set."""
    listed = ", ".join(map(str, list_folders(root))) or "no folder, as there is no home"
    return listed if os.environ.get("EGRAPH_DATA") else f"{listed} ($EGRAPH_DATA is not set)"
