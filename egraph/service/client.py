"""The client: a ranker on another machine as a fitness."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egraph.architecture import Architecture
from egraph.checks import check_whole, to_plain
from egraph.errors import ArchitectureError, OutOfDistributionWarning, ServiceError, UsageError
from egraph.service._connection import CONNECTIONS, Connection, RefusedError, plain

__all__ = ["RemoteRanker", "fitness"]

Floats = NDArray[np.float64]
Graph = Architecture | str | Mapping[str, Any]
"""An architecture, or a form of it that a service accepts: a string in a space's notation, a JSON object."""

_CHANGES = 3  # attempts to get all scores from one version of the model


def fitness(
    url: str,
    token: str | None = None,
    space: str | None = None,
    batch: int = 256,
    timeout: float = 30.0,
    retries: int = 5,
) -> RemoteRanker:
    """The ranker of an `egraph serve` at an address, as a fitness.

    Args:
        url: Address, such as ``"http://host:8000"``; ``https`` if a proxy in front of the service uses it.
        token: Token of the service; None reads the environment variable ``EGRAPH_TOKEN``.
        space: Search space whose notation strings use; None selects the model's own.
        batch: Number of architectures in a request; fewer if the limit of the service is lower. Four requests
            run at a time.
        timeout: Time limit of one attempt, in seconds.
        retries: Number of attempts after the first if the service is absent or overloaded, with growing
            waits.

    Raises:
        UsageError: An argument is invalid.
        ServiceError: There is no such service at the address, or it rejects the token.
    """
    return RemoteRanker(url, token, space, batch, timeout, retries)


