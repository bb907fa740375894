"""What a journal says of its study: a new one is claimed, an old one must be of the same study."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from typing import Any

from egraph.checks import check_flag
from egraph.errors import ArchitectureError, JournalError
from egraph.evaluation import CostMeter
from egraph.evaluation.base import Evaluator, Fidelity
from egraph.evaluation.wrapping import as_evaluator
from egraph.files import printable
from egraph.spaces import SearchSpace
from egraph.study._given import add_given
from egraph.study._journal import Journal
from egraph.study._sameness import describe, differences
from egraph.study._trial import REFERENCE

__all__ = ["claim", "register"]

_MISSING: dict[str, Any] = {"fidelities": {}, "brackets": 1}
"""What a journal means that does not say it; of the other parts nothing is compared then."""


def claim(
    storage: str | os.PathLike[str] | None,
    space: SearchSpace,
    seed: int,
    evaluator: Evaluator,
    settings: Mapping[str, object],
    meter: CostMeter | None,
    fidelities: Sequence[Fidelity],
    brackets: int,
    force: bool,
) -> tuple[Journal, int]:
    """The journal, registered to this study, and the number of interrupted trials that run again.

    Raises:
        JournalError: As `register`; or the journal is damaged, or held by another process.
    """
    check_flag(force_resume=force)
    journal = Journal(storage)
    try:
        costs = {} if meter is None else meter.description
        ladder = {one.name: one.cost for one in fidelities}
        register(journal, space, seed, evaluator, settings, costs, ladder, brackets, force=force)
        add_given(journal, space, seed, meter)
        if meter is not None:
            for trial in journal.read_trials():
                meter.note(trial.key, trial.costs)
        return journal, journal.requeue(lost=True)
    except BaseException:
        journal.close()
        raise


def register(
    journal: Journal,
    space: SearchSpace,
    seed: int,
    evaluator: Evaluator,
    settings: Mapping[str, object],
    costs: Mapping[str, str],
    fidelities: Mapping[str, float] | None = None,
    brackets: int = 1,
    *,
    force: bool | None = None,
) -> None:
    """Writes what a study is into a new journal, and this session into any.

    That is its space, seed, evaluator, costs, fidelities and brackets.

    Evaluators are compared by content: a file, table or function may have got another name or place.

    Args:
        journal: Journal of the study.
        space: Where to search.
        seed: Seed of the study.
        evaluator: Evaluator of the study.
        settings: Further settings of this session.
        costs: Descriptions of the costs.
        fidelities: Costs of the fidelities.
        brackets: Number of fidelities at which networks enter; 1 where a journal does not say it.
        force: Whether another space, seed, evaluator or number of brackets is accepted; the journal then
            keeps what differed. None where the user cannot choose.

    Raises:
        JournalError: The journal is of another space, seed, evaluator, costs, fidelities or brackets.
    """
    identity = {"space": space.name, "seed": seed, "evaluator": describe(evaluator), "costs": dict(costs)}
    known = journal.settings
    if fidelities or "fidelities" in known:
        identity["fidelities"] = dict(fidelities or {})
    if brackets > 1 or "brackets" in known:
        identity["brackets"] = brackets
    differing = {name: text for name, text in _compare(known, identity) if text} if known else {}
    if differing:
        told = "; ".join(f"{name} {text}" for name, text in differing.items())
        fixed = sorted({"costs", "fidelities"} & set(differing))
        if not force or fixed:
            cure = "use the same arguments to resume it, or another storage"
            forced = (
                ""
                if fixed or force is None
                else ", or accept the difference with --force-resume (force_resume=True)"
            )
            raise JournalError(f"{journal.path} is of a study with {told}; {cure}{forced}")
        _check_trials(journal, space)
        for name in differing:
            journal.keep(name, identity[name])
        journal.keep("forced", [*known.get("forced", []), {"time": time.time(), "differences": told}])
    command, versions = printable(shlex.join(sys.orig_argv)), _versions()
    if not known:
        once = {"settings": settings, "versions": versions, "command": command, "created": time.time()}
        journal.describe({**identity, **once, **_describe_metrics(evaluator)})
    journal.add_session(command, settings, versions)


def _describe_metrics(evaluator: Evaluator) -> dict[str, Any]:
    """The columns of a table that are looked up; nothing where there is no table."""
    metrics = {name: asdict(about) for name, about in as_evaluator(evaluator).metrics.items()}
    return {"metrics": metrics} if metrics else {}


def _compare(known: Mapping[str, Any], identity: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The parts of an identity with what differs from a journal's; empty for equal parts."""
    for name, value in identity.items():
        was = known.get(name, _MISSING.get(name, value))
        if name == "evaluator":
            yield name, "; ".join(differences(was, value))
        elif was == value:
            yield name, ""
        elif name in ("costs", "fidelities") and set(was) != set(value):  # else what a name stands for
            yield name, ", not ".join(", ".join(each) or "none" for each in (was, value))
        else:
            yield name, f"{was}, not {value}"


def _check_trials(journal: Journal, space: SearchSpace) -> None:
    """Refuses a space that does not have the networks of the journal.

    Raises:
        JournalError: A trial is not of the space, or is another network there.
    """
    for trial in journal.read_trials():
        try:
            if trial.origin != REFERENCE:
                space.validate(trial.architecture)
            same = space.key(trial.architecture) == trial.key
        except ArchitectureError:
            same = False
        if not same:
            raise JournalError(
                f"trial {trial.number} of {journal.path} is no network of the space {space.name!r}, which "
                "cannot resume it; choose another storage"
            )


def _versions() -> dict[str, str]:
    """Versions of the packages that decide the results."""
    versions = {"python": platform.python_version()}
    for package in ("egraph", "torch", "numpy", "scikit-learn"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
