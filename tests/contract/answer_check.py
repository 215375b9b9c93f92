"""Whether an answer is as the contract says."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

import httpx

from tests.contract.additions import OPERATIONS
from tests.contract.openapi import Contract, Operation

_HASH = "x-ms-meta-hash"
_ANY_PROBLEM: dict[str, Any] = {
    "application/problem+json": {
        "schema": {
            "type": "object",
            "required": ["title", "status", "detail", "instance", "traceId", "timestamp"],
            "properties": {"title": {"type": "string"}, "status": {"type": "integer"}},
        }
    }
}
_OPTIONAL_HEADERS = {"X-System-Warning"}


def answer_problems(contract: Contract, request: httpx.Request, answer: httpx.Response) -> list[str]:
    """Say where the answer to a request differs from the contract; it is read to its end."""
    path = request.url.path.removeprefix("/v2")
    operation = contract.find(request.method, path)
    status = answer.status_code
    if _is_gateways(operation, request, status):
        return _body_problems(contract, _ANY_PROBLEM, answer) if answer.content else []
    if operation is None:
        is_newer = f"{request.method} {path}" in OPERATIONS
        return [] if is_newer else [f"{status} answers what is no operation of the API"]
    declared = operation.declared["responses"].get(str(status))
    if declared is None:
        return [f"status {status} is not declared"]
    return [
        *_header_problems(contract, declared.get("headers", {}), answer),
        *_body_problems(contract, declared.get("content"), answer),
    ]


def _is_gateways(operation: Operation | None, request: httpx.Request, status: int) -> bool:
    """Whether a status may come before any operation is reached, so that none declares it."""
    if operation is None:
        return status in {404, 405}
    declared = operation.declared.get("requestBody", {}).get("content", {})
    given = request.headers.get("Content-Type", "none").partition(";")[0]
    return status == 415 and bool(declared) and given not in declared


def storage_answer_problems(request: httpx.Request, answer: httpx.Response) -> list[str]:
    """Say what is wrong with the head of an answer to a pre-signed link."""
    if answer.status_code in {404, 405} and _content_type(answer) in _ANY_PROBLEM:
        return []
    if answer.status_code >= 400:
        kind = _content_type(answer)
        return [] if kind == "application/xml" else [f"content type {kind} is not that of a storage error"]
    if request.method == "PUT":
        is_empty = answer.headers.get("Content-Length", "0") == "0"
        is_right = answer.status_code == 201 and is_empty
        return [] if is_right else [f"an upload is answered by {answer.status_code} and not by an empty 201"]
    return [] if _HASH in answer.headers else [f"header {_HASH} is missing"]


def _header_problems(contract: Contract, declared: dict[str, Any], answer: httpx.Response) -> list[str]:
    problems = []
    for name, each in declared.items():
        value = answer.headers.get(name)
        if value is not None:
            typed = int(value) if value.isdigit() else value
            problems += contract.violations(each["schema"], typed, name)
        elif name not in _OPTIONAL_HEADERS:
            problems.append(f"header {name} is missing")
    if _HASH in declared and answer.headers.get(_HASH) != b64encode(sha256(answer.content).digest()).decode():
        problems.append(f"header {_HASH} is not the hash of the body")
    return problems


def _body_problems(contract: Contract, declared: dict[str, Any] | None, answer: httpx.Response) -> list[str]:
    if declared is None:
        return ["a body is sent where none is declared"] if answer.content else []
    kind = _content_type(answer)
    if kind not in declared:
        return [f"content type {kind} is not declared for {answer.status_code}"]
    if not kind.endswith("json"):
        return []
    try:
        value = json.loads(answer.content)
    except ValueError as error:
        return [f"the body is no JSON: {error}"]
    return contract.violations(declared[kind]["schema"], value, "body")


def _content_type(answer: httpx.Response) -> str:
    return str(answer.headers.get("Content-Type", "none")).partition(";")[0]
