"""Tokens, certificates and logins, managed by the client against the emulator."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from airflow_provider_ksef.client import (
    AsyncKsefClient,
    KsefClient,
    certificate_enrollment,
    certificate_requests,
    ksef_certificates,
    limit_overrides,
    login_sessions,
    test_data,
    tokens,
)
from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.client.verification_links import certificate_link
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefInputError,
    KsefLoginError,
    KsefStatusError,
    KsefTimeoutError,
)
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.certificate_ways import client_of
from tests.system.client_ways import new_key, opened, pack, samples, settings_of
from tests.system.secret_search import assert_none, spellings, token_spellings

OTHER_NIP = "1111111111"
NEW_KEY = certificate_requests.generate_private_key


@pytest.fixture
def owner(emulator: EmulatorProcess) -> Iterator[KsefClient]:
    """The company itself, logged in by its seal."""
    with client_of(emulator) as ksef:
        yield ksef


def test_a_token_is_made_used_listed_and_revoked(owner: KsefClient, emulator: EmulatorProcess) -> None:
    made = owner.run(tokens.generate(["InvoiceRead", "Introspection"], "for the sync"))
    told = owner.run(tokens.wait_until_settled(made.reference_number))
    assert told.is_active
    assert (told.context_identifier.value, told.requested_permissions) == (
        NIP,
        ("InvoiceRead", "Introspection"),
    )
    with KsefClient(settings_of(emulator, made.token)) as reader:
        assert [each.reference_number for each in reader.run(tokens.query())] == [made.reference_number]
    listed = owner.run(tokens.query(statuses=["Active", "Revoked"], description="SYNC"))
    assert [each.reference_number for each in listed] == [made.reference_number]
    assert listed[0].last_use_date is not None
    assert listed[0].last_use_date > told.date_created
    owner.run(tokens.revoke(made.reference_number))
    assert owner.run(tokens.wait_until_settled(made.reference_number)).status == "Revoked"
    with pytest.raises(KsefLoginError), KsefClient(settings_of(emulator, made.token)) as reader:
        reader.log_in()


def test_a_token_that_reads_does_not_send(owner: KsefClient, emulator: EmulatorProcess, tmp_path) -> None:
    made = owner.run(tokens.generate(["InvoiceRead"], "for reading"))
    key = new_key()
    package = pack(tmp_path, key, samples(1))
    with KsefClient(settings_of(emulator, made.token)) as reader, pytest.raises(KsefApiError) as refused:
        opened(reader, package, key)
    assert refused.value.fault.reason_code == "missing-permissions"
    assert "permissions" in refused.value.remedy


def test_a_token_needs_a_login_by_certificate(emulator: EmulatorProcess) -> None:
    with KsefClient(settings_of(emulator)) as ksef:
        with pytest.raises(KsefApiError) as refused:
            ksef.run(tokens.generate(["InvoiceRead"], "for the sync"))
        assert "log in with a certificate" in refused.value.remedy
        with pytest.raises(KsefApiError) as refused:
            ksef.run(certificate_enrollment.enrollment_data())
        assert refused.value.fault.code == 25001
        assert "certificate, no token" in refused.value.remedy


def test_waiting_for_a_token_ends(owner: KsefClient, emulator: EmulatorProcess) -> None:
    made = owner.run(tokens.generate(["InvoiceRead"], "for the sync"))
    emulator.control("token-status", referenceNumber=made.reference_number, status="Failed")
    assert owner.run(tokens.wait_until_settled(made.reference_number)).status == "Failed"
    emulator.control("token-status", referenceNumber=made.reference_number, status="Pending")
    with pytest.raises(KsefTimeoutError, match=made.reference_number):
        owner.run(tokens.wait_until_settled(made.reference_number, patience=0.0))


@pytest.mark.parametrize("key_type", certificate_requests.KEY_TYPES)
def test_a_certificate_is_obtained_and_logs_in_until_it_is_revoked(
    owner: KsefClient, emulator: EmulatorProcess, key_type: str
) -> None:
    issued = owner.run(certificate_enrollment.obtain("Sync 2026", "Authentication", key_type=key_type))
    serial = issued.certificate.certificate_serial_number
    with client_of(emulator, issued) as renewed:
        (info,) = renewed.run(ksef_certificates.query(status="Active"))
        assert (info.certificate_serial_number, info.name, info.type) == (
            serial,
            "Sync 2026",
            "Authentication",
        )
        assert info.subject_identifier.value == NIP
        assert info.last_use_date is not None
        assert timedelta(days=729) < info.valid_to - info.valid_from < timedelta(days=731)
        renewed.run(ksef_certificates.revoke(serial, "Superseded"))
    with pytest.raises(KsefApiError) as again:
        owner.run(ksef_certificates.revoke(serial))
    assert again.value.fault.code == 25009
    with client_of(emulator, issued) as late, pytest.raises(KsefLoginError, match="Certyfikat odwołany"):
        late.log_in()


def test_an_offline_certificate_signs_links_and_lets_nobody_in(
    owner: KsefClient, emulator: EmulatorProcess
) -> None:
    issued = owner.run(certificate_enrollment.obtain("Offline 2026", "Offline"))
    credential = read_certificate(issued.certificate.pem, issued.request.private_key_pem())
    context = ContextIdentifier("Nip", NIP)
    link = certificate_link("https://qr-test.ksef.mf.gov.pl", context, NIP, "A" * 43 + "=", credential)
    assert f"/{issued.certificate.certificate_serial_number}/" in link
    with client_of(emulator, issued) as ksef, pytest.raises(KsefLoginError, match="Niepoprawny certyfikat"):
        ksef.log_in()


def test_a_request_that_differs_is_refused_before_it_is_sent(
    owner: KsefClient, emulator: EmulatorProcess
) -> None:
    data = certificate_requests.EnrollmentData("Ktoś inny", "PL", surname="Inny")
    request = certificate_requests.build_request(data, NEW_KEY())
    with pytest.raises(KsefInputError, match="25003") as refused:
        owner.run(certificate_enrollment.enroll("Sync 2026", "Authentication", request.csr))
    assert "common_name" in str(refused.value)
    assert "surname" in str(refused.value)
    assert "Ktoś" not in str(refused.value)
    assert "POST /certificates/enrollments" not in emulator.requests()


def test_a_refused_application_says_why(owner: KsefClient, emulator: EmulatorProcess) -> None:
    emulator.control("faults", kind="enrollment-status", code=400)
    with pytest.raises(KsefStatusError, match="400") as refused:
        owner.run(certificate_enrollment.obtain("Sync 2026", "Authentication"))
    assert "new key" in refused.value.remedy


def test_limits_of_certificates_can_be_changed(owner: KsefClient) -> None:
    environment = owner.settings.environment
    assert owner.run(ksef_certificates.limits()).certificate == ksef_certificates.Limit(100, 100)
    owner.run(limit_overrides.set_certificate_limits(environment, max_certificates=0))
    assert owner.run(ksef_certificates.limits()).can_request is False
    with pytest.raises(KsefApiError) as refused:
        owner.run(certificate_enrollment.obtain("Sync 2026", "Authentication"))
    assert refused.value.fault.code == 25007
    owner.run(limit_overrides.reset_certificate_limits(environment))
    assert owner.run(ksef_certificates.limits()).can_request is True


def test_many_certificates_come_in_pages(owner: KsefClient) -> None:
    data = owner.run(certificate_enrollment.enrollment_data())
    csr = certificate_requests.build_request(data, NEW_KEY()).csr
    later = datetime.now(UTC) + timedelta(days=1)
    serials = []
    for number in range(11):
        applied = owner.run(certificate_enrollment.enroll(f"Sync {number}", "Offline", csr, valid_from=later))
        serials.append(owner.run(certificate_enrollment.wait_for_certificate(applied.reference_number)))
    found = owner.run(ksef_certificates.retrieve(serials))
    assert [each.certificate_serial_number for each in found] == serials
    certificate = x509.load_der_x509_certificate(found[0].certificate)
    assert abs(certificate.not_valid_before_utc - later) < timedelta(seconds=1)
    assert x509.load_pem_x509_certificate(found[0].pem.encode()) == certificate
    assert len(owner.run(ksef_certificates.query(name="Sync 1"))) == 2
    owner.run(test_data.update_certificate(owner.settings.environment, serials[0], later + timedelta(days=1)))
    lasting = owner.run(ksef_certificates.query(expires_after=later + timedelta(days=2)))
    assert {each.certificate_serial_number for each in lasting} == set(serials[1:])


def test_logins_are_listed_and_ended(owner: KsefClient, emulator: EmulatorProcess) -> None:
    with KsefClient(settings_of(emulator)) as other:
        other.log_in()
        found = owner.run(login_sessions.query())
        assert {(each.method_category, each.is_current) for each in found} == {
            ("Token", False),
            ("XadesSignature", True),
        }
        (by_token,) = [each for each in found if not each.is_current]
        owner.run(login_sessions.end(by_token.reference_number))
        assert len(owner.run(login_sessions.query())) == 1


def test_the_same_calls_run_async(emulator: EmulatorProcess) -> None:
    async def main() -> None:
        async with AsyncKsefClient(client_of(emulator).settings) as ksef:
            issued = await ksef.run(certificate_enrollment.obtain("Sync 2026", "Authentication"))
            assert len(await ksef.run(ksef_certificates.query())) == 1
            made = await ksef.run(tokens.generate(["InvoiceRead"], "for the sync"))
            assert (await ksef.run(tokens.wait_until_settled(made.reference_number))).is_active
            for secret in (made.token, issued.request.private_key_pem()):
                assert secret not in f"{made!r} {issued!r} {made} {issued}"

    asyncio.run(main())


def test_new_secrets_stand_in_no_log(
    owner: KsefClient, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        made = owner.run(tokens.generate(["InvoiceRead"], "for the sync"))
        issued = owner.run(certificate_enrollment.obtain("Sync 2026", "Authentication"))
        with pytest.raises(KsefApiError) as refused:
            owner.run(ksef_certificates.revoke("01F20A5D352AE590"))
    printed = capfd.readouterr()
    content = f"{printed.out}{printed.err}{caplog.text}{made}{issued}{refused.value!r}"
    private = issued.request.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert made.reference_number in content
    assert_none(token_spellings(made.token) | spellings(private[-64:]), "the logs", content.encode())
