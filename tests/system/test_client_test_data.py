"""Test data, Peppol providers and collective identifiers: the client against the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from airflow_provider_ksef.client import (
    KsefClient,
    attachments,
    collective_identifiers,
    limit_overrides,
    limits,
    peppol,
    session_list,
    test_data,
)
from airflow_provider_ksef.client.collected_invoices import CollectedInvoice, Payment
from airflow_provider_ksef.client.limits import RateLimit, SessionLimits
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefApiError, KsefLoginError
from tests.emulator.entering import entered
from tests.emulator.signing import person, seal
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.certificate_ways import client_of
from tests.system.client_ways import new_key, opened, pack, samples, settings_of

BAILIFF, PESEL = "7980332920", "30112206276"
GROUP, MEMBER = "3755747347", "4972530874"


@pytest.fixture
def ksef(emulator: EmulatorProcess) -> Iterator[KsefClient]:
    with KsefClient(settings_of(emulator)) as client:
        yield client


def is_let_in(ksef: KsefClient) -> bool:
    """Whether the login succeeds; else it fails for want of permissions."""
    try:
        ksef.log_in()
    except KsefLoginError as error:
        assert error.code == 415  # noqa: PT017
        return False
    return True


def test_the_guides_scenarios(ksef: KsefClient, emulator: EmulatorProcess) -> None:
    here = ksef.settings.environment
    by_pesel = person(f"PNOPL-{PESEL}")
    ksef.run(test_data.create_person(here, BAILIFF, PESEL, "Komornik", is_bailiff=True))
    with pytest.raises(KsefApiError) as again:
        ksef.run(test_data.create_person(here, BAILIFF, PESEL, "Komornik", is_bailiff=True))
    assert again.value.fault.code == 30001
    assert "exists already" in again.value.remedy
    with client_of(emulator, by_pesel, BAILIFF) as bailiff:
        assert is_let_in(bailiff)
    ksef.run(test_data.remove_person(here, BAILIFF))
    with client_of(emulator, by_pesel, BAILIFF) as nobody:
        assert not is_let_in(nobody)

    members = [test_data.Subunit(MEMBER, "członek grupy")]
    ksef.run(test_data.create_subject(here, GROUP, "VatGroup", "Grupa VAT", subunits=members))
    administrator = SubjectIdentifier("Pesel", PESEL)
    ksef.run(test_data.grant_permissions(here, GROUP, administrator, ["CredentialsManage"], "administrator"))
    with client_of(emulator, by_pesel, GROUP) as of_group:
        assert of_group.run(attachments.get_status()).is_attachment_allowed is False
        ksef.run(test_data.grant_attachment(here, GROUP))
        assert of_group.run(attachments.get_status()).is_attachment_allowed is True
        ksef.run(test_data.revoke_attachment(here, GROUP, expected_end_date=date(2030, 1, 1)))
        status = of_group.run(attachments.get_status())
        assert status.is_attachment_allowed is True
        assert status.revoked_date == datetime(2030, 1, 1, tzinfo=UTC)
        ksef.run(test_data.revoke_attachment(here, GROUP))
        assert of_group.run(attachments.get_status()).is_attachment_allowed is False
    ksef.run(test_data.revoke_permissions(here, GROUP, administrator))
    with client_of(emulator, by_pesel, GROUP) as nobody:
        assert not is_let_in(nobody)
    ksef.run(test_data.remove_subject(here, GROUP))


def test_a_blocked_context(ksef: KsefClient, emulator: EmulatorProcess) -> None:
    here, context = ksef.settings.environment, ContextIdentifier("Nip", NIP)
    ksef.run(test_data.block_context(here, context))
    with client_of(emulator) as blocked, pytest.raises(KsefLoginError, match="480"):
        blocked.log_in()
    ksef.run(test_data.unblock_context(here, context))
    with client_of(emulator) as free:
        free.log_in()


def test_limits_are_changed_and_reset(ksef: KsefClient) -> None:
    here, wanted = ksef.settings.environment, SessionLimits(2, 4, 10)
    ksef.run(limit_overrides.set_session_limits(here, wanted, wanted, collective_identifier_max_invoices=3))
    told = ksef.run(limits.context_limits())
    assert told == limits.ContextLimits(wanted, wanted, 3)
    ksef.run(limit_overrides.reset_session_limits(here))
    assert ksef.run(limits.context_limits()).online_session.max_invoices == 10_000

    rates = dict.fromkeys(limit_overrides.RATE_LIMIT_GROUPS, RateLimit(30, 40, 50))
    ksef.run(limit_overrides.set_rate_limits(here, rates | {"invoiceExport": RateLimit(1, 2, 3)}))
    assert ksef.run(limits.rate_limits()).invoice_export == RateLimit(1, 2, 3)
    ksef.run(limit_overrides.set_production_rate_limits(here))
    assert ksef.run(limits.rate_limits()).invoice_export == RateLimit(8, 16, 20)
    ksef.run(limit_overrides.reset_rate_limits(here))


def test_peppol_providers_are_listed(ksef: KsefClient, emulator: EmulatorProcess) -> None:
    assert ksef.run(peppol.query()) == []
    entered(emulator, seal("PPL123456", "PPL123456"), ("PeppolId", "PPL123456"))
    (provider,) = ksef.run(peppol.query())
    assert (provider.id, provider.name) == ("PPL123456", "Alfa sp. z o.o.")
    assert datetime.now(UTC) - provider.date_created < timedelta(minutes=5)


def seeded(emulator: EmulatorProcess, count: int) -> list[str]:
    march = {"from": "2026-03-01", "to": "2026-03-31"}
    emulator.control("seed", nip=NIP, subjectType="Subject1", count=count, seed=3, **march)
    return emulator.ksef_numbers(NIP, "Subject1")


def test_collective_identifiers(ksef: KsefClient, emulator: EmulatorProcess) -> None:
    numbers = seeded(emulator, 3)
    paid = Payment(Decimal("1234.56"), "EUR")
    made = ksef.run(
        collective_identifiers.generate(
            [CollectedInvoice(numbers[0], paid, "rata 1"), *map(CollectedInvoice, numbers[1:])]
        )
    )
    now = datetime.now(UTC)
    (found,) = ksef.run(collective_identifiers.query(now - timedelta(days=1), now + timedelta(days=1)))
    assert (found.collective_identifier_number, found.invoice_count) == (made, 3)
    assert found.created_in_current_context
    (again,) = ksef.run(collective_identifiers.query_by_ksef_number(numbers[1]))
    assert (again.collective_identifier_number, again.invoice_count) == (made, None)
    told = {each.ksef_number: each for each in ksef.run(collective_identifiers.list_invoices([made]))}
    assert set(told) == set(numbers)
    assert told[numbers[0]].payment == paid
    assert told[numbers[0]].description == "rata 1"
    emulator.control(
        "faults", method="POST", path="^/v2/collective-identifiers/invoices$", status=404, body="<html/>"
    )
    as_before = {each.ksef_number: each for each in ksef.run(collective_identifiers.list_invoices([made]))}
    assert as_before == told
    unknown = CollectedInvoice("5250001210-20260901-0A1B2C000000-C6")
    with pytest.raises(KsefApiError) as refused:
        ksef.run(collective_identifiers.generate([CollectedInvoice(numbers[0]), unknown]))
    assert refused.value.fault.code == 71001


def test_sessions_are_listed(ksef: KsefClient, tmp_path) -> None:
    key = new_key()
    package = pack(tmp_path, key, samples(1))
    sessions = [opened(ksef, package, key).reference_number for _ in range(2)]
    listed = ksef.run(session_list.query("Batch", statuses=["InProgress", "Failed"]))
    assert [each.reference_number for each in listed] == sessions[::-1]
    assert listed[0].valid_until is not None
    now = datetime.now(UTC)
    assert ksef.run(session_list.query("Batch", date_created_from=now + timedelta(hours=1))) == []
    assert ksef.run(session_list.query("Online")) == []
