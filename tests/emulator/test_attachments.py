"""Attachments: by consent, and in batches or technical corrections alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from airflow_provider_ksef.emulator.moments import WARSAW
from airflow_provider_ksef.emulator.synthetic import synthesize
from tests.emulator.packing import digest
from tests.emulator.peer import Peer, error_code
from tests.emulator_process import NIP

STATUS = "/permissions/attachments/status"


@pytest.fixture
def attached() -> bytes:
    """A right invoice with an attachment that the company has issued today."""
    today = datetime.now(WARSAW).date()
    invoices = (synthesize(NIP, "Subject1", index, 1, today) for index in count(1))
    return next(each.xml for each in invoices if each.facts.has_attachment)


def consent(peer: Peer) -> None:
    answer = peer.links.post(f"{peer.emulator.url}/testdata/attachment", json={"nip": NIP})
    assert (answer.status_code, answer.content) == (200, b"")


def revoke(peer: Peer, **members: str) -> None:
    body = {"nip": NIP, **members}
    answer = peer.links.post(f"{peer.emulator.url}/testdata/attachment/revoke", json=body)
    assert (answer.status_code, answer.content) == (200, b"")


def test_an_attachment_needs_a_consent(peer: Peer, attached: bytes) -> None:
    (refused,) = peer.send_files({"a.xml": attached})
    assert refused["status"] == {
        "code": 410,
        "description": "Nieprawidłowy zakres uprawnień",
        "details": [f"Sprzedawca {NIP} nie posiada zgody do wysyłania faktur z załącznikami"],
    }
    assert refused["invoiceNumber"]
    consent(peer)
    (taken,) = peer.send_files({"a.xml": attached})
    assert taken["status"]["code"] == 200


def test_an_interactive_session_takes_attachments_in_technical_corrections_only(
    peer: Peer, attached: bytes
) -> None:
    consent(peer)
    refused = peer.send_alone(attached)["status"]
    assert refused == {"code": 415, "description": "Brak możliwości wysyłania faktury z załącznikiem"}
    corrected = {"offlineMode": True, "hashOfCorrectedInvoice": digest(b"an earlier one")}
    assert peer.send_alone(attached, **corrected)["status"]["code"] == 200


def test_a_correction_needs_the_consent_too(peer: Peer, attached: bytes) -> None:
    corrected = {"offlineMode": True, "hashOfCorrectedInvoice": digest(b"an earlier one")}
    assert peer.send_alone(attached, **corrected)["status"]["code"] == 410


def test_a_consent_ends_at_once_or_on_a_day(peer: Peer, attached: bytes) -> None:
    assert peer.http.get(STATUS).json() == {"isAttachmentAllowed": False}
    consent(peer)
    assert peer.http.get(STATUS).json() == {"isAttachmentAllowed": True}
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    revoke(peer, expectedEndDate=day.isoformat())
    told = peer.http.get(STATUS).json()
    assert told["isAttachmentAllowed"] is True
    assert datetime.fromisoformat(told["revokedDate"]).astimezone(UTC).date() == day
    peer.emulator.control("clock", advance=4 * 86_400)
    peer.log_in()
    assert peer.http.get(STATUS).json() == {**told, "isAttachmentAllowed": False}
    consent(peer)
    revoke(peer)
    assert peer.http.get(STATUS).json()["isAttachmentAllowed"] is False
    assert peer.send_files({"a.xml": attached})[0]["status"]["code"] == 410


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_any_day_may_be_given(peer: Peer, day: str) -> None:
    consent(peer)
    revoke(peer, expectedEndDate=day)
    assert peer.http.get(STATUS).json()["isAttachmentAllowed"] is (day > "2026")


def test_a_wrong_company_is_told(peer: Peer) -> None:
    assert error_code(peer.http.post("/testdata/attachment", json={"nip": "1"})) == 21405
