"""The interactive documentation: what FastAPI finds out, corrected where KSeF's answers are not FastAPI's."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel

DOCS, DOCUMENT = "/docs/v2", "/docs/v2/openapi.json"
_ERRORS: dict[str, dict[str, object]] = {"application/json": {}, "application/problem+json": {}}
_BAD_REQUEST = {
    "description": "Bad Request: exceptionCode 21405 where a value is wrong, else a code of its own",
    "content": _ERRORS,
}
_OF_PROTECTED = {
    "401": {
        "description": "Unauthorized: no token, or one that is not valid here (any more)",
        "content": {"application/problem+json": {}},
    },
    "403": {
        "description": "Forbidden: reasonCode says why",
        "content": {"application/problem+json": {}},
    },
    "429": {
        "description": "Too Many Requests: Retry-After says how many seconds to wait",
        "content": _ERRORS,
    },
}
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")
_PLACE = '<div id="swagger-ui">'


def operation_id(route: APIRoute) -> str:
    """A name that stays as long as the function's does."""
    return to_camel(route.name)


def add_documentation(app: FastAPI) -> None:
    """
    Let the application describe itself.

    The page takes Swagger UI from the internet. Where that cannot be loaded, a plain list of the operations
    stays in its place.
    """

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            app.openapi_schema = _corrected(document)
        return app.openapi_schema

    def show() -> HTMLResponse:
        page = get_swagger_ui_html(openapi_url=DOCUMENT, title=app.title)
        html = bytes(page.body).decode().replace(_PLACE, _PLACE + _plain_list(describe()), 1)
        return HTMLResponse(html)

    app.openapi = describe  # type: ignore[method-assign]  # FastAPI's own way to change it
    app.add_api_route(DOCS, show, include_in_schema=False)


def _corrected(document: dict[str, Any]) -> dict[str, Any]:
    for methods in document["paths"].values():
        for operation in methods.values():
            if operation["responses"].pop("422", None):
                operation["responses"]["400"] = _BAD_REQUEST
            if "security" in operation:
                operation["responses"].update(_OF_PROTECTED)
    for name in _FRAMEWORKS_OWN:
        document["components"]["schemas"].pop(name, None)
    return document


def _plain_list(document: dict[str, Any]) -> str:
    """All operations as HTML that needs no script; Swagger UI puts itself in its place."""
    rows = "\n".join(
        f"<tr><td>{method.upper()}</td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation['summary'])}</td><td>{'token' if 'security' in operation else ''}</td></tr>"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return f"""
<h1>{escape(document["info"]["title"])}</h1>
<p>The interactive page is Swagger UI from cdn.jsdelivr.net, which has not been loaded. What it shows is in
<a href="{DOCUMENT}">{DOCUMENT}</a>, which any other viewer of OpenAPI shows too. The operations:</p>
<table>
{rows}
</table>
"""
