"""Whether a request of our client is as the contract says."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.contract.additions import OPERATIONS
from tests.contract.openapi import Contract, Operation

_HEADERS = {"x-error-format", "x-ksef-feature"}
_BOOLEANS = {"true": True, "false": False}


def request_problems(contract: Contract, request: httpx.Request) -> list[str]:
    """Say where a request differs from the contract."""
    path = request.url.path.removeprefix("/v2")
    operation = contract.find(request.method, path)
    if operation is None:
        if f"{request.method} {path}" in OPERATIONS:
            return []
        return [f"{request.method} {path} is no operation of the API"]
    return [
        *_path(contract, operation, path),
        *_query(contract, operation, request),
        *_headers(operation, request),
        *_body(contract, operation, request),
    ]


def storage_request_problems(request: httpx.Request) -> list[str]:
    """Say what is wrong with a request to a pre-signed link."""
    problems = [] if request.method in ("GET", "PUT") else [f"{request.method} is no way to use a link"]
    if "Authorization" in request.headers:
        problems.append("an access token is sent to a pre-signed link")
    return problems


def _declared(operation: Operation, place: str) -> dict[str, dict[str, Any]]:
    parameters = operation.declared.get("parameters", [])
    return {each["name"]: each for each in parameters if each["in"] == place}


def _path(contract: Contract, operation: Operation, path: str) -> list[str]:
    match = operation.pattern.fullmatch(path)
    values = match.groupdict() if match else {}
    return [
        problem
        for name, each in _declared(operation, "path").items()
        for problem in contract.violations(each["schema"], values[name], name)
    ]


def _query(contract: Contract, operation: Operation, request: httpx.Request) -> list[str]:
    declared = _declared(operation, "query")
    sent = request.url.params
    problems = [f"query parameter {name} is not declared" for name in sent if name not in declared]
    for name, each in declared.items():
        if name in sent:
            typed = _typed(contract, each["schema"], sent.get_list(name))
            problems += contract.violations(each["schema"], typed, name)
        elif each.get("required"):
            problems.append(f"query parameter {name} is missing")
    return problems


def _typed(contract: Contract, schema: dict[str, Any], values: list[str]) -> object:
    kind = contract.resolved(schema).get("type")
    if kind == "array":
        return values
    value = values[0] if len(values) == 1 else values
    if kind == "integer" and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return _BOOLEANS.get(str(value), value) if kind == "boolean" else value


def _headers(operation: Operation, request: httpx.Request) -> list[str]:
    declared = {name.lower() for name in _declared(operation, "header")} | _HEADERS
    problems = [
        f"header {name} is not declared"
        for name in request.headers
        if name.startswith("x-") and name not in declared
    ]
    is_protected = bool(operation.declared.get("security"))
    if is_protected != request.headers.get("Authorization", "").startswith("Bearer "):
        problems.append("a bearer token is " + ("missing" if is_protected else "sent where none is needed"))
    return problems


def _body(contract: Contract, operation: Operation, request: httpx.Request) -> list[str]:
    declared = operation.declared.get("requestBody")
    length = int(request.headers.get("Content-Length", "0"))
    if declared is None:
        return ["a body is sent where none is declared"] if length else []
    if not length:
        return ["the body is missing"]
    kind = request.headers.get("Content-Type", "none").partition(";")[0]
    if kind not in declared["content"]:
        return [f"content type {kind} is not declared"]
    if kind != "application/json" or len(request.content) != length:  # it was answered unread
        return []
    try:
        value = json.loads(request.content)
    except ValueError as error:
        return [f"the body is no JSON: {error}"]
    return contract.violations(declared["content"][kind]["schema"], value, "body")
