"""Certificates, Peppol providers and collective identifiers by a client that nobody here wrote."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key
from ksef_client import KsefApiError, KsefClient, models
from ksef_client.services.csr import CsrResult, generate_csr_ec, generate_csr_rsa

from tests.emulator.signing import Signer, seal
from tests.emulator_process import NIP, EmulatorProcess
from tests.strangers.stranger import eventually
from tests.strangers.test_login_and_online import log_in_by

pytestmark = pytest.mark.strangers


@pytest.mark.parametrize("generate", [generate_csr_rsa, generate_csr_ec])
def test_it_gets_a_certificate_logs_in_by_it_and_revokes_it(
    client: KsefClient, generate: Callable[[dict[str, object]], CsrResult]
) -> None:
    access = log_in_by(client, seal())
    assert client.certificates.get_limits(access).can_request
    made = generate(client.certificates.get_enrollment_data(access).to_dict())
    order = models.EnrollCertificateRequest(
        "Sync 2026", models.KsefCertificateType("Authentication"), made.csr_base64
    )
    applied = client.certificates.send_enrollment(order, access_token=access)
    status = eventually(
        lambda: client.certificates.get_enrollment_status(applied.reference_number, access_token=access),
        lambda status: status.status.code != 100,
    )
    assert status.status.code == 200
    serial = status.certificate_serial_number
    assert serial
    wanted = models.RetrieveCertificatesRequest([serial])
    (found,) = client.certificates.retrieve_certificate(wanted, access_token=access).certificates
    certificate = x509.load_der_x509_certificate(b64decode(found.certificate))
    signer = Signer(certificate, load_der_private_key(b64decode(made.private_key_base64), None))
    renewed = log_in_by(client, signer)
    active = models.QueryCertificatesRequest(status=models.CertificateListItemStatus("Active"))
    listed = client.certificates.query_certificates(active, page_size=10, access_token=renewed).certificates
    assert serial in {each.certificate_serial_number for each in listed}
    reason = models.RevokeCertificateRequest(models.CertificateRevocationReason("Superseded"))
    client.certificates.revoke_certificate(serial, reason, access_token=renewed)
    with pytest.raises(KsefApiError) as again:
        client.certificates.revoke_certificate(serial, reason, access_token=renewed)
    assert "25009" in str(again.value.response_body)


def test_it_lists_providers(client: KsefClient) -> None:
    assert client.peppol.list_providers(page_size=10).has_more is False


def test_it_makes_and_reads_collective_identifiers(client: KsefClient, emulator: EmulatorProcess) -> None:
    access = log_in_by(client, seal())
    emulator.control("seed", nip=NIP, subjectType="Subject1", count=3, seed=2)
    numbers = emulator.ksef_numbers(NIP, "Subject1")[:3]
    made = client.collective_identifiers.generate_for_ksef_numbers(
        numbers, descriptions=["rata 1", None, None], access_token=access
    ).collective_identifier_number
    now = datetime.now(UTC)
    found = client.collective_identifiers.query_by_created_range(
        (now - timedelta(days=1)).isoformat(), (now + timedelta(days=1)).isoformat(), access_token=access
    ).collective_identifiers
    assert [(each.collective_identifier_number, each.invoice_count) for each in found] == [(made, 3)]
    invoices = client.collective_identifiers.list_invoices(made, access_token=access).invoices
    assert {each.ksef_number: each.description for each in invoices} == {
        numbers[0]: "rata 1",
        numbers[1]: None,
        numbers[2]: None,
    }
    of_one = client.collective_identifiers.list_by_ksef_number(numbers[1], access_token=access)
    assert [each.collective_identifier_number for each in of_one.collective_identifiers] == [made]
