"""Scenarios of the official guides to permissions and test data: operators do them, and others are let in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client import permission_queries
from airflow_provider_ksef.emulator.moments import WARSAW
from airflow_provider_ksef.emulator.synthetic import synthesize
from airflow_provider_ksef.exceptions import KsefLoginError
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.operators.test_data import KsefTestDataOperator
from tests.emulator.granting import CLIENT, UNIT
from tests.emulator.granting import OFFICE as OFFICE_NIP
from tests.emulator.granting import OTHER as BUYER
from tests.emulator.signing import Signer, person, seal
from tests.emulator_process import NIP, EmulatorProcess
from tests.pef_document import pef_document
from tests.system.conftest import sample_invoices
from tests.system.managing_ways import connect_as
from tests.system.operator_context import context
from tests.system.permission_ways import grant, revoke
from tests.system.permitted import OFFICE, PERSON, PESEL

ANNA = person(f"PNOPL-{PESEL}")
PEPPOL = "PPL123456"
OF_ANNA = {"subject_identifier": {"type": "Pesel", "value": PESEL}}


class Company:
    """What somebody does in a context, and who may come in there."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self._emulator = emulator
        self._patch = pytest.MonkeyPatch()

    def act(self, signer: Signer, login: str = NIP, **extra: str) -> None:
        """Let the connection be of somebody in a context from now on."""
        connect_as(self._patch, self._emulator, signer, login, **extra)

    def may(self, signer: Signer, login: str = NIP, **extra: str) -> set[str] | None:
        """Tell what somebody was given there; None where nobody lets them in."""
        with pytest.MonkeyPatch.context() as patch:
            connect_as(patch, self._emulator, signer, login, **extra)
            try:
                with KsefHook().get_conn() as ksef:
                    told = ksef.run(permission_queries.query_personal_grants())
            except KsefLoginError as refused:
                assert refused.code == 415  # noqa: PT017
                return None
        return {each.permission_scope for each in told.permissions if each.permission_state == "Active"}

    def close(self) -> None:
        self._patch.undo()


@pytest.fixture
def company(owned: EmulatorProcess) -> Iterator[Company]:
    """A company whose owner acts first."""
    made = Company(owned)
    yield made
    made.close()


def give(*permissions: str, **more: Any) -> None:
    grant({**PERSON, "permissions": list(permissions), **more}).execute(context())


def make(*steps: dict[str, Any]) -> None:
    KsefTestDataOperator(task_id="make", steps=list(steps)).execute(context())


def test_an_employee_known_by_a_certificate_works_until_it_is_taken_back(company: Company) -> None:
    employee = person("IDCDE-7")
    by_print = {"subject_identifier": {"type": "Fingerprint", "value": employee.fingerprint}}
    document = {"type": "Passport", "number": "C01X00T47", "country": "DE"}
    who = {
        "first_name": "Jan",
        "last_name": "Nowak",
        "birth_date": "1980-02-29",
        "id_document": document,
    }
    work = ("InvoiceRead", "InvoiceWrite")
    known = {"subject_identifier_type": "certificateFingerprint"}
    give(*work, **by_print, subject_details=who)
    assert company.may(employee, **known) == set(work)
    revoke({**PERSON, **by_print, "permissions": list(work)}).execute(context())
    assert company.may(employee, **known) is None


def test_an_administrator_who_is_no_owner_gives_permissions_and_appoints_below(company: Company) -> None:
    give("CredentialsManage", "SubunitManage")
    company.act(ANNA)
    accountant, chief = person("PNOPL-38092277125"), person(f"TINPL-{BUYER}")
    give("InvoiceRead", subject_identifier={"type": "Pesel", "value": "38092277125"})
    place = {"type": "InternalId", "value": UNIT}
    below = {"kind": "subunit", "context_identifier": place, "subunit_name": "Oddział w Łodzi"}
    grant(
        {**PERSON, **below, "permissions": None, "subject_identifier": {"type": "Nip", "value": BUYER}}
    ).execute(context())
    assert company.may(accountant) == {"InvoiceRead"}
    in_part = {"login": UNIT, "context_type": "InternalId"}
    assert company.may(chief, **in_part) == {"CredentialsManage"}
    assert (company.may(chief), company.may(accountant, **in_part)) == (None, None)


