"""KSeF certificates: applied for, issued, listed, shortened and revoked, and what lets in by them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.emulator.entering import PESEL, entered, grant, make, outcome, permissions, submit
from tests.emulator.peer import Peer, error_code
from tests.emulator.requesting import (
    apply,
    enrollment,
    enrollment_data,
    issued,
    queried,
    retrieved,
    write_request,
)
from tests.emulator.signing import ECDSA_SHA256, Shape, Signer, make_key, person, request_xml, seal
from tests.emulator_process import NIP, EmulatorProcess

OTHER_NIP = "1111111111"
UNKNOWN = "01F20A5D352AE590"


def revoke(peer: Peer, serial: str, **body: str) -> httpx.Response:
    return peer.http.post(f"/certificates/{serial}/revoke", **({"json": body} if body else {}))


def submit_by_key(
    peer: Peer, signer: Signer, context: tuple[str, str] = ("Nip", NIP), **more: str
) -> httpx.Response:
    """Log in by an EC key."""
    xml = request_xml(peer.challenge()["challenge"], context, **more)
    return peer.submit_signed(Shape(method=ECDSA_SHA256).sign(xml, signer))


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


def test_the_data_are_those_of_the_certificate_of_the_login(prompt: EmulatorProcess) -> None:
    make(Peer(prompt), "person", nip=NIP, pesel=PESEL, isBailiff=False, description="JDG na próbę")
    by_pesel = entered(prompt, person(f"PNOPL-{PESEL}"))
    data = enrollment_data(by_pesel)
    assert data["serialNumber"] == f"PNOPL-{PESEL}"
    assert set(data) == {"commonName", "countryName", "givenName", "surname", "serialNumber"}
    of_company = enrollment_data(entered(prompt, seal()))
    assert set(of_company) == {"commonName", "countryName", "organizationName", "organizationIdentifier"}


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


def test_who_came_by_token_gets_none(peer: Peer, owner: Peer) -> None:
    serial, _ = issued(owner)
    assert error_code(peer.http.get("/certificates/enrollments/data")) == 25001
    assert error_code(apply(peer, write_request(enrollment_data(owner)))) == 25002
    assert peer.http.get("/certificates/limits").json()["canRequest"] is False
    refused = revoke(peer, serial)
    assert refused.status_code == 403
    assert refused.json()["reasonCode"] == "auth-method-not-allowed"
    assert len(queried(peer)) == 1


def test_a_peppol_provider_gets_none(prompt: EmulatorProcess) -> None:
    provider = entered(prompt, seal("PPL123456", "PPL123456"), ("PeppolId", "PPL123456"))
    assert error_code(provider.http.get("/certificates/enrollments/data")) == 25001


@pytest.mark.parametrize(
    "changed",
    [
        {"commonName": "Ktoś inny"},
        {"organizationIdentifier": f"VATPL-{OTHER_NIP}"},
        {"givenName": "Jan"},
        {"countryName": None},
    ],
)
def test_a_request_that_says_something_else_is_25003(owner: Peer, changed: dict[str, str | None]) -> None:
    data = {name: value for name, value in (enrollment_data(owner) | changed).items() if value}
    refused = apply(owner, write_request(data))
    assert error_code(refused) == 25003
    assert next(iter(changed)) in refused.text


def test_the_order_of_names_does_not_matter(owner: Peer) -> None:
    data = dict(reversed(enrollment_data(owner).items()))
    assert enrollment(owner, apply(owner, write_request(data)))["status"]["code"] == 200


@pytest.mark.parametrize(
    ("kind", "algorithm", "rsa_padding", "code"),
    [
        ("rsa-2048", hashes.SHA256(), padding.PSS(padding.MGF1(hashes.SHA256()), 32), 202),
        ("rsa-2048", hashes.SHA512(), None, 202),
        ("SECP256R1", hashes.SHA384(), None, 202),
        ("rsa-3072", hashes.SHA256(), None, 25010),
        ("SECP384R1", hashes.SHA256(), None, 25010),
        ("SECP256R1", hashes.SHA3_256(), None, 25011),
    ],
)
def test_keys_and_signatures_of_requests(
    owner: Peer, kind: str, algorithm: Any, rsa_padding: Any, code: int
) -> None:
    answer = apply(owner, write_request(enrollment_data(owner), make_key(kind), algorithm, rsa_padding))
    assert (answer.status_code if code == 202 else error_code(answer)) == code


def test_a_damaged_request_is_25004(owner: Peer) -> None:
    request = write_request(enrollment_data(owner))
    for damaged in (b"", request[:-1], request[:-1] + bytes([request[-1] ^ 1]), b"no request"):
        assert error_code(apply(owner, damaged)) == 25004
    assert error_code(apply(owner, request, csr="§")) == 25004


@pytest.mark.parametrize(
    "members",
    [
        {"certificateName": "krót"},
        {"certificateName": "x" * 101},
        {"certificateName": "Próba!"},
        {"certificateType": "Both"},
        {"validFrom": "tomorrow"},
        {"validFrom": "2999-01-01T00:00:00Z"},
    ],
)
def test_a_wrong_application_is_21405(owner: Peer, members: dict[str, str]) -> None:
    assert error_code(apply(owner, write_request(enrollment_data(owner)), **members)) == 21405


def test_a_certificate_may_begin_later(owner: Peer) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    _, signer = issued(owner, validFrom=tomorrow.isoformat())
    assert signer.certificate.not_valid_before_utc == tomorrow
    assert outcome(owner, submit_by_key(owner, signer)) == (460, ["Nieważny certyfikat"])
    owner.emulator.control("clock", advance=86_401)
    assert outcome(owner, submit_by_key(owner, signer))[0] == 200


def test_a_key_of_somebody_else_is_refused_later(owner: Peer) -> None:
    key = make_key("SECP256R1")
    issued(owner, key=key)
    issued(owner, key=key)
    other = entered(owner.emulator, seal(f"VATPL-{OTHER_NIP}"), ("Nip", OTHER_NIP))
    status = enrollment(other, apply(other, write_request(enrollment_data(other), key)))["status"]
    assert (status["code"], status["description"]) == (400, "Wniosek odrzucony")
    assert status["details"] == ["Klucz publiczny został już certyfikowany przez inny podmiot."]
    assert queried(other) == []


def test_limits_count_applications_and_good_certificates(owner: Peer) -> None:
    limits = owner.http.get("/certificates/limits").json()
    assert limits == {
        "canRequest": True,
        "enrollment": {"remaining": 300, "limit": 300},
        "certificate": {"remaining": 100, "limit": 100},
    }
    make(owner, "limits/subject/certificate", certificate={"maxCertificates": 1})
    serial, _ = issued(owner)
    left = owner.http.get("/certificates/limits").json()
    assert left["certificate"] == {"remaining": 0, "limit": 1}
    assert left["enrollment"]["remaining"] == 299
    assert left["canRequest"] is False
    request = write_request(enrollment_data(owner))
    assert error_code(apply(owner, request)) == 25007
    revoke(owner, serial)
    issued(owner)
    make(owner, "limits/subject/certificate", enrollment={"maxEnrollments": 2})
    assert error_code(apply(owner, request)) == 25006


def test_work_takes_its_time(owner: Peer) -> None:
    make(owner, "limits/subject/certificate", certificate={"maxCertificates": 1})
    owner.emulator.control("settings", delay=60)
    request = write_request(enrollment_data(owner))
    first, second = apply(owner, request), apply(owner, request)
    status = owner.http.get(f"/certificates/enrollments/{first.json()['referenceNumber']}").json()
    assert status["status"] == {"code": 100, "description": "Wniosek przyjęty do realizacji"}
    assert "certificateSerialNumber" not in status
    assert queried(owner) == []
    owner.emulator.control("clock", advance=61)
    serial = enrollment(owner, first)["certificateSerialNumber"]
    late = enrollment(owner, second)["status"]
    assert (late["code"], late["details"]) == (
        400,
        ["Osiągnięto dopuszczalny limit posiadanych certyfikatów."],
    )
    assert revoke(owner, serial).status_code == 204
    assert queried(owner)[0]["status"] == "Blocked"
    assert error_code(revoke(owner, serial)) == 25009
    owner.emulator.control("clock", advance=61)
    assert queried(owner)[0]["status"] == "Revoked"


def test_applications_end_badly_as_ordered(owner: Peer) -> None:
    owner.emulator.control("faults", kind="enrollment-status", code=550)
    request = write_request(enrollment_data(owner))
    assert enrollment(owner, apply(owner, request))["status"]["code"] == 550
    assert enrollment(owner, apply(owner, request))["status"]["code"] == 200


def test_a_shortened_certificate_expires(owner: Peer) -> None:
    serial, signer = issued(owner)
    soon = (datetime.now(UTC) + timedelta(days=10)).isoformat()
    late = (datetime.now(UTC) + timedelta(days=1000)).isoformat()
    path = f"/testdata/certificates/{serial}"
    assert error_code(owner.http.put(path, json={"validTo": late})) == 21405
    assert owner.http.put(path, json={"validTo": soon}).status_code == 200
    assert queried(owner, expiresAfter=soon) == []
    owner.emulator.control("clock", advance=11 * 86_400)
    owner = entered(owner.emulator, seal())
    assert [each["status"] for each in queried(owner)] == ["Expired"]
    assert outcome(owner, submit_by_key(owner, signer)) == (460, ["Nieważny certyfikat"])
    assert error_code(revoke(owner, serial)) == 25009


def test_certificates_of_others_are_not_there(owner: Peer) -> None:
    serial, _ = issued(owner)
    reference = apply(owner, write_request(enrollment_data(owner))).json()["referenceNumber"]
    other = entered(owner.emulator, seal(f"VATPL-{OTHER_NIP}"), ("Nip", OTHER_NIP))
    assert queried(other) == retrieved(other, serial) == retrieved(other, UNKNOWN) == []
    assert error_code(revoke(other, serial)) == error_code(revoke(owner, UNKNOWN)) == 25008
    soon = {"validTo": datetime.now(UTC).isoformat()}
    assert error_code(other.http.put(f"/testdata/certificates/{serial}", json=soon)) == 25008
    refused = other.http.get(f"/certificates/enrollments/{reference}")
    assert (refused.status_code, refused.json()["reasonCode"]) == (403, "insufficient-resource-access")
    missing = owner.http.get("/certificates/enrollments/20260901-EH-1A2B3CA000-0F1E2D3C51-AD")
    assert error_code(missing) == 25005


def test_a_person_revokes_what_was_issued_to_either_number(stranger: Peer) -> None:
    make(stranger, "person", nip=NIP, pesel=PESEL, isBailiff=False, description="JDG na próbę")
    serial, _ = issued(entered(stranger.emulator, person()))
    by_pesel = entered(stranger.emulator, person(f"PNOPL-{PESEL}"))
    assert [each["certificateSerialNumber"] for each in queried(by_pesel)] == [serial]
    assert revoke(by_pesel, serial).status_code == 204


def test_queries_filter_and_page(owner: Peer) -> None:
    serials = [issued(owner, certificateName=f"Księgowość {number}")[0] for number in range(12)]
    first = owner.http.post("/certificates/query").json()
    assert [each["certificateSerialNumber"] for each in first["certificates"]] == serials[:1:-1]
    assert first["hasMore"] is True
    rest = owner.http.post("/certificates/query", params={"pageOffset": 1}).json()
    assert [each["certificateSerialNumber"] for each in rest["certificates"]] == serials[1::-1]
    assert rest["hasMore"] is False
    assert len(queried(owner, name="gowość 1")) == 3
    assert len(queried(owner, certificateSerialNumber=serials[4])) == 1
    assert queried(owner, status="Revoked") == []
    revoke(owner, serials[0])
    assert len(queried(owner, status="Revoked")) == 1
    for wrong in ({"pageSize": 51}, {"pageSize": 9}, {"pageOffset": -1}):
        assert error_code(owner.http.post("/certificates/query", params=wrong)) == 21405
    assert (
        len(
            retrieved(
                owner,
                *serials[:10],
            )
        )
        == 10
    )
    many = owner.http.post("/certificates/retrieve", json={"certificateSerialNumbers": serials})
    assert error_code(many) == 21405


def test_the_status_of_an_application_is_kept_for_a_month(owner: Peer) -> None:
    applied = apply(owner, write_request(enrollment_data(owner)))
    owner.emulator.control("clock", advance=31 * 86_400)
    owner = entered(owner.emulator, seal())
    assert owner.http.get(f"/certificates/enrollments/{applied.json()['referenceNumber']}").status_code == 410
    assert len(queried(owner)) == 1


def test_certificates_outlive_the_process(emulators: Callable[..., EmulatorProcess], tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.sqlite"))
    first = emulators(*state)
    _, old = issued(entered(first, seal()))
    first.stop()
    second = emulators(*state)
    peer = Peer(second)
    peer.enter(submit_by_key(peer, old))
    assert len(queried(peer)) == 1
    second.control("reset")
    _, new = issued(entered(second, seal()))
    assert new.certificate.issuer == old.certificate.issuer
    assert new.certificate.issuer != new.certificate.subject
