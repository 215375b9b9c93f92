"""Applications for KSeF certificates: who may apply, what is asked for, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.emulator.entering import PESEL, entered, make
from tests.emulator.peer import Peer, error_code
from tests.emulator.requesting import (
    apply,
    enrollment,
    enrollment_data,
    issued,
    queried,
    revoke,
    write_request,
)
from tests.emulator.signing import make_key, person, seal
from tests.emulator_process import NIP, EmulatorProcess

OTHER_NIP = "1111111111"


def test_the_data_are_those_of_the_certificate_of_the_login(prompt: EmulatorProcess) -> None:
    make(Peer(prompt), "person", nip=NIP, pesel=PESEL, isBailiff=False, description="JDG na próbę")
    by_pesel = entered(prompt, person(f"PNOPL-{PESEL}"))
    data = enrollment_data(by_pesel)
    assert data["serialNumber"] == f"PNOPL-{PESEL}"
    assert set(data) == {"commonName", "countryName", "givenName", "surname", "serialNumber"}
    of_company = enrollment_data(entered(prompt, seal()))
    assert set(of_company) == {"commonName", "countryName", "organizationName", "organizationIdentifier"}


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


def test_the_status_of_an_application_is_kept_for_a_month(owner: Peer) -> None:
    applied = apply(owner, write_request(enrollment_data(owner)))
    owner.emulator.control("clock", advance=31 * 86_400)
    owner = entered(owner.emulator, seal())
    assert owner.http.get(f"/certificates/enrollments/{applied.json()['referenceNumber']}").status_code == 410
    assert len(queried(owner)) == 1
