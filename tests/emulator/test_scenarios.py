"""The scenarios of KSeF's guide to test data, and what each right lets one do."""

from __future__ import annotations

import pytest

from tests.emulator.entering import entered, grant, make, outcome, permissions, revoke, submit
from tests.emulator.peer import Peer
from tests.emulator.signing import person, seal
from tests.emulator_process import NIP

BAILIFF, BAILIFFS_PESEL = "7980332920", "30112206276"
GROUP, FIRST, SECOND = "3755747347", "4972530874", "8225900795"
GROUPS_PESEL, ADMINISTRATOR = "38092277125", "3388912629"
ADMINISTRATION = [
    "CredentialsManage",
    "CredentialsRead",
    "Introspection",
    "InvoiceRead",
    "InvoiceWrite",
    "SubunitManage",
]


@pytest.mark.parametrize(
    ("is_bailiff", "rights"), [(True, ["Owner", "EnforcementOperations"]), (False, ["Owner"])]
)
@pytest.mark.parametrize("number", [f"PNOPL-{BAILIFFS_PESEL}", f"TINPL-{BAILIFF}"])
def test_bailiff_and_sole_trader(stranger: Peer, number: str, is_bailiff: bool, rights: list[str]) -> None:
    make(stranger, "person", nip=BAILIFF, pesel=BAILIFFS_PESEL, description="Komornik", isBailiff=is_bailiff)
    assert permissions(stranger, submit(stranger, person(number), ("Nip", BAILIFF))) == rights


def test_a_vat_group_with_its_administrators(stranger: Peer) -> None:
    members = [
        {"subjectNip": nip, "description": f"NIP {nip}: członek grupy VAT dla {GROUP}"}
        for nip in (FIRST, SECOND)
    ]
    make(
        stranger,
        "subject",
        subjectNip=GROUP,
        subjectType="VatGroup",
        description="Grupa VAT",
        subunits=members,
    )
    grant(stranger, "Pesel", GROUPS_PESEL, *ADMINISTRATION, nip=GROUP)
    of_group = person(f"PNOPL-{GROUPS_PESEL}")
    assert permissions(stranger, submit(stranger, of_group, ("Nip", GROUP))) == ADMINISTRATION
    grant(stranger, "Nip", ADMINISTRATOR, "CredentialsManage", nip=FIRST)
    of_member = person(f"TINPL-{ADMINISTRATOR}")
    assert permissions(stranger, submit(stranger, of_member, ("Nip", FIRST))) == ["CredentialsManage"]
    assert stranger.open_online().status_code == 403
    assert outcome(stranger, submit(stranger, of_member, ("Nip", SECOND)))[0] == 415
    assert outcome(stranger, submit(stranger, of_group, ("Nip", FIRST)))[0] == 415


def test_attachments_are_allowed_and_no_longer(stranger: Peer) -> None:
    def is_allowed() -> bool:
        peer = entered(stranger.emulator, seal(f"VATPL-{FIRST}"), ("Nip", FIRST))
        allowed: bool = peer.http.get("/permissions/attachments/status").json()["isAttachmentAllowed"]
        return allowed

    assert not is_allowed()
    make(stranger, "attachment", nip=FIRST)
    assert is_allowed()
    make(stranger, "attachment/revoke", nip=FIRST)
    assert not is_allowed()


def test_a_token_that_reads_does_not_send(stranger: Peer) -> None:
    owner = entered(stranger.emulator, seal())
    order = {"permissions": ["InvoiceRead"], "description": "tylko do odczytu"}
    text = owner.http.post("/tokens", json=order).json()["token"]
    reader = Peer(stranger.emulator)
    reader.log_in(text)
    refused = reader.open_online()
    assert (refused.status_code, refused.json()["reasonCode"]) == (403, "missing-permissions")
    assert refused.json()["security"]["presentPermissions"] == ["InvoiceRead"]
    dates = {"dateType": "Issue", "from": "2026-09-01T00:00:00Z", "to": "2026-09-02T00:00:00Z"}
    assert reader.query({"subjectType": "Subject2", "dateRange": dates}).status_code == 200


def test_a_token_gives_no_more_than_its_author_still_has(stranger: Peer) -> None:
    grant(stranger, "Nip", ADMINISTRATOR, "InvoiceRead")
    author = entered(stranger.emulator, seal(f"VATPL-{ADMINISTRATOR}"))
    order = {"permissions": ["InvoiceRead"], "description": "tylko do odczytu"}
    text = author.http.post("/tokens", json=order).json()["token"]
    Peer(stranger.emulator).log_in(text)
    revoke(stranger, "Nip", ADMINISTRATOR)
    assert outcome(stranger, submit(stranger, seal(f"VATPL-{ADMINISTRATOR}")))[0] == 415
    late = Peer(stranger.emulator)
    assert outcome(late, late.submit_token(lambda moment: f"{text}|{moment}".encode(), NIP))[0] == 415