@pytest.mark.parametrize("can_delegate", [False, True])
def test_an_office_serves_all_clients_who_let_it_pass_that_on(
    company: Company, *, can_delegate: bool
) -> None:
    for nip in (NIP, CLIENT):
        company.act(seal(f"VATPL-{nip}"), nip)
        allowed = [{"type": "InvoiceRead", "can_delegate": can_delegate}]
        office = {"type": "Nip", "value": OFFICE_NIP}
        grant({**OFFICE, "subject_identifier": office, "permissions": allowed}).execute(context())
    company.act(seal(f"VATPL-{OFFICE_NIP}"), OFFICE_NIP)
    give("InvoiceRead", "InvoiceWrite", kind="indirect", target_identifier={"type": "AllPartners"})
    for nip in (NIP, CLIENT):
        assert company.may(seal(f"VATPL-{OFFICE_NIP}"), nip) == {"InvoiceRead"}
        assert company.may(ANNA, nip) == ({"InvoiceRead"} if can_delegate else None)


def test_an_office_serves_one_client_and_no_other(company: Company) -> None:
    for nip in (NIP, CLIENT):
        company.act(seal(f"VATPL-{nip}"), nip)
        grant({**OFFICE, "subject_identifier": {"type": "Nip", "value": OFFICE_NIP}}).execute(context())
    company.act(seal(f"VATPL-{OFFICE_NIP}"), OFFICE_NIP)
    give("InvoiceRead", kind="indirect", target_identifier={"type": "Nip", "value": NIP})
    assert (company.may(ANNA), company.may(ANNA, CLIENT)) == ({"InvoiceRead"}, None)


@pytest.mark.parametrize("kind", ["VatGroup", "JST"])
def test_a_group_or_local_government_appoints_administrators_who_give_permissions(
    company: Company, kind: str
) -> None:
    member = {"subject_nip": CLIENT, "description": "a member"}
    whole = {"subject_nip": NIP, "subject_type": kind, "description": "the whole", "subunits": [member]}
    make({"action": "create_subject", **whole})
    place = {"type": "Nip", "value": CLIENT}
    give_below = {**PERSON, "kind": "subunit", "permissions": None, "context_identifier": place}
    grant(give_below).execute(context())
    company.act(ANNA, CLIENT)
    give("InvoiceWrite", subject_identifier={"type": "Nip", "value": BUYER})
    assert company.may(person(f"TINPL-{BUYER}"), CLIENT) == {"InvoiceWrite"}
    assert company.may(ANNA) is None


@pytest.mark.parametrize("is_bailiff", [True, False])
def test_a_bailiff_or_a_sole_trader_owns_the_company_by_pesel(company: Company, *, is_bailiff: bool) -> None:
    make(
        {
            "action": "create_person",
            "nip": CLIENT,
            "pesel": PESEL,
            "description": "a person",
            "is_bailiff": is_bailiff,
        }
    )
    company.act(ANNA, CLIENT)
    wanted = "EnforcementOperations" if is_bailiff else "InvoiceRead"
    give(wanted, subject_identifier={"type": "Nip", "value": BUYER})
    assert company.may(person(f"TINPL-{BUYER}"), CLIENT) == {wanted}


def sale(folder: Path) -> bytes:
    (file,) = sample_invoices(folder, count=1).iterdir()
    return file.read_bytes()


def to_buyer_who_issues(xml: bytes) -> bytes:
    identity = f"\\1<NIP>{BUYER}</NIP>".encode()
    party = b"(<Podmiot2>.*?<DaneIdentyfikacyjne>).*?(?=<Nazwa>)"
    return re.sub(
        b"<P_17>.</P_17>", b"<P_17>1</P_17>", re.sub(party, identity, xml, count=1, flags=re.DOTALL)
    )


