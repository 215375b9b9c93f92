"""The interactive documentation: what FastAPI finds out, corrected where KSeF's answers are not FastAPI's."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel

DOCS, DOCUMENT = "/docs/v2", "/docs/v2/openapi.json"
_BAD_REQUEST = {
    "description": "Bad Request: exceptionCode 21405 where a value is wrong, else a code of its own",
    "content": {"application/json": {}, "application/problem+json": {}},
}
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")


def operation_id(route: APIRoute) -> str:
    """A name that stays as long as the function's does."""
    return to_camel(route.name)


def correct_documentation(app: FastAPI) -> None:
    """Let the application tell that wrong requests are answered by 400, never by 422."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            app.openapi_schema = _corrected(document)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]  # FastAPI's own way to change it


def _corrected(document: dict[str, Any]) -> dict[str, Any]:
    for methods in document["paths"].values():
        for operation in methods.values():
            if operation["responses"].pop("422", None):
                operation["responses"]["400"] = _BAD_REQUEST
    for name in _FRAMEWORKS_OWN:
        document["components"]["schemas"].pop(name, None)
    return document
