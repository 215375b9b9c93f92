"""The official contract, made strict enough to hold requests and answers against it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs

from tests.contract.additions import CHOICES, MEMBERS

METHODS = ("get", "post", "put", "delete")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)")
_INTEGERS = {"int32": 31, "int64": 63}


@dataclass(frozen=True)
class Operation:
    """
    An operation of the API.

    :param template: its path without ``/v2``, e.g. ``/sessions/{referenceNumber}``.
    :param declared: what the contract says of it.
    """

    method: str
    template: str
    declared: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{([^}]+)\}", r"(?P<\1>[^/]+)", self.template))


class Contract:
    """An OpenAPI document whose objects take no unknown members."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = {"schemas": {**document["components"]["schemas"]}}
        self._validators: dict[int, jsonschema_rs.Validator] = {}
        self.operations = [
            Operation(method.upper(), template, declared)
            # "/invoices/failed" goes before "/invoices/{invoiceReferenceNumber}"
            for template, methods in sorted(document["paths"].items(), key=lambda item: item[0].count("{"))
            for method, declared in methods.items()
            if method in METHODS
        ]

    def find(self, method: str, path: str) -> Operation | None:
        """Give the operation that a request calls, by its path without ``/v2``."""
        for operation in self.operations:
            if operation.method == method and operation.pattern.fullmatch(path):
                return operation
        return None

    def violations(self, schema: dict[str, Any], value: object, where: str) -> list[str]:
        """Say where a value differs from a schema of the document."""
        validator = self._validators.get(id(schema))
        if validator is None:
            whole = {"allOf": [schema], "components": self._components}
            validator = jsonschema_rs.Draft202012Validator(whole, formats=_FORMATS, validate_formats=True)
            self._validators[id(schema)] = validator
        return [
            f"{'.'.join(map(str, [where, *error.instance_path]))}: {error.message}"
            for error in validator.iter_errors(value)
        ]

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Follow a reference to the schema that it names."""
        if "$ref" not in schema:
            return schema
        found: dict[str, Any] = self._components["schemas"][schema["$ref"].rpartition("/")[2]]
        return found


@cache
def read_contract(file: Path) -> Contract:
    """Read an OpenAPI document."""
    document = json.loads(file.read_text(encoding="utf-8"))
    schemas = document["components"]["schemas"]
    for name, members in MEMBERS.items():
        schemas[name]["properties"].update(members)
    for name, choice in CHOICES.items():
        schemas[name]["enum"].append(choice)
    for schema in _walk(document):
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
        if (
            schema.get("exclusiveMinimum") is True
        ):  # OpenAPI 3.0 says it this way, JSON Schema by the bound itself
            schema["exclusiveMinimum"] = schema.pop("minimum")
        if (bits := _INTEGERS.get(schema.get("format", ""))) is not None:
            schema.setdefault("minimum", -(2**bits))
            schema.setdefault("maximum", 2**bits - 1)
    return Contract(document)


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _walk(child)


def _reads(read: Callable[[str], object]) -> Callable[[str], bool]:
    def is_readable(text: str) -> bool:
        try:
            return bool(read(text))
        except ValueError:
            return False

    return is_readable


_FORMATS = {
    "date-time": _reads(lambda text: _MOMENT.fullmatch(text) and datetime.fromisoformat(text)),
    "date": _reads(lambda text: len(text) == 10 and date.fromisoformat(text)),
    "uri": _reads(lambda text: text.isascii() and urlsplit(text).scheme and urlsplit(text).netloc),
    "byte": _reads(lambda text: b64decode(text, validate=True) is not None),
}
