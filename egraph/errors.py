"""The exceptions of egraph, as one small tree.

    EgraphError
    ├── UsageError            an argument is wrong (exit code 2)
    │   ├── UnknownNameError      no space, metric, searcher, ... of that name
    │   ├── ArchitectureError     no architecture, or none of this space
    │   │   └── Unbuildable           a builder refuses a combination of choices
    │   ├── SpaceExhaustedError   the space has no further architecture to propose
    │   └── MissingExtraError     an optional dependency is not installed
    └── FailedError           the request was valid, but failed (exit code 1)
        ├── DataError             a table or data file is missing, damaged or of another kind
        ├── ModelError            a ranker file is missing, damaged or from a newer version
        ├── JournalError          a journal is damaged, of another study or in use by another process
        ├── ServiceError          a ranker's service cannot be reached, refuses, or sends an invalid answer
        └── EvaluationError       one architecture could not be evaluated; becomes a failed trial
            └── ScoreLaterError       its score comes later, from outside

There are four warnings: `OutOfDistributionWarning` (a prediction is unreliable), `PluginWarning` (a plug-in
of an installed package is left out), `TracingWarning` (a traced network is drawn with a simplification) and
`WorkerWarning` (a worker on another machine is left out, or none can be reached).

The text of each is a single line: what came, what was expected, and how to proceed.
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
    "ScoreLaterError",
    "ServiceError",
    "SpaceExhaustedError",
    "TracingWarning",
    "Unbuildable",
    "UnknownNameError",
    "UsageError",
    "WorkerWarning",
    "shorten",
    "suggest",
]

_LONGEST = 2000
"""Characters of the text of an error."""


class EgraphError(Exception):
    """Base of all errors that egraph raises on purpose; its text is one line of bounded length."""

    exit_code = 1

    def __str__(self) -> str:
        return _fit(super().__str__())


class UsageError(EgraphError, ValueError):
    """An argument is wrong; the text names it and what was expected."""

    exit_code = 2


class UnknownNameError(UsageError, KeyError):
    """A name is not registered.

    Args:
        kind: Kind of thing that was looked up, such as ``"search space"``.
        name: Name that was given.
        choices: Names that are registered.
        place: Where it was looked up, if that is not plain from its kind.
    """

    def __init__(self, kind: str, name: str, choices: Iterable[str], place: str = "") -> None:
        self.kind, self.name, self.choices, self.place = kind, name, sorted(choices), place
        hint = suggest(name, self.choices)
        known = ", ".join(self.choices) or "none"
        where = f" in {place}" if place else ""
        super().__init__(f"unknown {kind} {name!r}{where}; known: {known}.{f' {hint}' if hint else ''}")

    def __str__(self) -> str:  # KeyError would quote the text
        return _fit(str(self.args[0]))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.kind, self.name, self.choices, self.place)


class ArchitectureError(UsageError):
    """A graph is no architecture, or none of the given space."""


class Unbuildable(ArchitectureError):  # noqa: N818 - raised by people, who say what is the case
    """A combination of choices that a builder refuses: raise it with the reason, and others are drawn."""


class SpaceExhaustedError(UsageError):
    """A searcher was asked for more architectures than its search space has."""


class MissingExtraError(UsageError, ImportError):
    """An optional dependency is not installed.

    Args:
        package: Package that could not be imported.
        extra: Extra of egraph that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"this needs {package}: pip install 'egraph[{extra}]'")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.package, self.extra)


class FailedError(EgraphError):
    """The request was valid, but could not be carried out."""


class DataError(FailedError):
    """A table or data file is missing, damaged, or of another kind."""


class ModelError(FailedError):
    """A file is not a ranker, is damaged, or was written by a newer version."""


class JournalError(FailedError):
    """A study's journal is damaged, of another study, or in use by another process."""


class ServiceError(FailedError):
    """A ranker's service cannot be reached, refuses to answer, or sends an invalid answer."""


class EvaluationError(FailedError):
    """One architecture could not be evaluated; the study records it as a failed trial."""


class ScoreLaterError(EvaluationError):
    """The score of an evaluation comes later; the study waits for `egraph.Study.tell`."""


class OutOfDistributionWarning(UserWarning):
    """An architecture is unlike the training data of the ranker; its prediction is unreliable."""


class PluginWarning(UserWarning):
    """A plug-in of an installed package is left out."""


class TracingWarning(UserWarning):
    """A network is drawn with a simplification that the text names."""


class WorkerWarning(UserWarning):
    """A worker on another machine is left out, or was lost; the others go on."""


def _fit(text: str) -> str:
    """A text without breaks of lines; of a very long one its beginning and end, with the way out."""
    line = " ".join(text.splitlines())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 4 :]}"


def suggest(name: object, choices: Iterable[str]) -> str:
    """A question for the nearest of some names, such as ``Did you mean 'ntk'?``; empty if none is near."""
    near = difflib.get_close_matches(name if isinstance(name, str) else shorten(name), list(choices), n=1)
    return f"Did you mean {near[0]!r}?" if near else ""


def shorten(value: object, length: int = 80) -> str:
    """The beginning of a value as one line for an error text, however large or deep the value is."""
    text = _BRIEF.repr(value).replace("\n", " ")
    return text if len(text) <= length else text[: length - 3] + "..."


class _Brief(reprlib.Repr):
    """Reads only the first items and levels, so that large or deep values cost no time and no stack."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxtuple, self.maxlist, self.maxdict = 6, 40, 40, 40
        self.maxstring, self.maxother, self.maxlong = 400, 400, 400

    def repr_int(self, x: int, level: int) -> str:
        """Python refuses to print a number of more than some thousand digits."""
        return repr(x) if x.bit_length() < 4096 else f"<a number of {x.bit_length()} bits>"


_BRIEF = _Brief()
