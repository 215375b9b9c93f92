"""The interactive documentation at ``/docs/v2``."""

from __future__ import annotations

from typing import Any

import httpx

from tests.emulator_process import EmulatorProcess

PUBLIC = (
    "/v2/auth/challenge",
    "/v2/auth/ksef-token",
    "/v2/auth/xades-signature",
    "/v2/security/",
    "/v2/peppol/",
    "/v2/testdata/subject",
    "/v2/testdata/person",
    "/v2/testdata/permissions",
    "/v2/testdata/attachment",
    "/v2/testdata/context/",
    "/storage/",
    "/latarnia/",
    "/_emulator/",
)


def operations(emulator: EmulatorProcess) -> dict[tuple[str, str], dict[str, Any]]:
    paths = httpx.get(f"{emulator.origin}/docs/v2/openapi.json").json()["paths"]
    return {(method, path): each for path, methods in paths.items() for method, each in methods.items()}


def test_the_documentation_is_there(prompt: EmulatorProcess) -> None:
    assert "swagger" in httpx.get(f"{prompt.origin}/docs/v2").text.lower()
    paths = httpx.get(f"{prompt.origin}/docs/v2/openapi.json").json()["paths"]
    assert "/v2/sessions/{referenceNumber}/invoices/failed" in paths
    operations = [operation for methods in paths.values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert "queryMetadata" in names
    assert len(set(names)) == len(names)
    assert not any("422" in operation["responses"] for operation in operations)
    body = paths["/v2/invoices/query/metadata"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/InvoiceFilters"}


def test_protected_operations_ask_for_a_token(prompt: EmulatorProcess) -> None:
    document = httpx.get(f"{prompt.origin}/docs/v2/openapi.json").json()
    scheme = document["components"]["securitySchemes"]["Bearer"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")
    for (_, path), operation in operations(prompt).items():
        if path.startswith(PUBLIC) and path != "/v2/testdata/limits/subject/certificate":
            assert "security" not in operation, path
            assert "401" not in operation["responses"]
        else:
            assert operation["security"] == [{"Bearer": []}], path
            assert operation["responses"]["401"]["description"].startswith("Unauthorized")


def test_without_the_internet_a_plain_list_is_in_its_place(prompt: EmulatorProcess) -> None:
    page = httpx.get(f"{prompt.origin}/docs/v2")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    container, script = page.text.split('<div id="swagger-ui">')[1].split("<script", 1)
    for (method, path), operation in operations(prompt).items():
        assert f"<tr><td>{method.upper()}</td><td><code>{path}</code></td>" in container
        assert operation["summary"] in container
    assert '<a href="/docs/v2/openapi.json">' in container
    assert "SwaggerUIBundle" in script
