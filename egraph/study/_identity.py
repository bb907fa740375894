"""What a journal says of its study: a new one is claimed, an old one must be of the same study."""

from __future__ import annotations

import json
import platform
import shlex
import sys
import time
from collections.abc import Mapping
from importlib import metadata

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
    *,
    costs: Mapping[str, str],
) -> None:
    """Writes space, seed, evaluator and costs into a new journal, and this session into any.

    Raises:
        JournalError: The journal is of another space, seed, evaluator or costs.
    """
    described = json.loads(json.dumps(evaluator.describe(), sort_keys=True, default=str))
    identity = {"space": space.name, "seed": seed, "evaluator": described, "costs": dict(costs)}
    known = journal.settings
    for name, value in identity.items():
        if known.get(name, value) != value:
            was, now = known[name], value
            if name == "costs" and set(was) != set(now):  # else only what a name stands for differs
                was, now = (", ".join(each) or "none" for each in (was, now))
            raise JournalError(
                f"{journal.path} is of a study with {name} {was}, not {now}; "
                "use the same arguments to resume it, or another storage"
            )
    command, versions = shlex.join(sys.orig_argv), _versions()
    if not known:
        once = {"settings": settings, "versions": versions, "command": command, "created": time.time()}
        journal.describe({**identity, **once})
    journal.add_session(command, settings, versions)


def _versions() -> dict[str, str]:
    """Versions of the packages that decide the results."""
    versions = {"python": platform.python_version()}
    for package in ("egraph", "torch", "numpy", "scikit-learn"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
