"""Taxpayers, permissions and blocks of the test data, and what logins make of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulator.entering import (
    PESEL,
    claims,
    grant,
    make,
    outcome,
    permissions,
    refreshed,
    revoke,
    submit,
)
from tests.emulator.granting import enter_below
from tests.emulator.peer import Peer, bearer, error_code
from tests.emulator.signing import person, seal
from tests.emulator_process import NIP

OTHER_NIP, THIRD_NIP = "1111111111", "7980332920"


NOBODY = (415, ["Brak przypisanych uprawnień"])


def test_whoever_has_no_permission_may_not_enter(stranger: Peer) -> None:
    for signer in (person(f"TINPL-{OTHER_NIP}"), person(f"PNOPL-{PESEL}"), seal(f"VATPL-{OTHER_NIP}")):
        submitted = submit(stranger, signer)
        assert outcome(stranger, submitted) == NOBODY
        refused = stranger.redeem(submitted)
        assert error_code(refused) == 21301
        assert "(415)" in refused.text


def test_a_grant_lets_in_with_what_was_granted_and_a_revocation_out(stranger: Peer) -> None:
    signer = person(f"PNOPL-{PESEL}")
    grant(stranger, "Pesel", PESEL, "InvoiceWrite", "InvoiceRead")
    assert permissions(stranger, submit(stranger, signer)) == ["InvoiceRead", "InvoiceWrite"]
    assert outcome(stranger, submit(stranger, signer, ("Nip", OTHER_NIP))) == NOBODY
    revoke(stranger, "Pesel", PESEL)
    assert outcome(stranger, submit(stranger, signer)) == NOBODY


def test_a_refresh_tells_the_permissions_of_now(stranger: Peer) -> None:
    grant(stranger, "Pesel", PESEL, "InvoiceRead")
    refresh = bearer(stranger.enter(submit(stranger, person(f"PNOPL-{PESEL}")))["refreshToken"]["token"])
    grant(stranger, "Pesel", PESEL, "InvoiceWrite")
    assert refreshed(stranger, refresh) == ["InvoiceRead", "InvoiceWrite"]
    revoke(stranger, "Pesel", PESEL)
    assert refreshed(stranger, refresh) == []
    make(stranger, "person", **PERSON)
    assert refreshed(stranger, refresh) == ["Owner"]


def test_what_was_not_granted_is_403_with_its_reason(stranger: Peer) -> None:
    grant(stranger, "Nip", OTHER_NIP, "InvoiceWrite")
    stranger.enter(submit(stranger, seal(f"VATPL-{OTHER_NIP}")))
    refused = stranger.http.get(f"/invoices/ksef/{OTHER_NIP}-20260901-0A1B2C000000-C6")
    assert refused.status_code == 403
    body = refused.json()
    assert body["reasonCode"] == "missing-permissions"
    assert body["security"] == {
        "requiredAnyOfPermissions": ["InvoiceRead"],
        "presentPermissions": ["InvoiceWrite"],
    }


def test_a_fingerprint_enters_by_grant_only(stranger: Peer) -> None:
    signer = person("IDCCZ-123")
    assert error_code(submit(stranger, signer)) == 21406
    by_fingerprint = {"identify_by": "certificateFingerprint"}
    assert outcome(stranger, submit(stranger, signer, **by_fingerprint)) == NOBODY
    grant(stranger, "Fingerprint", signer.fingerprint, "InvoiceRead")
    redeemed = stranger.enter(submit(stranger, signer, **by_fingerprint))
    told = claims(redeemed["accessToken"]["token"])
    assert json.loads(told["per"]) == ["InvoiceRead"]
    subject = json.loads(told["sud"])["subjectIdentifier"]
    assert subject == {"type": "Fingerprint", "value": signer.fingerprint}


@pytest.mark.parametrize("context", [("InternalId", f"{NIP}-12346"), ("NipVatUe", f"{NIP}-DE123456789")])
def test_contexts_below_a_nip_are_inherited_by_nobody(stranger: Peer, context: tuple[str, str]) -> None:
    assert outcome(stranger, submit(stranger, seal(), context)) == NOBODY
    grant(stranger, "Nip", OTHER_NIP, "InvoiceRead")
    assert outcome(stranger, submit(stranger, seal(f"VATPL-{OTHER_NIP}"), context)) == NOBODY


def test_a_peppol_provider_enters_its_own_context(stranger: Peer) -> None:
    provider = seal("PPL123456", "PPL123456")
    submitted = submit(stranger, provider, ("PeppolId", "PPL123456"))
    assert stranger.login_status(submitted)["authenticationMethod"] == "PeppolSignature"
    assert permissions(stranger, submitted) == ["PefInvoiceWrite"]
    assert outcome(stranger, submit(stranger, provider, ("PeppolId", "PPL654321"))) == NOBODY


PERSON = {"nip": NIP, "pesel": PESEL, "isBailiff": False, "description": "JDG na próbę"}


def test_a_person_owns_the_context_of_the_nip_by_pesel_too(stranger: Peer) -> None:
    signer = person(f"PNOPL-{PESEL}")
    make(stranger, "person", **PERSON)
    assert permissions(stranger, submit(stranger, signer)) == ["Owner"]
    grant(stranger, "Nip", NIP, "InvoiceRead", nip=OTHER_NIP)
    assert permissions(stranger, submit(stranger, signer, ("Nip", OTHER_NIP))) == ["InvoiceRead"]
    grant(stranger, "Pesel", PESEL, "Introspection", nip=OTHER_NIP)
    entered = permissions(stranger, submit(stranger, person(), ("Nip", OTHER_NIP)))
    assert entered == ["Introspection", "InvoiceRead"]
    make(stranger, "person/remove", nip=NIP)
    assert outcome(stranger, submit(stranger, signer)) == NOBODY
    assert outcome(stranger, submit(stranger, signer, ("Nip", OTHER_NIP))) == NOBODY


def test_bailiffs_and_enforcement_authorities_may_enforce(stranger: Peer) -> None:
    make(stranger, "person", **PERSON | {"isBailiff": True})
    entered = permissions(stranger, submit(stranger, person(f"PNOPL-{PESEL}")))
    assert entered == ["Owner", "EnforcementOperations"]
    make(
        stranger, "subject", subjectNip=THIRD_NIP, subjectType="EnforcementAuthority", description="Centrala"
    )
    entered = permissions(stranger, submit(stranger, seal(f"VATPL-{THIRD_NIP}"), ("Nip", THIRD_NIP)))
    assert entered == ["Owner", "EnforcementOperations"]


def test_the_dead_do_not_log_in(stranger: Peer) -> None:
    redeemed = stranger.enter(submit(stranger, person()))
    waiting = submit(stranger, person())
    make(stranger, "person", **PERSON | {"isDeceased": True})
    for signer in (person(), person(f"PNOPL-{PESEL}")):
        code, details = outcome(stranger, submit(stranger, signer))
        assert (code, details) == (470, ["Próba wykorzystania metod autoryzacyjnych osoby zmarłej"])
    assert outcome(stranger, stranger.submit_token())[0] == 470
    refresh = bearer(redeemed["refreshToken"]["token"])
    assert error_code(stranger.http.post("/auth/token/refresh", headers=refresh)) == 21308
    assert error_code(stranger.redeem(waiting)) == 21308


@pytest.mark.parametrize("kind", ["Nip", "InternalId"])
def test_a_blocked_context_lets_nobody_in(stranger: Peer, kind: str) -> None:
    context = (kind, NIP if kind == "Nip" else f"{NIP}-12346")
    if kind == "InternalId":
        enter_below(stranger.emulator)
    blocked = {"contextIdentifier": {"type": context[0], "value": context[1]}}
    make(stranger, "context/block", **blocked)
    submitted = submit(stranger, person(), context)
    code, details = outcome(stranger, submitted)
    assert code == 480
    assert "incydentu bezpieczeństwa" in details[0]
    if kind == "Nip":
        assert outcome(stranger, stranger.submit_token())[0] == 480
    make(stranger, "context/unblock", **blocked)
    assert permissions(stranger, submit(stranger, person(), context))


GROUP = {"subjectNip": OTHER_NIP, "subjectType": "vatgroup", "description": "Grupa VAT"}


def test_what_exists_is_not_made_again_until_removed_and_then_later(stranger: Peer) -> None:
    for what, removal, body in (
        ("person", {"nip": NIP}, PERSON),
        ("subject", {"subjectNip": OTHER_NIP}, GROUP | {"subunits": None}),
    ):
        make(stranger, what, **body, createdDate="2026-03-01T12:00:00Z")
        again = stranger.http.post(f"/testdata/{what}", json=body)
        assert error_code(again) == 30001
        make(stranger, f"{what}/remove", **removal)
        early = stranger.http.post(f"/testdata/{what}", json=body | {"createdDate": "2026-03-01T12:00:00Z"})
        assert error_code(early) == 21405
        make(stranger, what, **body, createdDate="2026-03-02")


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "a wrong NIP": ("person", PERSON | {"nip": "0123456789"}),
    "a wrong PESEL": ("person", PERSON | {"pesel": "30992206276"}),
    "a short description": ("person", PERSON | {"description": "JDG"}),
    "no bailiff flag": ("person", {name: value for name, value in PERSON.items() if name != "isBailiff"}),
    "a wrong date": ("person", PERSON | {"createdDate": "yesterday"}),
    "an unknown kind": ("subject", GROUP | {"subjectType": "Club"}),
    "a wrong subunit": ("subject", GROUP | {"subunits": [{"subjectNip": NIP, "description": "x"}]}),
    "subunits of an authority": (
        "subject",
        GROUP
        | {
            "subjectType": "EnforcementAuthority",
            "subunits": [{"subjectNip": NIP, "description": "oddział"}],
        },
    ),
    "no context to block": ("context/block", {}),
    "a context that is none": (
        "context/block",
        {"contextIdentifier": {"type": "PeppolId", "value": "P1"}},
    ),
    "a context other than a NIP": (
        "permissions/revoke",
        {
            "contextIdentifier": {"type": "InternalId", "value": NIP},
            "authorizedIdentifier": {"type": "Nip", "value": NIP},
        },
    ),
    "a PESEL as NIP": (
        "permissions/revoke",
        {
            "contextIdentifier": {"type": "Nip", "value": NIP},
            "authorizedIdentifier": {"type": "Nip", "value": PESEL},
        },
    ),
    "an unknown permission": (
        "permissions",
        {
            "contextIdentifier": {"type": "Nip", "value": NIP},
            "authorizedIdentifier": {"type": "Nip", "value": OTHER_NIP},
            "permissions": [{"permissionType": "Everything", "description": "wszystko"}],
        },
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_test_data_are_21405(stranger: Peer, case: str) -> None:
    what, body = WRONG[case]
    assert error_code(stranger.http.post(f"/testdata/{what}", json=body)) == 21405


def test_members_of_a_group_issue_its_invoices(stranger: Peer, sales: dict[str, bytes]) -> None:
    first, second = list(sales.items())[:2]
    member = seal(f"VATPL-{OTHER_NIP}")
    stranger.enter(submit(stranger, member, ("Nip", OTHER_NIP)))
    assert [each["status"]["code"] for each in stranger.send_files(dict([first]))] == [410]
    group = {"subjectNip": NIP, "subjectType": "VatGroup", "description": "Grupa VAT"}
    make(stranger, "subject", **group, subunits=[{"subjectNip": OTHER_NIP, "description": "członek"}])
    assert [each["status"]["code"] for each in stranger.send_files(dict([first]))] == [200]
    make(stranger, "subject/remove", subjectNip=NIP)
    assert [each["status"]["code"] for each in stranger.send_files(dict([second]))] == [410]
