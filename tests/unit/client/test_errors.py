from __future__ import annotations

import json
import pickle
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_ksef.client.answers import error_of, interpret, json_parser, nothing
from airflow_provider_ksef.client.calls import Answer, Call
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefIntegrityError,
    KsefRateLimitError,
    KsefUnavailableError,
)

REFERENCE = "20260901-SO-1A2B3C6000-0F1E2D3C4D-4A"
TRACE = "0123456789abcdef0123456789abcdef"
DETAIL = f"Sesja o numerze referencyjnym {REFERENCE} nie została znaleziona."
UNKNOWN_SESSION = {"description": "Brak sesji o wskazanym numerze referencyjnym.", "details": [DETAIL]}
LEGACY = {
    "exception": {
        "exceptionDetailList": [
            {
                "exceptionCode": 21173,
                "exceptionDescription": UNKNOWN_SESSION["description"],
                "details": [DETAIL],
            }
        ],
        "serviceCode": f"00-{TRACE}-0123456789abcdef-00",
        "timestamp": "2026-09-01T08:00:00.1234567Z",
    }
}
PROBLEM = {
    "title": "Bad Request",
    "status": 400,
    "instance": f"/v2/sessions/{REFERENCE}",
    "detail": "Żądanie jest nieprawidłowe.",
    "errors": [{"code": 21173, **UNKNOWN_SESSION}],
    "timestamp": "2026-09-01T08:00:00.1234567Z",
    "traceId": TRACE,
}
FORBIDDEN = {
    "title": "Forbidden",
    "status": 403,
    "detail": "Brak wymaganych uprawnień do wykonania operacji w bieżącym kontekście.",
    "instance": "/v2/invoices/exports",
    "reasonCode": "missing-permissions",
    "security": {"requiredAnyOfPermissions": ["InvoiceRead"], "presentPermissions": ["InvoiceWrite"]},
    "traceId": TRACE,
}
LIMIT_TEXT = "Przekroczono limit 20 żądań na minutę. Spróbuj ponownie po 30 sekundach."


def answer(status: int, body: Any = b"", **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("GET", f"/sessions/{REFERENCE}", status, named, content, 0.0)


@pytest.mark.parametrize("body", [LEGACY, PROBLEM], ids=["old form", "problem+json"])
def test_both_json_forms_say_the_same(body: Any) -> None:
    error = error_of(answer(400, body))
    fault = error.fault
    assert type(error) is KsefApiError
    assert (fault.http_status, fault.code, fault.trace_id) == (400, 21173, TRACE)
    assert (fault.description, fault.details) == (UNKNOWN_SESSION["description"], (DETAIL,))
    assert "reference number" in error.remedy
    for part in ("21173", DETAIL, TRACE, "GET", "/sessions/"):
        assert part in str(error)


def test_several_errors_are_all_kept() -> None:
    body = {
        **PROBLEM,
        "errors": [{"code": 1, "description": "A", "details": ["a"]}, {"code": 2, "description": "B"}],
    }
    fault = error_of(answer(400, body)).fault
    assert (fault.code, fault.description, fault.details) == (1, "A", ("a", "2 B"))


def test_a_403_tells_reason_and_permissions() -> None:
    error = error_of(answer(403, FORBIDDEN))
    assert error.fault.reason_code == "missing-permissions"
    assert "requiredAnyOfPermissions: InvoiceRead" in error.fault.details
    assert "permissions" in error.remedy
    assert "missing-permissions" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"status": {"code": 429, "description": "Too Many Requests", "details": [LIMIT_TEXT]}},
        {"title": "Too Many Requests", "status": 429, "detail": LIMIT_TEXT, "traceId": TRACE},
    ],
)
def test_both_forms_of_429_carry_the_wait(body: Any) -> None:
    error = error_of(answer(429, body, retry_after="30"))
    assert isinstance(error, KsefRateLimitError)
    assert error.fault.retry_after == 30.0
    assert error.fault.code is None
    assert LIMIT_TEXT in str(error)


def test_the_wait_may_be_a_date() -> None:
    fault = error_of(answer(429, retry_after="Tue, 01 Jan 2030 00:00:00 GMT")).fault
    assert fault.retry_after is not None
    assert fault.retry_after > 1000
    assert error_of(answer(429, retry_after="soon")).fault.retry_after is None
    assert error_of(answer(429)).fault.retry_after is None


def test_storage_errors_are_xml() -> None:
    body = (
        '﻿<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code><Message>Server '
        "failed to authenticate the request.\nRequestId:1</Message></Error>"
    )
    error = error_of(answer(403, body.encode(), content_type="application/xml"))
    assert error.fault.description.startswith("AuthenticationFailed: Server failed to authenticate")
    assert "expired" in error.remedy


@pytest.mark.parametrize("status", [200, 502, 503])
def test_a_page_for_people_means_unavailable(status: int) -> None:
    page = b"<!DOCTYPE html><html><head><title> Przerwa techniczna </title></head></html>"
    call = Call("GET", "/x", json_parser(dict[str, int], dict))
    for headers in ({}, {"content_type": "text/html; charset=utf-8"}):
        with pytest.raises(KsefUnavailableError, match="Przerwa techniczna") as raised:
            interpret(call, answer(status, page, **headers))
        assert raised.value.fault.http_status == status


def test_a_known_500_and_an_empty_one() -> None:
    detail = {"exceptionCode": 500, "exceptionDescription": "Wystąpił nieoczekiwany błąd."}
    known = error_of(answer(500, {"exception": {"exceptionDetailList": [detail]}}))
    assert isinstance(known, KsefUnavailableError)
    assert (known.fault.code, known.fault.description) == (500, "Wystąpił nieoczekiwany błąd.")
    empty = error_of(answer(504))
    assert isinstance(empty, KsefUnavailableError)
    assert "Gateway Time" in str(empty)


def test_a_redirect_is_an_error() -> None:
    with pytest.raises(KsefApiError, match="HTTP 302"):
        interpret(Call("GET", "/x", nothing), answer(302, location="https://elsewhere"))


@pytest.mark.parametrize("body", [b"", b"OK", b"[1]", b'{"a": "text"}', b'{"a": 1', b"\xff\xfe"])
def test_a_success_that_is_not_as_promised_is_an_integrity_error(body: bytes) -> None:
    with pytest.raises(KsefIntegrityError, match="not as the API promises"):
        interpret(Call("GET", "/x", json_parser(dict[str, int], dict)), answer(200, body))


names = st.sampled_from(
    [
        "exception",
        "exceptionDetailList",
        "errors",
        "status",
        "code",
        "details",
        "title",
        "security",
        "serviceCode",
    ]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@example(400, b'{"exception": {"exceptionDetailList": true}}')
@settings(max_examples=500, deadline=None)
@given(
    st.integers(300, 599), json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60)
)
def test_any_body_becomes_one_of_our_errors(status: int, body: bytes) -> None:
    error = error_of(answer(status, body))
    assert error.fault.http_status == status
    assert error.remedy
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_every_status_line_of_httpx_is_understood() -> None:
    for status in httpx.codes:
        if status >= 300:
            assert str(int(status)) in str(error_of(answer(int(status))))
