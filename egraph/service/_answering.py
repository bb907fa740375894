"""Answers to requests: JSON-ready values in, JSON-ready values out."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from egraph import operations, spaces
from egraph.architecture import Architecture
from egraph.errors import EgraphError, UnknownNameError
from egraph.service._batching import Batcher
from egraph.service._metrics import Metrics
from egraph.service._models import Model
from egraph.service._problems import FieldError, Problem
from egraph.service._reading import Reader, each, read_fields
from egraph.service._settings import Settings
from egraph.spaces import SearchSpace

__all__ = ["Answers", "HasModel"]

Floats = NDArray[np.float64]
Result = TypeVar("Result")
Content = dict[str, Any]

LEVEL = 0.8
TOP = 10
_LONG_BODY = 1 << 16  # bytes; larger bodies are parsed in a thread, so that other requests do not wait
_THREADS = 2
_DRAWN_EDGES = 400  # layout time grows with the square of the edges
_HELPED_AT_MOST = 64


class HasModel(Protocol):
    """Anything that has a current model."""

    @property
    def model(self) -> Model:
        """The model that answers new requests."""


class Answers:
    """Answers requests with the model that is current when they arrive.

    Args:
        models: Source of the current model.
        settings: Limits and batch sizes.
        metrics: Counters.
    """

    def __init__(self, models: HasModel, settings: Settings, metrics: Metrics) -> None:
        self.models, self.settings, self.metrics = models, settings, metrics
        self.batcher = Batcher(settings, metrics)
        self._helpers = ThreadPoolExecutor(_THREADS, "egraph-help")
        self._helped = 0

    async def close(self) -> None:
        """Ends the threads."""
        await self.batcher.close()
        self._helpers.shutdown(wait=False, cancel_futures=True)

    async def score(self, content: Content, size: int) -> Content:
        """Scores of architectures, in their order."""
        read_fields(content, ["architectures"], ["space", "level"])
        model, level = self.models.model, _read_level(content)
        reader, architectures = await self._read_architectures(model, content, size)
        with operations.lent(reader.described.values()):
            rows = await self._assess(model, architectures, level, "score")
            score, deviation, lower, upper = _columns(rows)
            unfamiliar = await self._help(
                size > _LONG_BODY, lambda: [model.unfamiliar(architecture) for architecture in architectures]
            )
        return {
            "scores": score,
            "deviations": deviation,
            "lower": lower,
            "upper": upper,
            "unfamiliar": unfamiliar,
            "model": model.identity,
        }

    async def compare(self, content: Content, size: int) -> Content:
        """Probabilities for pairs, in their order."""
        read_fields(content, ["pairs"], ["space"])
        model = self.models.model
        reader = self._reader(model, content)
        pairs = self._read_list(content, "pairs", self.settings.limits.architectures // 2)
        read = await self._help(size > _LONG_BODY, lambda: each(pairs, "/pairs", reader.read_pair))
        with operations.lent(reader.described.values()):
            rows = await self.batcher.run(model.compare(), read)
        self.metrics.architectures.labels("/v1/compare").inc(2 * len(read))
        names = ("worse", "equal", "better")
        return {
            "probabilities": [dict(zip(names, row, strict=True)) for row in rows.tolist()],
            "model": model.identity,
        }

    async def rank(self, content: Content, size: int) -> Content:
        """The best architectures of the request, best first."""
        read_fields(content, ["architectures"], ["space", "level", "top"])
        model, level, top = self.models.model, _read_level(content), _read_top(content)
        reader, architectures = await self._read_architectures(model, content, size)
        with operations.lent(reader.described.values()):
            rows = await self._assess(model, architectures, level, "rank")
        best = np.argsort(-rows[:, 0], kind="stable")[:top]
        return {
            "ranking": [{"index": int(position), **_estimate(rows[position])} for position in best],
            "model": model.identity,
        }

    async def neighbors(self, content: Content, size: int) -> Content:
        """An architecture and those of its neighbours that score better."""
        read_fields(content, ["architecture"], ["space", "level", "top"])
        model, level, top = self.models.model, _read_level(content), _read_top(content)
        reader = self._reader(model, content)
        given = _read_one(reader, content)
        if (space := reader.space_of(content["architecture"])) is None:
            raise _wrong("/space", "the ranker has no search space; set the field 'space' to get neighbours")
        with operations.lent(reader.described.values()):
            around = await self._help(True, lambda: _neighbors(space, given))
            rows = await self._assess(model, [given, *around], level, "neighbors")
            gains = rows[1:, 0] - rows[0, 0]
            order = [index for index in np.argsort(-gains, kind="stable") if gains[index] > 0]
            return {
                **_show(given, space),
                **_estimate(rows[0]),
                "neighbors": [
                    {**_show(around[index], space), **_estimate(rows[1 + index]), "gain": float(gains[index])}
                    for index in order[:top]
                ],
                "better": len(order),
                "of": len(around),
                "model": model.identity,
            }

    async def draw(self, content: Content, size: int) -> Content:
        """A picture of an architecture."""
        read_fields(content, ["architecture"], ["space"])
        reader = self._reader(self.models.model, content)
        given = _read_one(reader, content)
        if len(given.edges) > _DRAWN_EDGES:
            detail = f"at most {_DRAWN_EDGES} edges can be drawn, got {len(given.edges)}"
            raise _wrong("/architecture/edges", detail)
        space = reader.space_of(content["architecture"])
        with operations.lent(reader.described.values()):
            return {**_show(given, space), "svg": await self._help(True, given.to_svg)}

    def describe(self) -> Content:
        """The current model and the limits."""
        model, limits = self.models.model, self.settings.limits
        ranker = model.ranker
        return {
            **model.identity,
            "space": ranker.space,
            "trials": ranker.trials,
            "largest": ranker.largest,
            "coverage": {str(level): _number(share) for level, share in ranker.coverage.items()},
            "card": dict(ranker.card),
            "vocabulary": [operation.to_dict() for operation in ranker.vocabulary.operations],
            "limits": {
                "body_bytes": limits.body_bytes,
                "architectures": limits.architectures,
                "vertices": limits.vertices,
            },
            "spaces": sorted(spaces.names()),
            "example": model.example.to_dict(),
        }

    async def _assess(
        self, model: Model, architectures: Sequence[Architecture], level: float, route: str
    ) -> Floats:
        rows = await self.batcher.run(model.assess(level), architectures)
        if not np.isfinite(rows[:, 0]).all():
            raise Problem(422, "an architecture is too large: its score is not a finite number")
        self.metrics.architectures.labels(f"/v1/{route}").inc(len(architectures))
        return rows

    async def _read_architectures(
        self, model: Model, content: Content, size: int
    ) -> tuple[Reader, list[Architecture]]:
        reader = self._reader(model, content)
        items = self._read_list(content, "architectures", self.settings.limits.architectures)
        return reader, await self._help(size > _LONG_BODY, lambda: each(items, "/architectures", reader.read))

    def _read_list(self, content: Content, name: str, most: int) -> list[Any]:
        items = content[name]
        if not isinstance(items, list) or not items:
            raise _wrong(f"/{name}", "expected a list with at least one entry")
        if len(items) > most:
            raise _wrong(
                f"/{name}", f"at most {most} entries are allowed, got {len(items)}; split the request"
            )
        return items

    def _reader(self, model: Model, content: Content) -> Reader:
        name, space = content.get("space"), model.space
        if name is not None:
            try:
                space = spaces.get(name)
            except UnknownNameError:
                raise _wrong(
                    "/space", f"unknown search space; known: {', '.join(sorted(spaces.names()))}"
                ) from None
        return Reader(self.settings.limits.vertices, model.operations, space)

    async def _help(self, lengthy: bool, work: Callable[[], Result]) -> Result:
        """Runs lengthy work in a thread, so that other requests are not blocked."""
        if not lengthy:
            return work()
        if self._helped >= _HELPED_AT_MOST:
            raise Problem(
                503, "too many requests of this kind at once; try again later", headers={"Retry-After": "1"}
            )
        self._helped += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._helpers, work)
        finally:
            self._helped -= 1


def _wrong(pointer: str, detail: str) -> Problem:
    return Problem(422, f"{pointer}: {detail}", [FieldError(pointer, detail)])


def _read_one(reader: Reader, content: Content) -> Architecture:
    try:
        return reader.read(content["architecture"], "/architecture")
    except FieldError as error:
        raise _wrong(error.pointer, error.detail) from None


def _read_level(content: Content) -> float:
    level = content.get("level")
    if level is None:
        return LEVEL
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 <= level < 1:
        raise _wrong("/level", "expected a number of at least 0 and below 1")
    return float(level)


def _read_top(content: Content) -> int:
    top = content.get("top")
    if top is None:
        return TOP
    if isinstance(top, bool) or not isinstance(top, int | float) or not 1 <= top < math.inf or top % 1:
        raise _wrong("/top", "expected a whole number of at least 1")
    return int(top)


def _neighbors(space: SearchSpace, architecture: Architecture) -> list[Architecture]:
    try:
        return space.neighbors(architecture)
    except EgraphError as error:
        raise _wrong("/architecture", f"not in the search space {space.name}: {str(error)[:300]}") from None


def _show(architecture: Architecture, space: SearchSpace | None) -> Content:
    text = None
    if space is not None:
        try:
            text = space.format(architecture)
        except EgraphError:
            text = None  # not in this space
    return {"architecture": architecture.to_dict(), "text": text}


def _estimate(row: Floats) -> Content:
    names = ("score", "deviation", "lower", "upper")
    return {name: _number(value) for name, value in zip(names, row.tolist(), strict=True)}


def _columns(rows: Floats) -> list[list[float | None]]:
    """The columns of an assessment; values that were not requested are NaN there and null in JSON."""
    columns: list[list[float | None]] = rows.T.tolist()
    return [columns[0], *([_number(value) for value in column] for column in columns[1:])]


def _number(value: float | None) -> float | None:
    return value if value is not None and value == value else None
