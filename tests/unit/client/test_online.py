"""Interactive sessions: what is sent, and what is done where the answer is missing."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from airflow_provider_ksef.client import online, sessions
from airflow_provider_ksef.client.crypto import SessionKey
from airflow_provider_ksef.client.forms import BATCH_FORMS, ONLINE_FORMS
from airflow_provider_ksef.client.packing import InvoiceFile
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefInputError,
    KsefTimeoutError,
    KsefTransportError,
    KsefUnavailableError,
)
from tests.unit.client.conftest import RunAll
from tests.unit.client.fake_ksef import FakeKsef, key_id, problem
from tests.unit.client.invoice_contents import invoice_of
from tests.unit.client.test_answers import item

SESSION = "20260901-SO-1A2B3C6000-0F1E2D3C4D-4A"
INVOICE = "20260901-EE-1A2B3C8001-0F1E2D3C4F-01"
OTHER = "20260901-EE-1A2B3C8002-0F1E2D3C50-C3"
KEY = SessionKey(bytes(range(32)), bytes(range(16)))
XML = b"<Faktura>" + b"x" * 6471
HASH = base64.b64encode(hashlib.sha256(XML).digest()).decode()
OPEN, SEND = "POST /sessions/online", f"POST /sessions/online/{SESSION}/invoices"
LIST, CLOSE = f"GET /sessions/{SESSION}/invoices", f"POST /sessions/online/{SESSION}/close"
READ = f"GET /sessions/{SESSION}/invoices/{INVOICE}"
OPENED = httpx.Response(201, json={"referenceNumber": SESSION, "validUntil": "2026-09-01T20:00:00+00:00"})
SENT = httpx.Response(202, json={"referenceNumber": INVOICE})


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "SEND_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(online, "_FIRST_PAUSE", 0.001)


def listed(*invoices: dict[str, object]) -> httpx.Response:
    return httpx.Response(200, json={"invoices": list(invoices)})


def body_of(ksef: FakeKsef, path: str) -> dict[str, Any]:
    [request] = [sent for sent in ksef.requests if sent.url.path == f"/v2{path}"]
    body: dict[str, Any] = json.loads(request.content)
    return body


@pytest.mark.parametrize("form", ONLINE_FORMS)
def test_a_session_of_every_form_is_opened(ksef: FakeKsef, run_all: RunAll, form: str) -> None:
    ksef.replies[OPEN] = [OPENED]
    [opened] = run_all(ksef, online.open_session(form, KEY))
    assert (opened.reference_number, opened.valid_until[:4]) == (SESSION, "2026")
    body = body_of(ksef, "/sessions/online")
    assert body["formCode"]["systemCode"] == form
    assert body["encryption"]["publicKeyId"] == key_id("first")
    assert base64.b64decode(body["encryption"]["initializationVector"]) == KEY.iv
    assert len(base64.b64decode(body["encryption"]["encryptedSymmetricKey"])) == 256


@pytest.mark.parametrize("form", ["FA3", "FA(3)", ""])
def test_an_unknown_form_is_refused_before_anything_is_sent(form: str) -> None:
    with pytest.raises(KsefInputError, match="form_code"):
        online.open_session(form, KEY)


def test_only_interactive_sessions_take_pef() -> None:
    assert set(ONLINE_FORMS) - set(BATCH_FORMS) == {"PEF (3)", "PEF_KOR (3)"}


def test_an_invoice_is_sent_encrypted_with_hashes_and_sizes(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies[SEND] = [SENT]
    assert run_all(ksef, online.send_invoice(SESSION, XML, KEY)) == [INVOICE]
    body = body_of(ksef, f"/sessions/online/{SESSION}/invoices")
    content = base64.b64decode(body.pop("encryptedInvoiceContent"))
    assert body == {
        "invoiceHash": HASH,
        "invoiceSize": 6480,
        "encryptedInvoiceHash": base64.b64encode(hashlib.sha256(content).digest()).decode(),
        "encryptedInvoiceSize": 6496,
        "offlineMode": False,
    }
    cipher = Cipher(algorithms.AES256(KEY.key), modes.CBC(KEY.iv)).decryptor()
    assert cipher.update(content) + cipher.finalize() == XML + b"\x10" * 16


def test_a_technical_correction_names_what_it_corrects(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies[SEND] = [SENT]
    corrects = base64.b64encode(bytes(32)).decode()
    run_all(
        ksef,
        online.send_invoice(SESSION, XML, KEY, offline_mode=True, hash_of_corrected_invoice=corrects),
    )
    body = body_of(ksef, f"/sessions/online/{SESSION}/invoices")
    assert (body["offlineMode"], body["hashOfCorrectedInvoice"]) == (True, corrects)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"hash_of_corrected_invoice": "a" * 44}, "offline_mode"),
        ({"hash_of_corrected_invoice": "a" * 43, "offline_mode": True}, "hash_of_corrected_invoice"),
        ({"hash_of_corrected_invoice": "", "offline_mode": True}, "hash_of_corrected_invoice"),
        ({"xml": b""}, "xml"),
        ({"reference_number": "SO"}, "session_reference_number"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_is_sent(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(KsefInputError) as raised:
        online.send_invoice(**{"reference_number": SESSION, "xml": XML, "key": KEY, **wrong})
    assert raised.value.field == field


LOST = [httpx.ReadTimeout("no answer"), httpx.Response(502), httpx.Response(200, html="<html>Przerwa</html>")]


@pytest.mark.parametrize("lost", LOST, ids=["cut", "gateway", "page"])
def test_an_invoice_that_arrived_without_an_answer_is_not_sent_again(
    ksef: FakeKsef, run_all: RunAll, lost: Any
) -> None:
    ksef.replies[SEND] = [lost]
    ksef.replies[LIST] = [listed(item(1), item(2, 150, invoiceHash=HASH, referenceNumber=OTHER))]
    assert run_all(ksef, online.send_invoice(SESSION, XML, KEY)) == [OTHER]
    assert ksef.counts[SEND] == 1


@pytest.mark.parametrize("lost", LOST, ids=["cut", "gateway", "page"])
def test_an_invoice_that_did_not_arrive_is_sent_again(ksef: FakeKsef, run_all: RunAll, lost: Any) -> None:
    ksef.replies[SEND] = [lost, SENT]
    ksef.replies[LIST] = [listed(item(1))]
    assert run_all(ksef, online.send_invoice(SESSION, XML, KEY)) == [INVOICE]
    assert (ksef.counts[SEND], ksef.counts[LIST]) == (2, 1)


def test_a_sending_that_stays_unknown_is_an_error(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies[SEND] = [httpx.ReadTimeout("no answer")]
    ksef.replies[LIST] = [listed()]
    with pytest.raises(KsefTransportError):
        run_all(ksef, online.send_invoice(SESSION, XML, KEY))
    assert ksef.counts[SEND] == 3


@pytest.mark.parametrize("code", [21155, 21166, 21167, 21180, 21184, 21402])
def test_a_refused_invoice_is_an_error_with_a_remedy(ksef: FakeKsef, run_all: RunAll, code: int) -> None:
    ksef.replies[SEND] = [problem(400, code)]
    with pytest.raises(KsefApiError) as raised:
        run_all(ksef, online.send_invoice(SESSION, XML, KEY))
    assert (raised.value.fault.code, bool(raised.value.remedy)) == (code, True)
    assert ksef.counts[SEND] == 1


def test_an_invoices_status_is_read_until_it_is_judged(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies[READ] = [httpx.Response(200, json=item(1, code)) for code in (100, 150, 440)]
    [invoice] = run_all(ksef, online.wait_for_invoice(SESSION, INVOICE))
    assert (invoice.code, invoice.is_final, invoice.is_accepted) == (440, True, False)
    assert ksef.counts[READ] == 3


def test_an_accepted_invoice(ksef: FakeKsef, run_all: RunAll) -> None:
    number = "5250001210-20260901-0A1B2C000000-C6"
    link = "https://x/upo?sig=secret"
    ksef.replies[READ] = [httpx.Response(200, json=item(1, ksefNumber=number, upoDownloadUrl=link))]
    [invoice] = run_all(ksef, sessions.get_invoice(SESSION, INVOICE))
    assert (invoice.ksef_number, invoice.is_accepted, invoice.upo_download_url) == (number, True, link)
    assert "secret" not in repr(invoice)


def test_waiting_has_an_end(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies[READ] = [httpx.Response(200, json=item(1, 150))]
    with pytest.raises(KsefTimeoutError, match=INVOICE):
        run_all(ksef, online.wait_for_invoice(SESSION, INVOICE, patience=0.005))


def test_a_close_without_an_answer_is_looked_up(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies[CLOSE] = [httpx.Response(504)]
    status = {"status": {"code": 170, "description": "x"}, "dateCreated": "2026-09-01T08:00:00+00:00"}
    ksef.replies[f"GET /sessions/{SESSION}"] = [httpx.Response(200, json=status)]
    run_all(ksef, online.close_session(SESSION))
    assert ksef.counts[CLOSE] == 1


def files(*contents: bytes) -> list[InvoiceFile]:
    return [invoice_of(f"{number}.xml", content) for number, content in enumerate(contents, start=1)]


def test_several_files_are_sent_in_one_session(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies[OPEN] = [OPENED]
    ksef.replies[SEND] = [SENT, httpx.Response(202, json={"referenceNumber": OTHER})]
    ksef.replies[CLOSE] = [httpx.Response(204)]
    told: list[object] = []
    flow = online.send_all("FA (3)", files(XML, b"<B/>"), KEY, on_opened=told.append, on_sent=told.append)
    [session] = run_all(ksef, flow)
    assert session.reference_number == SESSION
    assert [(one.name, one.reference_number) for one in session.invoices] == [
        ("1.xml", INVOICE),
        ("2.xml", OTHER),
    ]
    assert session.invoices[0].invoice_hash == HASH
    assert told == [SESSION, *session.invoices]
    steps = [f"{sent.method} {sent.url.path}" for sent in ksef.requests]
    assert [step for step in steps if "/sessions/online" in step][-1].endswith("/close")


def test_what_was_sent_before_an_error_is_told_and_the_session_stays_open(
    ksef: FakeKsef, run_all: RunAll
) -> None:
    ksef.replies[OPEN] = [OPENED]
    ksef.replies[SEND] = [SENT, problem(400, 21155)]
    told: list[object] = []
    with pytest.raises(KsefApiError):
        run_all(ksef, online.send_all("FA (3)", files(XML, b"<B/>"), KEY, on_sent=told.append))
    assert len(told) == 1
    assert ksef.counts[CLOSE] == 0


def test_the_key_is_wrapped_anew_where_ksef_has_withdrawn_its_own(ksef: FakeKsef, run_all: RunAll) -> None:
    def judge(request: httpx.Request) -> httpx.Response:
        new = key_id("second").encode() in request.content
        return httpx.Response(201, content=OPENED.content) if new else problem(400, 21470)

    login = {**ksef.public_key("first"), "usage": ["KsefTokenEncryption"]}
    old = {**ksef.public_key("first"), "usage": ["SymmetricKeyEncryption"]}
    ksef.replies["GET /security/public-key-certificates"] = [
        httpx.Response(200, json=[old, login]),
        httpx.Response(200, json=[ksef.public_key("second")]),
    ]
    ksef.replies[OPEN] = [judge]
    [opened] = run_all(ksef, online.open_session("FA (3)", KEY))
    assert opened.reference_number == SESSION


def test_an_opening_that_ksef_cannot_answer_is_an_error(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies[OPEN] = [httpx.Response(503)]
    with pytest.raises(KsefUnavailableError):
        run_all(ksef, online.open_session("FA (3)", KEY))
