"""Locations in the user's source code, for error texts."""

from __future__ import annotations

import linecache
import re
import sysconfig
import traceback
from pathlib import Path

import torch
from torch import fx, nn

__all__ = ["location_of_error", "location_of_node", "part_of_error", "part_of_node"]

_FRAME = re.compile(r'File "(.+?)", line (\d+), in ')
_NOT_THE_USERS = (
    f"{Path(torch.__file__).parent}/",
    f"{Path(__file__).parent}/",
    "<frozen",
    "<eval_with_key",
    "<string>",
)
_STANDARD_LIBRARY = f"{sysconfig.get_path('stdlib')}/"


def location_of_node(node: fx.Node) -> str:
    """The location that a node of a recorded graph comes from: ``, at FILE, line N: `SOURCE` ``, or empty."""
    frames = _FRAME.findall(node.meta.get("stack_trace") or "")
    return _innermost([(file, int(line)) for file, line in frames])


def location_of_error(error: BaseException) -> str:
    """The innermost line of the user's code that led to an error, in the same form."""
    frames: list[tuple[str, int]] = []
    cause: BaseException | None = error
    while cause is not None:
        found = traceback.extract_tb(cause.__traceback__)
        frames = [(frame.filename, frame.lineno or 0) for frame in found] + frames
        cause = cause.__cause__ or cause.__context__
    return _innermost(frames)


def part_of_node(node: fx.Node, root: nn.Module) -> str:
    """The name of the innermost part of a module whose forward made a node; empty for the module itself."""
    names = {path for path, _ in root.named_modules()}
    paths = [
        str(path).removeprefix("L['self'].") for path, _ in node.meta.get("nn_module_stack", {}).values()
    ]
    return next((path for path in reversed(paths) if path in names), "")


def part_of_error(error: BaseException, root: nn.Module) -> str:
    """The name of the innermost part of a module whose forward raised an error; empty for the module."""
    name_of = {id(part): path for path, part in root.named_modules()}
    cause = error.__cause__ or error.__context__
    name = ""
    for each in (cause, error) if cause is not None else (error,):
        for frame, _ in traceback.walk_tb(each.__traceback__):
            own = frame.f_locals.get("self")
            if isinstance(own, nn.Module):
                # While PyTorch records, a part is a stand-in that names what it stands for.
                base = vars(type(own)).get("get_base")
                name = name_of.get(id(own if base is None else base(own)), name)
    return name


def _innermost(frames: list[tuple[str, int]]) -> str:
    for file, line in reversed(frames):
        if file.startswith(_NOT_THE_USERS) or "/sympy/" in file:  # PyTorch computes shapes with it
            continue
        # Installed packages may lie inside the folder of the standard library.
        if file.startswith(_STANDARD_LIBRARY) and "site-packages" not in file:
            continue
        source = linecache.getline(file, line).strip()  # empty for code typed into an interpreter
        return f", at {file}, line {line}" + (f": `{source}`" if source else "")
    return ""
