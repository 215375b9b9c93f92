"""Limits of contexts and subjects, and what changes them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.emulator.packing import Upload, make_zip
from tests.emulator.peer import Peer, error_code

CONTEXT = "/testdata/limits/context/session"
SUBJECT = "/testdata/limits/subject/certificate"
KINDS = ("onlineSession", "batchSession")


def limits(size: int = 1, with_attachment: int = 3, invoices: int = 10_000) -> dict[str, int]:
    return {
        "maxInvoiceSizeInMB": size,
        "maxInvoiceWithAttachmentSizeInMB": with_attachment,
        "maxInvoices": invoices,
    }


def change(peer: Peer, **members: Any) -> httpx.Response:
    body = {kind: limits() for kind in KINDS}
    return peer.http.post(CONTEXT, json={**body, **members})


@pytest.fixture
def sale(sales: dict[str, bytes]) -> bytes:
    return next(iter(sales.values()))


def test_a_context_has_ksefs_own_limits_until_they_are_changed(peer: Peer) -> None:
    own = {kind: limits() for kind in KINDS} | {"collectiveIdentifier": {"maxInvoices": 500}}
    assert peer.http.get("/limits/context").json() == own
    changed = change(peer, onlineSession=limits(5, 10, 100_000), collectiveIdentifier={"maxInvoices": 5000})
    assert (changed.status_code, changed.content) == (200, b"")
    assert peer.http.get("/limits/context").json() == {
        "onlineSession": limits(5, 10, 100_000),
        "batchSession": limits(),
        "collectiveIdentifier": {"maxInvoices": 5000},
    }
    back = peer.http.delete(CONTEXT)
    assert (back.status_code, back.content) == (200, b"")
    assert peer.http.get("/limits/context").json() == own


def test_limits_have_limits(peer: Peer) -> None:
    refused = change(peer, onlineSession=limits(6, 11, 100_001), batchSession=limits(-1))
    assert error_code(refused) == 21405
    details = refused.json()["exception"]["exceptionDetailList"][0]["details"]
    assert details == [
        "'onlineSession.maxInvoiceSizeInMB' must be between 0 and 5. You entered 6.",
        "'onlineSession.maxInvoiceWithAttachmentSizeInMB' must be between 0 and 10. You entered 11.",
        "'onlineSession.maxInvoices' must be between 0 and 100000. You entered 100001.",
        "'batchSession.maxInvoiceSizeInMB' must be between 0 and 5. You entered -1.",
    ]
    assert error_code(change(peer, collectiveIdentifier={"maxInvoices": 1})) == 21405
    assert error_code(change(peer, batchSession=None)) == 21405
    assert error_code(peer.http.post(SUBJECT, json={"enrollment": {"maxEnrollments": -1}})) == 21405
    assert error_code(peer.http.post(SUBJECT, json={"subjectIdentifierType": "Cat"})) == 21405


def test_a_subject_may_have_more_certificates(peer: Peer) -> None:
    own = {"enrollment": {"maxEnrollments": 300}, "certificate": {"maxCertificates": 100}}
    assert peer.http.get("/limits/subject").json() == own
    changed = peer.http.post(SUBJECT, json={"certificate": {"maxCertificates": 7}})
    assert (changed.status_code, changed.content) == (200, b"")
    assert peer.http.get("/limits/subject").json() == {**own, "certificate": {"maxCertificates": 7}}
    assert peer.http.delete(SUBJECT).status_code == 200
    assert peer.http.get("/limits/subject").json() == own


def test_a_full_session_takes_no_more_invoices(peer: Peer, sales: dict[str, bytes]) -> None:
    change(peer, onlineSession=limits(invoices=2))
    session = peer.open_online().json()["referenceNumber"]
    first, second, third, *_ = sales.values()
    assert peer.send_invoice(session, first).status_code == 202
    assert peer.send_invoice(session, second).status_code == 202
    refused = peer.send_invoice(session, third)
    assert error_code(refused) == 21155
    assert f"{session} osiągnęła dozwolony limit liczby faktur 2." in refused.text


def test_sizes_are_the_contexts(peer: Peer, sale: bytes) -> None:
    def padded(size: int) -> bytes:
        return sale + b" " * (size - len(sale))

    assert peer.send_alone(padded(1_000_001))["status"]["code"] == 430
    change(peer, onlineSession=limits(2, 0), batchSession=limits(0, 0))
    session = peer.open_online().json()["referenceNumber"]
    assert error_code(peer.send_invoice(session, padded(2_000_001))) == 21405
    (refused,) = peer.send_files({"a.xml": sale})
    assert refused["status"]["code"] == 430
    assert peer.send_alone(padded(2_000_000))["status"]["code"] == 200


def test_a_batch_holds_what_its_context_may_send(peer: Peer, sales: dict[str, bytes]) -> None:
    change(peer, batchSession=limits(invoices=4))
    assert peer.session(peer.send(Upload(make_zip(sales))))["status"]["code"] == 420
    change(peer, batchSession=limits(invoices=5))
    assert peer.session(peer.send(Upload(make_zip(sales))))["successfulInvoiceCount"] == 5
