"""The web application: endpoints, error answers, and the gate before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from airflow_provider_ksef.emulator.authenticating import refusal_of_token
from airflow_provider_ksef.emulator.connections import Connections
from airflow_provider_ksef.emulator.documentation import (
    DOCUMENT,
    add_documentation,
    operation_id,
)
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import (
    ApiError,
    Invalid,
    Problem,
    bad_request_problem,
    exception_body,
    problem_body,
)
from airflow_provider_ksef.emulator.gate import API, CONTROLS, PROBLEM_DETAILS, STORAGE, Gate
from airflow_provider_ksef.emulator.routes import (
    attachments,
    auth,
    batch,
    behaviour,
    certificates,
    collective,
    control,
    exports,
    faults,
    invoices,
    latarnia,
    limits,
    logins,
    online,
    peppol,
    permission_queries,
    permissions,
    rate_limits,
    security,
    sessions,
    storage,
    testdata,
    tokens,
    upo,
)
from airflow_provider_ksef.emulator.wire import WireResponse

_PROBLEM_JSON = "application/problem+json"


def make_app(emulator: Emulator, connections: Connections) -> FastAPI:
    """Put the application of one emulator together."""
    app = FastAPI(
        title="KSeF API 2.0, emulated",
        version="2.7.0",
        docs_url=None,
        openapi_url=DOCUMENT,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    add_documentation(app)
    app.state.emulator = emulator
    for module in (
        logins,
        auth,
        security,
        batch,
        online,
        sessions,
        upo,
        exports,
        invoices,
        limits,
        rate_limits,
        attachments,
        permissions,
        permission_queries,
        tokens,
        certificates,
        peppol,
        collective,
        testdata,
    ):
        app.include_router(module.router, prefix=API)
    for module in (storage, latarnia, control, faults, behaviour):
        app.include_router(module.router)
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


async def _answer_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for it
    if request.url.path.startswith(STORAGE):
        return storage.missing()
    refusal = await refusal_of_token(request)
    if refusal is not None:
        return _answer_problem(request, refusal)
    is_json = "json" in request.headers.get("content-type", "")
    if not is_json and any(each["loc"] == ("body",) for each in error.errors()):
        problem = Problem(415, "Unsupported Media Type", "Content-Type must be application/json.")
        return _answer_problem(request, problem)
    sentences = [_sentence(each) for each in error.errors()]
    if request.url.path.startswith(CONTROLS):
        return WireResponse({"detail": sentences}, status_code=400)
    return _answer_api_error(request, Invalid(*sentences))


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for it
    if error.status_code == 404 and request.url.path.startswith(STORAGE):
        return storage.missing()
    if request.url.path.startswith(CONTROLS):
        return WireResponse({"detail": error.detail}, status_code=error.status_code)
    if error.status_code == 400:  # the body cannot be read at all
        refusal = await refusal_of_token(request)
        if refusal is not None:
            return _answer_problem(request, refusal)
        return _answer_api_error(request, Invalid(f"{error.detail}."))
    problem = Problem(error.status_code, str(error.detail), str(error.detail))
    answer = _answer_problem(request, problem)
    answer.headers.update(error.headers or {})
    return answer


def _sentence(error: dict[str, Any]) -> str:
    place: Sequence[object] = error["loc"][1:]
    name = ".".join(str(part) for part in place) or "body"
    if error["type"] == "json_invalid":
        return f"The body is not valid JSON: {error['ctx']['error']}."
    if error["type"] == "missing":
        return f"'{name}' must not be empty."
    if error["type"] == "unknown_member":
        return str(error["msg"])
    if error["type"] == "out_of_range":
        return f"'{name}' {error['msg']}"
    return f"'{name}': {error['msg']}."
