"""Giving permissions through the API, and looking them up, as the tests of permissions need it."""

from __future__ import annotations

import time
from typing import Any

from tests.emulator.entering import PESEL, entered, submit
from tests.emulator.peer import Peer
from tests.emulator.signing import Signer, seal
from tests.emulator_process import NIP, EmulatorProcess

OFFICE, CLIENT, OTHER = "1130405061", "1111111111", "7980332920"
"""NIPs: an accounting office, a client of it, and somebody else."""
UNIT = f"{NIP}-12346"
ABROAD = f"{NIP}-DE123456789"

PERSON = {
    "subjectDetailsType": "PersonByIdentifier",
    "personById": {"firstName": "Anna", "lastName": "Abacka"},
}
WITHOUT_NUMBER = {
    "subjectDetailsType": "PersonByFingerprintWithoutIdentifier",
    "personByFpNoId": {
        "firstName": "Hans",
        "lastName": "Muster",
        "birthDate": "1980-02-29",
        "idDocument": {"type": "Passport", "number": "C01X00T47", "country": "DE"},
    },
}
COMPANY = {"fullName": "Beta sp. z o.o."}


def identifier(kind: str, value: str | None = None) -> dict[str, str]:
    return {"type": kind} if value is None else {"type": kind, "value": value}


def to_person(*permissions: str, kind: str = "Pesel", value: str = PESEL, **more: Any) -> dict[str, Any]:
    """The body of a grant to a person."""
    return {
        "subjectIdentifier": identifier(kind, value),
        "permissions": list(permissions),
        "description": "do pracy w KSeF",
        "subjectDetails": PERSON,
        **more,
    }


def to_entity(*permissions: str, nip: str = OFFICE, can_delegate: bool = False) -> dict[str, Any]:
    return {
        "subjectIdentifier": identifier("Nip", nip),
        "permissions": [{"type": each, "canDelegate": can_delegate} for each in permissions],
        "description": "biuro rachunkowe",
        "subjectDetails": COMPANY,
    }


def to_authorized(permission: str, kind: str = "Nip", value: str = OTHER) -> dict[str, Any]:
    return {
        "subjectIdentifier": identifier(kind, value),
        "permission": permission,
        "description": "wystawia w naszym imieniu",
        "subjectDetails": COMPANY,
    }


def to_administrator(
    place: tuple[str, str] = ("InternalId", UNIT), kind: str = "Pesel", value: str = PESEL
) -> dict[str, Any]:
    """The body of a grant to an administrator of a part of the company, or of a company below it."""
    return {
        "subjectIdentifier": identifier(kind, value),
        "contextIdentifier": identifier(*place),
        "subunitName": "Oddział w Łodzi",
        "description": "administrator oddziału",
        "subjectDetails": PERSON,
    }


def to_administrator_abroad(signer: Signer, place: str = ABROAD) -> dict[str, Any]:
    return {
        "subjectIdentifier": identifier("Fingerprint", signer.fingerprint),
        "contextIdentifier": identifier("NipVatUe", place),
        "description": "administrator podmiotu unijnego",
        "euEntityName": "Muster GmbH, Berlin",
        "subjectDetails": WITHOUT_NUMBER,
        "euEntityDetails": {"fullName": "Muster GmbH", "address": "Musterstraße 1, Berlin"},
    }


def outcome_of(peer: Peer, reference: str) -> int:
    """Wait for the end of an operation."""
    deadline = time.monotonic() + 20
    while (status := peer.http.get(f"/permissions/operations/{reference}").json()["status"])["code"] == 100:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    code: int = status["code"]
    return code


def give(peer: Peer, path: str, body: dict[str, Any]) -> int:
    """Give permissions; tell how that ended."""
    return outcome_of(peer, ask(peer, path, body))


def ask(peer: Peer, path: str, body: dict[str, Any]) -> str:
    """Ask for permissions; give the operation's reference number."""
    answer = peer.http.post(f"/permissions/{path}/grants", json=body)
    assert answer.status_code == 202, answer.text
    reference: str = answer.json()["referenceNumber"]
    return reference


def given(peer: Peer, path: str, body: dict[str, Any]) -> None:
    assert give(peer, path, body) == 200


def take(peer: Peer, identity: str, path: str = "common") -> int:
    """Take a permission away; tell how that ended."""
    answer = peer.http.delete(f"/permissions/{path}/grants/{identity}")
    assert answer.status_code == 202, answer.text
    return outcome_of(peer, answer.json()["referenceNumber"])


def enter_below(emulator: EmulatorProcess) -> Peer:
    """Let the company's owner work in a part of it, which nobody inherits; give the one who entered there."""
    given(entered(emulator, seal()), "subunits", to_administrator(kind="Nip", value=NIP))
    administrator = entered(emulator, seal(), ("InternalId", UNIT))
    work = ("InvoiceRead", "InvoiceWrite", "Introspection", "CredentialsRead")
    given(administrator, "persons", to_person(*work, kind="Nip", value=NIP))
    return entered(emulator, seal(), ("InternalId", UNIT))


def enter_abroad(emulator: EmulatorProcess, signer: Signer) -> Peer:
    """Let somebody administer a composite context; give the one who entered there."""
    given(entered(emulator, seal()), "eu-entities/administration", to_administrator_abroad(signer))
    peer = Peer(emulator)
    peer.enter(submit(peer, signer, ("NipVatUe", ABROAD), identify_by="certificateFingerprint"))
    return peer


def looked_up(peer: Peer, path: str, name: str = "permissions", **body: Any) -> list[dict[str, Any]]:
    """What a search finds."""
    answer = peer.http.post(f"/permissions/query/{path}", json=body, params={"pageSize": 100})
    assert answer.status_code == 200, answer.text
    assert answer.json()["hasMore"] is False
    found: list[dict[str, Any]] = answer.json()[name]
    return found


def scopes(found: list[dict[str, Any]]) -> list[str]:
    return sorted(each["permissionScope"] for each in found)
