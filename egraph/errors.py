"""What can go wrong, as one small tree of exceptions.

    EgraphError
    ├── UsageError            asked for in a wrong way (exit code 2)
    │   ├── UnknownNameError      no space, metric, searcher, ... of that name
    │   ├── ArchitectureError     not an architecture, or not one of this space
    │   ├── SpaceExhaustedError   nothing is left to propose; what was found so far stands
    │   └── MissingExtraError     an optional dependency is not installed
    └── FailedError           asked for rightly, and failed (exit code 1)
        ├── DataError             a table or data file is absent, damaged or foreign
        ├── ModelError            a ranker file is damaged, foreign or from a newer version
        ├── JournalError          a journal is damaged, foreign or held by another process
        └── EvaluationError       one architecture could not be evaluated; becomes a failed trial

and of two warnings: `OutOfDistributionWarning`, an answer was given, but do not count on it; and
`PluginWarning`, something that an installed package offers is left out.

The text of each is a single line that names what came, what was expected and the way out.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable

__all__ = [
    "ArchitectureError",
    "DataError",
    "EgraphError",
    "EvaluationError",
    "FailedError",
    "JournalError",
    "MissingExtraError",
    "ModelError",
    "OutOfDistributionWarning",
    "PluginWarning",
    "SpaceExhaustedError",
    "UnknownNameError",
    "UsageError",
    "shorten",
]


class EgraphError(Exception):
    """Base of all errors that egraph raises on purpose."""

    exit_code = 1


class UsageError(EgraphError, ValueError):
    """An argument is wrong; the text says which, and what was expected."""

    exit_code = 2


class UnknownNameError(UsageError, KeyError):
    """A name that nothing is registered under.

    Args:
        kind: what was looked up, such as ``"search space"``.
        name: the name that came.
        choices: the names that exist.
    """

    def __init__(self, kind: str, name: str, choices: Iterable[str]) -> None:
        self.kind, self.name, self.choices = kind, name, sorted(choices)
        near = difflib.get_close_matches(str(name), self.choices, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        known = ", ".join(self.choices) or "none"
        super().__init__(f"unknown {kind} {name!r}; known: {known}.{hint}")

    def __str__(self) -> str:  # KeyError would quote the text
        return str(self.args[0])

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.kind, self.name, self.choices)


class ArchitectureError(UsageError):
    """A graph that is no architecture at all, or not one of the space in question."""


class SpaceExhaustedError(UsageError):
    """A searcher was asked for more architectures than its search space has."""


class MissingExtraError(UsageError, ImportError):
    """An optional dependency is not installed.

    Args:
        package: the package that could not be imported.
        extra: the extra of egraph that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"this needs {package}: pip install 'egraph[{extra}]'")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.package, self.extra)


class FailedError(EgraphError):
    """The request was right, and could not be carried out."""


class DataError(FailedError):
    """A table or data file is absent, damaged, or not what it should be."""


class ModelError(FailedError):
    """A file is not a ranker, is damaged, or was written by a newer version."""


class JournalError(FailedError):
    """A study's journal is damaged, of another study, or held by another process."""


class EvaluationError(FailedError):
    """One architecture could not be evaluated; the study records it as a failed trial."""


class OutOfDistributionWarning(UserWarning):
    """A ranker was asked about an architecture unlike all that it was trained on."""


class PluginWarning(UserWarning):
    """Something that an installed package offers is left out."""


def shorten(value: object, length: int = 80) -> str:
    """The beginning of what came, for the text of an error: one line, however large or deep the value is."""
    text = _BRIEF.repr(value).replace("\n", " ")
    return text if len(text) <= length else text[: length - 3] + "..."


class _Brief(reprlib.Repr):
    """Looks at the first parts only, so that a million of them cost no time and nesting no stack."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxtuple, self.maxlist, self.maxdict = 6, 40, 40, 40
        self.maxstring, self.maxother, self.maxlong = 400, 400, 400

    def repr_int(self, x: int, level: int) -> str:
        """Python itself refuses to print a number of more than some thousand digits."""
        return repr(x) if x.bit_length() < 4096 else f"<a number of {x.bit_length()} bits>"


_BRIEF = _Brief()
