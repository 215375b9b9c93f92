"""The check itself: it notices what is wrong, and tells of it once."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract import violations
from tests.contract.answer_check import answer_problems, storage_answer_problems
from tests.contract.openapi import Contract
from tests.contract.request_check import request_problems, storage_request_problems
from tests.emulator_process import EmulatorProcess

REFERENCE = "20260901-SO-1A2B3C6000-0F1E2D3C4D-4A"
CHALLENGE = {
    "challenge": "20260901-CR-1A2B3C4000-0F1E2D3C4B-7A",
    "timestamp": "2026-09-01T00:00:00.1234567+00:00",
    "timestampMs": 1788220800000,
    "clientIp": "203.0.113.7",
}
XML = b"<Faktura/>"
XML_HEADERS = {
    "Content-Type": "application/xml; charset=utf-8",
    "x-ms-meta-hash": b64encode(sha256(XML).digest()).decode(),
}
INVOICE = "/invoices/ksef/5250001210-20260901-0A1B2C000000-C6"
SESSION_LIMITS = {"maxInvoiceSizeInMB": 1, "maxInvoiceWithAttachmentSizeInMB": 3, "maxInvoices": 10_000}
CONTEXT_LIMITS = {
    "onlineSession": SESSION_LIMITS,
    "batchSession": SESSION_LIMITS,
    "collectiveIdentifier": {"maxInvoices": 500},
}
HTML = httpx.Response(200, html="<p>")


def request(method: str, path: str, **members: Any) -> httpx.Request:
    headers = {"Authorization": "Bearer x", **members.pop("headers", {})}
    return httpx.Request(method, f"https://x/v2{path}", headers=headers, **members)


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (request("GET", "/nothing"), "no operation"),
        (request("DELETE", "/auth/challenge"), "no operation"),
        (request("POST", "/auth/ksef-token", json={"challenge": "1"}), "challenge: .* shorter than 36"),
        (request("POST", "/auth/ksef-token"), "body is missing"),
        (request("POST", "/auth/ksef-token", data={"challenge": "1"}), "content type .* is not declared"),
        (
            request("POST", "/auth/ksef-token", content=b"{", headers={"Content-Type": "application/json"}),
            "is no JSON",
        ),
        (request("POST", "/auth/challenge", json={}), "none is declared"),
        (request("POST", "/auth/challenge"), "token is sent where none is needed"),
        (request("GET", "/rate-limits", headers={"Authorization": ""}), "bearer token is missing"),
        (request("GET", "/rate-limits", headers={"X-Own": "1"}), "header x-own is not declared"),
        (request("GET", "/sessions/1/invoices"), "referenceNumber: .* shorter than 36"),
        (request("GET", f"/sessions/{REFERENCE}/invoices?pageSize=1001"), "pageSize: 1001 is greater"),
        (request("GET", f"/sessions/{REFERENCE}/invoices?size=1"), "size is not declared"),
        (request("GET", "/sessions"), "sessionType is missing"),
        (request("GET", "/sessions?dateCreatedFrom=2026-09-01T00:00:00"), "dateCreatedFrom: .*date-time"),
        (request("GET", "/sessions?statuses=InProgress&statuses=Lost"), r"statuses\.1: .*Lost"),
        (request("POST", "/auth/xades-signature?verifyCertificateChain=1"), "is not of type .boolean"),
        (request("POST", "/invoices/query/metadata", json={"more": 1}), "'more' was unexpected"),
    ],
)
def test_wrong_requests_are_noticed(contract: Contract, request_: httpx.Request, problem: str) -> None:
    found = request_problems(contract, request_)
    assert re.search(problem, "\n".join(found)), found


def test_right_requests_pass(contract: Contract) -> None:
    query = (
        "?sessionType=Batch&statuses=InProgress&statuses=Failed&dateCreatedFrom=2026-09-01T00:00:00%2B02:00"
    )
    headers = {"x-continuation-token": "abc", "X-Error-Format": "problem-details"}
    assert request_problems(contract, request("GET", f"/sessions{query}", headers=headers)) == []


@pytest.mark.parametrize(
    ("asked", "answer", "problem"),
    [
        (("GET", "/nothing"), httpx.Response(200, json={}), "answers what is no operation"),
        (("POST", "/auth/challenge"), httpx.Response(201, json=CHALLENGE), "status 201 is not declared"),
        (("POST", "/auth/challenge"), httpx.Response(500, json={}), "status 500 is not declared"),
        (("GET", "/nothing"), httpx.Response(404, html="<p>"), "content type text/html"),
        (("GET", "/nothing"), httpx.Response(404, json={}), "content type application/json"),
        (("POST", "/auth/challenge"), httpx.Response(404), "status 404 is not declared"),
        (("POST", "/auth/challenge"), httpx.Response(405), "status 405 is not declared"),
        (("GET", INVOICE), httpx.Response(415), "status 415 is not declared"),
        (("POST", "/auth/challenge"), HTML, "content type text/html"),
        (("POST", "/auth/challenge"), httpx.Response(200), "content type none"),
        (
            ("POST", "/auth/challenge"),
            httpx.Response(200, content=b"{", headers={"Content-Type": "application/json"}),
            "is no JSON",
        ),
        (("POST", "/auth/challenge"), {"more": 1}, "'more' was unexpected"),
        (("POST", "/auth/challenge"), {"challenge": None}, 'challenge: null is not of type "string"'),
        (("POST", "/auth/challenge"), {"timestampMs": "1"}, 'timestampMs: "1" is not of type'),
        (("POST", "/auth/challenge"), {"timestampMs": 2**63}, "timestampMs: .* greater"),
        (("POST", "/auth/challenge"), {"timestamp": "2026-09-01T00:00:00"}, "timestamp: .*date-time"),
        (("POST", "/auth/challenge"), {"timestamp": "2026-13-01T00:00:00Z"}, "timestamp: .*date-time"),
        (("POST", "/sessions/batch/x/close"), httpx.Response(204, content=b"x"), "none is declared"),
        (("GET", INVOICE), httpx.Response(200, content=XML), "header x-ms-meta-hash is missing"),
        (("GET", INVOICE), httpx.Response(200, content=XML + b" ", headers=XML_HEADERS), "not the hash"),
        (("GET", INVOICE), httpx.Response(429, json={"status": {}}), "header Retry-After is missing"),
        (("GET", INVOICE), httpx.Response(429, json={"status": {}}), 'status: "details" is a required'),
        (
            ("GET", INVOICE),
            httpx.Response(400, json={}, headers={"Content-Type": "application/problem+json"}),
            '"traceId" is a required',
        ),
    ],
)
def test_wrong_answers_are_noticed(
    contract: Contract, asked: tuple[str, str], answer: httpx.Response | dict[str, Any], problem: str
) -> None:
    given = httpx.Response(200, json={**CHALLENGE, **answer}) if isinstance(answer, dict) else answer
    found = answer_problems(contract, request(*asked), given)
    assert re.search(problem, "\n".join(found)), found


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (("POST", "/auth/challenge"), httpx.Response(200, json=CHALLENGE)),
        (("GET", "/nothing"), httpx.Response(404)),
        (("DELETE", "/auth/challenge"), httpx.Response(405)),
        (("GET", INVOICE), httpx.Response(200, content=XML, headers=XML_HEADERS)),
        (("POST", "/collective-identifiers/invoices"), httpx.Response(200, json={"since": 2.8})),
        (("GET", "/limits/context"), httpx.Response(200, json=CONTEXT_LIMITS)),
    ],
)
def test_right_answers_pass(contract: Contract, asked: tuple[str, str], answer: httpx.Response) -> None:
    assert answer_problems(contract, request(*asked), answer) == []


@pytest.mark.parametrize(("kind", "is_right"), [("text/plain", True), ("application/json", False)])
def test_a_body_of_another_kind_alone_may_be_refused_as_such(
    contract: Contract, kind: str, is_right: bool
) -> None:
    asked = request("POST", "/auth/ksef-token", content=b"x", headers={"Content-Type": kind})
    assert (answer_problems(contract, asked, httpx.Response(415)) == []) is is_right


@pytest.mark.parametrize(
    ("method", "answer", "is_right"),
    [
        ("PUT", httpx.Response(201), True),
        ("PUT", httpx.Response(200), False),
        ("PUT", httpx.Response(201, content=b"x"), False),
        ("GET", httpx.Response(200, content=XML, headers=XML_HEADERS), True),
        ("GET", httpx.Response(200, content=XML), False),
        ("GET", httpx.Response(403, headers={"Content-Type": "application/xml"}), True),
        ("GET", httpx.Response(403, json={}), False),
        ("GET", httpx.Response(404, headers={"Content-Type": "application/problem+json"}), True),
        ("GET", httpx.Response(403, headers={"Content-Type": "application/problem+json"}), False),
    ],
)
def test_answers_of_links_are_held_to_what_links_promise(
    method: str, answer: httpx.Response, *, is_right: bool
) -> None:
    asked = httpx.Request(method, "https://x/storage/1")
    assert (storage_answer_problems(asked, answer) == []) is is_right


def test_no_access_token_goes_to_a_link() -> None:
    assert storage_request_problems(httpx.Request("PUT", "https://x/storage/1")) == []
    assert storage_request_problems(request("GET", "/storage/1"))
    assert storage_request_problems(httpx.Request("POST", "https://x/storage/1"))


def test_a_violation_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(violations.FOLDER, str(tmp_path))
    watch = violations.Watch(tmp_path)
    violations.report("request GET /told-once", ["a", "b"])
    assert watch.new() == ["request GET /told-once: a", "request GET /told-once: b"]
    violations.report("request GET /told-once", ["b", "c"])
    assert watch.new() == ["request GET /told-once: c"]
    assert watch.new() == []


def test_a_running_emulator_is_watched(
    contract: Contract,
    emulators: Callable[..., EmulatorProcess],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(violations.FOLDER, str(tmp_path))
    watched = emulators()
    agent = {"User-Agent": "airflow-provider-ksef/1"}
    for headers in ({}, agent, agent):
        assert httpx.post(f"{watched.url}/auth/challenge", json={}, headers=headers).status_code == 200
    watched.control("faults", path="/auth/challenge", times=1, status=200, body="<p>")
    assert httpx.post(f"{watched.url}/auth/challenge").headers["Content-Type"].startswith("text/html")
    assert violations.Watch(tmp_path).new() == [
        "request POST /auth/challenge: a body is sent where none is declared"
    ]
