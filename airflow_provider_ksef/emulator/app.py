"""The web application: endpoints, error answers, and the gate before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from airflow_provider_ksef.emulator.connections import Connections
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import (
    ApiError,
    Invalid,
    Problem,
    bad_request_problem,
    exception_body,
    problem_body,
)
from airflow_provider_ksef.emulator.gate import API, CONTROLS, PROBLEM_DETAILS, Gate
from airflow_provider_ksef.emulator.routes import (
    auth,
    batch,
    control,
    exports,
    invoices,
    limits,
    logins,
    security,
    sessions,
    storage,
)
from airflow_provider_ksef.emulator.wire import WireResponse

_PROBLEM_JSON = "application/problem+json"


def make_app(emulator: Emulator, connections: Connections) -> FastAPI:
    """Put the application of one emulator together."""
    app = FastAPI(
        title="KSeF API 2.0, emulated",
        version="2.7.0",
        docs_url="/docs/v2",
        openapi_url="/docs/v2/openapi.json",
        redoc_url=None,
    )
    app.state.emulator = emulator
    for module in (logins, auth, security, batch, sessions, exports, invoices, limits):
        app.include_router(module.router, prefix=API)
    app.include_router(storage.router)
    app.include_router(control.router)
    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_middleware(Gate, emulator=emulator, connections=connections, routes=lambda: app.routes)
    return app


def _now(request: Request) -> int:
    emulator: Emulator = request.app.state.emulator
    return emulator.clock.now()


def _answer_api_error(request: Request, error: Exception) -> WireResponse:
    assert isinstance(error, ApiError)  # noqa: S101  registered for it
    if request.headers.get("x-error-format", "").lower() == PROBLEM_DETAILS:
        body = bad_request_problem(error, request.url.path, _now(request))
        return WireResponse(body, status_code=400, media_type=_PROBLEM_JSON)
    return WireResponse(exception_body(error, _now(request)), status_code=400)


def _answer_problem(request: Request, error: Exception) -> WireResponse:
    assert isinstance(error, Problem)  # noqa: S101  registered for it
    body = problem_body(error, request.url.path, _now(request))
    return WireResponse(body, status_code=error.status, media_type=_PROBLEM_JSON)


def _answer_validation_error(request: Request, error: Exception) -> WireResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for it
    is_json = "json" in request.headers.get("content-type", "")
    if not is_json and any(each["loc"] == ("body",) for each in error.errors()):
        problem = Problem(415, "Unsupported Media Type", "Content-Type must be application/json.")
        return _answer_problem(request, problem)
    sentences = [_sentence(each) for each in error.errors()]
    if request.url.path.startswith(CONTROLS):
        return WireResponse({"detail": sentences}, status_code=400)
    return _answer_api_error(request, Invalid(*sentences))


def _answer_http_error(request: Request, error: Exception) -> WireResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for it
    if request.url.path.startswith(CONTROLS):
        return WireResponse({"detail": error.detail}, status_code=error.status_code)
    if error.status_code == 400:  # bytes that are not even text
        return _answer_api_error(request, Invalid(str(error.detail)))
    problem = Problem(error.status_code, str(error.detail), str(error.detail))
    return _answer_problem(request, problem)


def _sentence(error: dict[str, Any]) -> str:
    place: Sequence[object] = error["loc"][1:]
    name = ".".join(str(part) for part in place) or "body"
    if error["type"] == "json_invalid":
        return f"The body is not valid JSON: {error['ctx']['error']}."
    if error["type"] == "missing":
        return f"'{name}' must not be empty."
    return f"'{name}': {error['msg']}."
