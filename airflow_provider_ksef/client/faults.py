"""Every form of error answer becomes one :class:`~airflow_provider_ksef.exceptions.Fault`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from airflow_provider_ksef.client.asked_wait import asked_wait
from airflow_provider_ksef.client.calls import Answer
from airflow_provider_ksef.exceptions import Fault

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_TITLE = re.compile(r"<title[^>]*>\s*(.*?)\s*</title>", re.DOTALL | re.IGNORECASE)
_STORAGE_CODE = re.compile(r"<Code>([^<]*)</Code>")
_STORAGE_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_SHOWN = 200
"""Characters that are shown of a body in no known form."""


def fault_of(answer: Answer) -> Fault:
    """
    Read an error answer.

    :param answer: KSeF's old and new JSON forms, the storage's XML, a gateway's HTML, anything, or nothing.
    """
    return Fault(
        method=answer.method,
        path=answer.path,
        http_status=answer.status,
        retry_after=asked_wait(answer.headers),
        **_said(answer),
    )


def _said(answer: Answer) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"description": _text(answer)}
    match body:
        case {"exception": Mapping() as exception}:
            return _legacy(exception)
        case {"errors": [Mapping(), *_]}:
            return _problem(body)
        case {"status": Mapping() as status}:
            return {
                "description": _string(status.get("description")),
                "details": _strings(status.get("details")),
            }
        case {"title": _} | {"detail": _}:
            return _problem(body)
    return {"description": _text(answer)}


def _legacy(exception: Mapping[str, Any]) -> dict[str, Any]:
    service_code = _string(exception.get("serviceCode"))
    traceparent = _TRACEPARENT.fullmatch(service_code)
    listed = [
        (item.get("exceptionCode"), item.get("exceptionDescription"), item.get("details"))
        for item in _mappings(exception.get("exceptionDetailList"))
    ]
    return {"trace_id": traceparent.group(1) if traceparent else service_code, **_first_of(listed)}


def _problem(body: Mapping[str, Any]) -> dict[str, Any]:
    listed = [
        (item.get("code"), item.get("description"), item.get("details"))
        for item in _mappings(body.get("errors"))
    ]
    said = {
        "description": _string(body.get("detail") or body.get("title")),
        "details": _security(body.get("security")),
        "reason_code": _string(body.get("reasonCode")),
        "trace_id": _string(body.get("traceId")),
    }
    return said | _first_of(listed)


def _first_of(listed: list[tuple[Any, Any, Any]]) -> dict[str, Any]:
    """Code and description of the first error; what the others say is kept as details."""
    if not listed:
        return {}
    (code, description, details), *others = listed
    further = [
        " ".join((f"{other_code} {_string(text)}", *_strings(more))) for other_code, text, more in others
    ]
    return {
        "code": code if isinstance(code, int) else None,
        "description": _string(description),
        "details": (*_strings(details), *further),
    }


def _security(security: object) -> tuple[str, ...]:
    """What a 403 tells about permissions, addresses or incidents."""
    if not isinstance(security, Mapping):
        return ()
    return tuple(
        f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in security.items()
        if value
    )


def _text(answer: Answer) -> str:
    """Words for an answer that is not KSeF's JSON."""
    text = answer.content[:4096].decode("utf-8", "replace").strip()
    if answer.is_html:
        title = _TITLE.search(text)
        return f"an HTML page{f' titled {title.group(1)!r}' if title else ''} instead of an answer of the API"
    code = _STORAGE_CODE.search(text)
    if code:
        message = _STORAGE_MESSAGE.search(text)
        return f"{code.group(1)}: {message.group(1).strip() if message else ''}".rstrip(": ")
    return text[:_SHOWN] or _phrase(answer.status)


def _phrase(status: int) -> str:
    try:
        return f"{HTTPStatus(status).phrase}, without a body"
    except ValueError:
        return "no body"


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _strings(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