class RemoteRanker:
    """Scores architectures with a service; higher is better. Made by `fitness`.

    It is a fitness, and has the ``predict`` that a study needs of a ranker. Several threads may use it, and
    it can be pickled for other processes; the pickle contains the token. All scores of one call come from one
    version of the model: if the service changes it during the call, all scores are requested again.

    Raises:
        UsageError: An argument is invalid.
        ServiceError: There is no such service at the address, or it rejects the token.
    """

    def __init__(
        self, url: str, token: str | None, space: str | None, batch: int, timeout: float, retries: int
    ) -> None:
        check_whole(1, batch=batch)
        check_whole(0, retries=retries)
        timeout = to_plain(timeout)
        if not (isinstance(timeout, int | float) and 0 < timeout < math.inf):
            raise UsageError(f"timeout must be a positive number of seconds, got {timeout!r}")
        token = token or os.environ.get("EGRAPH_TOKEN", "").strip() or None
        self._connection = Connection(url, token, timeout, retries)
        self._space = space
        try:
            limits = self.model["limits"]
            self._batch, self._room = min(batch, int(limits["architectures"])), int(limits["body_bytes"])
        except (KeyError, TypeError, ValueError):
            raise self._connection.wrong("/v1/model has no limits") from None

    @property
    def model(self) -> dict[str, Any]:
        """The current model of the service: name, version, space, card, vocabulary, limits.

        Raises:
            ServiceError: The service does not respond, or not as expected.
        """
        return self._connection.get("/v1/model")

    @property
    def card(self) -> Mapping[str, Any]:
        """The card of the model: its origin.

        Raises:
            ServiceError: The service does not respond, or not as expected.
        """
        return self.model.get("card") or {}

    def __call__(self, architectures: Iterable[Graph]) -> Floats:
        """`predict` without its warning, like a ranker in the same process."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutOfDistributionWarning)
            return self.predict(architectures)

    def predict(self, architectures: Iterable[Graph]) -> Floats:
        """Scores, ``(architectures,)``, in units of the training scores; NaN for what the model cannot score.

        Raises:
            ArchitectureError: The service rejects an architecture; the text names its position.
            ServiceError: The service does not respond, or not as expected.

        Warns:
            OutOfDistributionWarning: Architectures differ from all training data of the model.
        """
        scores, reasons = [np.zeros(0)], list[str]()
        graphs = list(map(_write, architectures))
        for size, answer in self._ask("/v1/score", "architectures", graphs, self._batch, level=0):
            scores.append(self._read(answer.get("scores"), (size,)))
            unfamiliar = answer.get("unfamiliar")
            reasons += filter(None, unfamiliar) if isinstance(unfamiliar, list) else []
        if reasons:
            warnings.warn(
                f"{len(reasons)} of the architectures differ from all training data of the ranker; "
                f"the first: {plain(reasons[0])}",
                OutOfDistributionWarning,
                stacklevel=2,
            )
        return np.concatenate(scores)

    def compare(self, a: Iterable[Graph], b: Iterable[Graph]) -> Floats:
        """Probabilities that each of ``a`` is worse than, about equal to or better than its partner in ``b``.

        Returns:
            ``(pairs, 3)``.

        Raises:
            UsageError: ``a`` and ``b`` have different lengths.
            ArchitectureError: The service rejects an architecture; the text names the position of its pair.
            ServiceError: The service does not respond, or not as expected.
        """
        first, second = list(map(_write, a)), list(map(_write, b))
        if len(first) != len(second):
            raise UsageError(f"compare needs a and b of equal length, got {len(first)} and {len(second)}")
        pairs = [f'{{"a":{one},"b":{other}}}' for one, other in zip(first, second, strict=True)]
        found = [np.zeros((0, 3))]
        for size, answer in self._ask("/v1/compare", "pairs", pairs, max(1, self._batch // 2)):
            rows = answer.get("probabilities")
            try:
                plain = [[row["worse"], row["equal"], row["better"]] for row in rows or ()]
            except (KeyError, TypeError):
                raise self._connection.wrong("probabilities") from None
            found.append(self._read(plain, (size, 3)))
        return np.concatenate(found)

    def describe(self) -> dict[str, object]:
        """Address and model as JSON-ready values, without the token."""
        model = self.model
        return {
            "address": self._connection.url,
            **{key: model.get(key) for key in ("name", "version", "space")},
        }

    def __repr__(self) -> str:
        return f"<ranker at {self._connection.url}>"

    def _ask(
        self, path: str, field: str, items: list[str], most: int, **rest: object
    ) -> list[tuple[int, dict[str, Any]]]:
        """The responses for all items, each with its number of items, all from one version of the model."""
        if self._space is not None:
            rest["space"] = self._space
        end = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in rest.items())
        frame = f'{{"{field}":[', f"]{end}}}"
        for _ in range(_CHANGES):
            answers = self._ask_once(
                path, field, frame, _split(items, most, self._room - len("".join(frame)))
            )
            versions = {str(_version(answer)) for _, answer in answers}
            if len(versions) < 2:
                return answers
        raise ServiceError(
            f"{self._connection.url} answered with different models in each of {_CHANGES} attempts "
            f"({', '.join(sorted(versions))}); their scores cannot be compared"
        )

    def _ask_once(
        self, path: str, field: str, frame: tuple[str, str], batches: list[tuple[int, list[str]]]
    ) -> list[tuple[int, dict[str, Any]]]:
        def ask(start: int, some: list[str]) -> tuple[int, dict[str, Any]]:
            try:
                return len(some), self._connection.post(path, ",".join(some).join(frame).encode())
            except RefusedError as error:
                raise _locate(error, field, start) from None

        if len(batches) < 2:
            return [ask(*one) for one in batches]
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            try:
                return [one.result() for one in [threads.submit(ask, *batch) for batch in batches]]
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def _read(self, values: object, shape: tuple[int, ...]) -> Floats:
        """The numbers of a response; null becomes NaN."""
        try:
            numbers = np.array(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise self._connection.wrong("not all values are numbers") from None
        if numbers.shape != shape:
            raise self._connection.wrong(f"values have shape {numbers.shape}, expected {shape}")
        return numbers


def _write(graph: Graph) -> str:
    if isinstance(graph, Architecture):
        graph = {"ops": graph.ops, "edges": graph.edges}  # disabled edges have no effect
    try:
        return json.dumps(graph, separators=(",", ":"))
    except (TypeError, ValueError):
        raise ArchitectureError(
            f"expected an Architecture, a string or a JSON object, got {type(graph).__name__}"
        ) from None


def _split(items: list[str], most: int, room: int) -> list[tuple[int, list[str]]]:
    """Batches of at most ``most`` items and, if possible, ``room`` characters, each with its start."""
    runs: list[tuple[int, list[str]]] = []
    length = 0
    for start, item in enumerate(items):
        length += len(item) + 1
        if not runs or len(runs[-1][1]) == most or length > room:
            runs.append((start, []))
            length = len(item)
        runs[-1][1].append(item)
    return runs


def _version(answer: dict[str, Any]) -> object:
    model = answer.get("model")
    return model.get("version") if isinstance(model, dict) else None


def _locate(error: RefusedError, field: str, start: int) -> UsageError:
    """The error with the position in the caller's list, if the service names one in the batch."""
    match error.pointer.split("/"):
        case ["", name, position, *within] if name == field and position.isdigit():
            where = f" at {'/'.join(within)}" if within else ""
            return ArchitectureError(
                f"{field[:-1]} {start + int(position)} is invalid{where}: {error.detail}"
            )
    return UsageError(f"the service rejects the request: {error}")
