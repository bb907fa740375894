"""The application and its routes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from egraph._version import __version__
from egraph.errors import ModelError
from egraph.service import _schemas
from egraph.service._answering import Answers, HasModel
from egraph.service._journal import Journal, log
from egraph.service._limits import Bounded, Draining
from egraph.service._metrics import MEDIA_TYPE, Metrics
from egraph.service._models import Published
from egraph.service._problems import MEDIA_TYPE as PROBLEM
from egraph.service._problems import TITLES, Problem, body_of
from egraph.service._reading import parse_json
from egraph.service._security import OPEN, Guard
from egraph.service._settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["create_app"]

STATIC = Path(__file__).with_name("static")
_LOOKS_SECONDS = 0.2

_SUMMARIES = {
    "score": "Score architectures",
    "compare": "Compare pairs of architectures",
    "rank": "Find the best architectures",
    "neighbors": "Find better neighbours of an architecture",
    "draw": "Draw an architecture",
}
Handler = Callable[[dict[str, Any], int], Awaitable[dict[str, Any]]]


def create_app(models: HasModel, settings: Settings | None = None) -> ASGIApp:
    """The service as an ASGI application.

    Args:
        models: Source of the current model; a `Published` is watched for changes.
        settings: Token, limits and batch sizes.
    """
    settings = settings or Settings()
    metrics = Metrics()
    answers = Answers(models, settings, metrics)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(_watch(models, metrics)) if isinstance(models, Published) else None
        yield
        if watch is not None:
            watch.cancel()
        await answers.close()

    app = FastAPI(
        title="egraph",
        version=__version__,
        description="Scores neural architectures with a ranker: which of two networks will train better.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        responses=_problems(401, 500),
    )
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_internal_error)
    for name in _SUMMARIES:
        _add_route(app, name, getattr(answers, name))
    _add_plain_routes(app, answers, metrics)
    _describe(app, settings)
    guarded = Guard(Bounded(app, settings.limits), settings)
    return Journal(Draining(guarded), metrics, settings.log_requests)


def _add_route(app: FastAPI, name: str, answer: Handler) -> None:
    @app.post(
        f"/v1/{name}",
        name=name,
        summary=_SUMMARIES[name],
        operation_id=name,
        response_model=None,
        responses={
            200: {"model": _schemas.RESPONSES[name], "description": "The answer."},
            **_problems(400, 408, 413, 415, 422, 503),
        },
    )
    async def route(request: Request) -> Response:
        if _media_type(request) != "application/json" or "content-encoding" in request.headers:
            raise Problem(415, "send plain JSON with `Content-Type: application/json`")
        body = await request.body()
        return _json(await answer(parse_json(body), len(body)))


def _add_plain_routes(app: FastAPI, answers: Answers, metrics: Metrics) -> None:
    @app.get(
        "/v1/model",
        summary="Describe the ranker and the limits",
        operation_id="model",
        response_model=None,
        responses={200: {"model": _schemas.ModelResponse, "description": "The answer."}},
    )
    async def model() -> Response:
        return _json(answers.describe())

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", summary="Check that the process is alive", response_model=_schemas.Health)
    async def healthz() -> Response:
        return _json({"status": "ok"})

    @app.head("/readyz", include_in_schema=False)
    @app.get("/readyz", summary="Check that the service accepts requests", response_model=_schemas.Health)
    async def readyz() -> Response:
        return _json({"status": "ok"})

    @app.get("/metrics", summary="Get metrics for Prometheus", response_class=Response)
    async def prometheus() -> Response:
        return Response(metrics.render(), media_type=MEDIA_TYPE)

    @app.head("/", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        if not (STATIC / "index.html").exists():
            raise Problem(404, "the page is not installed")
        return FileResponse(STATIC / "index.html")

    if STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=STATIC), name="static")


def _describe(app: FastAPI, settings: Settings) -> None:
    """Completes the OpenAPI document: bodies, which are parsed without FastAPI, and authentication."""
    usual = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = _schemas.describe(usual(), architectures=settings.limits.architectures)
            if settings.token is not None:
                schemes = {
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "basic": {"type": "http", "scheme": "basic"},
                }
                document["components"]["securitySchemes"] = schemes
                for path, operations in document["paths"].items():
                    for operation in operations.values():
                        operation["security"] = [] if path in OPEN else [{"bearer": []}, {"basic": []}]
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {
        status: {"description": TITLES[status], "content": {PROBLEM: {"schema": schema}}}
        for status in statuses
    }


async def _watch(models: Published, metrics: Metrics) -> None:
    """Checks regularly whether another ranker has been published."""
    while True:
        await asyncio.sleep(_LOOKS_SECONDS)
        try:
            if await asyncio.to_thread(models.refresh):
                metrics.reloads.labels("done").inc()
                log("reloaded", models.model.identity)
        except ModelError as error:
            metrics.reloads.labels("failed").inc()
            log("kept the old ranker", {"reason": str(error)}, logging.ERROR)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _json(content: dict[str, Any]) -> Response:
    return Response(to_json(content, inf_nan_mode="null"), media_type="application/json")


def _respond(request: Request, problem: Problem) -> Response:
    body = body_of(problem, request.scope.get("state", {}).get("request"))
    return Response(body, problem.status, problem.headers, PROBLEM)


async def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _respond(request, error)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code if error.status_code in TITLES else 400
    headers = dict(error.headers or {})
    return _respond(request, Problem(status, TITLES[status].lower(), headers=headers))


async def _answer_internal_error(request: Request, error: Exception) -> Response:
    return _respond(request, Problem(500, "internal error; see the log of the service"))
