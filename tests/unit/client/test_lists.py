"""Lists are read to their last page, whatever newer KSeFs add to their items."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from airflow_provider_ksef.client import ksef_certificates, login_sessions, peppol, session_list
from airflow_provider_ksef.client.calls import Flow
from airflow_provider_ksef.exceptions import KsefIntegrityError
from tests.unit.client.fake_ksef import FakeKsef

MOMENT = "2026-09-01T12:00:00.1234567+00:00"
SERIAL = "01F20A5D352AE590"
STATUS = {"code": 200, "description": "OK", "someday": 1}


def certificate(number: int) -> dict[str, Any]:
    return {
        "certificateSerialNumber": SERIAL,
        "name": f"Sync {number}",
        "type": "SomeDay",
        "commonName": "Alfa",
        "status": "Active",
        "subjectIdentifier": {"type": "Nip", "value": "5250001210"},
        "validFrom": MOMENT,
        "validTo": MOMENT,
        "requestDate": MOMENT,
        "lastUseDate": None,
        "someday": True,
    }


def provider(number: int) -> dict[str, Any]:
    return {"id": f"PPL{number:06d}", "name": "Beta", "dateCreated": MOMENT, "someday": []}


def session(number: int) -> dict[str, Any]:
    counts = dict.fromkeys(("totalInvoiceCount", "successfulInvoiceCount", "failedInvoiceCount"), number)
    dates = {"dateCreated": MOMENT, "dateUpdated": MOMENT}
    return {"referenceNumber": f"{number}", "status": STATUS, **dates, **counts}


def login(number: int) -> dict[str, Any]:
    method = {"category": "SomeDay", "code": "some.day", "displayName": "Kiedyś"}
    return {
        "referenceNumber": f"{number}",
        "startDate": MOMENT,
        "authenticationMethod": "SomeDay",
        "authenticationMethodInfo": method,
        "status": STATUS,
    }


BY_OFFSET = {
    "POST /certificates/query": ("certificates", certificate, ksef_certificates.query),
    "GET /peppol/query": ("peppolProviders", provider, peppol.query),
}
BY_TOKEN = {
    "GET /auth/sessions": ("items", login, login_sessions.query),
    "GET /sessions": ("sessions", session, lambda: session_list.query("Batch")),
}


def read(pages: list[dict[str, Any]], endpoint: str, flow: Flow[list[Any]]) -> tuple[list[Any], FakeKsef]:
    ksef = FakeKsef(replies={endpoint: [httpx.Response(200, json=page) for page in pages]})
    with ksef.sync_client() as client:
        return client.run(flow), ksef


def asked(ksef: FakeKsef, endpoint: str) -> list[httpx.Request]:
    path = f"/v2{endpoint.partition(' ')[2]}"
    return [request for request in ksef.requests if request.url.path == path]


@pytest.mark.parametrize("endpoint", BY_OFFSET)
def test_lists_by_index(endpoint: str) -> None:
    name, item, query = BY_OFFSET[endpoint]
    pages = [{name: [item(1), item(2)], "hasMore": True}, {name: [item(3)], "hasMore": False}]
    found, ksef = read(pages, endpoint, query())
    assert len(found) == 3
    assert [request.url.params["pageOffset"] for request in asked(ksef, endpoint)] == ["0", "1"]


@pytest.mark.parametrize("endpoint", BY_TOKEN)
def test_lists_by_token(endpoint: str) -> None:
    name, item, query = BY_TOKEN[endpoint]
    pages = [{name: [item(1)], "continuationToken": "next"}, {name: [item(2)], "continuationToken": ""}]
    found, ksef = read(pages, endpoint, query())
    assert [each.reference_number for each in found] == ["1", "2"]
    tokens = [request.headers.get("x-continuation-token") for request in asked(ksef, endpoint)]
    assert tokens == [None, "next"]


@pytest.mark.parametrize("endpoint", [*BY_OFFSET, *BY_TOKEN])
def test_what_is_no_list_is_an_error(endpoint: str) -> None:
    _, _, query = (BY_OFFSET | BY_TOKEN)[endpoint]
    with pytest.raises(KsefIntegrityError, match="not as the API promises"):
        read([{"error": "none"}], endpoint, query())
