"""The paths of a server."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from hfdl.serving.answering import predict
from hfdl.serving.docs_page import docs_page
from hfdl.serving.facts import facts_of
from hfdl.serving.http_error import HttpError, loading, stopping
from hfdl.serving.metrics import CONTENT_TYPE
from hfdl.serving.openapi import openapi
from hfdl.serving.service import Service


def make_app(service: Service, *, asks_key: bool = False) -> FastAPI:
    """The application of a service: its paths, and one form of errors.

    Args:
        service: what answers.
        asks_key: whether ``Gate`` asks for a key, which the description then says.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    _add_errors(app)
    _add_state(app, service)

    @app.post("/predict", summary="Answers for texts", tags=["model"])
    async def _predict(request: Request) -> Response:
        """Answers as transformers.pipeline gives them: one for an input, a list for a list."""
        return await predict(service, request)

    @app.get("/", summary="The model, its task and labels, limits and versions", tags=["model"])
    async def _facts() -> Response:
        _require_ready(service)
        return JSONResponse(facts_of(service))

    @app.get("/openapi.json", include_in_schema=False)
    async def _openapi() -> Response:
        _require_ready(service)
        return JSONResponse(openapi(app, service, asks_key=asks_key))

    @app.get("/docs", include_in_schema=False)
    async def _docs() -> Response:
        _require_ready(service)
        description = openapi(app, service, asks_key=asks_key)
        return HTMLResponse(docs_page(description, facts_of(service), service.example_answer))

    return app


def _add_state(app: FastAPI, service: Service) -> None:
    @app.get("/health", summary="Whether the process is alive", tags=["state"])
    async def _health() -> Response:
        return JSONResponse({"status": "ok"})

    @app.get("/ready", summary="Whether the model answers", tags=["state"])
    async def _ready() -> Response:
        if service.is_stopping:
            raise stopping()
        _require_ready(service)
        return JSONResponse({"status": "ready"})

    @app.get("/metrics", summary="Figures for Prometheus", tags=["state"])
    async def _metrics() -> Response:
        return Response(service.metrics.page(), media_type=CONTENT_TYPE)


def _add_errors(app: FastAPI) -> None:
    def refuse(_: Request, error: Any) -> Response:
        return JSONResponse(error.body(), error.status, error.headers)

    def refuse_path(request: Request, error: Any) -> Response:
        words = {404: f"no path {request.url.path!r:.100}; GET /docs lists them"}
        words[405] = f"{request.method} is not a method of {request.url.path!r:.100}"
        problem = HttpError(error.status_code, words.get(error.status_code, str(error.detail)))
        return refuse(request, HttpError(problem.status, problem.message, error.headers))

    def fail(request: Request, error: Exception) -> Response:
        return refuse(request, HttpError(500, "a fault of the server; its output says more"))

    app.add_exception_handler(HttpError, refuse)
    app.add_exception_handler(HTTPException, refuse_path)
    app.add_exception_handler(Exception, fail)


def _require_ready(service: Service) -> None:
    if not service.is_ready:
        raise loading()
