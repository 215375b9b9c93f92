"""The official contract, made strict enough to hold our requests against it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator


@dataclass(frozen=True)
class Contract:
    """An OpenAPI document whose objects take no unknown members."""

    document: dict[str, Any]

    def problems(self, request: httpx.Request) -> list[str]:
        """Say where a request differs from the contract."""
        path = request.url.path.removeprefix("/v2")
        operation = self._operation(request.method, path)
        if operation is None:
            return [f"{request.method} {path} is no operation of the API"]
        return [*self._parameters(operation, request), *self._body(operation, request)]

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        # "/invoices/failed" goes before "/invoices/{invoiceReferenceNumber}"
        for template, operations in sorted(
            self.document["paths"].items(), key=lambda item: item[0].count("{")
        ):
            if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) and method.lower() in operations:
                return dict(operations[method.lower()])
        return None

    def _parameters(self, operation: dict[str, Any], request: httpx.Request) -> list[str]:
        declared = {
            (item["in"], item["name"]): item for item in map(self._resolved, operation.get("parameters", []))
        }
        problems = [
            f"query parameter {name} is not declared"
            for name in request.url.params
            if ("query", name) not in declared
        ]
        for (place, name), item in declared.items():
            value = request.url.params.get(name) if place == "query" else None
            if place == "query" and item.get("required") and value is None:
                problems.append(f"query parameter {name} is missing")
            if value is not None:
                typed = int(value) if self._is_integer(item["schema"]) else value
                problems += self._violations(item["schema"], typed, name)
        return problems

    def _body(self, operation: dict[str, Any], request: httpx.Request) -> list[str]:
        declared = operation.get("requestBody")
        if declared is None:
            return ["a body is sent where none is declared"] if request.content else []
        if not request.content:
            return ["the body is missing"]
        kind = request.headers["Content-Type"]
        if kind not in declared["content"]:
            return [f"content type {kind} is not declared"]
        return self._violations(declared["content"][kind]["schema"], json.loads(request.content), "body")

    def _violations(self, schema: dict[str, Any], value: object, where: str) -> list[str]:
        whole = {"allOf": [schema], "components": self.document["components"]}
        errors = Draft202012Validator(whole).iter_errors(value)
        return [f"{where}{error.json_path[1:]}: {error.message}" for error in errors]

    def _resolved(self, item: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in item:
            return item
        found: Any = self.document
        for name in item["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return dict(found)

    def _is_integer(self, schema: dict[str, Any]) -> bool:
        return bool(self._resolved(schema).get("type") == "integer")


@cache
def read_contract(file: Path) -> Contract:
    """Read an OpenAPI document."""
    document = json.loads(file.read_text(encoding="utf-8"))
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return Contract(document)
