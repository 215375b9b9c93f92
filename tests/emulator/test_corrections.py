"""Technical corrections: which are taken, and what they leave behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.emulator.packing import Upload as Package
from tests.emulator.packing import digest, make_zip
from tests.emulator.peer import Peer, error_code

OFFLINE = {"offlineMode": True}


@pytest.fixture
def right(sales: dict[str, bytes]) -> bytes:
    return next(iter(sales.values()))


@pytest.fixture
def broken(right: bytes) -> bytes:
    """The same invoice, as a program made it that knew the schema badly."""
    return right.replace(b"<P_15>", b"<P_15>zl ")


def correction(corrected: bytes) -> Mapping[str, Any]:
    return {**OFFLINE, "hashOfCorrectedInvoice": digest(corrected)}


def attempt(peer: Peer, xml: bytes, corrected: bytes) -> int:
    """The code with which a correction is refused at once."""
    session = peer.open_online().json()["referenceNumber"]
    return error_code(peer.send_invoice(session, xml, **correction(corrected)))


@pytest.mark.parametrize("is_batch", [False, True])
def test_a_rejected_offline_invoice_is_corrected_once(
    peer: Peer, sales: dict[str, bytes], right: bytes, broken: bytes, *, is_batch: bool
) -> None:
    if is_batch:
        peer.session(peer.send(Package(make_zip({"a.xml": broken})), **OFFLINE))
    else:
        assert peer.send_alone(broken, **OFFLINE)["status"]["code"] == 450
    taken = peer.send_alone(right, **correction(broken))
    assert (taken["status"]["code"], taken["invoicingMode"]) == (200, "Offline")
    peer.emulator.control("clock", advance=1)
    dates = {"dateType": "PermanentStorage", "from": taken["invoicingDate"]}
    (found,) = peer.query({"subjectType": "Subject1", "dateRange": dates}).json()["invoices"]
    assert found["hashOfCorrectedInvoice"] == digest(broken)
    other = list(sales.values())[1]
    assert attempt(peer, other, broken) == 21166
    assert attempt(peer, other, right) == 21167


def test_a_correction_that_is_rejected_can_be_followed_by_another(
    peer: Peer, right: bytes, broken: bytes
) -> None:
    peer.send_alone(broken, **OFFLINE)
    assert peer.send_alone(broken + b" ", **correction(broken))["status"]["code"] == 450
    assert peer.send_alone(right, **correction(broken))["status"]["code"] == 200


def test_an_invoice_that_was_not_offline_or_lacked_a_right_is_not_corrected(
    peer: Peer, right: bytes, broken: bytes
) -> None:
    assert peer.send_alone(broken)["status"]["code"] == 450
    assert attempt(peer, right, broken) == 21167
    foreign = right.replace(b"<NIP>5250001210", b"<NIP>1130405061", 1)
    assert peer.send_alone(foreign, **OFFLINE)["status"]["code"] == 410
    assert attempt(peer, right, foreign) == 21167


def test_a_correction_of_what_was_never_sent_is_taken(peer: Peer, right: bytes) -> None:
    assert peer.send_alone(right, **correction(b"never sent"))["status"]["code"] == 200


def test_a_correction_says_that_it_is_offline(peer: Peer, right: bytes) -> None:
    session = peer.open_online().json()["referenceNumber"]
    refused = peer.send_invoice(session, right, hashOfCorrectedInvoice=digest(b"x"))
    assert error_code(refused) == 21405
    assert "HashOfCorrectedInvoice can only be provided for offline invoices" in refused.text
