"""Whom a KSeF certificate lets in, as whom, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from tests.emulator.entering import PESEL, entered, grant, outcome, permissions, submit
from tests.emulator.peer import Peer
from tests.emulator.requesting import enrollment_data, issued, queried, revoke, submit_by_key
from tests.emulator.signing import ECDSA_SHA256, Shape, Signer, make_key, person, request_xml, seal

OTHER_NIP = "1111111111"


def usage(signer: Signer) -> tuple[bool, bool]:
    found = signer.certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert found.critical
    return found.value.digital_signature, found.value.content_commitment


@pytest.mark.parametrize("kind", ["rsa-2048", "SECP256R1"])
def test_an_issued_certificate_logs_in_until_it_is_revoked(owner: Peer, kind: str) -> None:
    key = make_key(kind)
    serial, signer = issued(owner, key=key)
    assert f"{signer.certificate.serial_number:016X}" == serial
    assert set(signer.certificate.subject) == set(seal().certificate.subject)
    assert usage(signer) == (True, False)
    log_in = submit if kind == "rsa-2048" else submit_by_key
    stranger = Peer(owner.emulator)
    submitted = log_in(stranger, signer)
    assert stranger.login_status(submitted)["authenticationMethod"] == "InternalCertificate"
    assert permissions(stranger, submitted) == ["Owner"]
    assert queried(owner)[0]["lastUseDate"]
    assert revoke(owner, serial, revocationReason="superseded").status_code == 204
    assert outcome(stranger, log_in(stranger, signer)) == (460, ["Certyfikat odwołany"])


def test_an_issued_certificate_is_trusted_where_others_are_not(owner: Peer) -> None:
    _, signer = issued(owner)
    peer = Peer(owner.emulator)
    xml = request_xml(peer.challenge()["challenge"])
    submitted = peer.submit_signed(
        Shape(method=ECDSA_SHA256).sign(xml, signer), verifyCertificateChain="true"
    )
    assert outcome(peer, submitted)[0] == 200


def test_a_renewed_certificate_is_applied_for_by_the_old_one(owner: Peer) -> None:
    _, signer = issued(owner)
    by_certificate = Peer(owner.emulator)
    by_certificate.enter(submit_by_key(by_certificate, signer))
    assert enrollment_data(by_certificate) == enrollment_data(owner)
    renewed, _ = issued(by_certificate, key=make_key("rsa-2048"))
    assert renewed in {each["certificateSerialNumber"] for each in queried(owner)}


def test_an_offline_certificate_lets_nobody_in(owner: Peer) -> None:
    serial, signer = issued(owner, "offline")
    assert usage(signer) == (False, True)
    assert queried(owner, type="Offline")[0]["certificateSerialNumber"] == serial
    assert outcome(Peer(owner.emulator), submit_by_key(owner, signer)) == (460, ["Niepoprawny certyfikat"])


def test_a_certificate_stands_for_the_person_in_every_context(stranger: Peer) -> None:
    grant(stranger, "Pesel", PESEL, "InvoiceRead")
    grant(stranger, "Pesel", PESEL, "InvoiceWrite", nip=OTHER_NIP)
    here = entered(stranger.emulator, person(f"PNOPL-{PESEL}"))
    serial, signer = issued(here)
    there = entered(stranger.emulator, person(f"PNOPL-{PESEL}"), ("Nip", OTHER_NIP))
    assert [each["certificateSerialNumber"] for each in queried(there)] == [serial]
    assert permissions(stranger, submit_by_key(stranger, signer, ("Nip", OTHER_NIP))) == ["InvoiceWrite"]
    assert queried(there)[0]["subjectIdentifier"] == {"type": "Pesel", "value": PESEL}


def test_a_certificate_without_number_stands_for_the_one_it_was_asked_by(stranger: Peer) -> None:
    signer = person("IDCCZ-123")
    grant(stranger, "Fingerprint", signer.fingerprint, "InvoiceRead")
    by_fingerprint = {"identify_by": "certificateFingerprint"}
    stranger.enter(submit(stranger, signer, **by_fingerprint))
    _, new = issued(stranger)
    assert queried(stranger)[0]["subjectIdentifier"] == {"type": "Fingerprint", "value": signer.fingerprint}
    for more in ({}, by_fingerprint):
        assert permissions(stranger, submit_by_key(stranger, new, **more)) == ["InvoiceRead"]


def test_a_certificate_may_begin_later(owner: Peer) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    _, signer = issued(owner, validFrom=tomorrow.isoformat())
    assert signer.certificate.not_valid_before_utc == tomorrow
    assert outcome(owner, submit_by_key(owner, signer)) == (460, ["Nieważny certyfikat"])
    owner.emulator.control("clock", advance=86_401)
    assert outcome(owner, submit_by_key(owner, signer))[0] == 200