def by_representative(xml: bytes) -> bytes:
    who = f"<DaneIdentyfikacyjne><NIP>{BUYER}</NIP><Nazwa>X</Nazwa></DaneIdentyfikacyjne>"
    named = f"<PodmiotUpowazniony>{who}<RolaPU>3</RolaPU></PodmiotUpowazniony><Fa>"
    return xml.replace(b"<Fa>", named.encode(), 1)


def of_farmer(shared_ksef: Path) -> bytes:
    template = (shared_ksef / "samples/invoice-template-fa-rr-1.xml").read_bytes()
    filled = template.replace(b"#nip#", NIP.encode()).replace(b"#buyer_nip#", BUYER.encode())
    return filled.replace(b"#invoice_number#", b"RR/1")


@pytest.mark.parametrize("permission", ["SelfInvoicing", "RRInvoicing", "TaxRepresentative", "PefInvoicing"])
def test_another_company_issues_for_the_seller_who_allows_it(
    company: Company, tmp_path: Path, shared_ksef: Path, permission: str
) -> None:
    today = str(datetime.now(WARSAW).date()).encode()
    form, xml = {
        "SelfInvoicing": ("FA (3)", to_buyer_who_issues(sale(tmp_path / "sales"))),
        "RRInvoicing": ("FA_RR (1)", of_farmer(shared_ksef)),
        "TaxRepresentative": ("FA (3)", by_representative(sale(tmp_path / "sales"))),
        "PefInvoicing": ("PEF (3)", pef_document().replace(b"2026-03-31", today)),
    }[permission]
    file = tmp_path / "invoice.xml"
    file.write_bytes(xml)
    is_pef = permission == "PefInvoicing"
    issuer = ("PeppolId", PEPPOL) if is_pef else ("Nip", BUYER)
    signer = seal(PEPPOL, PEPPOL) if is_pef else seal(f"VATPL-{BUYER}")

    def sent(try_number: int) -> dict[str, Any]:
        company.act(signer, issuer[1], context_type=issuer[0])
        task = KsefSendInvoicesOperator(
            task_id="send",
            invoices=str(file),
            form_code=form,
            allow_self_invoicing=True,
            on_rejected="warn",
            poll_interval=0.1,
        )
        return task.execute(context(run_id=f"run-{try_number}"))

    assert [each["code"] for each in sent(1)["rejections"]] == [410]
    company.act(seal())
    allowance = {
        "kind": "authorization",
        "subject_identifier": {"type": issuer[0], "value": issuer[1]},
        "permissions": [permission],
        "description": "issues for us",
        "subject_details": {"full_name": "Beta sp. z o.o."},
    }
    grant(allowance).execute(context())
    assert sent(2)["accepted"] == 1
    company.act(seal())
    assert revoke(allowance).execute(context())["status"] == "revoked"


def test_a_company_sends_attachments_as_long_as_it_is_allowed_to(company: Company, tmp_path: Path) -> None:
    company.act(seal())
    today = datetime.now(WARSAW).date()
    invoices = (synthesize(NIP, "Subject1", index, 1, today) for index in count(1))
    attached = (each.xml for each in invoices if each.facts.has_attachment)

    def sent(number: int) -> int:
        file = tmp_path / f"{number}.xml"
        file.write_bytes(next(attached))
        task = KsefSubmitBatchOperator(
            task_id="submit", invoices=str(file), on_rejected="warn", poll_interval=0.1
        )
        accepted: int = task.execute(context(run_id=f"run-{number}"))["accepted"]
        return accepted

    assert sent(0) == 0
    make({"action": "grant_attachment", "nip": NIP})
    assert sent(1) == 1
    make({"action": "revoke_attachment", "nip": NIP})
    assert sent(2) == 0
