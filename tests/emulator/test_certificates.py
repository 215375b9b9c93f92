"""KSeF certificates: listed, retrieved, shortened and revoked by whom they concern."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.emulator.entering import PESEL, entered, make, outcome
from tests.emulator.peer import Peer, error_code
from tests.emulator.requesting import (
    apply,
    enrollment_data,
    issued,
    queried,
    retrieved,
    revoke,
    submit_by_key,
    write_request,
)
from tests.emulator.signing import person, seal
from tests.emulator_process import NIP, EmulatorProcess

OTHER_NIP = "1111111111"
UNKNOWN = "01F20A5D352AE590"


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
