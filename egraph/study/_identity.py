"""What a journal says of its study: a new one is claimed, an old one must be of the same study."""

from __future__ import annotations

import json
import platform
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from egraph.errors import JournalError
from egraph.evaluation.base import Evaluator
from egraph.spaces import SearchSpace
from egraph.study._journal import Journal

__all__ = ["register"]


def register(
    journal: Journal,
    space: SearchSpace,
    seed: int,
    evaluator: Evaluator,
    settings: Mapping[str, object],
    costs: Mapping[str, str],
    fidelities: Mapping[str, float] | None = None,
) -> None:
    """Writes space, seed, evaluator, costs and fidelities into a new journal, and this session into any.

    Raises:
        JournalError: The journal is of another space, seed, evaluator, costs or fidelities.
    """
    described = json.loads(json.dumps(evaluator.describe(), sort_keys=True, default=str))
    identity = {"space": space.name, "seed": seed, "evaluator": described, "costs": dict(costs)}
    known = journal.settings
    if fidelities or "fidelities" in known:
        identity["fidelities"] = dict(fidelities or {})
    for name, value in identity.items():
        if known.get(name, {} if known and name == "fidelities" else value) != value:
            was, now = known.get(name, {}), value
            if name in ("costs", "fidelities") and set(was) != set(now):  # else what a name stands for
                was, now = (", ".join(each) or "none" for each in (was, now))
            differing = f"{name} {was}, not {now}"
            if name == "evaluator" and was.get("kind") == now.get("kind"):
                differing = f"evaluator {'; '.join(_differences(was, now))}"
            raise JournalError(
                f"{journal.path} is of a study with {differing}; "
                "use the same arguments to resume it, or another storage"
            )
    command, versions = shlex.join(sys.orig_argv), _versions()
    if not known:
        once = {"settings": settings, "versions": versions, "command": command, "created": time.time()}
        journal.describe({**identity, **once})
    journal.add_session(command, settings, versions)


def _differences(was: Mapping[str, Any], now: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """The entries that differ, such as ``recipe epochs 30, not 10``; names in order."""
    for name in sorted({*was, *now}):
        old, new = was.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, f"{within}{name} ")
        elif old != new:
            yield f"{within}{name} {_show(old)}, not {_show(new)}"


def _show(value: object) -> str:
    """A value in an error text; fields of recipes that do nothing are left out of journals."""
    return "unset" if value is None else str(value)


def _versions() -> dict[str, str]:
    """Versions of the packages that decide the results."""
    versions = {"python": platform.python_version()}
    for package in ("egraph", "torch", "numpy", "scikit-learn"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
