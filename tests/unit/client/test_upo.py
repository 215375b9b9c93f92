"""UPO: byte by byte as KSeF gave it, verified, and no access token on a pre-signed link."""

from __future__ import annotations

import logging
from collections.abc import Callable

import httpx
import pytest

from airflow_provider_ksef.client import upo
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.exceptions import KsefApiError, KsefInputError, KsefIntegrityError
from tests.unit.client.conftest import RunAll
from tests.unit.client.fake_ksef import FakeKsef, problem

SESSION = "20260901-SO-1A2B3C6000-0F1E2D3C4D-4A"
INVOICE = "20260901-EE-1A2B3C8001-0F1E2D3C4F-01"
PAGE = "20260901-EU-1A2B3C9000-0F1E2D3C50-18"
NUMBER = "5250001210-20260901-0A1B2C000000-C6"
XML = "<Potwierdzenie>Ministerstwo Finansów</Potwierdzenie>".encode()
LINK = "https://api-test.ksef.mf.gov.pl/storage/01/upo_1.xml?se=2026&sig=c2VjcmV0"
WAYS: dict[str, tuple[Callable[[], Call[bytes]], str]] = {
    "invoice": (lambda: upo.of_invoice(SESSION, INVOICE), f"/sessions/{SESSION}/invoices/{INVOICE}/upo"),
    "number": (
        lambda: upo.of_ksef_number(SESSION, NUMBER),
        f"/sessions/{SESSION}/invoices/ksef/{NUMBER}/upo",
    ),
    "session": (lambda: upo.of_session(SESSION, PAGE), f"/sessions/{SESSION}/upo/{PAGE}"),
    "link": (lambda: upo.download(LINK), "/storage/01/upo_1.xml"),
}


def document(content: bytes = XML, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=content, headers={"Content-Type": "application/xml", **headers})


@pytest.mark.parametrize("way", WAYS)
def test_the_bytes_come_as_they_are(ksef: FakeKsef, run_all: RunAll, way: str) -> None:
    make, path = WAYS[way]
    ksef.replies[f"GET {path}"] = [document(**{"x-ms-meta-hash": sha256_base64(XML)})]
    assert run_all(ksef, make()) == [XML]


@pytest.mark.parametrize("way", WAYS)
def test_changed_bytes_are_refused(ksef: FakeKsef, run_all: RunAll, way: str) -> None:
    make, path = WAYS[way]
    ksef.replies[f"GET {path}"] = [document(XML + b" ", **{"x-ms-meta-hash": sha256_base64(XML)})]
    with pytest.raises(KsefIntegrityError, match="hash"):
        run_all(ksef, make())


@pytest.mark.parametrize("way", WAYS)
def test_bytes_without_a_hash_are_taken_and_told(
    ksef: FakeKsef, run_all: RunAll, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    make, path = WAYS[way]
    ksef.replies[f"GET {path}"] = [document()]
    assert run_all(ksef, make()) == [XML]
    assert "not verified" in caplog.text


def test_a_link_is_followed_without_token_and_not_shown(
    ksef: FakeKsef, run_all: RunAll, caplog: pytest.LogCaptureFixture
) -> None:
    for logger in (None, "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger)
    ksef.replies["GET /storage/01/upo_1.xml"] = [httpx.Response(503), document()]
    run_all(ksef, upo.download(LINK))
    [_, sent] = ksef.requests
    assert str(sent.url) == LINK
    assert "Authorization" not in sent.headers
    assert "/storage/01/upo_1.xml" in caplog.text
    assert "c2VjcmV0" not in caplog.text + repr(upo.download(LINK))


@pytest.mark.parametrize(
    "link", ["https://elsewhere.example/storage/1", "http://api-test.ksef.mf.gov.pl/storage/1"]
)
def test_a_link_that_leads_elsewhere_is_not_followed(ksef: FakeKsef, run_all: RunAll, link: str) -> None:
    with pytest.raises(KsefIntegrityError, match="link"):
        run_all(ksef, upo.download(link))
    assert not ksef.requests


def test_an_expired_link_and_a_missing_upo_are_errors(ksef: FakeKsef, run_all: RunAll) -> None:
    expired = b"<Error><Code>AuthenticationFailed</Code><Message>Expired</Message></Error>"
    ksef.replies["GET /storage/01/upo_1.xml"] = [httpx.Response(403, content=expired)]
    with pytest.raises(KsefApiError, match="AuthenticationFailed") as raised:
        run_all(ksef, upo.download(LINK))
    assert "c2VjcmV0" not in str(raised.value)
    ksef.replies[f"GET /sessions/{SESSION}/upo/{PAGE}"] = [problem(400, 21178)]
    with pytest.raises(KsefApiError) as raised:
        run_all(ksef, upo.of_session(SESSION, PAGE))
    assert raised.value.fault.code == 21178


def test_a_page_for_people_is_no_upo(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["GET /storage/01/upo_1.xml"] = [httpx.Response(200, html="<html>Przerwa</html>")]
    with pytest.raises(KsefApiError, match="HTML"):
        run_all(ksef, upo.download(LINK))


def test_wrong_numbers_are_refused_before_anything_is_sent() -> None:
    for make in (
        lambda: upo.of_invoice("SO", INVOICE),
        lambda: upo.of_invoice(SESSION, "EE"),
        lambda: upo.of_ksef_number(SESSION, NUMBER[:-1] + "7"),
        lambda: upo.of_session(SESSION, "../x"),
    ):
        with pytest.raises(KsefInputError):
            make()
