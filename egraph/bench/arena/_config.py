"""A comparison of searchers in a TOML file."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from egraph.bench.arena._run import Contestant, check_fitness, find_searcher
from egraph.errors import DataError, MissingExtraError, UnknownNameError, UsageError, shorten

__all__ = ["Config", "read_config"]


@dataclass(frozen=True, slots=True)
class Config:
    """A comparison of searchers.

    Attributes:
        contestants: Contestants that can run here.
        skipped: Contestants that cannot, each with the reason.
        benchmarks: Benchmarks, as for `searchers`.
        queries: Budget of a search.
        seeds: Number of seeds.
    """

    contestants: list[Contestant]
    skipped: list[tuple[Contestant, str]] = field(default_factory=list)
    benchmarks: list[str] = field(default_factory=list)
    queries: int = 150
    seeds: int = 50


def read_config(path: str | os.PathLike[str]) -> Config:
    """Reads a file with ``benchmarks``, ``queries`` and ``seeds``, and ``[[contestant]]`` entries.

    An entry has a ``searcher`` and optionally a ``fitness``, both as for `searchers`. Entries whose searcher
    or fitness is unknown, or needs a package that is not installed, are skipped, so that a file can be used
    where not everything is installed.

    Raises:
        DataError: The file cannot be read or is not TOML.
        UsageError: An entry is unknown or of the wrong type, or an option is unknown.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not TOML: {error}") from None
    _check(path, content, {"benchmarks": list, "queries": int, "seeds": int, "contestant": list})
    contestants, skipped = [], []
    for entry in content.pop("contestant", []):
        _check(path, entry, {"searcher": str, "fitness": str})
        if "searcher" not in entry:
            raise UsageError(f"{path}: a [[contestant]] needs a searcher, got {shorten(entry)}")
        contestant = Contestant(**entry)
        try:
            find_searcher(contestant.searcher, {})
            check_fitness(contestant.fitness)
        except (UnknownNameError, MissingExtraError) as error:
            skipped.append((contestant, str(error)))
        else:
            contestants.append(contestant)
    benchmarks = content.pop("benchmarks", [])
    if not all(isinstance(each, str) for each in benchmarks):
        raise UsageError(f"{path}: benchmarks must be texts, got {shorten(benchmarks)}")
    return Config(contestants, skipped, benchmarks, **content)


def _check(path: str | os.PathLike[str], content: Any, kinds: dict[str, type]) -> None:
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected a table with {', '.join(kinds)}, got {shorten(content)}")
    for name, value in content.items():
        if name not in kinds:
            raise UsageError(f"{path}: unknown entry {name!r}; known: {', '.join(kinds)}")
        if type(value) is not kinds[name]:
            raise UsageError(f"{path}: {name} must be of type {kinds[name].__name__}, got {shorten(value)}")
