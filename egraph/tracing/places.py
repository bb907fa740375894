"""Lines of the user's code, to stand in an error text."""

from __future__ import annotations

import linecache
import re
import sysconfig
import traceback
from pathlib import Path

import torch
from torch import fx

__all__ = ["place_of", "raised_at"]

_FRAME = re.compile(r'File "(.+?)", line (\d+), in ')
_NOT_THE_USERS = (f"{Path(torch.__file__).parent}/", f"{Path(__file__).parent}/", "<frozen", "<eval_with_key")
_STANDARD_LIBRARY = f"{sysconfig.get_path('stdlib')}/"


def place_of(node: fx.Node) -> str:
    """Where a node of a recorded graph comes from: ``, at FILE, line N: `SOURCE` ``, empty if not known."""
    frames = _FRAME.findall(node.meta.get("stack_trace") or "")
    return _innermost([(file, int(line)) for file, line in frames])


def raised_at(error: BaseException) -> str:
    """The same for an error; the line that led to it."""
    frames: list[tuple[str, int]] = []
    cause: BaseException | None = error
    while cause is not None:
        found = traceback.extract_tb(cause.__traceback__)
        frames = [(frame.filename, frame.lineno or 0) for frame in found] + frames
        cause = cause.__cause__ or cause.__context__
    return _innermost(frames)


def _innermost(frames: list[tuple[str, int]]) -> str:
    for file, line in reversed(frames):
        if file.startswith(_NOT_THE_USERS) or "/sympy/" in file:  # which PyTorch reckons shapes with
            continue
        # Installed packages may lie inside the folder of the standard library.
        if file.startswith(_STANDARD_LIBRARY) and "site-packages" not in file:
            continue
        source = linecache.getline(file, line).strip()  # none of what was typed into an interpreter
        return f", at {file}, line {line}" + (f": `{source}`" if source else "")
    return ""
